"""A slow, readable second definition of stream 1, written from its specification alone.

It shares no code with the library. Words, uniform values, masks, clamps and roundings are exact to
the bit; the normal and the truncated normal are the z of the specification, far more accurate than
the library has to be (for the 64-bit normal: where long double has at least 64 bits).
"""

import decimal
import functools
import hashlib
import math
import statistics
from decimal import Decimal
from typing import Any, Literal, TypeAlias

import ml_dtypes
import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

U32: TypeAlias = NDArray[np.uint32]
U64: TypeAlias = NDArray[np.uint64]
F64: TypeAlias = NDArray[np.float64]
LongDouble: TypeAlias = NDArray[np.longdouble]
Bits: TypeAlias = Literal[32, 64]

NARROW = ("float16", "bfloat16", "float8_e4m3fn", "float8_e5m2")
DTYPES: dict[str, np.dtype[Any]] = {
    name: np.dtype(getattr(ml_dtypes, name, name)) for name in ("float64", "float32", *NARROW)
}
LOW32 = np.uint64(0xFFFFFFFF)
_EXACT = decimal.Context(prec=260, Emin=-1_000_000, Emax=1_000_000)
_FIXED = 700  # bits after the point of a probability


def stream_of(name: str | int) -> int:
    """The stream number of a name, or a number below 2^63 itself."""
    if isinstance(name, str):
        digest = hashlib.blake2b(name.encode("utf-8"), digest_size=8).digest()
        return int.from_bytes(digest, "little") | 1 << 63
    if not 0 <= name < 1 << 63:
        raise ValueError(f"stream {name} is not in [0, 2^63)")
    return name


def child_seed(seed: int, number: int) -> int:
    """The seed of the number-th child of a process whose seed was set."""
    digest = hashlib.blake2b(b"child %d of %d" % (number, seed), digest_size=8).digest()
    return int.from_bytes(digest, "little")


def philox4x32(counter: U32, key: tuple[int, int]) -> U32:
    """Philox4x32-10 of counters of shape (..., 4)."""
    c0, c1, c2, c3 = np.moveaxis(np.asarray(counter, np.uint32).astype(np.uint64), -1, 0)
    for step in range(10):
        k0 = np.uint64((key[0] + step * 0x9E3779B9) % 2**32)
        k1 = np.uint64((key[1] + step * 0xBB67AE85) % 2**32)
        one, two = c0 * np.uint64(0xD2511F53), c2 * np.uint64(0xCD9E8D57)
        c0, c1 = two >> np.uint64(32) ^ c1 ^ k0, two & LOW32
        c2, c3 = one >> np.uint64(32) ^ c3 ^ k1, one & LOW32
    return np.stack([c0, c1, c2, c3], axis=-1).astype(np.uint32)


def words(indices: ArrayLike, seed: int, stream: str | int, purpose: int = 0) -> U32:
    """The words of flat indices; stream is a name, or any 64-bit number as it stands."""
    number = stream_of(stream) if isinstance(stream, str) else stream
    i = np.asarray(indices).astype(np.uint64)
    if max(seed >> 64, number >> 64, purpose >> 8) or min(seed, number, purpose) < 0:
        raise ValueError("seed, stream or purpose out of range")
    if np.any(i >= 1 << 58):
        raise ValueError("index out of range")
    block = i >> np.uint64(2)
    counter = np.empty((*i.shape, 4), np.uint32)
    counter[..., 0] = block & LOW32
    counter[..., 1] = (block >> np.uint64(32)) + np.uint64(purpose << 24)
    counter[..., 2] = number & 0xFFFFFFFF
    counter[..., 3] = number >> 32
    result = philox4x32(counter, (seed & 0xFFFFFFFF, seed >> 32))
    place = np.asarray(i & np.uint64(3)).astype(np.intp)
    return np.take_along_axis(result, place[..., None], axis=-1)[..., 0]


