"""Axes: where values are, and which are labeled."""

import math

import pytest

from fastinit.plots.axis import axis_of

RANGES = [
    ([0.0, 1.0], False),
    ([-3.0, 7.5], False),
    ([0.97, 1.03], True),
    ([1e-78, 1.0], True),
    ([1e-300, 1e300], True),
    ([1e-307, 1e308], True),
    ([2.0], True),
    ([0.0, 0.0], False),
    ([-5.0], False),
    ([0.0, 1e-3, 1e3], True),
    ([math.nan, math.inf, 3.0], True),
    ([], True),
]


@pytest.mark.parametrize(("values", "may_be_log"), RANGES, ids=str)
def test_values_are_on_their_axis(values: list[float], may_be_log: bool) -> None:
    """In order, and between its ends; what has no place is NaN."""
    axis = axis_of(values, may_be_log)
    assert axis.low < axis.high
    for value in values:
        place = axis.place(value)
        has_place = math.isfinite(value) and (value > 0 or not axis.is_log)
        assert (-1e-9 <= place <= 1 + 1e-9) == has_place


@pytest.mark.parametrize(("values", "may_be_log"), RANGES, ids=str)
def test_ticks(values: list[float], may_be_log: bool) -> None:
    """A few, on the axis, each labeled with its value."""
    axis = axis_of(values, may_be_log)
    ticks = axis.ticks()
    assert 2 <= len(ticks) <= 9
    for value, label in ticks:
        assert -1e-6 <= axis.place(value) <= 1 + 1e-6
        assert float(label) == pytest.approx(value, rel=1e-5, abs=1e-12)


def test_logarithmic_where_factors_are_large() -> None:
    assert axis_of([1e-3, 1.0], may_be_log=True).is_log
    assert not axis_of([1e-3, 1.0]).is_log
    assert not axis_of([0.5, 1.0], may_be_log=True).is_log
    nearly = axis_of([0.99, 1.01], may_be_log=True)  # noise is not blown up
    assert nearly.high / nearly.low > 1.9
