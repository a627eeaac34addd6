"""Floating-point settings of this thread, by glibc on x86-64. Nothing that draws is imported."""

import ctypes
import ctypes.util
import sys

_libm = ctypes.CDLL(ctypes.util.find_library("m"))
_ROUNDING = {"default": 0, "upward": 0x800, "downward": 0x400, "to zero": 0xC00}
_FLUSHING = 0x8040  # of MXCSR: results and operands that are subnormal become zeros
_MXCSR = 7  # where fenv_t has it, among eight words

MODES = ("upward", "downward", "to zero", "flushing")


def use(mode: str) -> None:
    """Round in another direction or flush subnormals; "default" does neither."""
    assert _libm.fesetround(_ROUNDING.get(mode, 0)) == 0
    words = (ctypes.c_uint32 * 8)()
    assert _libm.fegetenv(words) == 0
    words[_MXCSR] &= ~_FLUSHING & 0xFFFFFFFF
    if mode == "flushing":
        words[_MXCSR] |= _FLUSHING
    assert _libm.fesetenv(words) == 0


def is_used(mode: str) -> bool:
    """Whether this mode and no other is in force, by what arithmetic gives."""
    flushes = sys.float_info.min * 0.5 == 0.0
    rounds_up = float("1") + float("1e-30") > 1.0
    return (
        _libm.fegetround() == _ROUNDING.get(mode, 0)
        and flushes == (mode == "flushing")
        and rounds_up == (mode == "upward")
    )
