"""A kernel's PTX as Python functions over NumPy arrays, one for each basic block."""
