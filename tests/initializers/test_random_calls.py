"""Random calls: each draws the right values, or raises a documented error of fastinit's own."""

import math
import traceback
from typing import Any

import numpy as np
import pytest

import fastinit
from fastinit.native.dtypes import precision_of
from helpers.bits import check_bits
from helpers.records.initializers import RECORDS
from helpers.records.random_calls import Call, random_call

DOCUMENTED = (IndexError, TypeError, ValueError)


def letters_of(shape: tuple[int, ...], layout: str) -> str:
    """What each axis is, written from the definition of layouts."""
    kernel = len(shape) - len(layout) + layout.count("*")
    return "".join("*" * kernel if each == "*" else each for each in layout).replace("k", "*")


def size_of(shape: tuple[int, ...], letters: str, which: str) -> int:
    return math.prod(n for n, each in zip(shape, letters, strict=True) if each in which)


def matrices_of(array: Any, letters: str, rows: str, columns: str) -> Any:
    """All matrices of an array, whose other axes count them."""
    axes = [k for k, each in enumerate(letters) if each not in rows + columns]
    for part in (rows, columns):
        axes += [k for k, each in enumerate(letters) if each in part]
    height, width = (size_of(array.shape, letters, part) for part in (rows, columns))
    return np.transpose(array, axes).reshape(-1, height, width)


