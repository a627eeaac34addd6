"""Arguments are what they say: booleans, numbers of every kind, and shapes without elements."""

import fractions
import math
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import ml_dtypes
import numpy as np
import pytest

import fastinit
from fastinit import Initializer
from fastinit.checks import boolean, integer, real
from helpers.bits import check_bits
from helpers.records.initializers import OBJECTS, RECORDS
from helpers.records.record import Record

BOOLEANS: dict[str, Callable[[Any], Any]] = {
    "TruncatedNormal": lambda value: fastinit.TruncatedNormal(compensate=value),
    "truncated_normal": lambda value: fastinit.truncated_normal(
        4, seed=0, name=0, compensate=value
    ),
    "HeNormal": lambda value: fastinit.HeNormal(truncated=value),
    "glorot_normal": lambda value: fastinit.glorot_normal((4, 4), seed=0, name=0, truncated=value),
    "Sparse": lambda value: fastinit.Sparse(0.5, base="he_normal", correct_fan=value),
    "NM": lambda value: fastinit.NM(base="he_normal", correct_fan=value),
    "n_m": lambda value: fastinit.n_m((4, 4), base="he_normal", correct_fan=value, seed=0, name=0),
    "bernoulli": lambda value: fastinit.bernoulli((4, 4), base="he_normal", correct_fan=value),
    "siren_uniform": lambda value: fastinit.siren_uniform((4, 4), seed=0, name=0, first=value),
    "factorized": lambda value: fastinit.factorized((4, 4), 2, seed=0, spectral=value),
    "from_dict": lambda value: Initializer.from_dict({"type": "HeNormal", "truncated": value}),
}
NO_BOOLEANS = ["false", "True", "", b"true", 0, 1, 1.0, None, [], np.array(True), math.nan]


@pytest.mark.parametrize("wrong", NO_BOOLEANS, ids=repr)
@pytest.mark.parametrize("name", BOOLEANS)
def test_what_is_not_a_boolean(name: str, wrong: Any) -> None:
    with pytest.raises(TypeError, match=r"=.* is an? \w+; pass True or False"):
        BOOLEANS[name](wrong)


@pytest.mark.parametrize("name", BOOLEANS)
def test_booleans(name: str) -> None:
    """Those of NumPy are those of Python."""
    for value in (True, False):
        BOOLEANS[name](value)
        BOOLEANS[name](np.bool_(value))
        assert boolean(np.bool_(value), "option") is value
    given: Any = np.True_
    assert fastinit.HeNormal(truncated=given) == fastinit.HeNormal(truncated=True)
    assert repr(fastinit.HeNormal(truncated=given)) == repr(fastinit.HeNormal(truncated=True))


HUGE = 10**5000  # more digits than Python writes
NUMBERS = [
    *(kind(0.75) for kind in (np.float16, np.float32, np.float64, np.longdouble, np.array)),
    ml_dtypes.bfloat16(0.75),
    ml_dtypes.float8_e4m3fn(0.75),
    np.array(0.75, ml_dtypes.bfloat16),
    Decimal("0.75"),
    fractions.Fraction(3, 4),
]


@pytest.mark.parametrize("value", NUMBERS, ids=lambda value: type(value).__name__)
def test_numbers_of_every_kind(value: Any) -> None:
    """Real numbers are taken for their value, scalars and arrays without axes alike."""
    assert real(value, "x") == 0.75
    assert fastinit.Normal(std=value) == fastinit.Normal(std=0.75)
    assert fastinit.Constant(value) == fastinit.Constant(0.75)
    check_bits(
        fastinit.he_normal((4, 4), gain=value, seed=0),
        fastinit.he_normal((4, 4), gain=0.75, seed=0, name=0),
    )


TOO_LARGE = [10**400, HUGE, Decimal("1e400"), fractions.Fraction(10**400), -HUGE]
if np.finfo(np.longdouble).max > np.finfo(np.float64).max:
    TOO_LARGE.append(np.longdouble("1e400"))
