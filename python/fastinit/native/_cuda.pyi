# Built where nvcc is found, so import it guarded: ImportError means "not built". Importing needs no
# driver; every call but runtime_version and driver_version does, and raises CudaError without one.
# No call synchronizes a stream or a device.
from typing import Any, TypedDict, type_check_only

import numpy as np
from numpy.typing import NDArray

compiler: str  # "nvcc 13.0.88"
functions: Any  # a capsule, for fastinit.native._xla
architectures: tuple[str, ...]  # what was compiled: "75" machine code, "75-virtual" PTX

class CudaError(RuntimeError):
    """A failed call: "cudaMallocAsync: out of memory (cudaErrorMemoryAllocation, 2)"."""

    code: int  # 2 out of memory, 35 no or too old a driver, 100 no device, 209 no code for this one
    call: str  # the name of the CUDA function

@type_check_only
class DeviceProperties(TypedDict):
    name: str
    compute_capability: tuple[int, int]

# Draws the requests (_cpu.request_dtype, with device addresses) on a device, in the order of a
# stream: a cudaStream_t as an integer, 0 the legacy default stream, 2 the per-thread one. Returns
# once the work is queued; the requests may be freed then. The calling thread's current device is
# left as it was. ValueError: malformed requests. RuntimeError: the stream is being captured.
def fill(requests: NDArray[np.void], device: int, stream: int) -> None: ...
def runtime_version() -> int: ...  # 13000 is CUDA 13.0
def driver_version() -> int: ...  # the newest CUDA that the driver runs; 0 where there is no driver
def device_count() -> int: ...
def device_properties(device: int) -> DeviceProperties: ...

# The device whose memory an address lies in (managed memory: the device it was allocated for), or
# -1 for ordinary host memory.
def pointer_device(address: int) -> int: ...
