from typing import Any

import numpy as np
from numpy.typing import NDArray

compiler: str
fill_function: Any  # a capsule, which _xla takes
request_dtype: np.dtype[np.void]

# What the fields of a request may hold: the codes of distributions, dtypes and axis roles by name.
distributions: dict[str, int]
dtypes: dict[str, int]
axis_roles: dict[str, int]
functions: dict[str, int]  # of csrc/numerics/functions.h
largest_sample: int  # elements of the longest sample of an exact-count mask

def fill(requests: bytes | NDArray[np.void], threads: int = 0) -> None: ...

# Replaces values by those of a function; `number` is the power or the base of those that have one.
def apply(function: int, values: NDArray[np.float64], number: float = 0.0) -> None: ...

# Replaces flat indices by the integers in [0, range) of these elements; 0 stands for 2**64.
def integers(seed: int, stream: int, range: int, indices: NDArray[np.uint64]) -> None: ...

# Replaces complex normals, as an array of pairs of shape (M, N, 2), by a unitary matrix.
def unitary(z: NDArray[np.float64]) -> None: ...

# Replaces a symmetric matrix by its eigenvectors, as rows, and `values` by their eigenvalues.
def eigenvectors(matrix: NDArray[np.float64], values: NDArray[np.float64]) -> None: ...

# Replaces `sums` by the matrix product of weights and rows, added to 0 in the order of the rows.
def mixed_rows(
    weights: NDArray[np.float64], rows: NDArray[np.float64], sums: NDArray[np.float64]
) -> None: ...
def mask_border(seed: int, stream: int, count: int, zeros: int) -> tuple[int, tuple[int, ...]]: ...
def nonzeros(
    mask: NDArray[np.void], rows: int, columns: int, by_column: bool
) -> tuple[NDArray[np.signedinteger[Any]], NDArray[np.signedinteger[Any]]]: ...
def gather(
    fill: NDArray[np.void],
    indptr: NDArray[np.signedinteger[Any]],
    indices: NDArray[np.signedinteger[Any]],
    by_column: bool,
) -> None: ...
def address(array: NDArray[Any]) -> int: ...

# Returns a new array, not initialized, and its address: a multiple of a cache line, of a large one
# a multiple of a huge page.
def empty(shape: tuple[int, ...], dtype: np.dtype[Any]) -> tuple[NDArray[Any], int]: ...
def instruction_sets() -> list[str]: ...
def instruction_set() -> str: ...
def select_instruction_set(name: str) -> bool: ...
def thread_count() -> int: ...
def set_thread_count(count: int) -> None: ...
def truncation(lower: float, upper: float, in_float64: bool) -> tuple[int, tuple[float, ...]]: ...
def truncated_std(lower: float, upper: float) -> float: ...
def dlpack(exported: object) -> dict[str, Any]: ...

# A DLPack capsule of memory of the CPU, which keeps `owner`; of version (1, minor), or of none.
def dlpack_capsule(
    owner: object,
    address: int,
    shape: tuple[int, ...],
    strides: tuple[int, ...],
    type: tuple[int, int, int],
    read_only: bool,
    copied: bool,
    minor: int | None,
) -> object: ...

# Sets the arithmetic of docs/streams.md for this thread; returns what to pass to set_arithmetic, or
# None if the thread already has it.
def set_default_arithmetic() -> bytes | None: ...
def set_arithmetic(arithmetic: bytes) -> None: ...
