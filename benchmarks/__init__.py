"""Benchmarks: each module prints a table and writes its figures under docs/results."""
