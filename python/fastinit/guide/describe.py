"""Descriptions of initializers: moments, histogram, singular values and zeros, beside theory."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from fastinit.guide.densities import density, singular_values
from fastinit.guide.named import known_initializer, title_of
from fastinit.initializers import Initializer
from fastinit.initializers.masks.masked import Masked
from fastinit.plots.chart import Chart, LineChart, Mask, Series
from fastinit.plots.report import Report
from fastinit.plots.summary import Summary
from fastinit.tables import Table

_BINS = 40
_POINTS = 161  # of the density's line
_LARGEST = 1024  # matrices with both sides beyond it have no spectrum here
_MASK = 64  # rows and columns of a mask that are shown

Array = npt.NDArray[np.float64]


@dataclasses.dataclass(frozen=True, repr=False)
class Description(Report):
    """Description of what an initializer draws for a shape.

    Attributes:
        initializer: the initializer.
        shape: the shape.
        mean: the mean of the values.
        std: their standard deviation.
        expected: the (mean, standard deviation) that they should have; None if not known.
        zeros: the fraction of zeros.
        edges: the edges of the histogram of the values that are not 0.
        heights: its heights, as a density.
        singular_values: of the matrix of the first axis and all others, largest first; empty of a
            vector and of a large matrix.
        expected_singular_values: those of a large random matrix of this kind; empty if not known.
        mask: the first rows and columns of the matrix, whether they are not 0; empty without zeros.
    """

    initializer: Initializer
    shape: tuple[int, ...]
    mean: float
    std: float
    expected: tuple[float, float] | None
    zeros: float
    edges: tuple[float, ...]
    heights: tuple[float, ...]
    singular_values: tuple[float, ...]
    expected_singular_values: tuple[float, ...]
    mask: tuple[tuple[bool, ...], ...]

    def table(self) -> Table:
        """Return what was measured and what was expected."""
        mean, std = self.expected or (math.nan, math.nan)
        rows = [
            ("mean", self.mean, mean),
            ("standard deviation", self.std, std),
            ("fraction of zeros", self.zeros, math.nan),
        ]
        if self.singular_values:
            theory = self.expected_singular_values or (math.nan,)
            rows += [
                ("largest singular value", self.singular_values[0], theory[0]),
                ("smallest singular value", self.singular_values[-1], theory[-1]),
            ]
        cells = [
            (what, *("" if math.isnan(each) else f"{each:.5g}" for each in numbers))
            for what, *numbers in rows
        ]
        return Table(("", "drawn", "expected"), cells, frozenset(("drawn", "expected")))

    def summary(self) -> Summary:
        """Return the moments that were drawn and expected."""
        return Summary(
            title=_title(self),
            subtitle="What is drawn, and what is expected of it.",
            tables=(("Moments", self.table()),),
        )

    def charts(self) -> tuple[Chart, ...]:
        """Return the histogram, the singular values and the mask."""
        return tuple(_charts(self))

    def to_dict(self) -> dict[str, Any]:
        """Return plain data."""
        found = {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}
        listed = {name: list(each) for name, each in found.items() if isinstance(each, tuple)}
        return found | listed | {"initializer": self.initializer.to_dict()}


def describe(
    initializer: Any, shape: tuple[int, ...], *, seed: int | None = 0, name: str = "weight"
) -> Description:
    """Return what an initializer draws, beside what it should: a histogram, a spectrum, a mask.

    Singular values are compared with the law of Marchenko and Pastur 1967, that of large matrices
    of independent values, or with the gain of an orthogonal matrix.

    Args:
        initializer: an initializer, or a name such as "he_normal" or "orthogonal".
        shape: the shape of the array.
        seed: of the array.
        name: its name.

    Returns:
        An object whose ``print`` shows a table, whose ``plot()`` draws with matplotlib, and whose
        ``html(path)`` writes a page.

    Raises:
        TypeError: an argument of the wrong type.
        ValueError: the name is not known, or the initializer does not fit the shape.

    Example:
        >>> import fastinit
        >>> found = fastinit.describe("orthogonal", (64, 64))
        >>> round(found.singular_values[0], 4), round(found.singular_values[-1], 4)
        (1.0, 1.0)
    """
    wanted = known_initializer(initializer)
    values = np.asarray(wanted(shape, seed=seed, name=name, dtype="float64"))
    shape = values.shape
    if values.size == 0:
        raise ValueError(f"shape={shape} has no values to describe; pass sizes of 1 or more")
    matrix = values.reshape(len(values), -1) if values.ndim > 1 else values.reshape(1, -1)
    kept = values[values != 0]
    heights, edges = np.histogram(kept, _BINS, density=True) if kept.size else ((), ())
    spectrum = _spectrum(matrix) if values.ndim > 1 else ()
    expected = wanted.resolve(shape).moments(shape)
    zeros = 1 - kept.size / values.size
    return Description(
        initializer=wanted,
        shape=shape,
        mean=float(values.mean()),
        std=float(values.std()),
        expected=expected,
        zeros=zeros,
        edges=tuple(map(float, edges)),
        heights=tuple(map(float, heights)),
        singular_values=spectrum,
        expected_singular_values=singular_values(wanted, shape) if spectrum else (),
        mask=tuple(tuple(map(bool, row)) for row in matrix[:_MASK, :_MASK] != 0) if zeros else (),
    )


def _spectrum(matrix: Array) -> tuple[float, ...]:
    if min(matrix.shape) > _LARGEST:
        return ()
    return tuple(map(float, np.linalg.svd(matrix, compute_uv=False)))


def _title(found: Description) -> str:
    return f"{title_of(found.initializer)}, {' x '.join(map(str, found.shape))}"


def _charts(found: Description) -> Iterator[Chart]:
    if found.heights and found.edges[0] < found.edges[-1]:
        yield _histogram(found)
    if found.singular_values:
        number = range(1, 1 + len(found.singular_values))
        lines = [Series("drawn", number, found.singular_values)]
        if found.expected_singular_values:
            lines.append(Series("expected", number, found.expected_singular_values, True))
        yield LineChart("singular values", "number", "singular value", tuple(lines))
    if found.mask and found.zeros < 1:
        part = f", the first {len(found.mask)} x {len(found.mask[0])}"
        yield Mask(f"weights that are not 0{part}", "input", "output", found.mask)


def _histogram(found: Description) -> LineChart:
    drawn = found.initializer
    if isinstance(drawn, Masked):
        drawn = drawn.values(found.shape)
    x = np.linspace(found.edges[0], found.edges[-1], _POINTS)
    line = density(drawn.resolve(found.shape), x)
    series = () if line is None else (Series("density", *line, is_theory=True),)
    title = "values that are not 0" if found.zeros else "values"
    return LineChart(title, "value", "density", series, bars=found.heights, edges=found.edges)
