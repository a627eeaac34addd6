"""The native code that XLA calls in compiled programs, where it was built."""

from __future__ import annotations

import functools
import importlib
from types import ModuleType


def xla_status() -> str:
    """Say what draws in programs that JAX compiles."""
    native = extension()
    if native is None:
        return (
            "not built: JAX calls Python in compiled programs; build fastinit where jaxlib is "
            "installed, with -Ccmake.define.FASTINIT_XLA=ON, for native code"
        )
    major, minor = native.api_version
    devices = "CPUs and NVIDIA GPUs" if has_cuda() else "CPUs"
    return f"built: JAX calls native code in programs for {devices} (FFI {major}.{minor})"


@functools.cache
def extension() -> ModuleType | None:
    """Return the extension module, or None where it was not built."""
    try:
        return importlib.import_module("fastinit.native._xla")
    except ModuleNotFoundError as error:
        if error.name != "fastinit.native._xla":
            raise
        return None


def has_cuda() -> bool:
    """Return whether native code draws in programs for GPUs: both modules do it together."""
    try:
        importlib.import_module("fastinit.native._cuda")
    except ImportError:  # cuda_status says why
        return False
    return extension() is not None


def connect() -> None:
    """Let the native code call that of CUDA."""
    native = extension()
    if native is not None and has_cuda():
        native.use_cuda(importlib.import_module("fastinit.native._cuda").functions)
