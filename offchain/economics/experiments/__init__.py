"""Experiments, each a function that returns a table; running the package writes them."""
