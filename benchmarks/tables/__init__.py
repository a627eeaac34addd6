"""One module for each result file: its lines in the README, its section of docs/benchmarks.md."""
