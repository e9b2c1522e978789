"""Runs Nix's programs."""
