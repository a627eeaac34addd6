"""Parts of grown models that no source has: further rows of a table, and units drawn again."""

from __future__ import annotations

import dataclasses
import functools
import math
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import numpy as np

from fastinit.arrays.reproducible import tree_sum
from fastinit.checks import finite, not_negative, positive_integer
from fastinit.initializers.base import Initializer
from fastinit.initializers.composites.parts import axis_of, checked_axis, stream_name_of
from fastinit.initializers.computed import Computed, check_all, draw_bounds
from fastinit.initializers.distributions.normal import normal
from fastinit.initializers.distributions.uniform import uniform
from fastinit.initializers.existing.loaded import Loaded
from fastinit.initializers.named import initializer_of
from fastinit.native import _cpu
from fastinit.native.arithmetic import in_default_arithmetic
from fastinit.native.box import Bounds
from fastinit.native.cpu import get_num_threads
from fastinit.native.dtypes import drawable, exceeds
from fastinit.native.request import Template
from fastinit.streams import part_name

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Redrawn", "RowMixture"]

_GROUP = 256  # rows that are mixed of the same rows of the source
_BLOCK = 1024  # rows of the source whose sum is one tree


@dataclasses.dataclass(frozen=True)
class RowMixture(Initializer):
    """Rows with the mean and the covariance of other rows: new words of a vocabulary.

    A row is mu + sqrt(covariance / k) z (E - mu) for k rows E of the source, chosen at random, and
    k standard normals z, where mu is the mean of all rows. Its mean is mu and its covariance that
    of the source's rows times ``covariance``, which is never formed: Hewitt (2021) draws
    N(mu, 1e-9 Sigma) by a factorization of Sigma. Successive rows are mixed of the same k rows in
    groups of 256, and are uncorrelated.

    Args:
        source: The initializer of the rows that there are, most often ``Loaded``.
        rows: The number of its rows; None for the size of a ``Loaded`` tensor.
        covariance: The factor on the covariance, 0 or more. With 0 all rows are the mean.
        mixed: k, the number of source rows in each mixture; more make rows more nearly normal.

    Raises:
        TypeError: An argument has the wrong type.
        ValueError: An argument is out of range; when drawn, the shape does not have two axes.

    Example:
        >>> import fastinit, numpy as np
        >>> mixture = fastinit.RowMixture("normal", rows=500, covariance=1.0)
        >>> rows = mixture((20_000, 2), seed=0, name="embed.weight")
        >>> bool(np.allclose(np.cov(rows.T), np.eye(2), atol=0.2))
        True
    """

    source: Initializer | str
    rows: int | None = None
    covariance: float = 1e-9
    mixed: int = 16

    def __post_init__(self) -> None:
        """Check the fields."""
        object.__setattr__(self, "source", initializer_of(self.source, "source"))
        if self.rows is None and not isinstance(self.source, Loaded):
            raise ValueError("rows= is missing: those of the source, unless the source is Loaded")
        if self.rows is not None:
            object.__setattr__(self, "rows", positive_integer(self.rows, "rows"))
        object.__setattr__(self, "covariance", not_negative(self.covariance, "covariance"))
        object.__setattr__(self, "mixed", positive_integer(self.mixed, "mixed"))

    def templates(self, shape: tuple[int, ...], dtype: np.dtype[Any]) -> tuple[Template, ...]:
        """Return one template."""
        precision = drawable(dtype, "mixed")
        if len(shape) != 2:
            raise ValueError(f"shape {shape} is not that of rows; pass two axes")
        rows = self.rows
        if rows is None:
            assert isinstance(self.source, Loaded)
            rows = self.source.shape[0]
        assert isinstance(self.source, Initializer)
        there = (rows, shape[1])
        over = self.source.templates(there, precision)
        rows_of = _Rows(over, there, precision)
        may_fail = exceeds(precision, dtype)

        def compute(bounds: Bounds, seed: int, stream: int) -> NDArray[Any]:
            (first, last), columns = bounds
            starts = range(first - first % _GROUP, last, _GROUP)
            groups = [(max(first, at), min(last, at + _GROUP)) for at in starts]
            found = [self._group(each, columns, rows_of, seed, stream) for each in groups]
            return np.concatenate(found).astype(precision)

        return (Computed(shape, dtype, compute, True, over, may_fail=may_fail),)

    def _group(
        self, rows: tuple[int, int], columns: tuple[int, int], of: _Rows, seed: int, stream: int
    ) -> NDArray[np.float64]:
        """Return rows of one group."""
        mean = of.mean(seed, stream)[slice(*columns)]
        if self.covariance == 0:
            return np.tile(mean, (rows[1] - rows[0], 1))
        name = functools.partial(part_name, "{name}.{part}", stream)
        count, group = of.shape[0], rows[0] // _GROUP
        at = slice(group * self.mixed, (group + 1) * self.mixed)
        u = uniform(at.stop, seed=seed, name=name("rows"), dtype="float64", index=at)
        chosen = tuple((u * count).astype(np.int64).tolist())
        centered = _chosen_rows(of, chosen, columns, seed, stream) - mean
        # The first axis is so large that no row of any vocabulary is beyond it.
        weights = normal(
            (1 << 40, self.mixed),
            seed=seed,
            name=name("weights"),
            dtype="float64",
            index=np.s_[rows[0] : rows[1], :],
        )
        size = math.sqrt(self.covariance) / math.sqrt(self.mixed)
        total = np.empty((rows[1] - rows[0], mean.size))
        _cpu.mixed_rows(weights, centered, total)
        total *= size
        total += mean
        return total


