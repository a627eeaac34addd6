"""Golden values: digests in data/golden.json, and first values that a person can read.

``SKBUILD_EDITABLE_VERBOSE=0 PYTHONPATH=tests python tests/initializers/test_golden.py`` prints the
JSON again (the variable keeps an editable installation from printing its build). Before 0.1.0 is
tagged, a digest may change together with docs/streams.md; after it, a changed digest is a changed
stream and needs a new ``fastinit.STREAM_VERSION``.
"""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import fastinit
from helpers import reference
from helpers.bits import check_bits, f64
from helpers.records.initializers import GOLDENS
from helpers.records.record import LENGTH
from helpers.settings import SETS, instruction_set, threads

PATH = Path(__file__).parents[1] / "data" / "golden.json"


def digests() -> dict[str, str]:
    return {key: fastinit.digest(each.draw(name)) for key, (name, each) in GOLDENS.items()}


def recorded() -> dict[str, str]:
    """The content of golden.json."""
    return dict(json.loads(PATH.read_text(encoding="utf-8")))


FIRST = {  # the first four float32 values of seed 0
    "uniform": (
        "0x1.cc4fd00000000p-1",
        "0x1.85a7160000000p-2",
        "0x1.e2bd640000000p-3",
        "0x1.b00db80000000p-4",
    ),
    "normal": (
        "0x1.fb76660000000p-1",
        "-0x1.d96d600000000p-1",
        "-0x1.3c373c0000000p-1",
        "-0x1.eda3620000000p-2",
    ),
    "truncated_normal": (
        "-0x1.f3951e0000000p-3",
        "0x1.1847600000000p+0",
        "0x1.3208d20000000p-1",
        "0x1.053c8e0000000p-2",
    ),
}


def first_by_reference(function: str) -> NDArray[Any]:
    """The first four values of seed 0 by the reference, unrounded except for the uniform's."""
    index = np.arange(4)
    if function == "uniform":
        return reference.uniform(index, 0, 0, 0.0, 1.0, np.float32)
    if function == "normal":
        return reference.standard_normal(index, 0, 0)
    return reference.standard_truncated_normal(index, 0, 0, -2.0, 2.0)


def test_the_file_knows_every_golden_array() -> None:
    """A key too many or too few means that golden.json was not printed again."""
    assert sorted(recorded()) == sorted(GOLDENS)


@pytest.mark.parametrize("count", [1, 2])
@pytest.mark.parametrize("isa", SETS)
def test_digests_are_golden(isa: str, count: int) -> None:
    """The instruction set and the number of threads do not matter."""
    with instruction_set(isa), threads(count):
        found = digests()
    golden = recorded()
    assert [key for key in found if found[key] != golden.get(key)] == []


@pytest.mark.parametrize("key", [key for key, (name, _) in GOLDENS.items() if name == "uniform"])
def test_uniform_digests_are_those_of_the_reference(key: str) -> None:
    """The reference shares no code with the library."""
    _, golden = GOLDENS[key]
    start = golden.start or 0
    count = LENGTH if golden.start is not None else golden.shape[0]
    bounds = golden.options["low"], golden.options["high"]
    index, dtype = np.arange(start, start + count), reference.DTYPES[golden.dtype]
    stream = reference.stream_of(golden.name)
    values = reference.uniform(index, golden.seed, stream, *bounds, dtype)
    assert fastinit.digest(values) == recorded()[key]


@pytest.mark.parametrize("function", FIRST)
def test_first_values_are_these(function: str) -> None:
    """The values are literal, so that a change is seen by eye."""
    found = getattr(fastinit, function)(LENGTH, seed=0)[:4]
    assert tuple(float(x).hex() for x in found) == FIRST[function]


def test_first_uniform_values_are_those_of_the_reference() -> None:
    literal = np.array([float.fromhex(x) for x in FIRST["uniform"]], np.float32)
    check_bits(literal, first_by_reference("uniform"))


@pytest.mark.parametrize("function", ["normal", "truncated_normal"])
def test_first_normal_values_are_those_of_the_reference(function: str) -> None:
    """The bound is that of docs/streams.md: 5e-7 |z| + 1e-12."""
    z = f64(first_by_reference(function))
    literal = np.array([float.fromhex(x) for x in FIRST[function]])
    assert np.all(np.abs(literal - z) <= 5e-7 * np.abs(z) + 1e-12)


if __name__ == "__main__":
    print(json.dumps(digests(), indent=2, ensure_ascii=False))