TOO_SMALL = [Decimal("1e-400"), fractions.Fraction(1, 10**400)]
NO_NUMBERS = [
    "0.5", b"0.5", bytearray(b"1"), 1j, np.complex64(1), np.array(1j), np.array([0.5]), [0.5], (1,),
    np.bool_(True), np.array(True), np.str_("1"), np.bytes_(b"1"), np.timedelta64(1, "s"),
    np.datetime64(1, "s"), np.array(0.5, object), None, object, Decimal("sNaN"), {}, range(1),
]  # fmt: skip
TAKES_NUMBER: dict[str, Callable[[Any], Any]] = {
    "std": lambda value: fastinit.normal(4, std=value, seed=0),
    "mean": lambda value: fastinit.Normal(mean=value),
    "high": lambda value: fastinit.log_uniform(4, 1e-5, value, seed=0),
    "omega": lambda value: fastinit.siren_uniform((4, 4), omega=value, seed=0),
    "low": lambda value: fastinit.uniform(4, low=value, seed=0),
    "upper": lambda value: fastinit.truncated_normal(4, upper=value, seed=0),
    "gain": lambda value: fastinit.he_normal((4, 4), gain=value, seed=0),
    "fan": lambda value: fastinit.HeNormal(fan=value),
    "scale": lambda value: fastinit.variance_scaling((4, 4), value, seed=0),
    "value": lambda value: fastinit.constant(4, value),
    "p": lambda value: fastinit.bernoulli(4, value, seed=0),
    "sparsity": lambda value: fastinit.mask((4, 4), value, seed=0),
    "a": lambda value: fastinit.gain("leaky_relu", value),
}
OPTIONAL = {"gain", "fan", "sparsity", "a"}  # which may be None


@pytest.mark.parametrize("what", TAKES_NUMBER)
def test_numbers_beyond_floats(what: str) -> None:
    for value in TOO_LARGE:
        with pytest.raises(ValueError, match=f"{what} is too large; pass a number below 1.8e308"):
            TAKES_NUMBER[what](value)
    for value in TOO_SMALL:
        with pytest.raises(ValueError, match=f"{what}=.* is too small; "):
            TAKES_NUMBER[what](value)


@pytest.mark.parametrize("what", TAKES_NUMBER)
def test_what_is_not_a_number(what: str) -> None:
    for value in NO_NUMBERS:
        if value is None and what in OPTIONAL:
            continue
        if what == "value" and isinstance(value, np.bool_):
            continue  # a constant of booleans
        if what == "gain" and isinstance(value, str):
            continue  # the name of an activation
        with pytest.raises(TypeError, match=rf"{what}=(.|\n)* is an? .*; pass a number"):
            TAKES_NUMBER[what](value)


def test_tensors_are_numbers() -> None:
    torch = pytest.importorskip("torch")
    assert fastinit.Normal(std=torch.tensor(0.75)) == fastinit.Normal(std=0.75)
    assert fastinit.Constant(torch.tensor(2**62 + 1)).value == 2**62 + 1
    assert fastinit.Constant(torch.tensor(0.5)).value == 0.5
    for wrong in (torch.tensor(True), torch.tensor(1j), torch.tensor([0.5, 1.0])):
        with pytest.raises(TypeError, match=r"std=.* is a Tensor; pass a number"):
            fastinit.Normal(std=wrong)


TAKES_INTEGER: dict[str, Callable[[Any], Any]] = {
    "seed": lambda value: fastinit.normal(4, seed=value),
    "name": lambda value: fastinit.normal(4, name=value),
    "groups": lambda value: fastinit.he_normal((4, 4), groups=value),
    "nonzeros": lambda value: fastinit.sparse((4, 4), nonzeros=value),
    "n": lambda value: fastinit.n_m((4, 4), n=value),
    "m": lambda value: fastinit.n_m((4, 4), n=0, m=value),
    "shape": lambda value: fastinit.normal(value),
    "rank": lambda value: fastinit.factorized((4, 4), value, spectral=True),
    "count": fastinit.set_num_threads,
}


@pytest.mark.parametrize("what", TAKES_INTEGER)
def test_huge_integers(what: str) -> None:
    """The error says which argument is wrong, also where Python refuses to write the integer."""
    for value in (HUGE, -HUGE):
        with pytest.raises(ValueError, match=rf"{what}=\(?an integer of 16610 bits"):
            TAKES_INTEGER[what](value)
    for index in (HUGE, np.s_[HUGE:], np.s_[:-HUGE]):
        with pytest.raises(IndexError, match=r"an integer of 16610 bits.* is out of range"):
            fastinit.normal(4, index=index)


@pytest.mark.parametrize("what", sorted(TAKES_INTEGER.keys() - {"shape"}))
def test_what_is_not_an_integer(what: str) -> None:
    wrong = [
        1.0,
        np.float32(1),
        Decimal(1),
        1j,
        True,
        np.bool_(True),
        np.array(True),
        np.array([1]),
    ]
    for value in [*wrong, np.array(1.0), fractions.Fraction(1), b"1"]:
        with pytest.raises(TypeError, match=rf"{what}=.* is an? .*; pass "):
            TAKES_INTEGER[what](value)
    for value in (np.int8(1), np.uint64(1), np.array(1)):
        assert integer(value, what, "1") == 1


