"""The native code of the CPU: its instruction set, its threads, and the one call that fills."""

from __future__ import annotations

import os

from fastinit.checks import integer, shown
from fastinit.native import _cpu

fill = _cpu.fill


def _select_default() -> None:
    wanted = os.environ.get("FASTINIT_ISA")
    if wanted and not _cpu.select_instruction_set(wanted):
        raise ImportError(
            f"FASTINIT_ISA={wanted!r} is not an instruction set of this machine; "
            f"it has {', '.join(_cpu.instruction_sets())}; unset it for the best one"
        )


_select_default()


def set_num_threads(count: int | None) -> None:
    """Set the number of threads that a fill may use.

    The default is ``OMP_NUM_THREADS``, else the processors that this process may run on
    (its affinity mask), no more than its cgroup's quota. Values never depend on it.

    Args:
        count: 1 or more, or None to go back to the default.

    Raises:
        TypeError: ``count`` is not an integer.
        ValueError: ``count`` is below 1 or above 4096.

    Example:
        >>> import fastinit
        >>> fastinit.set_num_threads(2)
        >>> fastinit.get_num_threads()
        2
        >>> fastinit.set_num_threads(None)
    """
    allowed = "1 to 4096, or None for the default"
    number = None if count is None else integer(count, "count", allowed)
    if number is not None and not 1 <= number <= 4096:
        raise ValueError(f"count={shown(count)} is out of range; pass {allowed}")
    _cpu.set_thread_count(number or 0)


def get_num_threads() -> int:
    """Return the number of threads that a fill may use now.

    Example:
        >>> import fastinit
        >>> fastinit.get_num_threads() >= 1
        True
    """
    return _cpu.thread_count()
