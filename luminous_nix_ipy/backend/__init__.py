"""Decides and acts: every operation goes through `NixBackend.execute`."""