def words64(indices: ArrayLike, seed: int, stream: str | int) -> U64:
    """The 64-bit words of flat indices, for float64."""
    high, low = (words(indices, seed, stream, purpose).astype(np.uint64) for purpose in (0, 1))
    return np.asarray(high << np.uint64(32) | low)


def _words(indices: ArrayLike, seed: int, stream: str | int, bits: Bits) -> U64:
    """The words that a distribution of 32 or of 64 bits draws from, as uint64."""
    if bits == 64:
        return words64(indices, seed, stream)
    return words(indices, seed, stream).astype(np.uint64)


def _fma_one(a: float, b: float, c: float) -> float:
    """The float64 fma: a quotient of integers is rounded once in Python."""
    (na, da), (nb, db), (nc, dc) = (x.as_integer_ratio() for x in (a, b, c))
    top = na * nb * dc + nc * da * db
    try:
        return top / (da * db * dc) if top else a * b + c  # with the right sign of zero
    except OverflowError:
        return math.copysign(math.inf, top)


def fma(a: ArrayLike, b: ArrayLike, c: ArrayLike, dtype: DTypeLike) -> NDArray[Any]:
    """The values a * b + c, all finite and of dtype (float32 or float64), rounded once."""
    x, y, z = np.broadcast_arrays(*(np.asarray(v, np.float64) for v in (a, b, c)))
    if np.dtype(dtype) == np.float64:
        triples = np.stack([x, y, z], axis=-1).reshape(-1, 3).tolist()
        return np.array([_fma_one(*triple) for triple in triples], np.float64).reshape(x.shape)
    product = x * y  # exact: 24 bits times 24 bits
    total = np.asarray(product + z)
    error = (product - (total - (total - product))) + (z - (total - product))  # exact: 2Sum
    even = (total.view(np.uint64) & np.uint64(1)) == 0
    odd = np.where(even & (error != 0), np.nextafter(total, np.copysign(np.inf, error)), total)
    return rounded(odd, np.float32)  # rounded to odd in 53 bits before, so rounded only once


def rounded(values: ArrayLike, dtype: DTypeLike) -> NDArray[Any]:
    """The values (float32, for a narrow dtype) rounded to nearest even."""
    with np.errstate(over="ignore", under="ignore", invalid="ignore"):
        return np.asarray(values).astype(np.dtype(dtype))


@functools.cache
def _narrow_values(dtype: np.dtype[Any]) -> F64:
    """All finite values of an 8- or 16-bit dtype, rising."""
    patterns = np.arange(1 << 8 * dtype.itemsize).astype(f"u{dtype.itemsize}")
    values = rounded(patterns.view(dtype), np.float64)
    return np.unique(values[np.isfinite(values)] + 0.0)


def _least(x: float, dtype: DTypeLike, strict: bool) -> float:
    """The smallest finite value of dtype >= x, or > x; a zero is +0."""
    wanted = np.dtype(dtype)
    if wanted.itemsize <= 2:
        values = _narrow_values(wanted)
    else:
        least, most = np.finfo(wanted).min, np.finfo(wanted).max
        near = np.clip(rounded(x, wanted), least, most)
        values = np.array([near, np.nextafter(near, most)], np.float64)
    at = int(np.searchsorted(values, x, side="right" if strict else "left"))
    if at == len(values):
        raise ValueError(f"no value of {wanted} there")
    return float(values[at]) + 0.0


def smallest_at_least(x: float, dtype: DTypeLike) -> float:
    """The smallest finite value of dtype >= x; -inf (no clamp) for -inf."""
    return x if x == -math.inf else _least(x, dtype, strict=False)


def largest_at_most(x: float, dtype: DTypeLike) -> float:
    """The largest finite value of dtype <= x; inf (no clamp) for inf."""
    return x if x == math.inf else 0.0 - _least(-x, dtype, strict=False)


def next_above(x: float, dtype: DTypeLike) -> float:
    """The smallest finite value of dtype > x, whether or not x is of the dtype."""
    return _least(x, dtype, strict=True)


