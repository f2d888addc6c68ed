"""Benchmarks of the recovery point numbers: a large fleet, CBCR on it, and others on the same data.

Belongs here: measurement only. Does not belong here: anything the product imports, or a test.
"""
