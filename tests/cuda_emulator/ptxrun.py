#!/usr/bin/env python3
"""ptxrun - a functional emulator for NVIDIA PTX, in NumPy only.

Runs the PTX that `nvcc -ptx` writes, on a machine without a GPU, and checks the program while it
does so.  Threads are vector lanes: each PTX basic block is translated once to a Python function
over NumPy arrays, and is run for the group of threads that stand at it (SIMT, per-thread masks;
groups that arrive at the same block merge again).

    mod = Module(open("k.ptx").read())
    dev = Device()
    out = dev.alloc(4 * n)
    mod.launch("kernel", grid=8, block=256, args=[out, np.uint64(n), np.float32(1.0)], dev=dev)
    x = dev.read(out, np.float32, n)

Arithmetic is bit-exact IEEE-754 with PTX's rules (fma rounds once, NaNs canonical where PTX makes
them so).  Instructions whose result PTX does not define to the bit (.approx, .full, contractable
mul/add without .rn) are refused unless allowed.  Checked while running: out-of-bounds, misaligned
and uninitialised accesses, data races in shared and global memory (happens-before over bar.sync
and bar.warp.sync), barrier divergence, shuffles from inactive lanes, deadlock.
"""
import argparse
import bisect
import re
import sys
import time
from fractions import Fraction

import numpy as np

u1, u2, u4, u8 = np.uint8, np.uint16, np.uint32, np.uint64
i1, i2, i4, i8 = np.int8, np.int16, np.int32, np.int64
f2, f4, f8 = np.float16, np.float32, np.float64

GBASE = 0x7F3000000000   # where device buffers start (generic == global addresses)
SBASE = 0x7E0000000000   # generic window of shared memory
LBASE = 0x7D0000000000   # generic window of local memory
SOFF = 1024              # first byte of shared memory a kernel may use


class PtxError(Exception):
    """The PTX text can't be run (unsupported or not reproducible to the bit)."""


class EmuError(Exception):
    """The kernel did something wrong."""


# ---------------------------------------------------------------------------------------------
# exact arithmetic helpers.  Float registers hold raw bits (unsigned); helpers take float views.
# ---------------------------------------------------------------------------------------------
NAN32, NAN16 = u4(0x7FFFFFFF), u2(0x7FFF)


def c32(z):
    """float32 array -> bits, NaN made canonical as every PTX f32 arithmetic instruction does."""
    z = np.asarray(z, f4)
    u = z.view(u4)
    if z.size and np.isnan(z.min()):
        u = np.where(np.isnan(z), NAN32, u)
    return u


def c64(z):
    return np.asarray(z, f8).view(u8)


def _two_sum(a, b):
    s = a + b
    t = s - a
    return s, (a - (s - t)) + (b - t)


def _odd(s, e):
    """s = RN(exact), e = exact - s: return exact rounded to odd (sticky last bit)."""
    u = s.view(u8)
    fix = (e != 0) & ((u & u8(1)) == 0) & np.isfinite(s)
    same = (e > 0) == (s > 0)
    d = np.where(same, u + u8(1), u - u8(1))
    return np.where(fix, d, u).view(f8)


def round_f64(x, p, emin, emax, mode):
    """Round f64 values (already rounded to odd if inexact) to precision p, exponents emin..emax."""
    m, e = np.frexp(x)
    q = np.maximum(e - 1, emin) - (p - 1)
    y = np.ldexp(x, -q)
    y = {"rn": np.rint, "rz": np.trunc, "rm": np.floor, "rp": np.ceil,
         "rna": lambda v: np.trunc(v + np.copysign(0.5, v))}[mode](y)
    r = np.copysign(np.ldexp(y, q), x)
    big = (2.0 - 2.0 ** (1 - p)) * 2.0 ** emax
    over = np.abs(r) > big
    if over.any():
        lim = {"rn": np.inf, "rna": np.inf, "rz": big}.get(mode)
        if mode == "rm":
            lim = np.where(x > 0, big, np.inf)
        elif mode == "rp":
            lim = np.where(x > 0, np.inf, big)
        r = np.where(over, np.copysign(lim, x), r)
    return np.where(np.isfinite(x), r, x)


def f64_to_f32(x, mode="rn"):
    return x.astype(f4) if mode == "rn" else round_f64(x, 24, -126, 127, mode).astype(f4)


TINY32 = f4(2.0 ** -126)


def fma32(a, b, c, mode="rn"):
    """Single-rounding fma.f32: the product of two f32 is exact in f64; the f64 sum is then only a
    risk where it lies exactly half way between two f32 (or the result is subnormal).  Those lanes
    are redone with the sum rounded to odd, which makes the second rounding innocuous."""
    p = a.astype(f8) * b
    s = p + c
    if mode != "rn":
        _, e = _two_sum(*np.broadcast_arrays(p, c.astype(f8)))
        r = f64_to_f32(_odd(np.ascontiguousarray(s), np.where(np.isfinite(e), e, 0.0)), mode)
        if mode == "rm":                  # an exact zero sum is -0 unless both terms are +0
            r = np.where((s == 0) & (np.signbit(p) | np.signbit(c)), f4(-0.0), r)
        return r
    r = s.astype(f4)
    risk = (s.view(u8) & u8(0x1FFFFFFF)) == u8(0x10000000)
    risk |= np.abs(r) <= TINY32
    if risk.any():
        k = np.flatnonzero(risk & np.isfinite(s))
        if k.size:
            pb, cb = np.broadcast_to(p, s.shape)[k], np.broadcast_to(c, s.shape)[k].astype(f8)
            ss, e = _two_sum(pb, cb)
            r[k] = _odd(ss, e).astype(f4)
    return r


def _fma64_exact(a, b, c):
    """One lane, exact rational arithmetic (only for overflow / underflow ranges)."""
    v = Fraction(a) * Fraction(b) + Fraction(c)
    if v == 0:
        neg = (np.signbit(a) != np.signbit(b))
        if a * b == 0 and c == 0:
            return -0.0 if neg and np.signbit(c) else 0.0
        return 0.0                        # exact cancellation
    try:
        return v.numerator / v.denominator  # CPython int/int is correctly rounded
    except OverflowError:
        return np.inf if v > 0 else -np.inf


def fma64(a, b, c):
    """Single-rounding fma.f64 (Boldo-Melquiond: exact product, error-free sums, round to odd)."""
    a, b, c = np.broadcast_arrays(a, b, c)
    ph = a * b
    split = 134217729.0
    t = a * split
    ah = t - (t - a)
    al = a - ah
    t = b * split
    bh = t - (t - b)
    bl = b - bh
    pl = ((ah * bh - ph) + ah * bl + al * bh) + al * bl
    uh, ul = _two_sum(c, pl)
    th, tl = _two_sum(ph, uh)
    v, e = _two_sum(tl, ul)
    r = th + _odd(np.ascontiguousarray(v), e)
    # ranges where the error-free transforms may over- or underflow: redo those lanes exactly
    fin = np.isfinite(a) & np.isfinite(b) & np.isfinite(c)
    mx = np.maximum(np.maximum(np.abs(a), np.abs(b)), np.abs(c))
    ap = np.abs(ph)
    bad = fin & ((mx > 2.0 ** 960) | (ap > 2.0 ** 1000) | ~(ap > 2.0 ** -900) | (np.abs(r) < 2.0 ** -950))
    if bad.any():
        # c or product exactly zero is the common case and needs no big numbers
        z = bad & (ph == 0) & ((a == 0) | (b == 0))
        r = np.where(z, ph + c, r)
        z2 = bad & ~z & (c == 0) & (ap > 2.0 ** -900) & (mx < 2.0 ** 960) & (ap < 2.0 ** 1000)
        r = np.where(z2, ph, r)
        for k in np.flatnonzero(bad & ~z & ~z2):
            r[k] = _fma64_exact(float(a[k]), float(b[k]), float(c[k]))
    return np.where(fin, r, np.where(np.isfinite(a) & np.isfinite(b), c, ph + c))


def f_min(a, b, is_max, nan=False):
    """PTX min/max for floats: NaN loses (or wins with .NaN), -0 < +0."""
    lt = (a > b) if is_max else (a < b)
    z = (a == b)
    eq = np.where(np.signbit(a) == is_max, b, a)     # differs only for +-0
    r = np.where(lt, a, np.where(z, eq, b))
    na, nb = np.isnan(a), np.isnan(b)
    if na.any() or nb.any():
        r = np.where(na | nb, np.nan, r).astype(a.dtype) if nan else np.where(na, b, np.where(nb, a, r))
    return r


def to_bf16(x, mode="rn"):
    """float32 or float64 -> bf16 bits."""
    if x.dtype == f4 and mode in ("rn", "rz"):
        u = x.view(u4)
        if mode == "rn":
            u = u + u4(0x7FFF) + ((u >> u4(16)) & u4(1))
        r = (u >> u4(16)).astype(u2)
    else:
        r = (round_f64(x.astype(f8), 8, -126, 127, mode).astype(f4).view(u4) >> u4(16)).astype(u2)
    return np.where(np.isnan(x), NAN16, r)


def to_f16(x, mode="rn"):
    r = x.astype(f2) if mode == "rn" else round_f64(x.astype(f8), 11, -14, 15, mode).astype(f2)
    return np.where(np.isnan(x), NAN16, r.view(u2))


def from_bf16(u):
    return (u.astype(u4) << u4(16)).view(f4)


def mulhi64(a, b):
    m = u8(0xFFFFFFFF)
    s = u8(32)
    al, ah, bl, bh = a & m, a >> s, b & m, b >> s
    t = al * bl
    k = ah * bl + (t >> s)
    w = al * bh + (k & m)
    return ah * bh + (k >> s) + (w >> s)


def mulhi(a, b, t):
    w = {"16": (i4, u4, 16), "32": (i8, u8, 32)}.get(t[1:])
    if w:
        ty = w[0] if t[0] == "s" else w[1]
        return ((a.astype(ty) * b.astype(ty)) >> ty(w[2])).astype(a.dtype)
    if t == "u64":
        return mulhi64(a, b)
    ua, ub = a.view(u8), b.view(u8)      # signed high = unsigned high - corrections
    r = mulhi64(ua, ub)
    return (r - np.where(a < 0, ub, u8(0)) - np.where(b < 0, ua, u8(0))).view(i8)


def shl(a, n):
    w = a.dtype.itemsize * 8
    return np.where(n >= u4(w), a.dtype.type(0), a << np.minimum(n, u4(w - 1)).astype(a.dtype))


def shr(a, n):
    w = a.dtype.itemsize * 8
    k = np.minimum(n, u4(w - 1)).astype(a.dtype)
    r = a >> k
    return r if a.dtype.kind == "i" else np.where(n >= u4(w), a.dtype.type(0), r)


def shf(a, b, n, left, clamp):
    n = np.minimum(n, u4(32)) if clamp else (n & u4(31))
    x = (b.astype(u8) << u8(32)) | a
    n = n.astype(u8)
    return ((x >> (u8(32) - n)) if left else (x >> n)).astype(u4)