def next_below(x: float, dtype: DTypeLike) -> float:
    """The largest finite value of dtype < x, whether or not x is of the dtype."""
    return 0.0 - _least(-x, dtype, strict=True)


def bounded(values: NDArray[Any], lo: float, hi: float) -> NDArray[Any]:
    """The clamp v < lo ? lo : v, then v > hi ? hi : v, in the dtype of values."""
    if not lo <= hi:
        raise ValueError("no value of the dtype inside")
    low, high = np.asarray([lo, hi], values.dtype)
    raised = np.where(values < low, low, values)
    return np.where(raised > high, high, raised)


def uniform(
    indices: ArrayLike, seed: int, stream: str | int, low: float, high: float, dtype: DTypeLike
) -> NDArray[Any]:
    """Uniform values on (low, high), to the bit."""
    wanted = np.dtype(dtype)
    bits: Bits = 64 if wanted == np.float64 else 32
    work: np.dtype[Any] = np.dtype(f"f{bits // 8}")
    if not (math.isfinite(low) and math.isfinite(high) and low <= high):
        raise ValueError("bounds must be finite, low <= high")
    if low == high:
        return rounded(rounded(np.full(np.shape(indices), low), work), wanted)
    lo, hi = next_above(low, wanted), next_below(high, wanted)
    half = float(rounded(high / 2 - low / 2, work))
    mid = float(rounded(high / 2 + low / 2, work))
    scale, tiny = math.ldexp(half, -53 if bits == 64 else -24), np.finfo(work).tiny
    if not (tiny <= scale < half < math.inf and (mid == 0 or tiny <= abs(mid) < math.inf)):
        raise ValueError("a parameter would be subnormal or infinite")
    signed = (_words(indices, seed, stream, bits) << np.uint64(64 - bits)).view(np.int64)
    n = signed >> (10 if bits == 64 else 7 + 32) | 1
    return rounded(bounded(fma(n, scale, mid, work), lo, hi), wanted)


def log_uniform(
    indices: ArrayLike, seed: int, stream: str | int, bits: Bits, low: float, high: float
) -> LongDouble:
    """Log-uniform values on (low, high), before the clamp: center 2^(half n / 2^24)."""
    work: np.dtype[Any] = np.dtype(f"f{bits // 8}")
    with decimal.localcontext(_EXACT):
        ratio = (Decimal(high) / Decimal(low)).ln() / Decimal(2).ln()
    half = np.longdouble(float(rounded(float(ratio / 2), work)))
    center = np.longdouble(float(rounded(math.sqrt(low) * math.sqrt(high), work)))
    signed = (_words(indices, seed, stream, bits) << np.uint64(64 - bits)).view(np.int64)
    n = (signed >> (10 if bits == 64 else 7 + 32) | 1).astype(np.longdouble)
    return center * np.exp2(half * np.ldexp(n, -53 if bits == 64 else -24))


def normal_of_words(a: ArrayLike, b: ArrayLike, bits: Bits = 32) -> tuple[LongDouble, LongDouble]:
    """The pair (r cos t, r sin t) of the words a and b."""
    first, second = np.asarray(a, np.uint64), np.asarray(b, np.uint64)
    half = np.longdouble(0.5)
    u = np.ldexp(first.astype(np.longdouble) + half, -bits)
    rest = np.ldexp((first ^ np.uint64(2**bits - 1)).astype(np.longdouble) + half, -bits)  # 1 - u
    radius = np.sqrt(-2 * np.where(u < half, np.log(u), np.log1p(-np.minimum(rest, half))))
    turn = np.asarray(second << np.uint64(64 - bits))  # t = 2 pi turn / 2^64
    quadrant = ((turn >> np.uint64(61)) + np.uint64(1)) >> np.uint64(1) & np.uint64(3)
    inside = np.asarray(turn << np.uint64(2)).view(np.int64).astype(np.longdouble)
    angle = np.ldexp(inside * np.arctan(np.longdouble(1)), -63)  # 2 pi inside / 2^66
    cos, sin = np.cos(angle), np.sin(angle)
    place, ring = np.asarray(quadrant).astype(np.intp), [cos, -sin, -cos, sin]
    return radius * np.choose(place, ring), radius * np.choose(place + 3, ring, mode="wrap")


