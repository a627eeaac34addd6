"""Operations on integers and bits."""

from __future__ import annotations

import numpy as np

from cuda_emulator.errors import EmuError, PtxError
from cuda_emulator.ptx_types import UNSIGNED, Array, i4, i8, u1, u4, u8


def _mulhi_u64(a: Array, b: Array) -> Array:
    m, s = u8(0xFFFFFFFF), u8(32)
    al, ah, bl, bh = a & m, a >> s, b & m, b >> s
    t = al * bl
    k = ah * bl + (t >> s)
    w = al * bh + (k & m)
    return ah * bh + (k >> s) + (w >> s)


def mulhi(a: Array, b: Array, type_: str) -> Array:
    """Return the upper half of a product."""
    wider = {"16": (i4, u4, 16), "32": (i8, u8, 32)}.get(type_[1:])
    if wider:
        dtype = wider[0] if type_[0] == "s" else wider[1]
        return ((a.astype(dtype) * b.astype(dtype)) >> dtype(wider[2])).astype(a.dtype)
    if type_ == "u64":
        return _mulhi_u64(a, b)
    ua, ub = a.view(u8), b.view(u8)  # signed high = unsigned high - corrections
    r = _mulhi_u64(ua, ub)
    return (r - np.where(a < 0, ub, u8(0)) - np.where(b < 0, ua, u8(0))).view(i8)


def divided(a: Array, b: Array, remainder: bool) -> Array:
    if (b == 0).any():
        raise EmuError("integer division by zero")
    if a.dtype.kind == "u":
        return a % b if remainder else a // b
    ua, ub = (np.abs(x).view(UNSIGNED[x.dtype.itemsize]) for x in (a, b))
    if remainder:
        m = (ua % ub).view(a.dtype)
        return np.where(a < 0, -m, m)
    m = (ua // ub).view(a.dtype)
    return np.where((a < 0) != (b < 0), -m, m)


def shl(a: Array, n: Array) -> Array:
    w = a.dtype.itemsize * 8
    shifted = a << np.minimum(n, u4(w - 1)).astype(a.dtype)
    return np.where(n >= u4(w), a.dtype.type(0), shifted)


def shr(a: Array, n: Array) -> Array:
    w = a.dtype.itemsize * 8
    r = a >> np.minimum(n, u4(w - 1)).astype(a.dtype)
    return r if a.dtype.kind == "i" else np.where(n >= u4(w), a.dtype.type(0), r)


def shf(a: Array, b: Array, n: Array, left: bool, clamp: bool) -> Array:
    """Return a funnel shift of two words."""
    n = (np.minimum(n, u4(32)) if clamp else (n & u4(31))).astype(u8)
    x = (b.astype(u8) << u8(32)) | a
    return ((x >> (u8(32) - n)) if left else (x >> n)).astype(u4)


def clz(a: Array) -> Array:
    w = a.dtype.itemsize * 8
    n = np.zeros(a.shape, u4)
    x = a.copy()
    k = w // 2
    while k:
        z = x < (a.dtype.type(1) << a.dtype.type(w - k))
        n += np.where(z, u4(k), u4(0))
        x = np.where(z, x << a.dtype.type(k), x)
        k //= 2
    return np.where(a == 0, u4(w), n)


def brev(a: Array) -> Array:
    octets = np.ascontiguousarray(a).view(u1).reshape(-1, a.dtype.itemsize)
    ones = np.unpackbits(octets, axis=1, bitorder="little")
    packed = np.packbits(ones[:, ::-1], axis=1, bitorder="little")
    return packed.view(a.dtype).reshape(a.shape)


def bfe(a: Array, b: Array, c: Array, signed: bool) -> Array:
    """Return the field of c bits from bit b on."""
    w = a.dtype.itemsize * 8
    pos, n = (b & u4(255)).astype(i8), (c & u4(255)).astype(i8)
    ua = a.view(UNSIGNED[a.dtype.itemsize])
    one = ua.dtype.type(1)
    r = shr(ua, pos.astype(u4)) & (shl(np.ones_like(ua), n.astype(u4)) - one)
    if signed:
        sign = shr(ua, np.minimum(pos + n - 1, w - 1).clip(0).astype(u4)) & one
        width = np.minimum(n, np.maximum(w - pos, 0)).astype(u4)
        extension = ~(shl(np.ones_like(ua), width) - one)
        r = np.where((n > 0) & (sign != 0), r | extension, r)
        r = np.where(n == 0, ua.dtype.type(0), r)
    return r


def bfi(a: Array, b: Array, c: Array, d: Array) -> Array:
    """Return b with the lowest d bits of a from bit c on."""
    one = np.ones_like(a)
    pos, n = c & u4(255), d & u4(255)
    m = shl(shl(one, n) - one.dtype.type(1), pos)
    return (shl(a, pos) & m) | (b & ~m)


def prmt(a: Array, b: Array, c: Array, mode: str) -> Array:
    """Return four of the eight bytes of a and b, which c names."""
    if mode:
        raise PtxError("prmt mode ." + mode)
    octets = [(x >> u4(8 * k)) & u4(255) for x in (a, b) for k in range(4)]
    stacked = np.stack(np.broadcast_arrays(*octets))
    r: Array = np.zeros(1, u4)
    for k in range(4):
        s = (c >> u4(4 * k)) & u4(15)
        which, lanes = np.broadcast_arrays((s & u4(7)).astype(np.intp), np.arange(stacked.shape[1]))
        v = stacked[which, lanes]
        sign = np.where(v & u4(128), u4(255), u4(0))
        r = r | (np.where((s & u4(8)) != 0, sign, v) << u4(8 * k))
    return r


def lop3(a: Array, b: Array, c: Array, table: int) -> Array:
    """Return the logical function of three inputs whose eight outputs are the bits of table."""
    r: Array = np.zeros(1, u4)
    for k in range(8):
        if table >> k & 1:
            r = r | ((a if k & 4 else ~a) & (b if k & 2 else ~b) & (c if k & 1 else ~c))
    return np.broadcast_to(r, np.broadcast_shapes(a.shape, b.shape, c.shape)).astype(u4)
