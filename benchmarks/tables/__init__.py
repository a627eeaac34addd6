"""The tables of the README and of docs/benchmarks.md, with one module per result file."""
