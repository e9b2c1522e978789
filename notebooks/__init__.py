"""Notebooks, what executes them in place, and the demo that shows the tour."""
