"""Conversions between formats."""

from __future__ import annotations

import numpy as np

from cuda_emulator.arithmetic.rounding import round_f64
from cuda_emulator.ptx_types import DTYPES, Array, f2, f4, f8, i8, u2, u4, u8

NAN16 = u2(0x7FFF)
_TO_INTEGRAL = {"rni": np.rint, "rzi": np.trunc, "rmi": np.floor, "rpi": np.ceil}


def to_bf16(x: Array, mode: str = "rn") -> Array:
    """Return the bits in bfloat16 of float32 or float64 numbers."""
    if x.dtype == f4 and mode in ("rn", "rz"):
        u = x.view(u4)
        if mode == "rn":
            u = u + u4(0x7FFF) + ((u >> u4(16)) & u4(1))
        r = (u >> u4(16)).astype(u2)
    else:
        rounded = round_f64(x.astype(f8), 8, -126, 127, mode).astype(f4)
        r = (rounded.view(u4) >> u4(16)).astype(u2)
    return np.where(np.isnan(x), NAN16, r)


def to_f16(x: Array, mode: str = "rn") -> Array:
    """Return the bits in float16."""
    r = x.astype(f2) if mode == "rn" else round_f64(x.astype(f8), 11, -14, 15, mode).astype(f2)
    return np.where(np.isnan(x), NAN16, r.view(u2))


def from_bf16(u: Array) -> Array:
    return (u.astype(u4) << u4(16)).view(f4)


def float_to_int(x: Array, type_: str, how: str, source: str) -> Array:
    """Convert floats, saturating, NaNs as PTX says."""
    dtype = DTYPES[type_]
    y = _TO_INTEGRAL[how](x.astype(f8))
    info = np.iinfo(dtype)
    low = y <= float(info.min)
    end = 2.0 ** (info.bits - (type_[0] == "s"))
    high = y >= (float(info.max) if info.bits < 64 else end)
    nan = np.isnan(y)
    r = np.where(low | high | nan, 0.0, y).astype(dtype)
    r = np.where(low, dtype(info.min), np.where(high, dtype(info.max), r))
    if source != "f64" and info.bits < 64:
        for_nan = 0
    else:
        for_nan = 1 << (info.bits - 1) if type_[0] == "u" else info.min
    return np.where(nan, dtype(for_nan), r)


def int_to_odd_f64(x: Array) -> Array:
    """Convert integers, rounded to odd, so that a later rounding is the only one."""
    negative = x < 0 if x.dtype.kind == "i" else np.zeros(x.shape, bool)
    if x.dtype.itemsize == 8:
        m = np.where(negative, (~x.view(u8)) + u8(1), x.view(u8))
    else:
        m = np.abs(x.astype(i8)).view(u8)
    big = m >= u8(1 << 53)
    k = (m >> u8(11)) | ((m & u8(0x7FF)) != 0).astype(u8)
    r = np.where(big, k.astype(f8) * 2048.0, np.where(big, u8(0), m).astype(f8))
    return np.where(negative, -r, r)
