"""Facts of this installation, for bug reports."""

from __future__ import annotations

from typing import Any

from fastinit import package
from fastinit.native import _cpu
from fastinit.native.cuda import cuda_status
from fastinit.native.xla import xla_status
from fastinit.streams import STREAM_VERSION


def info() -> dict[str, Any]:
    """Return what this installation is and what it uses here.

    Returns:
        A dict with ``distribution`` (the package's name for pip), ``version``,
        ``stream_version``, ``compiler``, ``instruction_sets`` (those that this machine has),
        ``instruction_set`` (the active one), ``threads``, ``cuda`` (what ``cuda_status``
        says) and ``xla`` (what draws in programs that JAX compiles).

    Example:
        >>> import fastinit
        >>> fastinit.info()["stream_version"]
        1
    """
    return {
        "distribution": package.NAME,
        "version": package.version(),
        "stream_version": STREAM_VERSION,
        "compiler": _cpu.compiler,
        "instruction_sets": _cpu.instruction_sets(),
        "instruction_set": _cpu.instruction_set(),
        "threads": _cpu.thread_count(),
        "cuda": cuda_status(),
        "xla": xla_status(),
    }
