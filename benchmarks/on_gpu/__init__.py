"""Everything that a machine with a GPU can tell, by one command: ``benchmarks/on_gpu.sh``.

Until fastinit is built, only Python's standard library is used.
"""
