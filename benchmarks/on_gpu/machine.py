"""The GPU and the tools of this machine, found without importing what may be missing."""

from __future__ import annotations

import ctypes
import importlib.util
import os
import shutil
import sys
from pathlib import Path

from benchmarks.on_gpu.session import FAILED, Card, StopError

_MAJOR, _MINOR = 75, 76  # CUdevice_attribute: compute capability
_SUCCESS = 0
_CUDA = ("/usr/local/cuda/bin", "/opt/cuda/bin")


def card(library: str = "libcuda.so.1") -> Card | str:
    """Return the GPU on which CUDA draws by default, or a sentence that says why there is none."""
    try:
        driver = ctypes.CDLL(library)
    except OSError:
        return "there is no NVIDIA driver (libcuda.so.1)"
    count, device, name = ctypes.c_int(), ctypes.c_int(), ctypes.create_string_buffer(256)
    status = driver.cuInit(0)
    if status != _SUCCESS:
        return f"the driver sees no GPU (cuInit: {status})"
    if driver.cuDeviceGetCount(ctypes.byref(count)) != _SUCCESS or count.value == 0:
        return "the driver sees no GPU"
    numbers = []
    driver.cuDeviceGet(ctypes.byref(device), 0)
    driver.cuDeviceGetName(name, len(name), device)
    for attribute in (_MAJOR, _MINOR):
        value = ctypes.c_int()
        driver.cuDeviceGetAttribute(ctypes.byref(value), attribute, device)
        numbers.append(value.value)
    return Card(name.value.decode(), "{}{}".format(*numbers))


def tool(name: str, purpose: str) -> str:
    """Return the path of a program.

    Raises:
        StopError: It was not found; the message says what to do.
    """
    beside = [str(Path(sys.executable).parent), *_CUDA]
    path = os.pathsep.join([os.environ.get("PATH", ""), *beside])
    found = shutil.which(name, path=path)
    if found is None:
        raise StopError(FAILED, f"{name}, which {purpose}, was not found: put it on PATH")
    return found


def nvcc() -> str:
    """Return the path of nvcc, which CUDACXX may name."""
    return os.environ.get("CUDACXX") or tool("nvcc", "compiles the kernels")


def pybind11() -> dict[str, str]:
    """Return the settings that let CMake find pybind11, or its headers inside torch.

    Raises:
        StopError: There is neither.
    """
    if importlib.util.find_spec("pybind11") is not None:
        import pybind11 as package

        return {"pybind11_DIR": package.get_cmake_dir()}
    for name in ("torch", "tensorflow"):
        spec = importlib.util.find_spec(name)
        for folder in (spec and spec.submodule_search_locations) or []:
            include = Path(folder) / "include"
            if (include / "pybind11" / "pybind11.h").exists():
                config = Path(__file__).parent / "pybind11"
                return {"pybind11_DIR": str(config), "FASTINIT_PYBIND11_INCLUDE": str(include)}
    raise StopError(FAILED, "the headers of pybind11 were not found: pip install pybind11")
