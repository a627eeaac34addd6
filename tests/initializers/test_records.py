"""Tests of every initializer, driven by helpers/records/initializers.py."""

import inspect
import json
import math
import pickle
from collections.abc import Callable, Iterator
from types import FunctionType
from typing import Any

import numpy as np
import pytest

import fastinit
from fastinit import Initializer
from helpers.bits import check_bits
from helpers.dtypes import DTYPES, INTEGERS
from helpers.records.initializers import ALL_RECORDS, OBJECTS, RECORDS
from helpers.records.record import Record, shape_for
from helpers.settings import SETS, instruction_set, threads

WHERE: dict[str, Any] = {"seed": 5, "name": "w"}
MADE = {name: record for name, record in ALL_RECORDS.items() if record.initializer}
DRAWN = [
    pytest.param(record, shape, options, id=f"{name} {shape}")
    for name, record in ALL_RECORDS.items()
    for shape, options in record.fits
]


PUBLIC = vars(fastinit)["__all__"]  # which the stub cannot have


def is_function_of_a_shape(name: str) -> bool:
    """Whether a name is that of a function, not an alias, that returns an array of a shape."""
    value = getattr(fastinit, name)
    if not isinstance(value, FunctionType) or value.__name__ != name:
        return False
    parameters = inspect.signature(value).parameters
    several = ("adapter", "describe", "factorized", "lora", "randlora")
    return "shape" in parameters and name not in several


def is_initializer(name: str) -> bool:
    """Whether a name is that of a class of initializers."""
    value = getattr(fastinit, name)
    is_class = isinstance(value, type) and issubclass(value, Initializer)
    return is_class and not inspect.isabstract(value)


def test_every_function_has_a_record() -> None:
    assert set(RECORDS) == set(filter(is_function_of_a_shape, PUBLIC))


def test_every_initializer_has_a_record() -> None:
    """A record has objects, which test_round_trip needs."""
    recorded = {name: record.initializer for name, record in ALL_RECORDS.items()}
    public = {getattr(fastinit, name) for name in filter(is_initializer, PUBLIC)}
    assert public == set(recorded.values()) - {None}
    assert [name for name in MADE if not MADE[name].objects] == []


@pytest.mark.parametrize(("record", "shape", "options"), DRAWN)
def test_function_and_object_draw_the_same(
    record: Record, shape: tuple[int, ...], options: dict[str, Any]
) -> None:
    for dtype in record.dtypes:
        drawn = record.draw(shape, dtype=dtype, **WHERE, **options)
        assert drawn.shape == shape
        if record.initializer is not None:
            check_bits(record.make(**options)(shape, dtype=dtype, **WHERE), drawn, dtype)


@pytest.mark.parametrize("dtype", [*DTYPES, *INTEGERS])
@pytest.mark.parametrize("name", ALL_RECORDS)
def test_dtypes(name: str, dtype: str) -> None:
    """Other dtypes than those of the record are an error that names what is allowed."""
    record = ALL_RECORDS[name]
    shape, options = record.fits[0]
    if dtype in record.dtypes:
        assert record.draw(shape, dtype=dtype, **options).dtype.name == dtype
    else:
        with pytest.raises(ValueError, match=f"dtype={dtype} does not hold .*use one of"):
            record.draw(shape, dtype=dtype, **options)


