"""Measures what the product claims, side by side with the alternatives.

`python -m benchmarks` runs every module here that has a `main()`; `python -m benchmarks closures`
runs one.
"""
