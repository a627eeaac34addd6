from collections.abc import Callable
from typing import Any

api_version: tuple[int, int]
# Capsules, which JAX registers.
draw_on_cpu: Any
draw_on_cuda: Any  # takes memory for tables as a second result
draw_by_python_on_cpu: Any
draw_by_python_on_cuda: Any

# The bytes of the tables of requests that are drawn for some arrays on a GPU.
def size_of_tables(requests: int, arrays: int) -> int: ...

# Sets what draws by Python: (drawing, keys, starts, extents, address, (device, stream) or None).
def draw_parts_by(function: Callable[..., None]) -> None: ...

# Sets the functions that draw on GPUs: a capsule of fastinit.native._cuda.
def use_cuda(functions: Any) -> None: ...