def idiv(a, b, rem):
    if (b == 0).any():
        raise EmuError("integer division by zero")
    if a.dtype.kind == "u":
        return a % b if rem else a // b
    ua, ub = (np.abs(x).view(UT[x.dtype.itemsize]) for x in (a, b))
    if rem:
        m = (ua % ub).view(a.dtype)
        return np.where(a < 0, -m, m)
    m = (ua // ub).view(a.dtype)
    return np.where((a < 0) != (b < 0), -m, m)


def clz(a):
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


def brev(a):
    b = np.ascontiguousarray(a).view(u1).reshape(-1, a.dtype.itemsize)
    bits = np.unpackbits(b, axis=1, bitorder="little")
    return np.packbits(bits[:, ::-1], axis=1, bitorder="little").view(a.dtype).reshape(a.shape)


def bfe(a, b, c, signed):
    w = a.dtype.itemsize * 8
    pos, n = (b & u4(255)).astype(i8), (c & u4(255)).astype(i8)
    ua = a.view("u%d" % a.dtype.itemsize)
    r = shr(ua, pos.astype(u4)) & (shl(np.ones_like(ua), n.astype(u4)) - ua.dtype.type(1))
    if signed:
        sb = shr(ua, np.minimum(pos + n - 1, w - 1).clip(0).astype(u4)) & ua.dtype.type(1)
        ext = ~(shl(np.ones_like(ua), np.minimum(n, np.maximum(w - pos, 0)).astype(u4)) - ua.dtype.type(1))
        r = np.where((n > 0) & (sb != 0), r | ext, r)
        r = np.where(n == 0, ua.dtype.type(0), r)
    return r


def bfi(a, b, c, d):
    one = np.ones_like(a)
    pos, n = c & u4(255), d & u4(255)
    m = shl(shl(one, n) - one.dtype.type(1), pos)
    return (shl(a, pos) & m) | (b & ~m)


def prmt(a, b, c, mode):
    by = [((a >> u4(8 * k)) & u4(255)) for k in range(4)] + [((b >> u4(8 * k)) & u4(255)) for k in range(4)]
    if mode:
        raise PtxError("prmt mode ." + mode)
    r = u4(0)
    st = np.stack(np.broadcast_arrays(*by))
    for k in range(4):
        s = (c >> u4(4 * k)) & u4(15)
        sel, sg = (s & u4(7)).astype(np.intp), (s & u4(8)) != 0
        s2, lanes = np.broadcast_arrays(sel, np.arange(st.shape[1]))
        v = st[s2, lanes]
        v = np.where(sg, np.where(v & u4(128), u4(255), u4(0)), v)
        r = r | (v << u4(8 * k))
    return r


def lop3(a, b, c, lut):
    r = u4(0)
    for k in range(8):
        if lut >> k & 1:
            r = r | ((a if k & 4 else ~a) & (b if k & 2 else ~b) & (c if k & 1 else ~c))
    return np.broadcast_to(r, np.broadcast_shapes(a.shape, b.shape, c.shape)).astype(u4)


def float_to_int(x, t, how, src):
    """x: float32/64 array -> integer array of type t, saturating, PTX NaN rule."""
    d = DT[t]
    y = {"rni": np.rint, "rzi": np.trunc, "rmi": np.floor, "rpi": np.ceil}[how](x.astype(f8))
    info = np.iinfo(d)
    lo, hi = y <= float(info.min), y >= float(info.max) if info.bits < 64 else y >= 2.0 ** (info.bits - (t[0] == "s"))
    nan = np.isnan(y)
    r = np.where(lo | hi | nan, 0.0, y).astype(d)
    r = np.where(lo, d(info.min), np.where(hi, d(info.max), r))
    nv = 0 if src != "f64" and info.bits < 64 else (1 << (info.bits - 1)) if t[0] == "u" else info.min
    return np.where(nan, d(nv), r)


def int_to_odd_f64(x):
    """64-bit integers -> f64, rounded to odd, so that a later rounding is the only one."""
    neg = x < 0 if x.dtype.kind == "i" else np.zeros(x.shape, bool)
    m = np.where(neg, (~x.view(u8)) + u8(1), x.view(u8)) if x.dtype.itemsize == 8 else np.abs(x.astype(i8)).view(u8)
    big = m >= u8(1 << 53)
    k = (m >> u8(11)) | ((m & u8(0x7FF)) != 0).astype(u8)
    r = np.where(big, k.astype(f8) * 2048.0, np.where(big, u8(0), m).astype(f8))
    return np.where(neg, -r, r)


def ftz32(z):
    return np.where(np.abs(z) < TINY32, np.copysign(f4(0), z), z)


# ---------------------------------------------------------------------------------------------
# types
# ---------------------------------------------------------------------------------------------
DT = {"u8": u1, "u16": u2, "u32": u4, "u64": u8, "s8": i1, "s16": i2, "s32": i4, "s64": i8,
      "b8": u1, "b16": u2, "b32": u4, "b64": u8, "f16": u2, "bf16": u2, "f32": f4, "f64": f8,
      "f16x2": u4, "bf16x2": u4, "pred": np.bool_, "u16x2": u4, "s16x2": u4, "b128": None}
SIZE = {t: (np.dtype(d).itemsize if d else 16) for t, d in DT.items()}
UT = {1: u1, 2: u2, 4: u4, 8: u8}
SPECIAL = {"%tid", "%ntid", "%ctaid", "%nctaid"}
NAMES = {u1: "u1", u2: "u2", u4: "u4", u8: "u8", i1: "i1", i2: "i2", i4: "i4", i8: "i8",
         f4: "f4", f8: "f8", np.bool_: "np.bool_"}

TOK = re.compile(r'"[^"]*"|0[fF][0-9a-fA-F]{8}|0[dD][0-9a-fA-F]{16}|0[xX][0-9a-fA-F]+U?|\d+U?(?![\w.])'
                 r'|[%$_A-Za-z.](?:[\w$.]|::(?=\w))*|\d+\.\d*(?:[eE][-+]?\d+)?|[{}\[\](),;:|!@+=<>\-*~]')


class Ins:
    __slots__ = ("op", "parts", "ops", "guard", "line", "scope", "extra")

    def __init__(self, op, ops, guard, line):
        self.op, self.parts, self.ops, self.guard, self.line = op, op.split("."), ops, guard, line
        self.extra = None

    def __repr__(self):
        g = "@%s%s " % ("!" if self.guard[1] else "", self.guard[0]) if self.guard else ""
        return "line %d: %s%s %s" % (self.line, g, self.op, self.ops)


class Func:
    def __init__(self, name, entry):
        self.name, self.entry = name, entry
        self.params, self.rets = [], []          # (name, type, align, size)
        self.regs = {}                           # unique register name -> type
        self.code = []                           # Ins | ("label", name)
        self.vars = {}                           # name -> (space, offset)
        self.tables = {}                         # label -> list of labels (brx.idx)
        self.shared = self.local = 0


class Module:
    """A parsed PTX module."""

    def __init__(self, text):
        self.text = text
        text = re.sub(r"/\*.*?\*/", lambda m: "\n" * m.group().count("\n"), text, flags=re.S)
        text = re.sub(r"//[^\n]*", "", text)
        text = re.sub(r"(?m)^\s*\.(loc|file)\b[^\n]*", "", text)
        m = re.search(r"(?m)^\s*\.section\b", text)
        if m:
            text = text[:m.start()]
        self.toks, self.lines = [], []
        line, last = 1, 0
        for m in TOK.finditer(text):
            line += text.count("\n", last, m.start())
            last = m.start()
            self.toks.append(m.group())
            self.lines.append(line)
        self.i = 0
        self.funcs, self.globals, self.extern_shared = {}, {}, []
        self.version = self.target = None
        self._module()

    # -- parser ---------------------------------------------------------------------------
    def _peek(self):
        return self.toks[self.i] if self.i < len(self.toks) else None

    def _next(self):
        self.i += 1
        return self.toks[self.i - 1]

    def _expect(self, t):
        g = self._next()
        if g != t:
            raise PtxError("line %d: expected %r, got %r" % (self.lines[self.i - 1], t, g))

    def _skip_to(self, t):
        while self._next() != t:
            pass

    def _module(self):
        while self._peek() is not None:
            t = self._next()
            if t == ".version":
                self.version = self._next()
            elif t == ".target":
                self.target = self._next()
                while self._peek() == ",":
                    self._next(), self._next()
            elif t == ".address_size":
                self._next()
            elif t in (".visible", ".extern", ".weak", ".common"):
                self._linkage = t
            elif t in (".entry", ".func"):
                self._func(t == ".entry")
            elif t in (".global", ".const", ".shared"):
                self._var(t[1:], None)
            elif t in (";", ".pragma", ".noreturn"):
                if t == ".pragma":
                    self._skip_to(";")
            elif t in (".alias",):
                self._skip_to(";")
            else:
                raise PtxError("line %d: unexpected %r" % (self.lines[self.i - 1], t))

    def _int(self):
        t = self._next()
        return -self._int() if t == "-" else int(t.rstrip("U"), 0)

    def _var(self, space, fn):
        """.space [.align n] .type name[dims] [= init];"""
        align, typ = 1, None
        while self._peek().startswith(".") and self._peek() != ".":
            t = self._next()
            if t == ".align":
                align = self._int()
            elif t[1:] in DT:
                typ = t[1:]
            elif t == ".attribute":
                self._skip_to(")")
        while True:
            name = self._next()
            n, dyn = 1, False
            while self._peek() == "[":
                self._next()
                if self._peek() == "]":
                    dyn = True
                else:
                    n *= self._int()
                self._expect("]")
            init = []
            if self._peek() == "=":
                self._next()
                depth = 0
                while True:
                    t = self._next()
                    if t == "{":
                        depth += 1
                    elif t == "}":
                        depth -= 1
                    elif t == "-":
                        init.append(-self._int())
                    elif t != ",":
                        init.append(int(t[2:], 16) if t[:2] in ("0f", "0d", "0F", "0D") else
                                    int(t.rstrip("U"), 0) if t[0].isdigit() else t)
                    if depth == 0:
                        break
            size, align = n * SIZE[typ], max(align, SIZE[typ])
            if space == "shared" and dyn:
                (fn.vars if fn else self.globals)[name] = ("shared", None)
                self.extern_shared.append(name)
            elif space == "shared":
                tgt = fn or self
                o = -(-getattr(tgt, "shared", 0) // align) * align
                tgt.shared = o + size
                (fn.vars if fn else self.globals)[name] = ("shared", o)
            elif space == "local":
                o = -(-fn.local // align) * align
                fn.local = o + size
                fn.vars[name] = ("local", o)
            else:
                data = np.zeros(n, UT[SIZE[typ]])
                if any(isinstance(x, str) for x in init):
                    raise PtxError("symbol in the initialiser of " + name)
                data[:len(init)] = np.array([x & (2 ** (8 * SIZE[typ]) - 1) for x in init], data.dtype)
                self.globals[name] = ("global", data.view(u1))
            t = self._next()
            if t == ";":
                return

    def _params(self):
        out = []
        self._expect("(")
        while self._peek() != ")":
            t = self._next()
            if t == ",":
                continue
            typ, align, n = None, 1, 1
            while t.startswith("."):
                if t == ".align":
                    align = self._int()
                elif t[1:] in DT:
                    typ = t[1:]
                t = self._next()
            name = t
            if self._peek() == "[":
                self._next()
                n = self._int() if self._peek() != "]" else 0
                self._expect("]")
            out.append((name, typ, max(align, SIZE[typ]), n * SIZE[typ]))
        self._next()
        return out

    def _func(self, entry):
        rets = self._params() if self._peek() == "(" else []
        fn = Func(self._next(), entry)
        fn.rets = rets
        if self._peek() == "(":
            fn.params = self._params()
        while self._peek() not in ("{", ";"):
            self._next()
        if self._next() == ";":
            self.funcs.setdefault(fn.name, None)
            return
        scopes, uid = [{}], 0

        def lookup(n):
            if "." in n and n.split(".")[0] in SPECIAL or n == "_":
                return n
            for sc in reversed(scopes):
                if n in sc:
                    return sc[n]
                m = re.match(r"(.*?)(\d+)$", n)
                if m and (m.group(1) + "<") in sc:
                    base, typ = sc[m.group(1) + "<"]
                    r = base + n
                    fn.regs.setdefault(r, typ)
                    return r
            return n

        def operand():
            t = self._next()
            if t == "{":
                v = []
                while self._peek() != "}":
                    if self._peek() == ",":
                        self._next()
                    else:
                        v.append(operand())
                self._next()
                return ("vec", v)
            if t == "[":
                b = operand()
                off = 0
                while self._peek() in ("+", "-"):
                    off += self._int() if self._next() == "+" else -self._int()
                if b[0] == "imm":
                    b, off = ("imm", 0), off + b[1]
                elif b[0] == "symoff":
                    b, off = ("sym", b[1]), off + b[2]
                self._expect("]")
                return ("addr", b, off)
            if t == "(":
                v = []
                while self._peek() != ")":
                    if self._peek() == ",":
                        self._next()
                    else:
                        v.append(operand())
                self._next()
                return ("list", v)
            if t == "!":
                return ("not", operand())
            if t == "-":
                return ("imm", -self._int())
            if t[:2] in ("0f", "0F"):
                return ("f32", int(t[2:], 16))
            if t[:2] in ("0d", "0D"):
                return ("f64", int(t[2:], 16))
            if t[0].isdigit():
                return ("imm", int(t.rstrip("U"), 0))
            r = lookup(t)
            o = ("reg", r) if r in fn.regs else ("sym", r)
            if self._peek() == "|":
                self._next()
                return ("pair", o, operand())
            if self._peek() == "+" and o[0] == "sym":
                self._next()
                return ("symoff", r, self._int())
            return o

        while True:
            t, line = self._next(), self.lines[self.i - 1]
            if t == "{":
                scopes.append({})
            elif t == "}":
                scopes.pop()
                if not scopes:
                    break
            elif t == ".reg":
                typ = self._next()[1:]
                while True:
                    n = self._next()
                    uid += 1
                    pre = "" if len(scopes) == 1 else "s%d." % uid
                    if self._peek() == "<":
                        self._next(), self._int(), self._expect(">")
                        scopes[-1][n + "<"] = (pre, typ)
                    else:
                        scopes[-1][n] = pre + n
                        fn.regs[pre + n] = typ
                    if self._next() == ";":
                        break
            elif t in (".local", ".shared", ".const", ".global"):
                self._var(t[1:], fn)
            elif t == ".param":
                while self._peek().startswith("."):
                    if self._next() == ".align":
                        self._int()
                n = self._next()
                uid += 1
                scopes[-1][n] = "%s.%d" % (n, uid)
                self._skip_to(";")
            elif t == ".pragma":
                self._skip_to(";")
            elif self._peek() == ":":
                self._next()
                if self._peek() == ".branchtargets":
                    self._next()
                    fn.tables[t] = []
                    while True:
                        n = self._next()
                        if n == ";":
                            break
                        if n != ",":
                            fn.tables[t].append(n)
                elif self._peek() in (".callprototype", ".calltargets"):
                    self._skip_to(";")
                else:
                    fn.code.append(("label", t))
            elif t == ";":
                pass
            else:
                guard = None
                if t == "@":
                    neg = self._peek() == "!"
                    if neg:
                        self._next()
                    guard = (lookup(self._next()), neg)
                    t = self._next()
                ops = []
                while self._peek() != ";":
                    if self._peek() == ",":
                        self._next()
                    else:
                        ops.append(operand())
                self._next()
                fn.code.append(Ins(t, ops, guard, line))
        self.funcs[fn.name] = fn

    # -- static checks ----------------------------------------------------------------------
    def lint(self):
        """Instructions whose result is not fixed to the bit by PTX, as (kind, function, line, op)."""
        return [x for fn in self.funcs.values() if fn for x in lint_code(fn.code, fn.name)]

    def kernel(self, name):
        if not hasattr(self, "_kern"):
            self._kern = {}
        if name not in self._kern:
            fn = self.funcs.get(name)
            if fn is None:
                c = [k for k, f in self.funcs.items() if f and f.entry and name in k]
                if len(c) != 1:
                    raise PtxError("no kernel %r (have %s)" % (name, [k for k in self.funcs]))
                fn = self.funcs[c[0]]
            self._kern[name] = Kernel(self, fn)
        return self._kern[name]

    def launch(self, name, grid, block, args, dev, smem=0, **kw):
        return self.kernel(name).launch(grid, block, args, dev, smem, **kw)


def lint_code(code, name):
    out = []
    for c in code:
        if isinstance(c, tuple):
            continue
        p = c.parts
        if "approx" in p or "full" in p or p[0] in ("tanh", "ex2", "lg2", "sin", "cos", "rsqrt"):
            kind = "approx"
        elif "ftz" in p:
            kind = "ftz"
        elif (p[0] in ("add", "sub", "mul") and p[-1] in ("f32", "f64", "f16", "bf16", "f16x2", "bf16x2")
              and not {"rn", "rz", "rm", "rp"} & set(p)):
            kind = "contractable"
        elif p[0] in ("atom", "red") and "add" in p and "f" in p[-1]:
            kind = "float-atomic"
        elif any(o[0] == "sym" and re.match(r"%(clock|globaltimer|smid|nsmid|warpid|gridid|pm)", o[1]) for o in c.ops):
            kind = "nondeterministic"
        else:
            continue
        out.append((kind, name, c.line, c.op))
    return out


# ---------------------------------------------------------------------------------------------
# memory
# ---------------------------------------------------------------------------------------------
class Accessors:
    """Who touched each granule last: a thread, or several (-1), with barrier epochs.  0 = nobody."""

    def __init__(self, n):
        self.tid, self.warp, self.cta, self.ep, self.we = (np.zeros(n, i4) for _ in range(5))

    def unordered(self, g, tid, warp, cta, ep, we):
        """Lanes whose access is not ordered after the recorded ones."""
        t, c = self.tid[g], self.cta[g]
        bad = (t != 0) & (t != tid)
        if bad.any():
            bad &= (c != cta) | (self.ep[g] == ep)               # bar.sync orders the block
            bad &= ~((self.warp[g] == warp) & (self.we[g] < we))  # bar.warp.sync orders the warp
        return bad

    def set(self, g, tid, warp, cta, ep, we):
        self.tid[g], self.warp[g], self.cta[g], self.ep[g], self.we[g] = tid, warp, cta, ep, we

    def add(self, g, tid, warp, cta, ep, we):
        ot, ow, oc = self.tid[g], self.warp[g], self.cta[g]
        fresh = (ot == 0) | ((oc == cta) & (self.ep[g] != ep))
        self.set(g, np.where(fresh | (ot == tid), tid, -1), np.where(fresh | (ow == warp), warp, -1),
                 np.where(fresh | (oc == cta), cta, -1), ep, we)
        for arr, v in ((self.tid, tid), (self.warp, warp), (self.cta, cta)):
            m = arr[g] != v                                       # several lanes in this instruction
            if m.any():
                arr[g[m]] = -1

    def add_all(self, g, tid, warp, cta, ep, we):
        """As add, of two or more threads that all touch the same granules, a slice."""
        one_cta = (cta == cta[0]).all()
        fresh = (self.tid[g] == 0) | ((self.cta[g] == cta[0]) & (self.ep[g] != ep[0])) if one_cta else False
        w = warp[0] if (warp == warp[0]).all() else -1
        c = cta[0] if one_cta else -1
        self.tid[g], self.ep[g], self.we[g] = -1, ep[-1], we[-1]
        self.warp[g] = np.where(fresh | (self.warp[g] == w), w, -1)
        self.cta[g] = np.where(fresh | (self.cta[g] == c), c, -1)


class Shadow:
    """Happens-before race detector over granules of memory."""

    def __init__(self, n, what):
        self.what, self.n = what, n
        self.sets = {}

    def _set(self, k):
        if k not in self.sets:
            self.sets[k] = Accessors(self.n)
        return self.sets[k]

    @staticmethod
    def who(tid, T, ep, we):
        """tid: grid-wide thread ids; ep/we: CTA and warp epochs."""
        cta = tid // T
        return (tid + 1).astype(i4), (cta * -(-T // 32) + tid % T // 32 + 1).astype(i4), (cta + 1).astype(i4), ep, we

    def all_read(self, o, size, gr, me):
        """Notes reads of a few places by many threads each.  False, and nothing is noted, for others or where anybody wrote."""
        places, counts = np.unique(np.broadcast_to(o, me[0].shape), return_counts=True) if len(o) > 1 else (o, [len(me[0])])
        if len(places) > 4 or min(counts) < 2:
            return False
        parts = [slice(int(p) // gr, -(-(int(p) + size) // gr)) for p in places]
        if any(self.sets[other].tid[g].any() for other in ("write", "atomic") if other in self.sets for g in parts):
            return False
        for p, g in zip(places, parts):
            self._set("read").add_all(g, *(me if len(places) == 1 else [x[o == p] for x in me]))
        return True

    def note(self, o, size, gr, me, kind, line):
        """Accesses of `size` bytes at o, in granules of gr.  kind: see access; me: see who."""
        if kind == "read" and self.all_read(o, size, gr, me):
            return
        g = np.broadcast_to(o, me[0].shape) // gr
        self.access(g if size <= gr else g + np.arange(size // gr)[:, None], me, kind, line)

    def access(self, g, me, kind, line):
        """g: granules, of one row or several, a column for each thread.  kind: "read", "write" or "atomic"; me: see who."""
        def first(bad):
            k = int(np.flatnonzero(bad)[0])
            return me[0][k % len(me[0])] - 1, int(g.reshape(-1)[k])
        for other in {"read": ("write", "atomic"), "write": ("write", "atomic", "read"), "atomic": ("write", "read")}[kind]:
            if other in self.sets:
                bad = self.sets[other].unordered(g, *me)
                if bad.any():
                    t, k = first(bad)
                    o = int(self.sets[other].tid[k]) - 1
                    raise EmuError("line %d: data race in %s memory: %s by thread %d, not ordered after the %s by %s" % (
                        line, self.what, kind, t, other, "thread %d" % o if o >= 0 else "several threads"))
        if kind == "write":
            s = self._set("write")
            s.set(g, *me)
            dup = s.tid[g] != me[0]
            if dup.any():
                t, k = first(dup)
                raise EmuError("line %d: data race in %s memory: threads %d and %d write the same place in one instruction" % (
                    line, self.what, t, s.tid[k] - 1))
        else:
            self._set(kind).add(g, *me)


class Device:
    """Global memory: one arena with guard gaps between the buffers."""

    def __init__(self, capacity=1 << 20, gap=4096):
        self.gap, self.top = gap, gap
        self.u1 = np.zeros(capacity, u1)
        self.init = np.zeros(capacity, u1)
        self.starts, self.ends = [], []
        self._views()

    def _views(self):
        self.view = {k: self.u1.view(t) for k, t in UT.items()}

    def alloc(self, nbytes, align=256):
        """Reserve nbytes; returns the device address (int)."""
        o = -(-self.top // align) * align
        self.top = o + int(nbytes) + self.gap
        while self.top + 16 > len(self.u1):
            self.u1 = np.concatenate([self.u1, np.zeros(len(self.u1), u1)])
            self.init = np.concatenate([self.init, np.zeros(len(self.init), u1)])
            self._views()
        self.u1[o:o + nbytes] = 0xCB           # never rely on zeroed memory
        self.starts.append(o)
        self.ends.append(o + int(nbytes))
        return GBASE + o

    def free(self, ptr):
        k = self.starts.index(ptr - GBASE)
        del self.starts[k], self.ends[k]

    def put(self, arr):
        arr = np.ascontiguousarray(arr)
        p = self.alloc(arr.nbytes)
        self.write(p, arr)
        return p

    def write(self, ptr, arr):
        b = np.ascontiguousarray(arr).reshape(-1).view(u1)
        o = ptr - GBASE
        self.bounds(np.array([o]), len(b), "host write", 0)
        self.u1[o:o + len(b)] = b
        self.init[o:o + len(b)] = 1

    def read(self, ptr, dtype, count):
        n = np.dtype(dtype).itemsize * count
        o = ptr - GBASE
        if n:
            self.bounds(np.array([o]), n, "host read", 0)
        return self.u1[o:o + n].view(dtype).copy()

    def bounds(self, o, size, what, line):
        """o: arena offsets (int64).  Fast when all lanes hit one buffer."""
        lo, hi = int(o.min()), int(o.max())
        k = bisect.bisect_right(self.starts, lo) - 1
        if k >= 0 and hi + size <= self.ends[k]:
            return
        s, e = np.array(self.starts or [1 << 60]), np.array(self.ends or [0])
        k = np.searchsorted(s, o, "right") - 1
        bad = (k < 0) | (o + size > e[np.maximum(k, 0)])
        if bad.any():
            j = int(np.flatnonzero(bad)[0])
            near = int(k[j])
            raise EmuError("line %d: %s of %d bytes out of bounds at 0x%x (lane %d)%s" % (
                line, what, size, GBASE + int(o[j]), j,
                ", %d bytes past the end of a %d-byte buffer" % (o[j] + size - e[near], e[near] - s[near]) if near >= 0 else ""))


# ---------------------------------------------------------------------------------------------
# translation of one kernel
# ---------------------------------------------------------------------------------------------
SYNC = {"bar", "barrier", "shfl", "vote", "match", "redux", "elect"}
CMP = {"eq": "==", "ne": "!=", "lt": "<", "le": "<=", "gt": ">", "ge": ">=",
       "lo": "<", "ls": "<=", "hi": ">", "hs": ">="}
SKIP = {"membar", "fence", "prefetch", "prefetchu", "nanosleep", "pmevent", "griddepcontrol", "discard", "applypriority"}


class Block:
    __slots__ = ("n", "ins", "sync", "term", "uses", "defs", "outs", "fn", "src", "count", "live_in", "hits", "taken", "bins")


class Kernel:
    def __init__(self, mod, fn):
        self.mod, self.fn = mod, fn
        self.name = fn.name
        self.regs = dict(fn.regs)
        self.local = fn.local
        self.shared = getattr(mod, "shared", 0)
        self.vars = {}
        self.tables = {}
        self.code = []
        self._ninl = 0
        self.params = {}
        off = 0
        for n, t, al, sz in fn.params:
            off = -(-off // al) * al
            self.params[n] = (off, sz)
            off += sz
        self.param_bytes = off
        self._inline(fn, "", {}, None, ())
        self._cfg()
        self._liveness()
        self._gen()

    # -- calls are inlined ------------------------------------------------------------------
    def _inline(self, fn, pre, pmap, after, stack):
        if fn.name in stack:
            raise PtxError("recursion in " + fn.name)
        vmap = {}
        for v, (sp, o) in fn.vars.items():
            if sp == "local":
                base = 0 if not pre else self.local
                vmap[v] = (sp, o + base)
            elif sp == "shared" and o is not None and not pre:
                vmap[v] = (sp, o + -(-self.shared // 16) * 16)
            else:
                vmap[v] = (sp, o)
        if pre:
            self.local += -(-fn.local // 16) * 16
        elif fn.shared:
            self.shared = -(-self.shared // 16) * 16 + fn.shared
        self.vars.update({pre + k: v for k, v in vmap.items()})

        def ren(o):
            k = o[0]
            if k == "reg":
                return ("reg", pre + o[1])
            if k in ("sym", "symoff"):
                n = o[1]
                if n in pmap:
                    n = pmap[n]
                elif n in fn.vars:
                    n = pre + n
                elif n.startswith("$") or n in fn.tables:
                    n = pre + n
                elif re.search(r"\.\d+$", n) and not n.startswith("%"):
                    n = pre + n            # call parameter of this frame
                return (k, n) + o[2:]
            if k in ("vec", "list"):
                return (k, [ren(x) for x in o[1]])
            if k == "addr":
                return (k, ren(o[1]), o[2])
            if k == "not":
                return (k, ren(o[1]))
            if k == "pair":
                return (k, ren(o[1]), ren(o[2]))
            return o

        for r, t in fn.regs.items():
            self.regs[pre + r] = t
        for lab, tg in fn.tables.items():
            self.tables[pre + lab] = [pre + x for x in tg]
        for c in fn.code:
            if isinstance(c, tuple):
                self.code.append(("label", pre + c[1]))
                continue
            n = Ins(c.op, [ren(o) for o in c.ops], (pre + c.guard[0], c.guard[1]) if c.guard else None, c.line)
            if c.parts[0] in ("ret",) and after is not None:
                n = Ins("bra", [("sym", after)], n.guard, c.line)
            if c.parts[0] == "call":
                ops = n.ops
                ret = ops[0][1] if ops[0][0] == "list" else []
                name = next(o[1] for o in ops if o[0] == "sym")
                args = ops[-1][1] if ops[-1][0] == "list" and len(ops) > (1 if not ret else 2) else []
                callee = self.mod.funcs.get(name)
                if callee is None or n.guard:
                    self.code.append(Ins("trap", [("sym", "call of " + name)], n.guard, c.line))
                    continue
                self._ninl += 1
                p2 = "c%d." % self._ninl
                m = {cp[0]: a[1] for cp, a in zip(callee.params, args)}
                m.update({cp[0]: a[1] for cp, a in zip(callee.rets, ret)})
                end = "$after_%d" % self._ninl
                self._inline(callee, p2, m, end, stack + (fn.name,))
                self.code.append(("label", end))
                continue
            self.code.append(n)

    # -- control flow graph -------------------------------------------------------------------
    def _cfg(self):
        blocks, labels, cur = [], {}, []

        def flush():
            nonlocal cur
            if cur:
                b = Block()
                b.ins, b.sync = cur, None
                b.n = len(blocks)
                blocks.append(b)
                cur = []

        pend = []
        for c in self.code:
            if isinstance(c, tuple):
                flush()
                pend.append(c[1])
                continue
            if c.parts[0] in SYNC:
                flush()
            for p in pend:
                labels[p] = len(blocks)
            pend = []
            cur.append(c)
            if c.parts[0] in SYNC:
                flush()
                blocks[-1].sync = c
            elif c.parts[0] in ("bra", "ret", "exit", "brx", "trap"):
                flush()
        if pend:
            cur.append(Ins("ret", [], None, 0))
            for p in pend:
                labels[p] = len(blocks)
        flush()
        self.blocks = blocks
        EXIT = self.EXIT = len(blocks)
        for b in blocks:
            last = b.ins[-1]
            k = last.parts[0]
            nxt = b.n + 1
            b.bins = len(b.ins)
            if k == "bra":
                tgt = labels[last.ops[0][1]]
                b.term = ("cbra", last.guard[0], last.guard[1], tgt, nxt) if last.guard else ("bra", tgt)
            elif k in ("ret", "exit"):
                b.term = ("cbra", last.guard[0], last.guard[1], EXIT, nxt) if last.guard else ("bra", EXIT)
            elif k == "brx":
                b.term = ("brx", last.ops[0][1], [labels[x] for x in self.tables[last.ops[1][1]]])
            elif k == "trap":
                b.term = ("bra", nxt)
            else:
                b.term = ("bra", nxt)
                continue
            if k != "trap":
                b.ins = b.ins[:-1]

    def _succ(self, b):
        t = b.term
        return {"bra": lambda: [t[1]], "cbra": lambda: [t[3], t[4]], "brx": lambda: t[2]}[t[0]]()

    # -- translation to Python -------------------------------------------------------------------
    def _liveness(self):
        for b in self.blocks:
            b.src, b.uses, b.defs = [], [], []
            self.cb, self.defined, self.K = b, set(), None
            g = Gen(self, b)
            for c in b.ins:
                try:
                    g.ins(c)
                except PtxError as e:
                    if "line" in str(e):
                        raise
                    raise PtxError("%r: %s" % (c, e)) from None
                except (KeyError, IndexError, TypeError, ValueError) as e:
                    raise PtxError("unsupported instruction %r (%s: %s)" % (c, type(e).__name__, e)) from e
            t = b.term
            if t[0] in ("cbra", "brx"):
                g.use(t[1])
            b.src, b.uses, b.defs = g.out, g.uses, g.defs
            b.live_in = set(b.uses)
        ch = True
        while ch:
            ch = False
            for b in reversed(self.blocks):
                out = set()
                for s in self._succ(b):
                    if s < self.EXIT:
                        out |= self.blocks[s].live_in
                b.outs = out
                li = set(b.uses) | (out - set(b.defs))
                if li != b.live_in:
                    b.live_in, ch = li, True

    def _gen(self):
        names = {}
        for b in self.blocks:
            keep = [d for d in b.defs if d in b.outs or (b.term[0] in ("cbra", "brx") and d == b.term[1])]
            args = ["S", "n"] + [pyname(u) for u in b.uses]
            body = ["def b%d(%s):" % (b.n, ", ".join(args))] + ["    " + s for s in b.src]
            body.append("    return (%s)" % "".join(pyname(k) + ", " for k in keep))
            ns = names.setdefault("ns", dict(globals()))
            src = "\n".join(body)
            exec(compile(src, "<ptx %s block %d>" % (self.name, b.n), "exec"), ns)
            b.fn, b.outs, b.src = ns["b%d" % b.n], keep, src
            b.hits, b.taken = 0, [0, 0]

    # -- launch ----------------------------------------------------------------------------------
    def launch(self, grid, block, args, dev, smem=0, order="lockstep", racecheck=True, initcheck=True,
               allow=(), strict=True, max_threads=16384, seed=0, max_steps=10 ** 7):
        """order: lockstep (all threads together), warps, warps-rev, threads, threads-rev, random.
        allow: subset of {"approx", "contractable", "ftz", "float-atomic", "nondeterministic"}; or names of whole
        operations ("rsqrt.approx.ftz.f32"). .approx is then computed in f64 and rounded, .ftz honoured by f32 add/sub/mul/fma/cvt only.
        racecheck, initcheck: see the module's text.  strict: refuse what CUDA leaves undefined."""
        for k, f, line, op in lint_code(self.code, self.name):      # called functions included
            if k not in allow and op not in allow:
                raise PtxError("line %d: %s is %s: its result is not fixed to the bit (allow=%r to run it)" % (line, op, k, k))
        g3 = tuple(np.atleast_1d(grid).tolist() + [1, 1])[:3]
        b3 = tuple(np.atleast_1d(block).tolist() + [1, 1])[:3]
        T = b3[0] * b3[1] * b3[2]
        if not 1 <= T <= 1024 or min(g3) < 1 or g3[1] > 65535 or g3[2] > 65535 or g3[0] > 2 ** 31 - 1 or b3[2] > 64:
            raise EmuError("invalid launch configuration %s %s" % (g3, b3))
        if len(args) != len(self.params):
            raise EmuError("kernel %s takes %d arguments, got %d" % (self.name, len(self.params), len(args)))
        pb = np.zeros(self.param_bytes + 8, u1)
        for (n, (o, sz)), a in zip(self.params.items(), args):
            raw = a if isinstance(a, (bytes, bytearray)) else (
                np.uint64(a).tobytes() if isinstance(a, int) and sz == 8 and a >= 0 else
                np.int64(a).tobytes()[:sz] if isinstance(a, int) else np.asarray(a).tobytes())
            if len(raw) != sz:
                raise EmuError("argument %s has %d bytes, got %d" % (n, sz, len(raw)))
            pb[o:o + sz] = np.frombuffer(raw, u1)
        st = Run(self, g3, b3, pb, dev, smem, order, racecheck, initcheck, strict, seed, max_steps)
        total = g3[0] * g3[1] * g3[2]
        per = max(1, max_threads // T)
        t0 = time.perf_counter()
        with np.errstate(all="ignore"):
            for c in range(0, total, per):
                st.batch(c, min(per, total - c))
        st.stats["seconds"] = time.perf_counter() - t0
        return st.stats

    def coverage(self):
        """(lines never executed, conditional branches seen going one way only)"""
        never = sorted({i.line for b in self.blocks if not b.hits for i in b.ins})
        oneway = [b.n for b in self.blocks if b.term[0] == "cbra" and b.hits and not all(b.taken)]
        return never, oneway


def pyname(r):
    return "r_" + re.sub(r"\W", lambda m: "_%x_" % ord(m.group()), r)


class Gen:
    """Writes the Python statements of one basic block."""

    def __init__(self, k, b):
        self.k, self.b, self.out, self.uses, self.defs = k, b, [], [], []

    def use(self, r):
        if r not in self.defs and r not in self.uses:
            self.uses.append(r)
        return pyname(r)

    def rtype(self, r):
        t = self.k.regs.get(r)
        if t is None:
            raise PtxError("unknown register " + r)
        return t

    def sreg(self, n):
        if n.split(".")[0] in SPECIAL or n in ("%laneid", "%warpid", "%nwarpid", "%dynamic_smem_size", "%total_smem_size") or n.startswith("%lanemask_"):
            return self.use(n)
        if n == "WARP_SZ":
            return "u4([32])"
        raise PtxError("special register " + n)

    def addr_of(self, n, off=0, generic=False):
        v = self.k.vars.get(n) or self.k.mod.globals.get(n)
        if v is None:
            raise PtxError("unknown symbol " + n)
        return "(S.sym(%r) + u8(%d))" % (n, off) if off else "S.sym(%r)" % n

    def val(self, o, t, cvt=False):
        """Expression for operand o read as type t (a NumPy array of DT[t], or of raw bits)."""
        d = DT[t]
        k = o[0]
        if k == "not":
            return "~" + self.val(o[1], "pred")
        if k == "imm":
            if t == "pred":
                return "np.array([%r])" % bool(o[1])
            if t in ("f32", "f64", "f16", "bf16"):
                raise PtxError("integer immediate for a float")
            w = 8 * SIZE[t]
            v = o[1] & ((1 << w) - 1)
            return "np.array([0x%x], %s).view(%s)" % (v, NAMES[UT[w // 8]], NAMES[d])
        if k == "f32":
            return "np.array([0x%x], u4).view(%s)" % (o[1], "f4") if t in ("f32", "b32") and d is f4 else (
                "np.array([0x%x], u4)" % o[1])
        if k == "f64":
            return "np.array([0x%x], u8).view(%s)" % (o[1], NAMES[d])
        if k == "sym" and o[1].startswith("%"):
            e, have = self.sreg(o[1]), 4
        elif k in ("sym", "symoff"):
            e, have = self.addr_of(o[1], o[2] if k == "symoff" else 0), 8
        elif k == "reg":
            rt = self.rtype(o[1])
            if t == "pred" or rt == "pred":
                if t != rt:
                    raise PtxError("predicate/data mix")
                return self.use(o[1])
            e, have = self.use(o[1]), SIZE[rt]
        else:
            raise PtxError("operand %r" % (o,))
        want = SIZE[t]
        if have > want:
            e = "%s.astype(%s)" % (e, NAMES[UT[want]])
        elif have < want:
            raise PtxError("operand %r too narrow for %s" % (o, t))
        return e if d is UT[want] else "%s.view(%s)" % (e, NAMES[d])

    def put(self, o, expr, t, guard):
        """Assign expression (array of DT[t] or its bits) to destination operand o."""
        if o[1] == "_":
            return
        r = o[1]
        rt = self.rtype(r)
        w = SIZE[rt]
        if rt != "pred":
            d = DT[t]
            if SIZE[t] < w:     # extend by the instruction's type
                expr = "(%s).astype(%s)" % (expr, NAMES[{1: i1, 2: i2, 4: i4, 8: i8}[w] if t[0] == "s" else UT[w]])
                if t[0] == "s":
                    expr += ".view(%s)" % NAMES[UT[w]]
            elif SIZE[t] > w:
                raise PtxError("destination %s too narrow" % r)
            elif d is not UT[w]:
                expr = "(%s).view(%s)" % (expr, NAMES[UT[w]])
        self.assign(r, expr, guard)

    def assign(self, r, expr, guard):
        if guard:
            g = self.gexpr(guard)
            expr = "np.where(%s, %s, %s)" % (g, expr, self.use(r))
        if r not in self.defs:
            self.defs.append(r)
        self.out.append("%s = %s" % (pyname(r), expr))

    def gexpr(self, g):
        return ("~" if g[1] else "") + self.use(g[0])

    # -----------------------------------------------------------------------------------------
    def ins(self, c):
        p = c.parts
        op, t, ops, g = p[0], p[-1], c.ops, c.guard
        if op in SKIP:
            return
        m = getattr(self, "op_" + op.replace("-", "_"), None)
        if m is None:
            raise PtxError("unsupported instruction %r" % c)
        if op in SYNC and ops and ops[-1][0] == "reg":
            self.use(ops[-1][1])            # the scheduler reads the member mask
        m(c, p, t, ops, g)

    # integer and float add/sub/mul/fma ---------------------------------------------------------
    def arith(self, c, p, t, ops, g, sym):
        a, b = ops[1], ops[2]
        mode = next((x for x in ("rn", "rz", "rm", "rp") if x in p), "rn")
        if t in ("f32", "f64"):
            x, y = self.val(a, t), self.val(b, t)
            if t == "f32":
                if "ftz" in p:
                    x, y = "ftz32(%s)" % x, "ftz32(%s)" % y
                if mode == "rn":
                    e = "%s %s %s" % (x, sym, y)
                else:
                    one = "np.ones(1, f4)"
                    e = {"*": "fma32(%s, %s, np.where(np.signbit(%s) ^ np.signbit(%s), f4(-0.0), f4(0)), %r)" % (x, y, x, y, mode),
                         "+": "fma32(%s, %s, %s, %r)" % (x, one, y, mode),
                         "-": "fma32(%s, %s, -(%s), %r)" % (x, one, y, mode)}[sym]
                if "ftz" in p:
                    e = "ftz32(%s)" % e
                if "sat" in p:
                    e = "np.fmax(np.fmin(%s, f4(1)), f4(0))" % e
                return self.put(ops[0], "c32(%s)" % e, "b32", g)
            if mode != "rn":
                raise PtxError("directed rounding in f64")
            return self.put(ops[0], "c64(%s %s %s)" % (x, sym, y), "b64", g)
        if t in ("f16", "bf16", "f16x2", "bf16x2"):
            return self.half(c, p, t, ops, g, "x %s y" % sym)
        if "sat" in p:
            e = "np.clip(%s.astype(i8) %s %s.astype(i8), -2**31, 2**31-1).astype(i4)" % (self.val(a, t), sym, self.val(b, t))
            return self.put(ops[0], e, t, g)
        if t in ("u16x2", "s16x2"):
            raise PtxError("packed 16-bit integers")
        return self.put(ops[0], "%s %s %s" % (self.val(a, ut(t)), sym, self.val(b, ut(t))), ut(t), g)

    def half(self, c, p, t, ops, g, e):
        """16-bit floats: exact in f64 (or rounded to odd), then one rounding."""
        bf = t.startswith("bf")
        n = 2 if t.endswith("x2") else 1
        srcs = [self.val(o, "b32" if n == 2 else "b16") for o in ops[1:]]
        names = "xyz"
        res = []
        for h in range(n):
            for nm, s in zip(names, srcs):
                part = "((%s >> u4(%d)) & u4(0xffff)).astype(u2)" % (s, 16 * h) if n == 2 else s
                self.out.append("%s = %s.astype(f8)" % (nm, "from_bf16(%s)" % part if bf else "(%s).view(f2)" % part))
            ee = "_odd(*_two_sum(*np.broadcast_arrays(x * y, z)))" if e == "fma" else e
            r = "(%s)" % ee
            if "sat" in p:
                r = "np.fmax(np.fmin(%s, 1.0), 0.0)" % r
            if "relu" in p:
                r = "np.where(%s < 0, 0.0, %s)" % (r, r)
            self.out.append("q%d = %s(%s)" % (h, "to_bf16" if bf else "to_f16", r))
            res.append("q%d" % h)
        if n == 2:
            self.put(ops[0], "q0.astype(u4) | (q1.astype(u4) << u4(16))", "b32", g)
        else:
            self.put(ops[0], "q0", "b16", g)

    def carry(self, c, p, t, ops, g, sub, use, ab=None):
        a, b = ab or (self.val(ops[1], ut(t)), self.val(ops[2], ut(t)))
        self.k.regs["%CC"] = "pred"
        ty = NAMES[DT[ut(t)]]
        cin = self.use("%CC") + ".astype(%s)" % ty if use else "%s(0)" % ty
        self.out.append("ca, cb = np.broadcast_arrays(%s, %s)" % (a, b))
        if sub:
            self.out.append("cr = ca - cb - %s; cf = (ca < cb) | ((ca == cb) & (%s != 0))" % (cin, cin))
        else:
            self.out.append("cr = ca + cb + %s; cf = (cr < ca) | ((cr == ca) & (%s != 0))" % (cin, cin))
        if "cc" in p:
            self.assign("%CC", "cf", g)
        self.put(ops[0], "cr", ut(t), g)

    def op_add(self, c, p, t, ops, g):
        self.carry(c, p, t, ops, g, False, False) if "cc" in p else self.arith(c, p, t, ops, g, "+")

    def op_sub(self, c, p, t, ops, g):
        self.carry(c, p, t, ops, g, True, False) if "cc" in p else self.arith(c, p, t, ops, g, "-")

    def op_addc(self, c, p, t, ops, g):
        self.carry(c, p, t, ops, g, False, True)

    def op_subc(self, c, p, t, ops, g):
        self.carry(c, p, t, ops, g, True, True)

    def imul(self, p, t, ops):
        if "wide" in p:
            w = {"u16": "u32", "s16": "s32", "u32": "u64", "s32": "s64"}[t]
            d = NAMES[DT[w]]
            return "%s.astype(%s) * %s.astype(%s)" % (self.val(ops[1], t), d, self.val(ops[2], t), d), w
        if "hi" in p:
            return "mulhi(%s, %s, %r)" % (self.val(ops[1], t), self.val(ops[2], t), t), t
        return "%s * %s" % (self.val(ops[1], ut(t)), self.val(ops[2], ut(t))), ut(t)

    def op_mul(self, c, p, t, ops, g):
        if "f" in t:
            return self.arith(c, p, t, ops, g, "*")
        e, w = self.imul(p, t, ops)
        self.put(ops[0], e, w, g)

    def op_mad(self, c, p, t, ops, g):
        if "f" in t:
            return self.op_fma(c, p, t, ops, g)
        if "sat" in p:
            raise PtxError("mad with saturation")
        e, w = self.imul(p, t, ops)
        if "cc" in p or p[0] == "madc":
            return self.carry(c, p, t, ops, g, False, p[0] == "madc", ("(%s).view(%s)" % (e, NAMES[DT[ut(t)]]), self.val(ops[3], ut(t))))
        self.put(ops[0], "(%s) + %s" % (e, self.val(ops[3], w)), w, g)

    op_madc = op_mad

    def op_fma(self, c, p, t, ops, g):
        if t == "f32":
            mode = next((x for x in ("rn", "rz", "rm", "rp") if x in p), "rn")
            a = [self.val(o, t) for o in ops[1:4]]
            if "ftz" in p:
                a = ["ftz32(%s)" % x for x in a]
            e = "fma32(%s, %r)" % (", ".join(a), mode)
            if "ftz" in p:
                e = "ftz32(%s)" % e
            if "sat" in p:
                e = "np.fmax(np.fmin(%s, f4(1)), f4(0))" % e
            return self.put(ops[0], "c32(%s)" % e, "b32", g)
        if t == "f64":
            if "rn" not in p:
                raise PtxError("directed rounding in f64")
            return self.put(ops[0], "c64(fma64(%s))" % ", ".join(self.val(o, t) for o in ops[1:4]), "b64", g)
        self.half(c, p, t, ops, g, "fma")

    def op_mul24(self, c, p, t, ops, g):
        if "hi" in p:
            raise PtxError("mul24.hi")
        m = "u4(0xffffff)"
        e = "(%s & %s) * (%s & %s)" % (self.val(ops[1], "u32"), m, self.val(ops[2], "u32"), m)
        if t == "s32":
            e = "((%s << i4(8)) >> i4(8)) * ((%s << i4(8)) >> i4(8))" % (self.val(ops[1], t), self.val(ops[2], t))
        self.put(ops[0], e, t, g)

    def op_sad(self, c, p, t, ops, g):
        a, b = self.val(ops[1], t), self.val(ops[2], t)
        self.put(ops[0], "(np.maximum(%s, %s) - np.minimum(%s, %s)) + %s" % (a, b, a, b, self.val(ops[3], t)), t, g)

    def op_div(self, c, p, t, ops, g):
        a, b = self.val(ops[1], t), self.val(ops[2], t)
        if t in ("f32", "f64"):
            if not {"rn", "approx", "full"} & set(p):
                raise PtxError("directed rounding of div")
            return self.put(ops[0], "%s(%s / %s)" % ("c32" if t == "f32" else "c64", a, b), "b" + t[1:], g)
        self.put(ops[0], "idiv(*np.broadcast_arrays(%s, %s), False)" % (a, b), t, g)

    def op_rem(self, c, p, t, ops, g):
        self.put(ops[0], "idiv(*np.broadcast_arrays(%s, %s), True)" % (self.val(ops[1], t), self.val(ops[2], t)), t, g)

    def unary_f(self, c, p, t, ops, g, e):
        if not {"rn", "approx"} & set(p):
            raise PtxError("directed rounding")
        ty = "f4" if t == "f32" else "f8"
        self.put(ops[0], "%s(%s)" % ("c32" if t == "f32" else "c64", e % ((ty, self.val(ops[1], t)) if e.count("%s") == 2 else self.val(ops[1], t))), "b" + t[1:], g)

    def op_rcp(self, c, p, t, ops, g):
        self.unary_f(c, p, t, ops, g, "%s(1) / %s")

    def op_sqrt(self, c, p, t, ops, g):
        self.unary_f(c, p, t, ops, g, "np.sqrt(%s)")

    def op_rsqrt(self, c, p, t, ops, g):
        if t == "f64":  # the low half of the result is zero
            e = "c64(1.0 / np.sqrt(%s)) & u8(0xffffffff00000000)" % self.val(ops[1], t)
            return self.put(ops[0], e, "b64", g)
        self.put(ops[0], "c32((1.0 / np.sqrt(%s.astype(f8))).astype(f4))" % self.val(ops[1], t), "b32", g)

    def approx(self, e):
        def f(c, p, t, ops, g):
            self.put(ops[0], "c32(%s(%s.astype(f8)).astype(f4))" % (e, self.val(ops[1], "f32")), "b32", g)
        return f

    def op_ex2(self, *a):
        self.approx("np.exp2")(*a)

    def op_lg2(self, *a):
        self.approx("np.log2")(*a)

    def op_sin(self, *a):
        self.approx("np.sin")(*a)

    def op_cos(self, *a):
        self.approx("np.cos")(*a)

    def op_tanh(self, *a):
        self.approx("np.tanh")(*a)

    def op_neg(self, c, p, t, ops, g):
        m = {"f32": ("b32", 1 << 31), "f64": ("b64", 1 << 63), "f16": ("b16", 1 << 15), "bf16": ("b16", 1 << 15),
             "f16x2": ("b32", 0x80008000), "bf16x2": ("b32", 0x80008000)}.get(t)
        if m:
            return self.put(ops[0], "%s ^ %s(0x%x)" % (self.val(ops[1], m[0]), NAMES[DT[m[0]]], m[1]), m[0], g)
        self.put(ops[0], "-%s" % self.val(ops[1], t), t, g)

    def op_abs(self, c, p, t, ops, g):
        m = {"f32": ("b32", (1 << 31) - 1), "f64": ("b64", (1 << 63) - 1), "f16": ("b16", 0x7FFF), "bf16": ("b16", 0x7FFF),
             "f16x2": ("b32", 0x7FFF7FFF), "bf16x2": ("b32", 0x7FFF7FFF)}.get(t)
        if m:
            return self.put(ops[0], "%s & %s(0x%x)" % (self.val(ops[1], m[0]), NAMES[DT[m[0]]], m[1]), m[0], g)
        self.put(ops[0], "np.abs(%s)" % self.val(ops[1], t), t, g)

    def minmax(self, c, p, t, ops, g, mx):
        if t in ("f32", "f64"):
            if "xorsign" in p or len(ops) > 3:
                raise PtxError("min/max variant")
            e = "f_min(*np.broadcast_arrays(%s, %s), %r, %r)" % (self.val(ops[1], t), self.val(ops[2], t), mx, "NaN" in p)
            return self.put(ops[0], "%s(%s)" % ("c32" if t == "f32" else "c64", e), "b" + t[1:], g)
        if "f16" in t:
            return self.half(c, p, t, ops, g, "f_min(*np.broadcast_arrays(x, y), %r, %r)" % (mx, "NaN" in p))
        if t.endswith("x2"):
            raise PtxError("packed 16-bit integers")
        self.put(ops[0], "np.%s(%s, %s)" % ("maximum" if mx else "minimum", self.val(ops[1], t), self.val(ops[2], t)), t, g)

    def op_min(self, c, p, t, ops, g):
        self.minmax(c, p, t, ops, g, False)

    def op_max(self, c, p, t, ops, g):
        self.minmax(c, p, t, ops, g, True)

    def op_copysign(self, c, p, t, ops, g):     # d = sign of a, magnitude of b
        w, s = ("b32", 31) if t == "f32" else ("b64", 63)
        ty = NAMES[DT[w]]
        self.put(ops[0], "(%s & %s(1 << %d)) | (%s & %s((1 << %d) - 1))" % (self.val(ops[1], w), ty, s, self.val(ops[2], w), ty, s), w, g)

    def op_testp(self, c, p, t, ops, g):
        x = self.val(ops[1], t)
        tiny = "2.0**-126" if t == "f32" else "2.0**-1022"
        e = {"finite": "np.isfinite(%s)", "infinite": "np.isinf(%s)", "number": "~np.isnan(%s)", "notanumber": "np.isnan(%s)",
             "subnormal": "(lambda v: (np.abs(v) < " + tiny + ") & (v != 0))(%s)",
             "normal": "(lambda v: (np.abs(v) >= " + tiny + ") & np.isfinite(v))(%s)"}[p[1]]
        self.put(ops[0], e % x, "pred", g)

    # bits -------------------------------------------------------------------------------------
    def logic(self, c, p, t, ops, g, s):
        self.put(ops[0], "%s %s %s" % (self.val(ops[1], t), s, self.val(ops[2], t)), t, g)

    def op_and(self, *a):
        self.logic(*a, "&")

    def op_or(self, *a):
        self.logic(*a, "|")

    def op_xor(self, *a):
        self.logic(*a, "^")

    def op_not(self, c, p, t, ops, g):
        self.put(ops[0], "~" + self.val(ops[1], t), t, g)

    def op_cnot(self, c, p, t, ops, g):
        self.put(ops[0], "(%s == 0).astype(%s)" % (self.val(ops[1], t), NAMES[DT[t]]), t, g)

    def op_shl(self, c, p, t, ops, g):
        w = 8 * SIZE[t]
        if ops[2][0] == "imm" and 0 <= ops[2][1] < w:
            return self.put(ops[0], "%s << %s(%d)" % (self.val(ops[1], t), NAMES[DT[t]], ops[2][1]), t, g)
        self.put(ops[0], "shl(%s, %s)" % (self.val(ops[1], t), self.val(ops[2], "u32")), t, g)

    def op_shr(self, c, p, t, ops, g):
        w = 8 * SIZE[t]
        if ops[2][0] == "imm" and 0 <= ops[2][1] < w:
            return self.put(ops[0], "%s >> %s(%d)" % (self.val(ops[1], t), NAMES[DT[t]], ops[2][1]), t, g)
        self.put(ops[0], "shr(%s, %s)" % (self.val(ops[1], t), self.val(ops[2], "u32")), t, g)

    def op_shf(self, c, p, t, ops, g):
        self.put(ops[0], "shf(%s, %s, %s, %r, %r)" % (self.val(ops[1], t), self.val(ops[2], t), self.val(ops[3], "u32"), p[1] == "l", "clamp" in p), t, g)

    def op_prmt(self, c, p, t, ops, g):
        mode = next((x for x in p[1:] if x not in ("b32",)), "")
        self.put(ops[0], "prmt(%s, %s, %s, %r)" % (self.val(ops[1], "b32"), self.val(ops[2], "b32"), self.val(ops[3], "b32"), mode), "b32", g)

    def op_lop3(self, c, p, t, ops, g):
        if ops[0][0] == "pair":
            raise PtxError("lop3 with predicate")
        self.put(ops[0], "lop3(%s, %s, %s, %d)" % (self.val(ops[1], t), self.val(ops[2], t), self.val(ops[3], t), ops[4][1]), t, g)

    def op_bfe(self, c, p, t, ops, g):
        self.put(ops[0], "bfe(*np.broadcast_arrays(%s, %s, %s), %r)" % (self.val(ops[1], t), self.val(ops[2], "u32"), self.val(ops[3], "u32"), t[0] == "s"), ut(t), g)

    def op_bfi(self, c, p, t, ops, g):
        self.put(ops[0], "bfi(*np.broadcast_arrays(%s, %s, %s, %s))" % (self.val(ops[1], t), self.val(ops[2], t), self.val(ops[3], "u32"), self.val(ops[4], "u32")), t, g)

    def op_popc(self, c, p, t, ops, g):
        self.put(ops[0], "np.bitwise_count(%s).astype(u4)" % self.val(ops[1], t), "u32", g)

    def op_clz(self, c, p, t, ops, g):
        self.put(ops[0], "clz(%s)" % self.val(ops[1], t), "u32", g)

    def op_bfind(self, c, p, t, ops, g):
        x = self.val(ops[1], t)
        w = 8 * SIZE[t]
        if t[0] == "s":
            x = "np.where(%s < 0, ~%s, %s).view(%s)" % (x, x, x, NAMES[UT[w // 8]])
        if "shiftamt" in p:
            e = "(lambda z: np.where(z == u4(%d), u4(0xffffffff), z))(clz(%s))" % (w, x)
        else:
            e = "(lambda z: np.where(z == u4(%d), u4(0xffffffff), u4(%d) - z))(clz(%s))" % (w, w - 1, x)
        self.put(ops[0], e, "u32", g)

    def op_brev(self, c, p, t, ops, g):
        self.put(ops[0], "brev(%s)" % self.val(ops[1], t), t, g)

    # compare and select -------------------------------------------------------------------------
    def compare(self, cmp, t, a, b):
        if t in ("f16", "bf16"):
            x, y = (("%s(%s)" % ("from_bf16", self.val(o, "b16"))) if t == "bf16" else self.val(o, "b16") + ".view(f2)" for o in (a, b))
        else:
            x, y = self.val(a, t), self.val(b, t)
        fl = "f" in t
        if cmp == "num":
            return "~(np.isnan(%s) | np.isnan(%s))" % (x, y)
        if cmp == "nan":
            return "np.isnan(%s) | np.isnan(%s)" % (x, y)
        if fl and cmp == "ne":
            return "(%s < %s) | (%s > %s)" % (x, y, x, y)        # ordered: false for NaN
        if fl and cmp[-1] == "u" and cmp != "u":
            inv = {"equ": "((%s < %s) | (%s > %s))", "neu": "(%s == %s)", "ltu": "(%s >= %s)", "leu": "(%s > %s)",
                   "gtu": "(%s <= %s)", "geu": "(%s < %s)"}[cmp]
            return "~" + inv % ((x, y) * (inv.count("%s") // 2))
        return "%s %s %s" % (x, CMP[cmp], y)

    def op_setp(self, c, p, t, ops, g):
        e = self.compare(p[1], t, ops[1], ops[2])
        q = "~(%s)" % e
        if len(ops) > 3:
            bo = {"and": "&", "or": "|", "xor": "^"}[next(x for x in p if x in ("and", "or", "xor"))]
            d = self.val(ops[3], "pred")
            e, q = "(%s) %s (%s)" % (e, bo, d), "(%s) %s (%s)" % (q, bo, d)
        if ops[0][0] == "pair":
            self.out.append("tq = %s" % q)
            self.put(ops[0][1], e, "pred", g)
            self.put(ops[0][2], "tq", "pred", g)
        else:
            self.put(ops[0], e, "pred", g)

    def op_set(self, c, p, t, ops, g):
        bo = [x for x in p[2:-2] if x in ("and", "or", "xor")]
        e = self.compare(p[1], t, ops[1], ops[2])
        if bo:
            e = "(%s) %s (%s)" % (e, {"and": "&", "or": "|", "xor": "^"}[bo[0]], self.val(ops[3], "pred"))
        dt = p[-2]
        if dt == "f32":
            return self.put(ops[0], "(%s).astype(f4)" % e, "f32", g)
        self.put(ops[0], "np.where(%s, u4(0xffffffff), u4(0))" % e, "u32", g)

    def op_selp(self, c, p, t, ops, g):
        b = bits(t)
        self.put(ops[0], "np.where(%s, %s, %s)" % (self.val(ops[3], "pred"), self.val(ops[1], b), self.val(ops[2], b)), b, g)

    def op_slct(self, c, p, t, ops, g):
        b = bits(p[-2])
        self.put(ops[0], "np.where(%s >= 0, %s, %s)" % (self.val(ops[3], t), self.val(ops[1], b), self.val(ops[2], b)), b, g)

    # conversions --------------------------------------------------------------------------------
    def op_cvt(self, c, p, t, ops, g):
        mods = set(p[1:-2])
        dst, src = p[-2], t
        rnd = next((x for x in ("rn", "rz", "rm", "rp", "rna") if x in mods), None)
        irnd = next((x for x in ("rni", "rzi", "rmi", "rpi") if x in mods), None)
        if mods - {"rn", "rz", "rm", "rp", "rna", "rni", "rzi", "rmi", "rpi", "sat", "ftz", "relu"}:
            raise PtxError("cvt variant")
        fl = ("f16", "bf16", "f32", "f64")
        if dst in ("f16x2", "bf16x2"):
            if src != "f32":
                raise PtxError("cvt variant")
            conv = "to_bf16" if dst[0] == "b" else "to_f16"
            hi, lo = self.val(ops[1], "f32"), self.val(ops[2], "f32")
            if "relu" in mods:
                hi, lo = "np.where(%s < 0, f4(0), %s)" % (hi, hi), "np.where(%s < 0, f4(0), %s)" % (lo, lo)
            return self.put(ops[0], "(%s(%s, %r).astype(u4) << u4(16)) | %s(%s, %r)" % (conv, hi, rnd, conv, lo, rnd), "b32", g)
        if src in fl:
            x = {"f16": lambda: self.val(ops[1], "b16") + ".view(f2).astype(f4)", "bf16": lambda: "from_bf16(%s)" % self.val(ops[1], "b16"),
                 "f32": lambda: self.val(ops[1], "f32"), "f64": lambda: self.val(ops[1], "f64")}[src]()
            if "ftz" in mods and src == "f32":
                x = "ftz32(%s)" % x
            if dst not in fl:
                return self.put(ops[0], "float_to_int(%s, %r, %r, %r)" % (x, dst, irnd, src), dst, g)
            if "sat" in mods:
                x = "np.fmax(np.fmin(%s, f4(1)), f4(0))" % x
            if "relu" in mods:
                x = "(lambda v: np.where(v < 0, v.dtype.type(0), v))(%s)" % x
            if irnd:
                x = "%s(%s)" % ({"rni": "np.rint", "rzi": "np.trunc", "rmi": "np.floor", "rpi": "np.ceil"}[irnd], x)
            if dst == "f64":
                return self.put(ops[0], "c64((%s).astype(f8))" % x, "b64", g)
            if dst == "f32":
                e = "f64_to_f32(%s, %r)" % (x, rnd) if src == "f64" else x
                if "ftz" in mods:
                    e = "ftz32(%s)" % e
                return self.put(ops[0], "c32(%s)" % e, "b32", g)
            return self.put(ops[0], "%s(%s, %r)" % ("to_bf16" if dst == "bf16" else "to_f16", x, rnd), "b16", g)
        x = self.val(ops[1], src)
        if dst in fl:
            if rnd == "rn" and dst == "f32":
                return self.put(ops[0], "%s.astype(f4)" % x, "f32", g)
            if rnd == "rn" and dst == "f64":
                return self.put(ops[0], "%s.astype(f8)" % x, "f64", g)
            if dst == "f64" and SIZE[src] == 8:
                raise PtxError("directed rounding to f64")
            o = "int_to_odd_f64(%s)" % x
            e = {"f32": "f64_to_f32(%s, %r)", "f16": "to_f16(%s, %r)", "bf16": "to_bf16(%s, %r)", "f64": "(%s, %r)[0]"}[dst] % (o, rnd)
            return self.put(ops[0], e, {"f16": "b16", "bf16": "b16"}.get(dst, dst), g)
        if "sat" in mods:
            i = np.iinfo(DT[dst])
            lo, hi = max(i.min, np.iinfo(DT[src]).min), min(i.max, np.iinfo(DT[src]).max)
            x = "np.clip(%s, %d, %d)" % (x, lo, hi)
        self.put(ops[0], "%s.astype(%s)" % (x, NAMES[DT[dst]]), dst, g)

    # moves ------------------------------------------------------------------------------------
    def op_mov(self, c, p, t, ops, g):
        t = bits(t)
        d, s = ops[0], ops[1]
        if d[0] == "vec":
            x = self.val(s, t)
            k = SIZE[t] // len(d[1])
            self.out.append("tv = %s" % x)
            for j, o in enumerate(d[1]):
                if o[1] != "_":
                    self.put(o, "(tv >> %s(%d)).astype(%s)" % (NAMES[DT[t]], 8 * k * j, NAMES[UT[k]]), "b%d" % (8 * k), g)
            return
        if s[0] == "vec":
            k = SIZE[t] // len(s[1])
            ty = NAMES[DT[t]]
            e = " | ".join("(%s.astype(%s) << %s(%d))" % (self.val(o, "b%d" % (8 * k)), ty, ty, 8 * k * j) for j, o in enumerate(s[1]))
            return self.put(d, e, t, g)
        self.put(d, self.val(s, t), t, g)

    def op_cvta(self, c, p, t, ops, g):
        sp = next(x for x in p if x in ("global", "shared", "local", "const", "param") or x.startswith("shared"))
        base = {"global": 0, "const": 0, "local": LBASE, "param": 0}.get(sp, SBASE)
        e = self.val(ops[1], t)
        if ops[1][0] in ("sym", "symoff") and not ops[1][1].startswith("%"):
            e = self.val(ops[1], "b64")
        self.put(ops[0], "%s %s u8(%d)" % (e, "-" if "to" in p else "+", base), t, g)

    def op_isspacep(self, c, p, t, ops, g):
        e = self.val(ops[1], "b64")
        self.put(ops[0], {"global": "%s >= u8(%d)" % (e, GBASE), "local": "(%s >= u8(%d)) & (%s < u8(%d))" % (e, LBASE, e, SBASE)}.get(
            p[1], "(%s >= u8(%d)) & (%s < u8(%d))" % (e, SBASE, e, GBASE)), "pred", g)

    # memory -----------------------------------------------------------------------------------
    def space(self, p):
        for x in p[1:]:
            y = x.split("::")[0]
            if y in ("global", "shared", "local", "const", "param"):
                return y
        return "generic"

    def memaddr(self, o):
        b, off = o[1], o[2]
        if b[0] == "sym" and not b[1].startswith("%"):
            return "%s + u8(%d)" % (self.addr_of(b[1]), off & (2 ** 64 - 1))
        if b[0] == "imm":
            return "np.array([%d], u8)" % off
        w = SIZE[self.rtype(b[1])]
        e = self.use(b[1])
        if off:
            e = "%s + %s(0x%x)" % (e, NAMES[UT[w]], off & (2 ** (8 * w) - 1))
        return e if w == 8 else "(%s).astype(u8)" % e

    def op_ld(self, c, p, t, ops, g):
        sp = self.space(p)
        dsts = ops[0][1] if ops[0][0] == "vec" else [ops[0]]
        bt = t if t[0] in "us" else bits(t)
        k = SIZE[t]
        if sp == "param":
            n, off = ops[1][1][1], ops[1][2]
            if n in self.k.params:
                for j, d in enumerate(dsts):
                    self.put(d, "S.param(%d, %d).view(%s)" % (self.k.params[n][0] + off + j * k, k, NAMES[DT[bt]]), bt, g)
            else:
                for j, d in enumerate(dsts):
                    r = "%s+%d" % (n, off + j * k)
                    self.k.regs.setdefault(r, "b%d" % (8 * max(k, 2)))
                    self.put(d, self.val(("reg", r), bt), bt, g)
            return
        self.ldl = [self.use("%%thr")]
        e = "S.load(%r, %s, %d, %d, %d, %s, %s)" % (sp, self.memaddr(ops[1]), k, len(dsts), c.line, self.use("%%thr"), self.gexpr(g) if g else "None")
        self.out.append("tl = " + e)
        for j, d in enumerate(dsts):
            x = "tl[%d]" % j
            if DT[bt] is not UT[k]:
                x += ".view(%s)" % NAMES[DT[bt]]
            self.put(d, x, bt, g)

    op_ldu = op_ld

    def op_st(self, c, p, t, ops, g):
        sp = self.space(p)
        srcs = ops[1][1] if ops[1][0] == "vec" else [ops[1]]
        k = SIZE[t]
        bt = "b%d" % (8 * k)
        if sp == "param":
            n, off = ops[0][1][1], ops[0][2]
            for j, s in enumerate(srcs):
                r = "%s+%d" % (n, off + j * k)
                self.k.regs[r] = "b%d" % (8 * max(k, 2))
                self.put(("reg", r), self.val(s, bt), bt, g)
            return
        self.out.append("S.store(%r, %s, %d, [%s], %d, %s, %s)" % (
            sp, self.memaddr(ops[0]), k, ", ".join(self.val(s, bt) for s in srcs), c.line, self.use("%%thr"), self.gexpr(g) if g else "None"))

    def op_atom(self, c, p, t, ops, g):
        red = p[0] == "red"
        a, rest = (ops[0], ops[1:]) if red else (ops[1], ops[2:])
        kind = next(x for x in p[1:] if x in ("add", "and", "or", "xor", "exch", "cas", "min", "max", "inc", "dec"))
        if t in ("f16x2", "bf16x2", "f16", "bf16", "b128"):
            raise PtxError("16-bit float atomics")
        e = "S.atomic(%r, %r, %r, %s, [%s], %d, %s, %s)" % (
            self.space(p), kind, t, self.memaddr(a), ", ".join(self.val(x, t) for x in rest), c.line, self.use("%%thr"), self.gexpr(g) if g else "None")
        if red or ops[0][1] == "_":
            self.out.append(e)
        else:
            self.put(ops[0], e, t, g)

    op_red = op_atom

    # synchronising and collective --------------------------------------------------------------
    def op_shfl(self, c, p, t, ops, g):
        d, q = (ops[0][1], ops[0][2]) if ops[0][0] == "pair" else (ops[0], ("reg", "_"))
        self.out.append("tr, tp = S.shfl(%r, %s, %s, %s, %d, %s)" % (
            p[2], self.val(ops[1], "b32"), self.val(ops[2], "u32"), self.val(ops[3], "u32"), c.line, self.use("%%thr")))
        self.put(d, "tr", "b32", g)
        self.put(q, "tp", "pred", g)

    def op_vote(self, c, p, t, ops, g):
        self.put(ops[0], "S.vote(%r, %s, %s)" % (p[2], self.val(ops[1], "pred"), self.use("%%thr")), t, g)

    def op_match(self, c, p, t, ops, g):
        if p[1] != "any":
            raise PtxError("match.all")
        self.put(ops[0], "S.match(%s, %s)" % (self.val(ops[1], t), self.use("%%thr")), "b32", g)

    def op_redux(self, c, p, t, ops, g):
        self.put(ops[0], "S.redux(%r, %s, %s)" % (p[2], self.val(ops[1], t), self.use("%%thr")), t, g)

    def op_activemask(self, c, p, t, ops, g):
        raise PtxError("activemask is not reproducible")

    def op_bar(self, c, p, t, ops, g):
        if "red" in p:
            self.put(ops[0], "S.barred(%r, %s, %s)" % (p[2] if p[2] in ("popc", "and", "or") else p[3], self.val(ops[-1], "pred"), self.use("%%thr")), t, g)
        elif p[1] not in ("sync", "warp", "cta"):
            raise PtxError("barrier variant")

    op_barrier = op_bar

    def op_trap(self, c, p, t, ops, g):
        what = ops[0][1] if ops else "trap"
        cond = "(%s).any()" % self.gexpr(g) if g else "True"
        self.out.append("if %s: raise EmuError('line %d: ' + %r)" % (cond, c.line, what))

    def op_brkpt(self, c, p, t, ops, g):
        pass


def ut(t):
    """Unsigned type for wrap-around arithmetic."""
    return "u" + t[1:] if t[0] == "s" else t


def bits(t):
    return t if t == "pred" else "b%d" % (8 * SIZE[t])


# ---------------------------------------------------------------------------------------------
# execution
# ---------------------------------------------------------------------------------------------
class Run:
    """One launch: scheduler, memory accesses, checks."""

    def __init__(self, k, g3, b3, params, dev, smem, order, race, initc, strict, seed, max_steps):
        self.k, self.g3, self.b3, self.params, self.dev = k, g3, b3, params, dev
        self.T = b3[0] * b3[1] * b3[2]
        self.W = -(-self.T // 32)
        self.order, self.race, self.initc, self.strict = order, race, initc, strict
        self.rng = np.random.default_rng(seed)
        self.max_steps = max_steps
        self.ssize = -(-(SOFF + -(-k.shared // 16) * 16 + smem) // 16) * 16
        self.dyn = SOFF + -(-k.shared // 16) * 16
        self.slimit = self.dyn + smem
        self.smem = smem
        self.stats = {"thread_instructions": 0, "blocks_run": 0, "barriers": 0}
        self.syms = {}
        self.gran = {"shared": 4, "global": 4}
        for b in k.blocks:
            for c in b.ins:
                if c.parts[0] in ("ld", "st", "atom", "red") and c.parts[-1] in SIZE:
                    for sp in ("shared", "global"):
                        if any(x.split("::")[0] == sp for x in c.parts) or not any(x.split("::")[0] in ("shared", "global", "param", "local") for x in c.parts):
                            self.gran[sp] = min(self.gran[sp], SIZE[c.parts[-1]])
        for v in k.mod.globals:
            if k.mod.globals[v][0] == "global":
                self.sym(v)
        self.reads = {}       # by buffer: how much is kept, and the reads put off; None where somebody has written
        self.gshadow = Shadow(dev.top // self.gran["global"], "global") if race else None

    def sym(self, n):
        """Address of a variable in its own state space."""
        if n not in self.syms:
            sp, o = self.k.vars.get(n) or self.k.mod.globals[n]
            if sp == "shared":
                a = self.dyn if o is None else SOFF + o
            elif sp == "local":
                a = o
            else:
                key = (id(self.k.mod), n)
                tab = self.dev.__dict__.setdefault("modvars", {})
                if key not in tab:
                    tab[key] = self.dev.put(o)
                a = tab[key]
            self.syms[n] = np.array([a], u8)
        return self.syms[n]

    def param(self, off, k):
        return self.params[off:off + k].view(UT[k])

    # -- one batch of CTAs ---------------------------------------------------------------------
    def batch(self, first, nb):
        k, T = self.k, self.T
        N = self.N = nb * T
        self.nb, self.first = nb, first
        thr = np.arange(N)
        lin = (thr % T).astype(i8)
        cta = first + thr // T
        g3, b3 = self.g3, self.b3
        R = self.R = {}

        def one(v):
            return np.array([v], u4)
        R["%tid.x"], R["%tid.y"], R["%tid.z"] = (lin % b3[0]).astype(u4), (lin // b3[0] % b3[1]).astype(u4), (lin // (b3[0] * b3[1])).astype(u4)
        if b3[1] * b3[2] == 1:
            R["%tid.y"] = R["%tid.z"] = one(0)
        R["%ctaid.x"], R["%ctaid.y"], R["%ctaid.z"] = (cta % g3[0]).astype(u4), (cta // g3[0] % g3[1]).astype(u4), (cta // (g3[0] * g3[1])).astype(u4)
        if nb == 1:
            for d in "xyz":
                R["%ctaid." + d] = R["%ctaid." + d][:1]
        for d, gv, bv in zip("xyz", g3, b3):
            R["%nctaid." + d], R["%ntid." + d] = one(gv), one(bv)
        lane = (lin % 32).astype(u4)
        R["%laneid"], R["%warpid"], R["%nwarpid"] = lane, (lin // 32).astype(u4), one(self.W)
        R["%dynamic_smem_size"], R["%total_smem_size"] = one(self.smem), one(self.slimit - SOFF)
        l64 = lane.astype(u8)
        R["%lanemask_eq"] = (u8(1) << l64).astype(u4)
        R["%lanemask_lt"] = ((u8(1) << l64) - u8(1)).astype(u4)
        R["%lanemask_le"] = ((u8(2) << l64) - u8(1)).astype(u4)
        R["%lanemask_gt"] = ~R["%lanemask_le"]
        R["%lanemask_ge"] = ~R["%lanemask_lt"]
        R["%%thr"] = thr
        self.thr, self.lin, self.cta_local = thr, lin, thr // T
        self.warp = self.cta_local * self.W + lin // 32
        self.gtid = cta * T + lin
        self.ep = np.zeros(nb, i4)
        self.we = np.zeros(nb * self.W, i4)
        self.sh = np.full(nb * self.ssize, 0xCB, u1)
        self.shv = {s: self.sh.view(t) for s, t in UT.items()}
        self.shinit = np.zeros(nb * self.ssize, u1)
        self.lsize = -(-max(k.local, 16) // 16) * 16
        self.lo = np.zeros(N * self.lsize, u1)
        self.lov = {s: self.lo.view(t) for s, t in UT.items()}
        self.loinit = np.zeros(N * self.lsize, u1)
        self.shshadow = Shadow(nb * self.ssize // self.gran["shared"], "shared") if self.race and self.slimit > SOFF else None
        self.owned = set()
        self.alive = np.ones(N, np.bool_)
        self.schedule()

    # -- scheduler -----------------------------------------------------------------------------
    def units(self):
        """Partition of the threads that are stepped together."""
        o = self.order
        if o == "lockstep":
            return [np.ones(self.N, np.bool_)]
        if o in ("warps", "warps-rev", "random"):
            u = [self.lin // 32 == w for w in range(self.W)]
        elif o in ("threads", "threads-rev"):
            u = [self.lin == w for w in range(self.T)]
        else:
            raise EmuError("unknown order " + o)
        return u[::-1] if o.endswith("-rev") else u

    def schedule(self):
        unit_masks = self.units()
        groups = [{0: m.copy()} for m in unit_masks]
        waiting = {}
        steps, cur = 0, 0
        U = len(groups)
        EXIT = self.k.EXIT

        def insert(b, m):
            if b == EXIT:
                self.alive &= ~m
                return
            if U == 1:
                g = groups[0].get(b)
                groups[0][b] = m if g is None else g | m
                return
            for u in range(U):
                x = m & unit_masks[u]
                if x.any():
                    g = groups[u].get(b)
                    groups[u][b] = x if g is None else g | x

        while True:
            steps += 1
            if steps > self.max_steps:
                raise EmuError("step limit: livelock? blocks " + str([sorted(g) for g in groups][:4]))
            if self.order == "random":
                run = [u for u in range(U) if groups[u]]
                u = run[self.rng.integers(len(run))] if run else None
            else:
                u = next((x for x in list(range(cur, U)) + list(range(cur)) if groups[x]), None)
            if u is None:
                if not waiting:
                    if self.alive.any():
                        raise EmuError("internal: threads lost")
                    return
                self.deadlock(waiting)
            cur = u
            g = groups[u]
            b = min(g) if self.order != "random" else sorted(g)[self.rng.integers(len(g))]
            m = g.pop(b)
            blk = self.k.blocks[b]
            if blk.sync is not None:
                w = waiting.pop(b, None)
                m = m if w is None else m | w
                go = self.rendezvous(blk, m)
                rest = m & ~go
                if rest.any():
                    waiting[b] = rest
                if not go.any():
                    continue
                m = go
            for nb, nm in self.exec_block(blk, m):
                insert(nb, nm)

    def deadlock(self, waiting):
        msg = []
        for b, m in waiting.items():
            msg.append("%d threads at %r" % (m.sum(), self.k.blocks[b].sync))
        raise EmuError("deadlock / barrier divergence: " + "; ".join(msg) + "; %d threads have exited" % (~self.alive).sum())

    def rendezvous(self, blk, m):
        """Which of the threads in m may pass this synchronising instruction now."""
        c, T, nb = blk.sync, self.T, self.nb
        if c.guard:
            raise PtxError("predicated %r" % c)
        cnt = int(m.sum())
        if c.parts[0] in ("bar", "barrier") and c.parts[1] != "warp":
            if "red" not in c.parts and len(c.ops) > 1 or "red" in c.parts and len(c.ops) > 3:
                raise PtxError("barrier with a thread count %r" % c)
            if cnt == self.N:
                go = m
            else:
                per = m.reshape(nb, T).sum(1)
                al = self.alive.reshape(nb, T).sum(1)
                ok = (per == al) & (per > 0)
                if self.strict and (ok & (al < T)).any():
                    raise EmuError("%r: barrier reached after threads of the block have exited" % c)
                go = m & np.repeat(ok, T)
            done = go.reshape(nb, T).any(1)
            self.ep = self.ep + done              # new arrays: reads that were put off have the old ones
            self.we = self.we + np.repeat(done, self.W)
            self.stats["barriers"] += int(done.sum())
            return go
        # warp-level: wait for every lane named in the member mask
        mop = c.ops[-1]
        if mop[0] == "imm":
            mm = np.full(self.N, mop[1] & 0xFFFFFFFF, u4)
        else:
            v = self.R[mop[1]] if mop[0] == "reg" else None
            mm = np.broadcast_to(v, (self.N,))
        go = None
        if self.T % 32 == 0 and (mop[0] == "imm" and mop[1] & 0xFFFFFFFF == 0xFFFFFFFF or
                                 mop[0] == "reg" and v.shape[0] == 1 and v[0] == 0xFFFFFFFF):
            if cnt == self.N:
                go = m
            else:                             # whole warps only: the common case
                per = np.add.reduce(m.view(u1).reshape(-1, 32), 1)
                if (per % 32 == 0).all():
                    go = m
        if go is None:
            bit = np.where(m, self.R["%lanemask_eq"], u4(0))
            arrived = np.zeros(nb * self.W, u4)
            np.bitwise_or.at(arrived, self.warp, bit)
            exist = np.zeros(nb * self.W, u4)
            np.bitwise_or.at(exist, self.warp, np.where(self.alive, self.R["%lanemask_eq"], u4(0)))
            every = np.zeros(nb * self.W, u4)
            np.bitwise_or.at(every, self.warp, self.R["%lanemask_eq"])
            need = mm & every[self.warp]
            if self.strict and (m & ((need & ~exist[self.warp]) != 0)).any():
                raise EmuError("%r: member mask names lanes that have exited" % c)
            need = need & exist[self.warp]
            if self.strict and (m & ((mm & self.R["%lanemask_eq"]) == 0)).any():
                raise EmuError("%r: executing lane is not in its member mask" % c)
            go = m & ((arrived[self.warp] & need) == need)
            if go.any():
                lo = np.full(nb * self.W, 0xFFFFFFFF, u4)
                hi = np.zeros(nb * self.W, u4)
                # lanes with different masks at one instruction must be disjoint sets
                w = self.warp[go]
                np.minimum.at(lo, w, mm[go])
                np.maximum.at(hi, w, mm[go])
                mixed = go & (lo[self.warp] != hi[self.warp])
                if mixed.any():
                    raise PtxError("%r: differing member masks in one warp" % c)
        if c.parts[0] in ("bar", "barrier"):
            ws = np.unique(self.warp[go])
            self.we = self.we.copy()
            self.we[ws] += 1
        return go

    def exec_block(self, blk, m):
        R, N = self.R, self.N
        self.me = None
        cnt = int(m.sum())
        full = cnt == N
        idx = None if full else np.flatnonzero(m)
        args = []
        for r in blk.uses:
            v = R.get(r)
            if v is None:
                t = self.k.regs[r]
                v = R[r] = np.zeros(1, np.bool_) if t == "pred" else np.array([0xDEADBEEF & (2 ** (8 * SIZE[t]) - 1)], UT[SIZE[t]])
                self.stats.setdefault("undefined_reads", set()).add(r)
            args.append(v if full or v.shape[0] == 1 else v[idx])
        try:
            res = blk.fn(self, cnt, *args)
        except EmuError as e:
            raise EmuError("%s: %s" % (self.k.name, e)) from None
        for r, v in zip(blk.outs, res):
            if full:
                R[r] = v
                self.owned.discard(r)
            else:
                o = R.get(r)
                if o is None or o.shape[0] != N:
                    R[r] = o = np.zeros(N, v.dtype) if o is None else np.repeat(o, N)
                    self.owned.add(r)
                elif r not in self.owned:
                    R[r] = o = o.copy()
                    self.owned.add(r)
                o[idx] = v
        blk.hits += cnt
        self.stats["thread_instructions"] += blk.bins * cnt
        self.stats["blocks_run"] += 1
        t = blk.term
        if t[0] == "bra":
            return [(t[1], m)]
        v = R[t[1]]
        if t[0] == "brx":
            v = np.broadcast_to(v, (N,))
            out = []
            for j, tg in enumerate(t[2]):
                x = m & (v == j)
                if x.any():
                    out.append((tg, x))
            return out
        if v.shape[0] == 1:
            k = bool(v[0]) != t[2]
            blk.taken[0 if k else 1] += cnt
            return [(t[3] if k else t[4], m)]
        taken = m & (v if not t[2] else ~v)
        n = int(taken.sum())
        blk.taken[0] += n
        blk.taken[1] += cnt - n
        if n == cnt:
            return [(t[3], m)]
        if n == 0:
            return [(t[4], m)]
        return [(t[3], taken), (t[4], m & ~taken)]

    # -- memory --------------------------------------------------------------------------------
    def locate(self, sp, a, thr, size, line):
        """-> (space, byte offsets into its array).  size: whole access."""
        if sp == "generic":
            lo, hi = int(a.min()), int(a.max())
            if lo >= GBASE:
                sp = "global"
            elif lo >= SBASE and hi < GBASE:
                sp, a = "shared", a - u8(SBASE)
            elif lo >= LBASE and hi < SBASE:
                sp, a = "local", a - u8(LBASE)
            else:
                raise EmuError("line %d: generic access at 0x%x (mixed or invalid space)" % (line, lo))
        if (a & u8(size - 1)).any():
            raise EmuError("line %d: misaligned access of %d bytes at 0x%x" % (line, size, int(a[np.flatnonzero(a & u8(size - 1))[0]])))
        if sp in ("global", "const"):
            if int(a.min()) < GBASE:
                raise EmuError("line %d: global access at invalid address 0x%x" % (line, int(a.min())))
            o = (a - u8(GBASE)).astype(i8)
            self.dev.bounds(o, size, "access", line)
            return "global", o
        o = a.astype(i8)
        if sp == "shared":
            if int(o.min()) < SOFF or int(o.max()) + size > self.slimit:
                raise EmuError("line %d: shared access out of bounds at offset %d (have %d bytes)" % (line, int(o.max()) - SOFF, self.slimit - SOFF))
            return sp, o + self.cta_local[thr] * self.ssize
        if int(o.min()) < 0 or int(o.max()) + size > self.k.local:
            raise EmuError("line %d: local access out of bounds" % line)
        return "local", o + thr * self.lsize

    def note(self, sp, o, thr, size, write, line, atomic=False):
        """Race and initialisation checks of one access."""
        if self.initc:
            ini = {"global": self.dev.init, "shared": self.shinit, "local": self.loinit}[sp]
            w = min(size, 8)                    # accesses are aligned: test several bytes at once
            v, one = ini.view(UT[w]), UT[w](0x0101010101010101 & (2 ** (8 * w) - 1))
            for j in range(size // w):
                k = o // w + j
                if write and not atomic:
                    v[k] = one
                elif (v[k] != one).any():
                    k = int(np.flatnonzero(np.broadcast_to(v[k] != one, thr.shape))[0])
                    raise EmuError("line %d: read of uninitialised %s memory by thread %d" % (line, sp, int(self.gtid[thr[k]])))
        sh = self.gshadow if sp == "global" else self.shshadow if sp == "shared" else None
        if sh is None or sp == "global" and not write and self.put_off(o, thr, size, line):
            return
        if sp == "global" and write:
            self.catch_up(o, size)
        if self.me is None or self.me[0] is not thr:   # the same for all accesses of a basic block
            self.me = thr, self.who(thr)
        sh.note(o, size, self.gran[sp], self.me[1], "atomic" if atomic else "write" if write else "read", line)

    def who(self, thr):
        return Shadow.who(self.gtid[thr], self.T, self.ep[self.cta_local[thr]], self.we[self.warp[thr]])

    def buffer(self, o, size):
        """The number of the one buffer that all these accesses lie in, or None."""
        k = bisect.bisect_right(self.dev.starts, int(o.min())) - 1
        return k if int(o.max()) + size <= self.dev.ends[k] else None

    def put_off(self, o, thr, size, line):
        """Reads of a buffer race only once somebody writes it: until then they are kept, and most often never needed."""
        k = self.buffer(o, size)
        kept = self.reads.setdefault(k, [0])
        if k is None or kept is None or kept[0] > 1 << 22:
            self.catch_up(o, size)
            return False
        kept[0] += len(o) + len(thr)
        ep, we = self.ep, self.we
        kept.append((o, size, thr, line, self.gtid, ep, self.cta_local, we, self.warp))
        return True

    def catch_up(self, o, size):
        """Note the reads that were put off of the buffers of these accesses, and put off no more of them."""
        k = self.buffer(o, size)
        for each in [k] if k is not None else np.unique(np.searchsorted(self.dev.starts, o, "right") - 1).tolist():
            kept, self.reads[each] = self.reads.get(each), None
            for o, size, thr, line, gtid, ep, cta, we, warp in (kept or [0])[1:]:
                self.gshadow.note(o, size, self.gran["global"], Shadow.who(gtid[thr], self.T, ep[cta[thr]], we[warp[thr]]), "read", line)

    def load(self, sp, a, k, n, line, thr, mask):
        size = k * n
        if mask is not None:
            sel = np.flatnonzero(np.broadcast_to(mask, thr.shape))
            out = [np.zeros(len(thr), UT[k]) for _ in range(n)]
            if len(sel):
                r = self.load(sp, np.broadcast_to(a, thr.shape)[sel], k, n, line, thr[sel], None)
                for x, y in zip(out, r):
                    x[sel] = y
            return out
        if sp != "global" and sp != "const" and len(a) == 1 and len(thr) > 1:
            a = np.broadcast_to(a, thr.shape)
        sp, o = self.locate(sp, a, thr, size, line)
        if self.race or self.initc:
            self.note(sp, o, thr, size, False, line)
        v = (self.dev.view if sp == "global" else self.shv if sp == "shared" else self.lov)[k]
        w = o // k
        return [v[w + j] for j in range(n)]

    def store(self, sp, a, k, vals, line, thr, mask):
        size = k * len(vals)
        if mask is not None:
            sel = np.flatnonzero(np.broadcast_to(mask, thr.shape))
            if len(sel):
                self.store(sp, np.broadcast_to(a, thr.shape)[sel], k, [np.broadcast_to(x, thr.shape)[sel] for x in vals], line, thr[sel], None)
            return
        if len(a) != len(thr):
            a = np.broadcast_to(a, thr.shape)
        sp, o = self.locate(sp, a, thr, size, line)
        if self.race or self.initc:
            self.note(sp, o, thr, size, True, line)
        v = (self.dev.view if sp == "global" else self.shv if sp == "shared" else self.lov)[k]
        w = o // k
        for j, x in enumerate(vals):
            v[w + j] = x

    def atomic(self, sp, kind, t, a, vals, line, thr, mask):
        d = DT[t]
        k = SIZE[t]
        shape = thr.shape
        a = np.broadcast_to(a, shape)
        vals = [np.broadcast_to(x, shape) for x in vals]
        if mask is not None:
            sel = np.flatnonzero(np.broadcast_to(mask, shape))
            out = np.zeros(shape, d)
            if len(sel):
                out[sel] = self.atomic(sp, kind, t, a[sel], [x[sel] for x in vals], line, thr[sel], None)
            return out
        sp, o = self.locate(sp, a, thr, k, line)
        if self.race or self.initc:
            self.note(sp, o, thr, k, True, line, atomic=True)
        v = (self.dev.view if sp == "global" else self.shv if sp == "shared" else self.lov)[k].view(d)
        w = o // k
        perm = np.arange(len(w))
        if self.order.endswith("-rev"):
            perm = perm[::-1]
        elif self.order == "random":
            perm = self.rng.permutation(len(w))
        old = np.zeros(shape, d)
        x = vals[0]
        if kind == "add" and d not in (f4, f8):
            s = perm[np.argsort(w[perm], kind="stable")]
            ws, xs = w[s], x[s]
            cs = np.cumsum(xs, dtype=d)
            start = np.concatenate([[True], ws[1:] != ws[:-1]])
            grp = np.cumsum(start) - 1
            first = np.flatnonzero(start)
            ex = cs - xs - (cs - xs)[first][grp]
            old[s] = v[ws] + ex
            np.add.at(v, w, x)
            return old
        rem = perm
        while len(rem):
            _, f = np.unique(w[rem], return_index=True)
            s = rem[f]
            cur, y = v[w[s]], x[s]
            old[s] = cur
            if kind == "cas":
                new = np.where(cur == y, vals[1][s], cur)
            elif kind == "inc":
                new = np.where(cur >= y, d(0), cur + d(1))
            elif kind == "dec":
                new = np.where((cur == 0) | (cur > y), y, cur - d(1))
            else:
                new = {"add": lambda: cur + y, "and": lambda: cur & y, "or": lambda: cur | y, "xor": lambda: cur ^ y,
                       "exch": lambda: y, "min": lambda: np.minimum(cur, y), "max": lambda: np.maximum(cur, y)}[kind]()
            v[w[s]] = new
            rem = np.delete(rem, f)
        return old

    # -- collectives ---------------------------------------------------------------------------
    def shfl(self, mode, a, b, c, line, thr):
        n = len(thr)
        a = np.broadcast_to(a, (n,))
        if n % 32 == 0 and self.T % 32 == 0 and b.shape[0] == 1 and c.shape[0] == 1 and (
                n == self.N or (np.diff(thr.reshape(-1, 32)[:, ::31], axis=1) == 31).all()):
            lane = np.arange(32)                  # whole warps: one permutation for all
            j, ok = self.shfl_src(mode, lane, b, c)
            return np.ascontiguousarray(a).reshape(-1, 32)[:, j].reshape(-1), np.tile(ok, n // 32)
        lane = self.lin[thr] & 31
        j, ok = self.shfl_src(mode, lane, b, c)
        pos = np.full(self.N + 32, -1, i8)
        pos[thr] = np.arange(n)
        src_t = thr - lane + j
        inside = (self.lin[thr] - lane + j) < self.T
        src = np.where(inside, pos[np.minimum(src_t, self.N + 31)], -1)
        if (src < 0).any():
            raise EmuError("line %d: shuffle reads a lane that does not take part" % line)
        return a[src], ok

    @staticmethod
    def shfl_src(mode, lane, b, c):
        """PTX shfl: source lane and validity for each lane."""
        bv, cv, seg = (b & u4(31)).astype(i8), (c & u4(31)).astype(i8), ((c >> u4(8)) & u4(31)).astype(i8)
        mx = (lane & seg) | (cv & ~seg & 31)
        if mode == "up":
            j = lane - bv
            ok = j >= mx
        elif mode == "down":
            j = lane + bv
            ok = j <= mx
        elif mode == "bfly":
            j = lane ^ bv
            ok = j <= mx
        else:
            j = (lane & seg) | (bv & ~seg & 31)
            ok = j <= mx
        return np.where(ok, j, lane), ok

    def warpwise(self, thr):
        return self.warp[thr], self.nb * self.W

    def vote(self, mode, p, thr):
        p = np.broadcast_to(p, thr.shape)
        w, n = self.warpwise(thr)
        ball = np.zeros(n, u4)
        np.bitwise_or.at(ball, w, np.where(p, self.R["%lanemask_eq"][thr], u4(0)))
        if mode == "ballot":
            return ball[w]
        part = np.zeros(n, u4)
        np.bitwise_or.at(part, w, self.R["%lanemask_eq"][thr])
        return {"all": ball == part, "any": ball != 0, "uni": (ball == part) | (ball == 0)}[mode][w]

    def match(self, a, thr):
        a = np.broadcast_to(a, thr.shape)
        key = np.unique(np.stack([self.warp[thr].astype(u8), a.astype(u8)]), axis=1, return_inverse=True)[1].reshape(-1)
        m = np.zeros(int(key.max()) + 1, u4)
        np.bitwise_or.at(m, key, self.R["%lanemask_eq"][thr])
        return m[key]

    def redux(self, kind, a, thr):
        a = np.broadcast_to(a, thr.shape)
        w, n = self.warpwise(thr)
        f, z = {"add": (np.add, 0), "or": (np.bitwise_or, 0), "xor": (np.bitwise_xor, 0), "and": (np.bitwise_and, -1),
                "min": (np.minimum, np.iinfo(a.dtype).max), "max": (np.maximum, np.iinfo(a.dtype).min)}[kind]
        r = np.full(n, z).astype(a.dtype)
        f.at(r, w, a)
        return r[w]

    def barred(self, kind, p, thr):
        p = np.broadcast_to(p, thr.shape)
        c = self.cta_local[thr]
        s, n = np.bincount(c, p, self.nb), np.bincount(c, minlength=self.nb)
        return {"popc": s.astype(u4), "and": s == n, "or": s > 0}[kind][c]


def main():
    ap = argparse.ArgumentParser(description="Parse PTX; list kernels, lint, show the translation.")
    ap.add_argument("ptx", nargs="+")
    ap.add_argument("--lint", action="store_true", help="list instructions whose result PTX does not fix to the bit")
    ap.add_argument("--source", metavar="KERNEL", help="print the Python a kernel is translated to")
    a = ap.parse_args()
    bad = 0
    for f in a.ptx:
        mod = Module(open(f).read())
        for n, fn in mod.funcs.items():
            if fn and fn.entry:
                try:
                    k = mod.kernel(n)
                    print("%s: %s: %d instructions, %d blocks, %d B shared, %d B local" % (
                        f, n, sum(b.bins for b in k.blocks), len(k.blocks), k.shared, k.local))
                    if a.source and a.source in n:
                        print("\n".join(b.src for b in k.blocks))
                except PtxError as e:
                    bad = 1
                    print("%s: %s: NOT SUPPORTED: %s" % (f, n, e))
        if a.lint:
            for x in mod.lint():
                bad = 1
                print("%s:%d: %s: %s in %s" % (f, x[2], x[0], x[3], x[1]))
    return bad


if __name__ == "__main__":
    sys.exit(main())