@dataclasses.dataclass(frozen=True, eq=False)
class _Rows:
    """The rows of the source, and their mean, which is kept."""

    templates: tuple[Template, ...]
    shape: tuple[int, int]
    dtype: np.dtype[Any]
    lock: Any = dataclasses.field(default_factory=threading.RLock)  # for one search of the mean

    def row(self, k: int, columns: tuple[int, int], seed: int, stream: int) -> NDArray[np.float64]:
        """Return a part of a row."""
        found: NDArray[np.float64] = self._drawn(((k, k + 1), columns), seed, stream)[0].astype(
            np.float64
        )
        return found

    def _drawn(self, bounds: Bounds, seed: int, stream: int) -> NDArray[Any]:
        return draw_bounds(self.templates, self.shape, self.dtype, bounds, seed, stream)

    def mean(self, seed: int, stream: int) -> NDArray[np.float64]:
        """Return the mean of all rows."""
        with self.lock:
            return _mean(self, seed, stream, getattr(stream, "name", None))

    def find_mean(self, seed: int, stream: int) -> NDArray[np.float64]:
        """Return the mean: the sum of the trees of blocks, in order, over the number of rows."""

        @in_default_arithmetic
        def sum_from(start: int) -> NDArray[np.float64]:
            rows = (start, min(start + _BLOCK, self.shape[0]))
            bounds = (rows, (0, self.shape[1]))
            drawn = draw_bounds(self.templates, self.shape, self.dtype, bounds, seed, stream, 1)
            return tree_sum(drawn, 0)

        total = np.zeros(self.shape[1])
        with ThreadPoolExecutor(get_num_threads()) as pool:
            for each in pool.map(sum_from, range(0, self.shape[0], _BLOCK)):
                total += each
        return total / self.shape[0]


@functools.lru_cache(maxsize=8)  # of the groups that threads are at
def _chosen_rows(
    rows: _Rows, chosen: tuple[int, ...], columns: tuple[int, int], seed: int, stream: int
) -> NDArray[np.float64]:
    return np.stack([rows.row(k, columns, seed, stream) for k in chosen])


@functools.lru_cache(maxsize=16)
def _mean(rows: _Rows, seed: int, stream: int, _: str | None) -> NDArray[np.float64]:
    return rows.find_mean(seed, stream)


