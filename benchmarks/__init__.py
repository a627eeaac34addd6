"""Benchmarks: each checks the answers first, then times; only ratios within one run count."""
