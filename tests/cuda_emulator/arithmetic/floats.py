"""Floating-point operations on arrays of floats, of which f32_bits and f64_bits make registers."""

from __future__ import annotations

from fractions import Fraction

import numpy as np

from cuda_emulator.arithmetic.rounding import f64_to_f32, to_odd, two_sum
from cuda_emulator.ptx_types import Array, f4, f8, u4, u8

NAN32 = u4(0x7FFFFFFF)
TINY32 = f4(2.0**-126)


def f32_bits(z: Array) -> Array:
    """Return the bits, NaNs made canonical as each f32 operation of PTX does."""
    z = np.asarray(z, f4)
    u = z.view(u4)
    if z.size and np.isnan(z.min()):
        u = np.where(np.isnan(z), NAN32, u)
    return u


def f64_bits(z: Array) -> Array:
    return np.asarray(z, f8).view(u8)


def flush32(z: Array) -> Array:
    """Return z with zeros in place of subnormal numbers (.ftz)."""
    return np.where(np.abs(z) < TINY32, np.copysign(f4(0), z), z)


def fma32(a: Array, b: Array, c: Array, mode: str = "rn") -> Array:
    """Return a * b + c, rounded once.

    The product of two float32 numbers is exact in float64. The sum in float64 is a risk only where
    it lies half way between two float32 numbers, or where the result is subnormal. There it is
    rounded to odd, which makes the second rounding innocuous.
    """
    p = a.astype(f8) * b
    s = p + c
    if mode != "rn":
        _, e = two_sum(*np.broadcast_arrays(p, c.astype(f8)))
        odd = to_odd(np.ascontiguousarray(s), np.where(np.isfinite(e), e, 0.0))
        r = f64_to_f32(odd, mode)
        if mode == "rm":  # an exact zero sum is -0 unless both terms are +0
            r = np.where((s == 0) & (np.signbit(p) | np.signbit(c)), f4(-0.0), r)
        return r
    r = s.astype(f4)
    risk = (s.view(u8) & u8(0x1FFFFFFF)) == u8(0x10000000)
    risk |= np.abs(r) <= TINY32
    if risk.any():
        k = np.flatnonzero(risk & np.isfinite(s))
        if k.size:
            terms = np.broadcast_to(p, s.shape)[k], np.broadcast_to(c, s.shape)[k].astype(f8)
            r[k] = to_odd(*two_sum(*terms)).astype(f4)
    return r


def fma64(a: Array, b: Array, c: Array) -> Array:
    """Return a * b + c, rounded once (Boldo and Melquiond: exact product, sums with errors)."""
    a, b, c = np.broadcast_arrays(a, b, c)
    product = a * b
    uh, ul = two_sum(c, _product_error(a, b, product))
    th, tl = two_sum(product, uh)
    v, e = two_sum(tl, ul)
    r = th + to_odd(np.ascontiguousarray(v), e)
    r = _beyond_error_free_range(a, b, c, product, r)
    finite = np.isfinite(a) & np.isfinite(b)
    return np.where(finite & np.isfinite(c), r, np.where(finite, c, product + c))


def _product_error(a: Array, b: Array, product: Array) -> Array:
    """Return a * b - product, exactly (Dekker)."""
    split = 134217729.0
    t = a * split
    ah = t - (t - a)
    al = a - ah
    t = b * split
    bh = t - (t - b)
    bl = b - bh
    return ((ah * bh - product) + ah * bl + al * bh) + al * bl


def _beyond_error_free_range(a: Array, b: Array, c: Array, product: Array, r: Array) -> Array:
    """Return r, done again exactly where sums or products with errors may over- or underflow."""
    finite = np.isfinite(a) & np.isfinite(b) & np.isfinite(c)
    largest = np.maximum(np.maximum(np.abs(a), np.abs(b)), np.abs(c))
    size = np.abs(product)
    inner = (largest > 2.0**960) | (size > 2.0**1000) | ~(size > 2.0**-900)
    bad = finite & (inner | (np.abs(r) < 2.0**-950))
    if not bad.any():
        return r
    # c or the product exactly zero is the common case and needs no big numbers
    no_product = bad & (product == 0) & ((a == 0) | (b == 0))
    r = np.where(no_product, product + c, r)
    in_range = (size > 2.0**-900) & (largest < 2.0**960) & (size < 2.0**1000)
    no_sum = bad & ~no_product & (c == 0) & in_range
    r = np.where(no_sum, product, r)
    for k in np.flatnonzero(bad & ~no_product & ~no_sum):
        r[k] = _fma64_exact(float(a[k]), float(b[k]), float(c[k]))
    return r


def _fma64_exact(a: float, b: float, c: float) -> float:
    """Return one value by rational arithmetic."""
    v = Fraction(a) * Fraction(b) + Fraction(c)
    if v == 0:
        negative = np.signbit(a) != np.signbit(b)
        both_zero = a * b == 0 and c == 0
        return -0.0 if both_zero and negative and np.signbit(c) else 0.0
    try:
        return v.numerator / v.denominator  # CPython rounds int / int correctly
    except OverflowError:
        return np.inf if v > 0 else -np.inf


def float_extremum(a: Array, b: Array, is_max: bool, keep_nan: bool = False) -> Array:
    """Return PTX's min or max: a NaN loses (or wins, with .NaN), and -0 < +0."""
    first = (a > b) if is_max else (a < b)
    equal = np.where(np.signbit(a) == is_max, b, a)  # differs only for +-0
    r = np.where(first, a, np.where(a == b, equal, b))
    na, nb = np.isnan(a), np.isnan(b)
    if not (na.any() or nb.any()):
        return r
    if keep_nan:
        return np.where(na | nb, np.nan, r).astype(a.dtype)
    return np.where(na, b, np.where(nb, a, r))
