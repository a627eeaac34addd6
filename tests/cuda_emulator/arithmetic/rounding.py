"""Rounding once: sums with their errors, rounding to odd, and every mode of rounding."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from cuda_emulator.ptx_types import Array, f4, f8, u8

ROUND: dict[str, Callable[[Array], Array]] = {
    "rn": np.rint,
    "rz": np.trunc,
    "rm": np.floor,
    "rp": np.ceil,
    "rna": lambda y: np.trunc(y + np.copysign(0.5, y)),
}


def two_sum(a: Array, b: Array) -> tuple[Array, Array]:
    """Return RN(a + b) and its error."""
    s = a + b
    t = s - a
    return s, (a - (s - t)) + (b - t)


def to_odd(s: Array, error: Array) -> Array:
    """Return s + error rounded to odd, where s is its nearest: a later rounding is the only one."""
    u = s.view(u8)
    inexact = (error != 0) & ((u & u8(1)) == 0) & np.isfinite(s)
    same = (error > 0) == (s > 0)
    neighbor = np.where(same, u + u8(1), u - u8(1))
    return np.where(inexact, neighbor, u).view(f8)


def round_f64(x: Array, precision: int, emin: int, emax: int, mode: str) -> Array:
    """Round float64 values, which are exact or rounded to odd, to a format."""
    _, e = np.frexp(x)
    q = np.maximum(e - 1, emin) - (precision - 1)
    y = ROUND[mode](np.ldexp(x, -q))
    r = np.copysign(np.ldexp(y, q), x)
    largest = (2.0 - 2.0 ** (1 - precision)) * 2.0**emax
    over = np.abs(r) > largest
    if over.any():
        r = np.where(over, np.copysign(_overflow(x, largest, mode), x), r)
    return np.where(np.isfinite(x), r, x)


def _overflow(x: Array, largest: float, mode: str) -> Array | float:
    if mode == "rm":
        return np.where(x > 0, largest, np.inf)
    if mode == "rp":
        return np.where(x > 0, np.inf, largest)
    return largest if mode == "rz" else np.inf


def f64_to_f32(x: Array, mode: str = "rn") -> Array:
    return x.astype(f4) if mode == "rn" else round_f64(x, 24, -126, 127, mode).astype(f4)