class Check:
    """The checks of what a call drew; ``whole`` is the whole array."""

    def __init__(self, call: Call, whole: Any) -> None:
        self.call = call
        self.whole = whole
        self.options = call.options
        self.letters = letters_of(whole.shape, call.options.get("layout", "oi*"))
        self.where: dict[str, Any] = {k: self.options.get(k) for k in ("seed", "name")} | {
            "dtype": whole.dtype
        }
        self.values = whole.astype(np.float64)

    def uniform(self) -> None:
        low, high = (float(self.options.get(k, d)) for k, d in (("low", 0), ("high", 1)))
        if low == high:
            assert np.all(whole_of(low, self.whole) == self.values)
        else:
            assert np.all((self.values > low) & (self.values < high))

    def truncated_normal(self) -> None:
        what = fastinit.TruncatedNormal(**drawn_options(self.options))
        std = what.std
        if what.compensate:
            std /= fastinit.TruncatedNormal(0, 1, what.lower, what.upper).moments(())[1]
        if std:
            slack = 1e-9 * (abs(what.mean) + std)
            assert np.all(self.values >= what.mean + what.lower * std - slack)
            assert np.all(self.values <= what.mean + what.upper * std + slack)

    def mapped(self) -> None:
        """The values are those of the object."""
        right = fastinit.Mapped(self.options["base"], self.options["maps"])
        check_bits(self.whole, right(self.whole.shape, **self.where))

    def structure(self) -> None:
        """The values are those of the object."""
        record = RECORDS[self.call.function]
        assert record.initializer is not None
        right = record.initializer(**drawn_options(self.options))
        check_bits(self.whole, right(self.whole.shape, **self.where))

    def ternary(self) -> None:
        """The magnitudes are 0 and the scale."""
        scale = np.abs(whole_of(float(self.options.get("scale", 1)), self.whole))
        assert np.all((self.values == 0) | (np.abs(self.values) == scale))

    def integers(self) -> None:
        assert np.all(self.values >= self.options["low"])
        assert np.all(self.values < self.options["high"])

    def permutation(self) -> None:
        rows = np.sort(np.atleast_1d(self.values), axis=-1)
        assert np.array_equal(rows, np.broadcast_to(np.arange(rows.shape[-1]), rows.shape))

    def zeros(self) -> None:
        assert not self.values.any()

    def ones(self) -> None:
        assert np.all(self.values == 1)

    def constant(self) -> None:
        value = self.options["value"]
        if self.whole.dtype.kind in "biu":
            assert np.all(self.whole == int(value))
        else:
            narrow = np.array(float(value), precision_of(self.whole.dtype)).astype(self.whole.dtype)
            check_bits(self.whole, np.full(self.whole.shape, narrow))

    def preset(self, scale: float, mode: str) -> None:
        """The values are those of a distribution whose parameters follow from the fans."""
        options = self.options
        fan = options.get("fan")
        fan = self.fan(options.get("mode", mode)) if fan is None else float(fan)
        if options.get("gain") is not None:
            scale = float(options["gain"]) ** 2
        if options.get("nonlinearity") is not None:
            scale = fastinit.gain(options["nonlinearity"], options.get("a")) ** 2
        std = math.sqrt(float(options.get("scale", scale))) / math.sqrt(fan)
        if self.call.function == "siren_uniform":
            omega = float(options.get("omega", 30))
            std = 1.0 / fan / math.sqrt(3.0) if options.get("first") else std / omega
        family = options.get("distribution", self.call.function.rpartition("_")[2])
        if options.get("truncated") or family == "truncated_normal":
            right: fastinit.Initializer = fastinit.TruncatedNormal(0, std, compensate=True)
        elif family == "uniform":
            right = fastinit.Uniform(-math.sqrt(3.0) * std, math.sqrt(3.0) * std)
        else:
            right = fastinit.Normal(0, std)
        check_bits(self.whole, right(self.whole.shape, **self.where))

    def fan(self, mode: str) -> float:
        size = {each: size_of(self.whole.shape, self.letters, each) for each in "oi*"}
        layout = self.options.get("layout", "oi*").lstrip("b")
        grouped = "i" if layout.startswith(("io*", "iok")) else "o"
        size[grouped] //= int(self.options.get("groups", 1))
        fan_in, fan_out = size["i"] * size["*"], size["o"] * size["*"]
        return {
            "fan_in": fan_in,
            "fan_out": fan_out,
            "fan_avg": (fan_in + fan_out) / 2,
            "fan_geo_avg": math.sqrt(fan_in * fan_out),
        }[mode]

    def identity(self) -> None:
        """The gain where input k of a group meets its output k, at the middle of the kernel."""
        gain = 1 if self.call.function == "eye" else self.options.get("gain", 1)
        groups = int(self.options.get("groups", 1))
        layout = self.options.get("layout", "oi*").lstrip("b")
        grouped, other = "io" if layout[:3] in ("io*", "iok") else "oi"
        right = np.zeros(self.whole.shape, bool)
        sizes = {each: size_of(right.shape, self.letters, each) for each in "oi"}
        per_group = sizes[grouped] // groups
        for k in range(sizes[grouped]):
            if k % per_group < sizes[other]:
                at: dict[str, Any] = {grouped: k, other: k % per_group, "b": slice(None)}
                pairs = zip(right.shape, self.letters, strict=True)
                right[tuple(n // 2 if each == "*" else at[each] for n, each in pairs)] = True
        constant = fastinit.constant(self.whole.shape, gain, dtype=self.whole.dtype)
        check_bits(self.whole, np.where(right, constant, np.zeros_like(constant)))

    def orthogonal(self) -> None:
        gain = float(self.options.get("gain", 1))
        tolerance = {8: 1e-12, 4: 1e-5, 2: 2e-2}[self.whole.dtype.itemsize] * (gain**2 + 1e-9)
        rows, columns = "o", "i*"
        array = self.values
        if self.call.function == "delta_orthogonal":
            pairs = zip(array.shape, self.letters, strict=True)
            middle = tuple((n - 1) // 2 if each == "*" else slice(None) for n, each in pairs)
            assert (array != 0).sum() == (array[middle] != 0).sum()
            array = array[middle]
            self.letters = self.letters.replace("*", "")
        for matrix in matrices_of(array, self.letters, rows, columns):
            small = matrix if matrix.shape[0] <= matrix.shape[1] else matrix.T
            error = np.abs(small @ small.T - gain**2 * np.eye(len(small)))
            assert error.max(initial=0) <= tolerance

    def masked(self) -> None:
        """The base's values where the mask is, and zeros elsewhere; the mask has its counts."""
        options = {k: v for k, v in self.options.items() if k not in ("index", "out", "dtype")}
        function = self.call.function
        base = options.pop("base", None)
        options.pop("format", None)
        std = options.pop("std", None)
        correct = options.pop("correct_fan", False)
        pure = "mask" if function in ("sparse", "mask") else function
        kept = getattr(fastinit, pure)(self.whole.shape, **options, dtype="bool")
        self.counts(kept, options)
        if function == "sparse" and base is None:
            base = fastinit.Normal(0, 0.01 if std is None else std)
        if base is None:
            assert np.array_equal(self.whole.astype(bool), kept)
            assert np.all(self.values[kept] == 1)
        elif not correct:
            if isinstance(base, str):
                layout = {"layout": options.get("layout", "oi*")}
                dense = getattr(fastinit, base)(self.whole.shape, **layout, **self.where)
            else:
                dense = base(self.whole.shape, **self.where)
            check_bits(self.whole, np.where(kept, dense, np.zeros_like(dense)))

    def counts(self, kept: Any, options: dict[str, Any]) -> None:
        if self.call.function == "n_m":
            n, m = int(options.get("n", 2)), int(options.get("m", 4))
            groups = np.moveaxis(kept, self.letters.index("i"), -1).reshape(-1, m)
            assert np.all(groups.sum(axis=1) == n)
        elif self.call.function in ("sparse", "mask"):
            block = options.get("block")
            if block is not None:  # the first element of each stands for it
                firsts = kept[tuple(slice(None, None, size) for size in block)]
                assert np.array_equal(np.kron(firsts, np.ones(block, bool)), kept)
                kept = firsts
            rows = matrices_of(kept, self.letters, "o", "i*")
            axis = {"in": 1, "out": 2, "tensor": None}[options.get("per", "in")]
            along = rows.sum(axis=axis)
            of = rows.size if axis is None else rows.shape[axis]
            right = options.get("nonzeros")
            if right is None:
                right = of - math.ceil(float(options["sparsity"]) * of)
            elif block is not None:
                right = int(right) // math.prod(block)
            assert np.all(along == int(right))


def whole_of(value: float, like: Any) -> Any:
    return np.full(like.shape, np.array(value, precision_of(like.dtype)).astype(like.dtype), float)


def drawn_options(options: dict[str, Any]) -> dict[str, Any]:
    """The options of a call that are fields of its object."""
    elsewhere = ("seed", "name", "dtype", "device", "out", "index")
    return {k: v for k, v in options.items() if k not in elsewhere}


PRESETS = {
    "variance_scaling": (1.0, "fan_in"),
    "he_normal": (2.0, "fan_in"),
    "he_uniform": (2.0, "fan_in"),
    "glorot_normal": (1.0, "fan_avg"),
    "glorot_uniform": (1.0, "fan_avg"),
    "lecun_normal": (1.0, "fan_in"),
    "lecun_uniform": (1.0, "fan_in"),
    "fan_in_uniform": (1 / 3, "fan_in"),
    "siren_uniform": (2.0, "fan_in"),
}
CHECKS = {
    "log_uniform": "uniform",
    "rademacher": "ternary",
    **dict.fromkeys(("eye", "identity", "dirac"), "identity"),
    **dict.fromkeys(("split", "stacked", "transposed", "normed", "product", "custom"), "structure"),
    **dict.fromkeys(("orthogonal", "delta_orthogonal"), "orthogonal"),
    **dict.fromkeys(("sparse", "mask", "n_m", "bernoulli"), "masked"),
}


def check_values(call: Call, drawn: Any) -> None:
    """The part is that of the whole, and the whole is right."""
    dtype = drawn.dtype
    if call.options.get("format") is not None:
        drawn = drawn.toarray()
    formats = {"format": None} if "format" in call.options else {}
    whole = call.draw(index=None, out=None, dtype=dtype, **formats)
    index = call.options.get("index")
    assert whole.dtype == dtype
    if index is None:
        check_bits(drawn, whole)
    else:
        check_bits(drawn, np.ascontiguousarray(whole[index]).reshape(drawn.shape))
    if whole.size == 0 or dtype.kind == "c":  # for complex values there is test_complex.py
        return
    check = Check(call, whole)
    if call.function in PRESETS:
        check.preset(*PRESETS[call.function])
    elif call.function != "normal":
        getattr(check, CHECKS.get(call.function, call.function))()


def check_error(call: Call, error: Exception) -> None:
    """It was raised by fastinit or by Python for the call itself, and nothing was written."""
    last = traceback.extract_tb(error.__traceback__)[-1].filename
    assert "fastinit" in last or "random_calls" in last, last
    assert str(error)
    out = call.options.get("out")
    assert out is None or np.all(out == 77)


class Moments:
    """The sum of squared standardized means of independent values, which is chi-squared."""

    def __init__(self) -> None:
        self.count = 0
        self.total = 0.0

    def add(self, call: Call, drawn: Any) -> None:
        what = {
            "normal": fastinit.Normal,
            "uniform": fastinit.Uniform,
            "truncated_normal": fastinit.TruncatedNormal,
        }.get(call.function)
        if what is None or drawn.dtype not in (np.float64, np.float32) or drawn.size < 8:
            return
        mean, std = what(**drawn_options(call.options)).moments(()) or (0.0, 0.0)
        if std > 1e-6 * abs(mean):  # else rounding shows
            self.count += 1
            self.total += ((drawn.mean(dtype=np.float64) - mean) / std) ** 2 * drawn.size

    def check(self) -> None:
        """Each square has mean 1 and a variance of nearly 2."""
        assert abs(self.total / self.count - 1) <= 6 * math.sqrt(2 / self.count)


def check_calls(seeds: range) -> float:
    """Check the calls of these seeds, and return the share of those that drew something."""
    moments = Moments()
    drew = 0
    for seed in seeds:
        call = random_call(seed)
        try:
            drawn = call.draw()
        except DOCUMENTED as error:
            check_error(call, error)
            continue
        except Exception as error:
            raise AssertionError(f"seed {seed}: {call} raised {error!r}") from error
        drew += 1
        # A call that draws the same numbers twice would count twice.
        fresh = {**call.options, "seed": seed, "name": "moments"}
        fresh.pop("out", None)
        try:
            check_values(call, drawn)
            moments.add(call, Call(call.function, call.shape, fresh).draw())
        except Exception as error:
            raise AssertionError(f"seed {seed}: {call}") from error
    moments.check()
    return drew / len(seeds)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.filterwarnings("ignore::fastinit.RepeatedStreamWarning")
def test_random_calls() -> None:
    assert check_calls(range(3000)) > 0.5


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::fastinit.RepeatedStreamWarning")
@pytest.mark.parametrize("part", range(10))
def test_many_random_calls(part: int) -> None:
    assert check_calls(range(10000 * part, 10000 * (part + 1))) > 0.5


def test_calls_are_of_all_kinds() -> None:
    """The sample has every function, dtypes, parts, layouts and wrong arguments."""
    calls = list(map(random_call, range(3000)))
    assert {call.function for call in calls} == set(RECORDS)
    options = [set(call.options) for call in calls]
    for option in ("dtype", "index", "out", "layout", "groups", "base", "name", "device"):
        assert sum(option in each for each in options) > 30
