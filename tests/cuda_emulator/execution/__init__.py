"""The run of a kernel: batches of blocks of threads, stepped in any order."""
