"""What the tests need beside the virtual environment, and how a machine gets it.

Standard library only: `python -m tests.provide` runs before anything is installed.
"""
