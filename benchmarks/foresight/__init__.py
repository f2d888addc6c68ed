"""Accuracy and speed of what CBCR foresees, one subject a module (see `benchmarks/analytics.py`).

Belongs here: series with known truth, the methods that others use, the comparison. Does not belong
here: anything that the product runs; the product is measured through its own models.
"""
