"""Reads what Nix keeps on disk. Starts no process."""