@pytest.mark.parametrize(
    "wrong", ["", "ab", b"", b"\x02", bytearray(b"\x02"), {2: 3}, {2}, 2.0, None]
)
def test_what_is_not_a_shape(wrong: Any) -> None:
    with pytest.raises(TypeError, match=r"shape=.* is not an integer or a sequence of integers"):
        fastinit.normal(wrong)


@pytest.mark.parametrize(
    "shape", [3, (3,), [3], np.array(3), np.array([3]), np.int8(3), range(3, 4)]
)
def test_shapes_of_every_kind(shape: Any) -> None:
    assert fastinit.normal(shape, seed=0).shape == (3,)


@pytest.mark.parametrize("wrong", [np.array(0.5), np.array([0]), np.array([True]), np.array(True)])
def test_what_is_not_an_index(wrong: Any) -> None:
    """What has ``__index__`` and is not an integer; the error says on which axis."""
    with pytest.raises(TypeError, match=r"index on axis 1=.* is an? .*; pass an integer or"):
        fastinit.normal((3, 3), index=(0, wrong))


EMPTY = [(0,), (0, 4), (4, 0), (0, 0), (4, 0, 3), (0, 4, 3), (2, 3, 0, 4)]


@pytest.mark.parametrize("shape", EMPTY, ids=str)
@pytest.mark.parametrize("record", RECORDS.values(), ids=lambda record: record.name)
def test_empty_shapes(record: Record, shape: tuple[int, ...]) -> None:
    """Every initializer draws an empty array, also into a given one and of a part."""
    for _, options in record.fits:
        assert record.draw(shape, seed=0, **options).shape == shape
        out = np.empty(shape, record.draw(shape).dtype)
        assert record.draw(shape, seed=0, out=out, **options) is out
        part = record.draw(shape, seed=0, index=np.s_[..., :0], **options)
        assert part.shape == (*shape[:-1], 0)


@pytest.mark.parametrize("what", OBJECTS, ids=repr)
def test_objects_of_empty_shapes(what: Initializer) -> None:
    """They resolve, and their moments are finite, for every axis of size 0."""
    sizes = {"o": 32, "i": 16, "b": 2, "*": 3}
    letters = getattr(what, "layout", "oi")
    for axis in range(len(letters)):
        shape = tuple(0 if k == axis else sizes[each] for k, each in enumerate(letters))
        assert what.resolve(shape)(shape, seed=0).shape == shape
        moments = what.moments(shape)
        assert (
            moments is None
            or all(map(math.isfinite, moments))
            or what == fastinit.Constant(-math.inf)
        )


def refused_dtype(record: Record) -> str | None:
    """A dtype that an initializer does not draw, if there is one."""
    return next((name for name in ("int8", "float8_e5m2") if name not in record.dtypes), None)


@pytest.mark.parametrize(
    "record",
    [record for record in RECORDS.values() if refused_dtype(record)],
    ids=lambda record: record.name,
)
def test_empty_parts_are_checked(record: Record) -> None:
    """A part without elements of an array with some raises what any other part does."""
    shape, options = record.fits[0]
    dtype = refused_dtype(record)
    for index in (np.s_[:0], np.s_[:1]):
        with pytest.raises(ValueError, match=f"dtype={dtype} does not hold"):
            record.draw(shape, seed=0, dtype=dtype, index=index, **options)


@pytest.mark.parametrize("record", RECORDS.values(), ids=lambda record: record.name)
@pytest.mark.parametrize("shape", [(), (5,)])
def test_scalars_and_vectors(record: Record, shape: tuple[int, ...]) -> None:
    """They are drawn where their axes suffice; else the error says which shape lacks an axis."""
    if record.least_rank is not None and record.least_rank <= len(shape):
        assert record.draw(shape, seed=0).shape == shape
    else:
        with pytest.raises(ValueError, match=r"(?=.*shape \((5,)?\))(?=.*(axes|axis|matrix))"):
            record.draw(shape, seed=0)


@pytest.mark.parametrize("shape", EMPTY, ids=str)
def test_factors_of_empty_shapes(shape: tuple[int, ...]) -> None:
    if len(shape) < 2:
        with pytest.raises(ValueError, match="has 1 axis"):
            fastinit.factorized(shape, 2, seed=0)
        return
    left, right = fastinit.factorized(shape, 2, seed=0)
    assert (left.shape, right.shape) == ((shape[0], 2), (2, *shape[1:]))
    a, b = fastinit.lora(shape, 2, seed=0, name=0)
    assert (a.shape, b.shape) == ((2, *shape[1:]), (shape[0], 2))
