"""Tables and schemes against transcriptions of their formulas in mpmath, rounded to float32."""

import importlib
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import fastinit
from fastinit import Initializer
from helpers.bits import check_bits
from helpers.ids import shortened

MP: Any = importlib.import_module("mpmath").mp.clone()
MP.prec = 120
Entry = Callable[..., Any]

HALF = MP.mpf("0.5")


def sinusoid(p: int, c: int, channels: int, interleaved: bool, endpoint: bool) -> Any:
    half = channels // 2
    k, is_sine = (c // 2, c % 2 == 0) if interleaved else (c % half, c < half)
    angle = p * MP.mpf(10000) ** (MP.mpf(-k) / (half - endpoint))
    return MP.sin(angle) if is_sine else MP.cos(angle)


def waves(m: int, n: int, fan: int, gain: Any) -> Entry:
    """Waves of m outputs and n weights each, of the variance gain^2 / fan."""

    def wave(r: int, j: int) -> Any:
        return MP.sinpi(2 * (r + 1) * (MP.mpf(j) / n + MP.mpf(1) / m))

    every = [wave(r, j) for r in range(m) for j in range(n)]
    mean = MP.fsum(every) / (m * n)
    variance = MP.fsum((each - mean) ** 2 for each in every) / (m * n - 1)
    amplitude = gain / MP.sqrt(variance * fan)
    return lambda r, *js: amplitude * wave(r, js[0] if len(js) == 1 else js[0] * 3 + js[1])


def hippo(n: int, k: int) -> Any:
    if n > k:
        return -MP.sqrt(2 * n + 1) * MP.sqrt(2 * k + 1)
    return -(n + 1) if n == k else 0


def ring(heads: int) -> Entry:
    def entry(h: int, _: int, p: int, coordinate: int) -> Any:
        half_turns = 2 * MP.mpf(h) / heads
        pair = MP.cospi(half_turns), MP.sinpi(half_turns)
        return pair[coordinate] / max(map(abs, pair)) * (p + 1)

    return entry


def zero(i: int, j: int) -> Any:
    """Algorithm 1 of ZerO where 37 outputs are more than the inputs: m = 6."""
    return hadamard(i, j) * 8 * MP.mpf(2) ** (-(MP.mpf(6) - 1) / 2)


def hadamard(i: int, j: int) -> Any:
    """By Sylvester's doubling, from the 1 x 1 matrix."""
    sign, size = 1, 64
    while size > 1:
        size //= 2
        if i >= size and j >= size:
            sign = -sign
        i, j = i % size, j % size
    return sign / MP.sqrt(64)


LAYER, LAYERS, WIDTH, HEAD = 3, 12, 32, 8


def mix(exponent: str) -> Entry:
    return lambda n: 1 - (MP.mpf(n) / WIDTH) ** (MP.mpf(exponent) * (1 - MP.mpf(LAYER) / LAYERS))


def linear(n: int) -> Any:
    return MP.mpf(n) / (WIDTH - 1) - HALF


def zigzag(n: int) -> Any:
    z = (n % HEAD - MP.mpf(HEAD - 1) / 2) / (MP.mpf(HEAD - 1) / 2)
    return z * abs(z)


def decay(n: int) -> Any:
    q = MP.mpf(LAYER) / (LAYERS - 1)
    www = -6 + 6 * (MP.mpf(n) / (WIDTH - 1)) ** (1 + q ** MP.mpf("0.3"))
    return www + HALF + zigzag(n) * MP.mpf("2.5")


RWKV7: dict[str, Entry] = {
    **dict.fromkeys(("x_r", "x_g"), mix("0.2")),
    **dict.fromkeys(("x_k", "x_v"), mix("0.7")),
    **dict.fromkeys(("x_w", "x_a"), mix("0.9")),
    "ffn_x_k": lambda n: 1 - (MP.mpf(n) / WIDTH) ** ((1 - MP.mpf(LAYER) / LAYERS) ** 4),
    "w0": decay,
    "a0": lambda n: MP.mpf("-0.19") + zigzag(n) * MP.mpf("0.3") + linear(n) * MP.mpf("0.4"),
    "v0": lambda n: MP.mpf("0.73") - linear(n) * MP.mpf("0.4"),
    "k_k": lambda n: MP.mpf("0.71") - linear(n) * MP.mpf("0.1"),
    "k_a": lambda _: MP.mpf("1.02"),
    "r_k": lambda _: MP.mpf("-0.04"),
    "norm": lambda _: (MP.mpf(LAYER + 1) / LAYERS) ** MP.mpf("0.7"),
}


def rwkv_mix(power: str, version: int, shift: str = "0") -> Entry:
    """m(e), or 1 - m(e) for version 6, plus or minus what version 6 also subtracts."""
    q = MP.mpf(LAYER) / (LAYERS - 1)

    def entry(n: int) -> Any:
        found = (MP.mpf(n) / WIDTH) ** (MP.mpf(power) * (1 - MP.mpf(LAYER) / LAYERS))
        found += MP.mpf(shift) * q
        return 1 - found if version == 6 else found

    return entry


def rwkv_decay(version: int) -> Entry:
    start, size = (-5, 8) if version == 4 else (-6, 5)
    power = MP.mpf("0.7") + MP.mpf("1.3") * LAYER / (LAYERS - 1)
    return lambda n: start + size * (MP.mpf(n) / (WIDTH - 1)) ** power


def rwkv_first(version: int) -> Entry:
    q = MP.mpf(LAYER) / (LAYERS - 1)
    if version == 4:
        return lambda n: MP.log(MP.mpf("0.3")) + HALF * ((n + 1) % 3 - 1)
    return lambda n: q * (1 - MP.mpf(n) / (WIDTH - 1)) + MP.mpf((n + 1) % 3 - 1) / 10


RWKV: dict[tuple[str, int], Entry] = {
    **{("mix_k", v): rwkv_mix("1", v) for v in (4, 5, 6)},
    **{("mix_v", v): rwkv_mix("1", v, "0.3") for v in (4, 5, 6)},
    **{(part, 6): rwkv_mix("0.5", 6) for part in ("mix_r", "mix_g")},
    **{(part, 6): rwkv_mix("1", 6) for part in ("mix_w", "mix_x")},
    ("ffn_mix", 5): rwkv_mix("1", 5),
    ("ffn_mix", 6): lambda n: 1 - (MP.mpf(n) / WIDTH) ** ((1 - MP.mpf(LAYER) / LAYERS) ** 3),
    **{("decay", v): rwkv_decay(v) for v in (4, 5, 6)},
    **{("first", v): rwkv_first(v) for v in (4, 5, 6)},
}

CASES: tuple[tuple[Initializer, tuple[int, ...], Entry], ...] = (
    (fastinit.Arange(1.5, 0.25), (40,), lambda k: MP.mpf("1.5") + k * MP.mpf("0.25")),
    (fastinit.Linspace(3, 6), (40,), lambda k: 3 + MP.mpf(3 * k) / 39),
    (fastinit.Linspace(1, 2, endpoint=False), (40,), lambda k: 1 + MP.mpf(k) / 40),
    (fastinit.Sinusoidal(), (90, 16), lambda p, c: sinusoid(p, c, 16, True, False)),
    (
        fastinit.Sinusoidal(interleaved=False, endpoint=True),
        (90, 16),
        lambda p, c: sinusoid(p, c, 16, False, True),
    ),
    *((fastinit.DeformableRing(h, 2, 3), (h, 2, 3, 2), ring(h)) for h in (1, 3, 4, 6, 8, 12)),
    (fastinit.BlockIdentity(0.1), (5, 12), lambda i, j: MP.mpf(0.1) * (i % 5 == j % 5)),
    (fastinit.Hadamard(), (40, 50), hadamard),
    (fastinit.ZerO(), (37, 20), zero),
    (fastinit.ZerO(), (20, 37), lambda i, j: int(i == j)),
    (fastinit.ZerO(), (3, 4, 5, 3), lambda i, j, y, x: int((i, y, x) == (j, 2, 1))),
    (fastinit.ZerO(), (37, 2, 3), lambda i, j, x: zero(i, j) if x == 1 else 0),
    *(
        (fastinit.SinusoidalWeights(), (m, n), waves(m, n, n, MP.sqrt(2)))
        for m, n in ((12, 8), (9, 31), (31, 5), (40, 2), (7, 1), (1, 6))
    ),
    (fastinit.SinusoidalWeights(1.0, "fan_avg"), (8, 12), waves(8, 12, 10, MP.mpf(1))),
    (fastinit.SinusoidalWeights(1.0, "fan_out"), (6, 4, 3), waves(6, 12, 18, MP.mpf(1))),
    (fastinit.HippoLegS(), (30, 30), hippo),
    (fastinit.HippoLegS("B"), (30,), lambda n: MP.sqrt(2 * n + 1)),
    (fastinit.HippoLegS("P"), (30,), lambda n: MP.sqrt(n + HALF)),
    (fastinit.S4DImag("lin"), (64,), lambda n: MP.pi * n),
    (fastinit.S4DImag("inv"), (64,), lambda n: 64 / MP.pi * (MP.mpf(64) / (2 * n + 1) - 1)),
    (fastinit.S4DImag("inv", 128), (64,), lambda n: 128 / MP.pi * (MP.mpf(128) / (2 * n + 1) - 1)),
    (fastinit.MambaALog(), (2, 128), lambda _, n: MP.log(n + 1)),
    *(
        (fastinit.Rwkv7(part, LAYER, LAYERS, HEAD), (WIDTH,), entry)
        for part, entry in RWKV7.items()
    ),
    *(
        (fastinit.Rwkv(part, version, LAYER, LAYERS), (WIDTH,), entry)
        for (part, version), entry in RWKV.items()
    ),
)


@pytest.mark.parametrize(("what", "shape", "entry"), CASES, ids=shortened)
def test_tables(what: Initializer, shape: tuple[int, ...], entry: Entry) -> None:
    """They are the formula, rounded once."""
    values = [MP.mpf(entry(*map(int, index))) for index in np.ndindex(shape)]
    with MP.workprec(24):
        rounded = np.array([float(+each) for each in values], np.float32).reshape(shape)
    check_bits(what(shape) + 0, rounded)  # + 0: the sign of a zero is not a part of the formula


@pytest.mark.parametrize("dtype", ["float64", "float32", "bfloat16"])
def test_maps_of_a_random_base(dtype: str) -> None:
    """They take the base's float32 or float64 value, and round once to float32 and once more."""
    base = fastinit.Uniform(0.5, 2.0)
    precision = "float64" if dtype == "float64" else "float32"
    drawn = base((300,), seed=1, name="w", dtype=precision)
    found = fastinit.Mapped(base, ["log", ("affine", -0.5, 0.0), "exp"])(
        (300,), seed=1, name="w", dtype=dtype
    )
    values = [MP.exp(MP.log(MP.mpf(float(x))) * -HALF) for x in drawn]
    reference = np.array([float(x) for x in values]).astype(precision)
    if dtype == "float64":
        assert np.max(np.abs(found / reference - 1)) < 1e-15
    else:
        check_bits(found, reference.astype(found.dtype))


def test_large_tables_take_little_memory() -> None:
    """A part of a table of 2^40 elements is that of its formula."""
    shape, rows = (1 << 30, 1 << 10), np.s_[(1 << 30) - 2 :, :4]
    found = fastinit.Sinusoidal()(shape, dtype="float64", index=rows)
    p, k = MP.mpf((1 << 30) - 2), MP.mpf(10000) ** (MP.mpf(-1) / 512)
    assert found[0, 0] == float(MP.sin(p))
    assert abs(found[0, 2] - float(MP.sin(p * k))) < 1e-6


UNIFORM_LOGS: tuple[tuple[Initializer, Callable[[Any], Any]], ...] = (
    (fastinit.Chrono(784, "fi"), lambda x: (np.exp(x) - 1) / 782),
    (fastinit.MambaDtBias(), lambda x: np.log(np.log1p(np.exp(x)) / 1e-3) / math.log(100)),
    (fastinit.Mamba2ALog(), lambda x: (np.exp(x) - 1) / 15),
    (fastinit.Mamba2ALog(0, 16), lambda x: np.exp(x) / 16),
    (fastinit.RgLru(epsilon=0), lambda x: (np.exp(-2 * np.log1p(np.exp(x))) - 0.81) / 0.188001),
    (fastinit.LruNu(), lambda x: np.exp(-2 * np.exp(x)) / 0.99**2),
    (fastinit.LruTheta(), lambda x: np.exp(x) / (2 * math.pi)),
    (fastinit.LruGamma(), lambda x: (1 - np.exp(2 * x)) / 0.99**2),
)


@pytest.mark.parametrize(("scheme", "to_uniform"), UNIFORM_LOGS, ids=shortened)
def test_distributions_of_schemes(scheme: Initializer, to_uniform: Callable[[Any], Any]) -> None:
    """Kolmogorov and Smirnov's test does not reject them: p > 1e-4 for 20,000 values."""
    stats: Any = importlib.import_module("scipy.stats")
    values = scheme((40_000,), seed=3, name="ks", dtype="float64")[:20_000]
    assert stats.kstest(to_uniform(values), "uniform").pvalue > 1e-4


def test_chrono_gates() -> None:
    """The input gate has the forget gate's bias with the other sign, and the others are 0."""
    bias = fastinit.Chrono(100)((3, 40), seed=0, name="b")
    check_bits(bias[:, :10], -bias[:, 10:20])
    assert not bias[:, 20:].any()
    assert 0 <= bias[:, 10:20].min() < bias[:, 10:20].max() <= math.log(99)


def test_a_ring_of_a_linear_recurrent_unit() -> None:
    """|lambda|^2 and gamma^2 add up to 1 where seed and name are the same."""
    where: dict[str, Any] = {"seed": 4, "name": "ring", "dtype": "float64"}
    nu = fastinit.LruNu(0.5, 0.9)((1000,), **where)
    gamma = fastinit.LruGamma(0.5, 0.9)((1000,), **where)
    assert np.max(np.abs(np.exp(-2 * np.exp(nu)) + np.exp(2 * gamma) - 1)) < 1e-14


LATE: tuple[tuple[Initializer, int], ...] = (
    (fastinit.Mapped(fastinit.Arange(300_000, -1), "log"), 400_000),
    (fastinit.Arange(0, 1e34), 100_000),
    (fastinit.Mapped(fastinit.Arange(), "exp"), 300_000),
    (fastinit.Linspace(-1e308, 1e308), 300_000),
)


@pytest.mark.parametrize(("what", "size"), LATE, ids=shortened)
def test_errors_come_before_anything_is_written(what: Initializer, size: int) -> None:
    """A value without a result is far beyond the first piece that is computed."""
    out = np.full(size, 7, np.float32)
    with pytest.raises(ValueError, match=r"has no finite value|does not hold|beyond float64"):
        what(size, out=out)
    check_bits(out, np.full(size, 7, np.float32))


TOO_LARGE: tuple[tuple[Initializer, int, str], ...] = (
    (fastinit.Arange(), 100_000, "float16"),
    (fastinit.Arange(), 1_000, "float8_e4m3fn"),
    (fastinit.Arange(), 100_000, "float8_e5m2"),
    (fastinit.Arange(0, 1e38), 5, "float32"),
    (fastinit.Arange(0, 1e38), 5, "bfloat16"),
    (fastinit.Linspace(-1e308, 1e308), 3, "float64"),
    (fastinit.Mapped(fastinit.Arange(), "exp"), 20, "float16"),
    (fastinit.Mapped(fastinit.Normal(), ("affine", 1e39, 0)), 20, "float32"),
)


@pytest.mark.parametrize(("what", "size", "dtype"), TOO_LARGE, ids=shortened)
def test_values_that_a_dtype_does_not_hold(what: Initializer, size: int, dtype: str) -> None:
    with pytest.raises(ValueError, match=r"does not hold|beyond float64"):
        what(size, dtype=dtype, seed=0)


def test_a_ring_of_a_linear_recurrent_unit_in_a_plan() -> None:
    """Gamma has the stream that it names, in parts too, and keeps it in written plans."""
    gamma = fastinit.LruGamma(0.5, 0.9, nu="{parent}.nu_log")
    rules = [("**.nu_log", fastinit.LruNu(0.5, 0.9)), ("**.gamma_log", gamma)]
    shapes = {f"{k}.{name}": (1000,) for k in range(2) for name in ("nu_log", "gamma_log")}
    plan = fastinit.Plan(shapes, rules, seed=4, dtype="float64")
    found = fastinit.Plan.from_dict(plan.to_dict()).init()
    for k in range(2):
        nu, of_plan = found[f"{k}.nu_log"], found[f"{k}.gamma_log"]
        assert np.max(np.abs(np.exp(-2 * np.exp(nu)) + np.exp(2 * of_plan) - 1)) < 1e-14
        where: dict[str, Any] = {"seed": 4, "dtype": "float64"}
        check_bits(of_plan, fastinit.LruGamma(0.5, 0.9)((1000,), name=f"{k}.nu_log", **where))
        part = gamma((1000,), name=f"{k}.gamma_log", index=slice(7, 300), **where)
        check_bits(part, of_plan[7:300])
    assert Initializer.from_dict(gamma.to_dict()) == gamma.resolve((3,)) == gamma


def test_rings_up_to_the_unit_circle() -> None:
    """Published LRUs have r_max = 1; the radius 1 itself is never drawn, so all logs are finite."""
    for scheme in (fastinit.LruNu(r_max=1), fastinit.LruGamma(r_max=1)):
        assert np.isfinite(scheme((1 << 20,), seed=0, name="ring")).all()
    for low, high, epsilon in ((0.0, 1.0, 0.0), (0.25, 0.5, -0.0625), (0.25, 0.5, 0.75)):
        assert np.isfinite(fastinit.RgLru(low, high, epsilon)((1 << 16,), seed=0, name="r")).all()


INF = math.inf
wrong: Any = "a"
wrong_number: Any = 3
WRONG: tuple[tuple[Callable[[], Any], type[Exception], str], ...] = (
    (lambda: fastinit.Arange(axis=2)((3, 4)), ValueError, "Arange needs axis 2"),
    (lambda: fastinit.Arange(0.5)((3,), dtype="int8"), ValueError, "use a float dtype"),
    (lambda: fastinit.Arange(120)((9,), dtype="int8"), ValueError, "120 to 128; use a wider"),
    (lambda: fastinit.Linspace(wrong, 1), TypeError, "start='a' is a str"),
    (lambda: fastinit.Sinusoidal(0), ValueError, "theta=0.0 is not positive"),
    (lambda: fastinit.Sinusoidal()((4, 3)), ValueError, "an even number of channels"),
    (lambda: fastinit.SinusoidalWeights(INF), ValueError, "gain=inf is not finite"),
    (lambda: fastinit.SinusoidalWeights(mode="in"), ValueError, "mode='in' is not known"),
    (lambda: fastinit.SinusoidalWeights()((3,)), ValueError, "has 1 axis, layout='oi.'"),
    (lambda: fastinit.SinusoidalWeights()((2, 1)), ValueError, r"shape \(2, 1\) are 0; use"),
    (lambda: fastinit.ZerO()((3,)), ValueError, "and kernel axes of odd sizes, not shape"),
    (lambda: fastinit.ZerO()((3, 4, 2)), ValueError, "and kernel axes of odd sizes, not shape"),
    (lambda: fastinit.DeformableRing(0, 1, 1), ValueError, "heads=0 is not positive"),
    (lambda: fastinit.DeformableRing(2, 1, 1)((3,)), ValueError, "give 4 values, and shape"),
    (lambda: fastinit.Hadamard()((3,)), ValueError, "Hadamard needs two axes or more"),
    (lambda: fastinit.HippoLegS("C"), ValueError, "part='C' is not known; use one of A, B, P"),
    (lambda: fastinit.HippoLegS()((3, 4)), ValueError, "is a square matrix, not of shape"),
    (lambda: fastinit.S4DImag("log"), ValueError, "form='log' is not known"),
    (lambda: fastinit.Mamba2ALog(16, 1), ValueError, "high=1.0 is out of range; pass a number"),
    (lambda: fastinit.Mamba2ALog(-1, 1), ValueError, "low=-1.0 is negative"),
    (lambda: fastinit.MambaDtBias(0.0), ValueError, "low=0.0 is out of range"),
    (lambda: fastinit.LruNu(0.5, 1.5), ValueError, r"are not radii in \[0, 1\]"),
    (lambda: fastinit.LruGamma(nu="{part}"), ValueError, r"nu='\{part\}' is not understood"),
    (lambda: fastinit.LruGamma(nu=wrong_number), TypeError, "nu=3 is an int"),
    (lambda: fastinit.LruGamma(nu="{parent}.a")((3,), name="a"), ValueError, "2 segments or more"),
    (lambda: fastinit.RgLru(0.5, 1.0), ValueError, r"are not in \[0, 1\]; correct them"),
    (lambda: fastinit.RgLru(0.5, 0.9, 0.5), ValueError, r"are not in \[0, 1\]; correct them"),
    (lambda: fastinit.RgLru(0.1, 0.9, -0.1), ValueError, r"are not in \[0, 1\]; correct them"),
    (lambda: fastinit.LruTheta(0), ValueError, "max_phase=0.0 is out of range"),
    (lambda: fastinit.Chrono(2), ValueError, "max_steps=2.0 is out of range"),
    (lambda: fastinit.Chrono(9, "fgo"), ValueError, "does not have one i and one f"),
    (lambda: fastinit.Chrono(9)((6,)), ValueError, "do not divide the last axis of shape"),
    (lambda: fastinit.Rwkv7("x"), ValueError, "part='x' is not known"),
    (lambda: fastinit.Rwkv("decay", 7), ValueError, "version=7 is not known"),
    (lambda: fastinit.Rwkv7("x_r", 12, 12), ValueError, "layers are 0 to 11"),
)


@pytest.mark.parametrize("x", [-3.0, -1.5, 0.75, 2.0])
@pytest.mark.parametrize("exponent", [3.0, 2.0, -1.0, -2.0])
def test_whole_powers_of_negative_numbers(x: float, exponent: float) -> None:
    found = fastinit.Mapped(fastinit.Constant(x), ("power", exponent))(3, dtype="float64")
    expected = float(MP.mpf(x) ** int(exponent))
    np.testing.assert_allclose(found, np.full(3, expected), rtol=3e-16, atol=0)


def test_other_powers_of_negative_numbers_are_errors() -> None:
    with pytest.raises(ValueError, match=r"has no finite value at -2\.0"):
        fastinit.Mapped(fastinit.Constant(-2), ("power", 0.5))(3)


WRONG_MAPS: tuple[tuple[Any, type[Exception], str], ...] = (
    ([], TypeError, "is not a sequence of maps"),
    (5, TypeError, "is not a sequence of maps"),
    ([[]], TypeError, "which is not a map"),
    ([5], TypeError, "which is not a map"),
    ([[[1], 2]], TypeError, "which is not a map"),
    (["log", None], ValueError, "which is not known"),
    (("affine", "2", 0), TypeError, "scale='2' is a str"),
    (["log", "elf"], ValueError, "maps has 'elf', which is not known"),
    (("affine", 2), ValueError, "affine takes scale and offset"),
    ("affine", ValueError, "affine takes scale and offset"),
)


@pytest.mark.parametrize(("maps", "error", "message"), WRONG_MAPS, ids=shortened)
def test_wrong_maps(maps: Any, error: type[Exception], message: str) -> None:
    """Both as arguments and as plain data."""
    with pytest.raises(error, match=message):
        fastinit.Mapped("he_normal", maps)
    with pytest.raises(error, match=message):
        Initializer.from_dict({"type": "Mapped", "base": "he_normal", "maps": maps})


@pytest.mark.parametrize(("draw", "error", "message"), WRONG, ids=[each[2] for each in WRONG])
def test_wrong_arguments(draw: Callable[[], Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        draw()