def standard_normal(
    indices: ArrayLike, seed: int, stream: str | int, bits: Bits = 32
) -> LongDouble:
    """The z of the normal distribution, before any rounding."""
    i = np.asarray(indices).astype(np.uint64)
    even = i & ~np.uint64(1)
    a, b = (_words(at, seed, stream, bits) for at in (even, even + np.uint64(1)))
    return np.where(i == even, *normal_of_words(a, b, bits))


@functools.cache
def _area(x: float) -> Decimal:
    """The integral of exp(-t^2/2) from 0 to x, to 250 digits; 40 sigmas count as infinity."""
    with decimal.localcontext(_EXACT):
        term = total = Decimal(max(-40.0, min(x, 40.0)))
        square, k = total * total, 1
        while abs(term) > abs(total) * Decimal("1e-265"):
            k += 2
            term *= square / k
            total += term
        return total * (-square / 2).exp()


def _mass(x: float) -> int:
    """Phi(x) times 2^_FIXED."""
    with decimal.localcontext(_EXACT):
        return int((1 + _area(x) / _area(math.inf)) / 2 * 2**_FIXED)


def _quantile(below: int, whole: int) -> float:
    """The z with Phi(z) = below / whole: a good guess and one of Newton's steps."""
    if 2 * below > whole:
        return -_quantile(whole - below, whole)
    z = statistics.NormalDist().inv_cdf(below / whole)
    if 4 * below < whole:
        excess = math.erfc(-z * math.sqrt(0.5)) / 2 - below / whole
    else:
        excess = math.erf(z * math.sqrt(0.5)) / 2 - (2 * below - whole) / (2 * whole)
    return z - excess * math.sqrt(2 * math.pi) * math.exp(z * z / 2)


def truncated_of_words(word: ArrayLike, lower: float, upper: float, bits: Bits = 32) -> F64:
    """The inverse CDF of the normal cut to [lower, upper] at v = (word + 1/2) / 2^bits."""
    if not lower < upper:
        raise ValueError("lower must be below upper")
    least, most, whole = _mass(lower), _mass(upper), 2 << bits
    one_sided = math.isinf(lower) or math.isinf(upper)
    if most - least < 1 << _FIXED - (125 if one_sided else 90):
        raise ValueError("too little mass between lower and upper")
    given = np.asarray(word, np.uint64)
    below = ((2 * w + 1) * most + (whole - 2 * w - 1) * least for w in given.ravel().tolist())
    z = np.array([_quantile(mass, whole << _FIXED) for mass in below], np.float64)
    return np.clip(z, lower, upper).reshape(given.shape)


def standard_truncated_normal(
    indices: ArrayLike, seed: int, stream: str | int, lower: float, upper: float, bits: Bits = 32
) -> F64:
    """The z of the truncated normal, before the clamp; lower and upper in sigmas."""
    return truncated_of_words(_words(indices, seed, stream, bits), lower, upper, bits)


def part(shape: tuple[int, ...], index: Any) -> U64:
    """The flat C-order indices that integers, slices and ... take of an array of any size."""
    items = list(index) if isinstance(index, tuple) else [index]
    at = next((k for k, item in enumerate(items) if item is Ellipsis), len(items))
    items[at : at + 1] = [slice(None)] * (len(shape) - len(items) + (at < len(items)))
    flat = np.zeros((), np.int64)
    for axis, (length, item) in enumerate(zip(shape, items, strict=True)):
        taken = range(length)[item]
        if isinstance(taken, range):
            taken = np.arange(taken.start, taken.stop, taken.step, dtype=np.int64)
            flat = flat[..., None]
        flat = np.asarray(flat + taken * math.prod(shape[axis + 1 :]))
    return flat.astype(np.uint64)