def parts_of(shape: tuple[int, ...]) -> Iterator[Any]:
    """A corner, the middle, the end, a row, an element and an empty part of an array."""
    yield tuple(slice(0, (size + 1) // 2) for size in shape)
    yield tuple(slice(size // 3, size - size // 4) for size in shape)
    yield tuple(slice(-1, None) for _ in shape)
    yield shape[0] // 2
    yield tuple(size // 2 for size in shape)
    yield (..., slice(1, 1))


@pytest.mark.parametrize(("record", "shape", "options"), DRAWN)
def test_parts_are_those_of_the_whole(
    record: Record, shape: tuple[int, ...], options: dict[str, Any]
) -> None:
    for dtype in record.dtypes:
        whole = record.draw(shape, dtype=dtype, **WHERE, **options)
        for index in parts_of(shape):
            part = record.draw(shape, dtype=dtype, index=index, **WHERE, **options)
            check_bits(part, np.ascontiguousarray(whole[index]).reshape(part.shape), (dtype, index))


@pytest.mark.parametrize(("record", "shape", "options"), DRAWN)
def test_instruction_sets_and_threads_draw_the_same(
    record: Record, shape: tuple[int, ...], options: dict[str, Any]
) -> None:
    for dtype in record.dtypes:
        first = record.draw(shape, dtype=dtype, **WHERE, **options)
        for isa in SETS:
            for count in (1, 2):
                with instruction_set(isa), threads(count):
                    again = record.draw(shape, dtype=dtype, **WHERE, **options)
                check_bits(again, first, (dtype, isa, count))


@pytest.mark.parametrize("name", ALL_RECORDS)
def test_seeds_and_names_change_what_is_random(name: str) -> None:
    record = ALL_RECORDS[name]
    shape, options = record.fits[0]
    drawn = {
        record.draw(shape, seed=seed, name=stream, **options).tobytes()
        for seed, stream in [(1, "w"), (1, "v"), (2, "w")]
    }
    assert len(drawn) == (3 if record.random else 1)


@pytest.mark.parametrize("name", [name for name, record in RECORDS.items() if record.moments])
def test_mean_and_standard_deviation(name: str) -> None:
    """Both are within 5 sigmas for 120,000 values; the variance's is estimated from them."""
    record, shape = RECORDS[name], (400, 300)
    assert record.moments is not None
    mean, std = record.moments(shape)
    values = record.draw(shape, dtype="float64", **WHERE)
    squares = (values - mean) ** 2
    root = math.sqrt(values.size)
    assert abs(values.mean() - mean) <= 5 * std / root
    assert abs(squares.mean() - std**2) <= 5 * squares.std() / root + 1e-12


EXACT = [name for name, record in RECORDS.items() if record.exact is not None]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", EXACT)
def test_values_are_close_to_those_of_the_reference(name: str, dtype: str) -> None:
    """The error is within the bound of docs/streams.md."""
    record, count = RECORDS[name], 20_000
    assert record.exact is not None
    function, *bounds = record.exact
    for options in (record.options, *map(vars, record.objects)):
        bits = 64 if dtype == "float64" else 32
        exact = function(range(count), WHERE["seed"], WHERE["name"], bits, **options)
        values = record.draw((count,), **{**WHERE, **options}, dtype=dtype).astype(np.longdouble)
        bound = bounds[bits // 64]
        assert float(np.max(np.abs(values - exact) / np.abs(exact))) <= bound


WAYS: dict[str, Callable[[Initializer], Any]] = {
    "dict": lambda what: Initializer.from_dict(what.to_dict()),
    "json": lambda what: Initializer.from_dict(json.loads(json.dumps(what.to_dict()))),
    "pickle": lambda what: pickle.loads(pickle.dumps(what)),
    "repr": lambda what: eval(repr(what), {"inf": math.inf, **vars(fastinit)}),
}


@pytest.mark.parametrize("what", OBJECTS, ids=repr)
@pytest.mark.parametrize("way", WAYS)
def test_round_trip(what: Initializer, way: str) -> None:
    """The result has the same type, hash and repr, and equals the original and no other object."""
    back = WAYS[way](what)
    assert (type(back), hash(back), repr(back)) == (type(what), hash(what), repr(what))
    assert [each for each in OBJECTS if each == back] == [what]


@pytest.mark.parametrize("what", OBJECTS, ids=repr)
def test_resolved_object_draws_the_same(what: Initializer) -> None:
    shape = shape_for(what)
    check_bits(what.resolve(shape)(shape, **WHERE), what(shape, **WHERE))
