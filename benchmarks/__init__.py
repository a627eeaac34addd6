"""Benchmarks that check each result before they time it."""