@dataclasses.dataclass(frozen=True)
class Redrawn(Initializer):
    """Values of another initializer of which a share of the units is drawn again.

    Drop-Upcycling (Nakamura et al. 2025, arXiv 2502.19261) draws a share of the hidden units of
    each expert again, from the mean and the standard deviation of their own weights. The same units
    are drawn again in all weights that share the stream ``units``.

    Args:
        base: The initializer of the values that there are, most often ``Loaded``.
        axis: The axis of the units.
        share: The share of units, 0 to 1; floor(share n) of n units are drawn again.
        units: The name of the stream that chooses units. It may contain ``{name}``, ``{parent}``
            and ``{grandparent}``.

    Raises:
        TypeError: An argument has the wrong type.
        ValueError: ``share`` is out of range; when drawn, the shape has no such axis.

    Example:
        >>> import fastinit
        >>> w = fastinit.Redrawn("zeros", axis=0, share=0.5)((4, 2), seed=0, name="w")
        >>> w.any()  # of the zeros, mean and standard deviation are 0
        np.False_
    """

    base: Initializer | str
    axis: int = 0
    share: float = 0.5
    units: str = "{name}.units"

    def __post_init__(self) -> None:
        """Check the fields."""
        object.__setattr__(self, "base", initializer_of(self.base, "base"))
        object.__setattr__(self, "axis", checked_axis(self.axis))
        object.__setattr__(self, "share", finite(self.share, "share"))
        object.__setattr__(self, "units", stream_name_of(self.units, "units"))
        if not 0 <= self.share <= 1:
            raise ValueError(f"share={self.share} is out of range; pass a number from 0 to 1")

    def templates(self, shape: tuple[int, ...], dtype: np.dtype[Any]) -> tuple[Template, ...]:
        """Return one template."""
        precision = drawable(dtype, "redrawn")
        axis = axis_of(self.axis, shape)
        assert isinstance(self.base, Initializer)
        over = self.base.templates(shape, precision)
        units = _Units(over, shape, precision, axis, self)

        def compute(bounds: Bounds, seed: int, stream: int) -> NDArray[Any]:
            values = units.drawn(bounds, seed, stream)
            again = units.chosen(seed, stream)[slice(*bounds[axis])]
            if again.any():
                mean, std = units.moments(seed, stream)
                index = tuple(slice(*each) for each in bounds)
                name = part_name("{name}.{part}", stream, "redrawn")
                z = normal(shape, seed=seed, name=name, dtype=precision, index=index)
                at = [1] * len(shape)
                at[axis] = again.size
                other = (z.astype(np.float64) * std + mean).astype(precision)
                values = np.where(again.reshape(at), other, values)
            return values

        def before(seed: int, stream: int) -> None:
            check_all(over, seed, stream)
            part_name(self.units, stream, "")

        may_fail = exceeds(precision, dtype)
        return (Computed(shape, dtype, compute, True, over, before, may_fail),)


@dataclasses.dataclass(frozen=True, eq=False)
class _Units:
    """The units along an axis: which are drawn again, and the moments of their weights."""

    templates: tuple[Template, ...]
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    axis: int
    redrawn: Redrawn
    lock: Any = dataclasses.field(default_factory=threading.RLock)  # for one search of the moments

    def drawn(self, bounds: Bounds, seed: int, stream: int) -> NDArray[Any]:
        """Return values of the base."""
        return draw_bounds(self.templates, self.shape, self.dtype, bounds, seed, stream)

    def chosen(self, seed: int, stream: int) -> NDArray[np.bool_]:
        """Return for each unit whether it is drawn again: those of the least random numbers."""
        count = self.shape[self.axis]
        name = part_name(self.redrawn.units, stream, "")
        u = uniform(count, seed=seed, name=name, dtype="float64")
        found = np.zeros(count, bool)
        found[np.argsort(u, kind="stable")[: math.floor(self.redrawn.share * count)]] = True
        return found

    def moments(self, seed: int, stream: int) -> tuple[float, float]:
        """Return the mean and the standard deviation of the weights that are drawn again."""
        with self.lock:
            return _moments(self, seed, stream, getattr(stream, "name", None))

    def find_moments(self, seed: int, stream: int) -> tuple[float, float]:
        """Return the moments, by blocks of the first axis."""
        again = self.chosen(seed, stream)
        sums = np.zeros(2)
        for start in range(0, self.shape[0], _BLOCK):
            rows = (start, min(start + _BLOCK, self.shape[0]))
            bounds = (rows, *((0, size) for size in self.shape[1:]))
            values = self.drawn(bounds, seed, stream)
            within = again[slice(*rows)] if self.axis == 0 else again
            wide = np.compress(within, values, self.axis).reshape(-1).astype(np.float64)
            sums += float(tree_sum(wide)), float(tree_sum(wide * wide))
        count = int(again.sum()) * (math.prod(self.shape) // self.shape[self.axis])
        mean = sums[0] / count
        return float(mean), math.sqrt(max(float(sums[1] / count - mean * mean), 0.0))


@functools.lru_cache(maxsize=512)
def _moments(units: _Units, seed: int, stream: int, _: str | None) -> tuple[float, float]:
    return units.find_moments(seed, stream)
