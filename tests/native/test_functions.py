"""The functions of csrc/numerics/functions.h against mpmath, at the bounds that it states."""

import importlib
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from fastinit.native import _cpu
from fastinit.native.functions import evaluate
from helpers.bits import check_bits
from helpers.settings import SETS, instruction_set, threads

MP: Any = importlib.import_module("mpmath").mp.clone()
MP.prec = 160
COUNT = 400
INF, NAN = math.inf, math.nan
Values = NDArray[np.float64]
RNG = np.random.default_rng(0)


def spread(low: float, high: float) -> Values:
    return RNG.uniform(low, high, COUNT)


def orders(low: float, high: float) -> Values:
    """Values of all orders of magnitude between two powers of ten."""
    return np.power(10.0, spread(low, high))


QUARTERS = np.round(spread(0, 1e9)) * np.pi / 2  # where sin or cos are close to 0


@dataclass(frozen=True)
class Case:
    """A function, the exact one, values in its domain, and the error in ulp that is allowed."""

    name: str
    exact: Callable[[Any], Any]
    values: tuple[Values, ...]
    ulp: float
    number: float = 0.0
    absolute: float = 0.0


def power(p: float, ulp: float, *values: Values) -> Case:
    return Case("power", lambda x: MP.power(x, MP.mpf(p)), values, ulp, p)


CASES = (
    Case("exp", MP.exp, (spread(-745, 709.7), spread(-1, 1), spread(-745, -700)), 1),
    Case(
        "expm1", MP.expm1, (spread(-60, 709), spread(-2, 2), orders(-300, 0), -orders(-20, 0)), 2.5
    ),
    Case("log", MP.log, (orders(-320, 308), spread(0.5, 2), 1 + orders(-16, 0)), 0.52),
    Case("log1p", MP.log1p, (orders(-320, 308), spread(-1, 2), -orders(-16, 0)), 0.75),
    Case("sin", MP.sin, (spread(-9, 9), spread(-(2**40), 2**40), orders(-300, 9), QUARTERS), 1.1),
    Case("cos", MP.cos, (spread(-9, 9), spread(-(2**40), 2**40), orders(-300, 9), QUARTERS), 1.1),
    Case("tanh", MP.tanh, (spread(-20, 20), orders(-300, 1)), 2.5),
    Case(
        "inverse_softplus",
        lambda x: MP.log(MP.expm1(x)),
        (orders(-300, 3), spread(0.6, 0.8)),
        1.5,
        absolute=2.3e-16,
    ),
    power(0.3, 1 + 710 / 32 * 0.3, orders(-320, 308), spread(0.5, 2)),
    power(-7.5, 1 + 32 / 32, np.exp(spread(-32 / 7.5, 32 / 7.5))),
    power(2000.0, 1 + 700 / 32, np.exp(spread(-0.35, 0.35))),
    Case(
        "exponential_to_base",
        lambda x: MP.power(10000, x),
        (spread(-3.4, 3.4),),
        2,
        10000.0,
    ),
)
NAMES = [f"{case.name} {case.number}" for case in CASES]


@pytest.mark.parametrize("case", CASES, ids=NAMES)
def test_error(case: Case) -> None:
    values = np.concatenate(case.values)
    found = evaluate(case.name, values, case.number)
    for x, y in zip(values.tolist(), found.tolist(), strict=True):
        exact = case.exact(MP.mpf(x))
        error = abs(MP.mpf(y) - exact) - case.absolute
        assert error <= case.ulp * math.ulp(float(exact)), (x, y, float(exact))


@pytest.mark.parametrize("name", _cpu.functions)
def test_every_function_is_tested(name: str) -> None:
    assert name in {case.name for case in CASES}


EDGES = {
    "exp": {0.0: 1.0, INF: INF, -INF: 0.0, 709.79: INF, -745.2: 0.0, NAN: NAN},
    "expm1": {-0.0: -0.0, 5e-324: 5e-324, INF: INF, -INF: -1.0, -50.0: -1.0, NAN: NAN},
    "log": {-0.0: -INF, 1.0: 0.0, INF: INF, -1.0: NAN, -INF: NAN, NAN: NAN},
    "log1p": {-1.0: -INF, -0.0: -0.0, 5e-324: 5e-324, INF: INF, -2.0: NAN, NAN: NAN},
    "sin": {-0.0: -0.0, 5e-324: 5e-324, INF: NAN, -INF: NAN, 2.0**41: NAN, NAN: NAN},
    "cos": {0.0: 1.0, 5e-324: 1.0, INF: NAN, -INF: NAN, -(2.0**41): NAN, NAN: NAN},
    "tanh": {-0.0: -0.0, 5e-324: 5e-324, INF: 1.0, -INF: -1.0, -1e300: -1.0, NAN: NAN},
    "inverse_softplus": {0.0: -INF, INF: INF, 1e300: 1e300, -1.0: NAN, NAN: NAN},
}
POWERS = {
    2.0: {0.0: 0.0, INF: INF, 1e200: INF, 1e-200: 0.0, -1.0: NAN, NAN: NAN},
    0.0: {0.0: 1.0, INF: 1.0, 3.0: 1.0, -1.0: NAN},
    -0.5: {0.0: INF, INF: 0.0, 1.0: 1.0, 4.0: 0.5},
    1e300: {2.0: INF, 0.5: 0.0, 1.0: 1.0},
}


@pytest.mark.parametrize("name", EDGES)
def test_edges(name: str) -> None:
    found = evaluate(name, np.array(list(EDGES[name])))
    assert list(map(repr, found.tolist())) == list(map(repr, EDGES[name].values()))


@pytest.mark.parametrize("p", POWERS)
def test_edges_of_powers(p: float) -> None:
    found = evaluate("power", np.array(list(POWERS[p])), p)
    assert list(map(repr, found.tolist())) == list(map(repr, POWERS[p].values()))


@pytest.mark.parametrize("name", _cpu.functions)
def test_one_result_on_all_instruction_sets_and_threads(name: str) -> None:
    edges = [0.0, -0.0, INF, -INF, 5e-324, 2.0**-1022, 1.7e308, 710.0, -746.0]
    values = np.concatenate([edges, spread(-5, 5), spread(-800, 800), RNG.uniform(0, 1, 40_003)])
    found = set()
    for isa in SETS:
        for count in (1, 2):
            with instruction_set(isa), threads(count):
                values_of = evaluate(name, values, 3.0)
            found.add(np.where(np.isnan(values_of), 0.25, values_of).tobytes())
    assert len(found) == 1


def test_wrong_arguments() -> None:
    with pytest.raises(ValueError, match="function is not one"):
        _cpu.apply(99, np.zeros(1))
    with pytest.raises(TypeError, match="contiguous array of float64"):
        _cpu.apply(0, np.zeros(1, np.float32))


def test_mixed_rows() -> None:
    """Products are added to 0 in the order of the rows, each rounded."""
    random = np.random.default_rng(0)
    weights, rows = random.standard_normal((3, 5)), random.standard_normal((5, 37))
    rows[0, 0] = -0.0
    expected = np.zeros((3, 37))
    for k in range(5):
        expected += weights[:, k : k + 1] * rows[k]
    found = np.empty((3, 37))
    _cpu.mixed_rows(weights, rows, found)
    check_bits(found, expected)
    with pytest.raises(ValueError, match="shapes"):
        _cpu.mixed_rows(weights, rows[:4], found)
    with pytest.raises(TypeError, match="sums"):
        _cpu.mixed_rows(weights, rows, found.astype(np.float32))
