"""The report of ``compare``: runs, a summary of each start, and paired tests."""

from __future__ import annotations

import dataclasses
import itertools
import math
import statistics
from collections.abc import Iterator, Sequence

import numpy as np

from fastinit.initializers import Uniform
from fastinit.plots.chart import Chart
from fastinit.plots.report import DataReport
from fastinit.plots.summary import Summary
from fastinit.tables import Table, plural
from fastinit.torch.training.charts import comparison
from fastinit.torch.training.runs import Run

_MOST_EXACT = 16  # pairs of which all signs are tried

_CHANCE = 0.1  # differences of a larger p are no evidence


@dataclasses.dataclass(frozen=True)
class StartSummary:
    """The runs of a start; spreads are standard deviations over seeds, NaN of one.

    Attributes:
        start: its name.
        steps_to_loss: the median number of steps until the training loss is the report's target;
            infinite if half of the runs do not get there.
        final_loss: the mean training loss at the end.
        final_loss_spread: its spread.
        test_loss: the mean loss on held-out data.
        test_loss_spread: its spread.
        accuracy: the mean accuracy; NaN without classes.
        accuracy_spread: its spread.
    """

    start: str
    steps_to_loss: float
    final_loss: float
    final_loss_spread: float
    test_loss: float
    test_loss_spread: float
    accuracy: float
    accuracy_spread: float


@dataclasses.dataclass(frozen=True)
class PairedTest:
    """Two starts over the same seeds.

    Attributes:
        first: the start that is better on average.
        second: the other one.
        difference: how much lower the first one's loss on held-out data is, on average; infinite if
            a run diverged, which counts for more than all others.
        p: the probability of a difference of this size or more, of either sign, if the starts were
            equal: signs of the differences are exchanged, in all ways for up to 16 seeds.
    """

    first: str
    second: str
    difference: float
    p: float


@dataclasses.dataclass(frozen=True, repr=False)
class CompareReport(DataReport):
    """The comparison of several starts.

    Attributes:
        steps: the number of steps of each run.
        target: the training loss to which steps are counted.
        starts: a summary of each start, in the order given.
        tests: a paired test for each two starts.
        runs: all runs.
    """

    steps: int
    target: float
    starts: tuple[StartSummary, ...]
    tests: tuple[PairedTest, ...]
    runs: tuple[Run, ...]

    def summary(self) -> Summary:
        """Return a row per start with its spread over seeds, and the paired tests."""
        seeds = len({each.seed for each in self.runs})
        return Summary(
            title=f"{plural(len(self.starts), 'start')}, {plural(self.steps, 'step')}, "
            f"{plural(seeds, 'seed')}",
            subtitle="Lines are means over seeds; areas are from the lowest to the highest.",
            tables=(("Training", self._table()),),
            notes=tuple(self._told()),
        )

    def charts(self) -> tuple[Chart, ...]:
        """Return loss curves, and the gradient of each parameter at the first and last step."""
        return comparison(self.runs)

    def _table(self) -> Table:
        titles = (f"steps to {self.target:.3g}", "final loss", "test loss", "accuracy")
        cells = [
            [
                each.start,
                "never" if math.isinf(each.steps_to_loss) else f"{each.steps_to_loss:g}",
                _spread(each.final_loss, each.final_loss_spread),
                _spread(each.test_loss, each.test_loss_spread),
                _spread(each.accuracy, each.accuracy_spread),
            ]
            for each in self.starts
        ]
        return Table(("start", *titles), cells, frozenset(titles))

    def _told(self) -> Iterator[str]:
        """Yield the paired tests in words."""
        seeds = len({each.seed for each in self.runs})
        least = 2.0 ** (1 - seeds)  # all differences have one sign
        for each in self.tests:
            doubt = ", which may be chance" if each.p > _CHANCE else ""
            if doubt and each.p <= least:
                doubt = f", the least that {plural(seeds, 'seed')} can show"
            better = f"{each.first} is better than {each.second} by {each.difference:.3g}"
            yield f"Test loss: {better} (p = {each.p:.2g}{doubt})"


def summarized(runs: Sequence[Run], target: float | None) -> CompareReport:
    """Return the report of runs.

    Args:
        runs: runs of each start over the same seeds.
        target: the training loss to which steps are counted; None for the highest final loss of a
            start, which half of the runs of each reach.
    """
    groups: dict[str, list[Run]] = {}
    for run in runs:
        groups.setdefault(run.start, []).append(run)
    finals = [statistics.median(each.final_loss for each in group) for group in groups.values()]
    reached = (
        max(finals, key=lambda loss: (not math.isnan(loss), loss)) if target is None else target
    )
    starts = tuple(_summary(name, group, reached) for name, group in groups.items())
    tests = tuple(
        _tested(groups[a.start], groups[b.start]) for a, b in itertools.combinations(starts, 2)
    )
    return CompareReport(len(runs[0].losses), reached, starts, tests, tuple(runs))


def sign_flip_p(differences: Sequence[float]) -> float:
    """Return the two-sided p of a mean of paired differences, by trying signs.

    All signs are tried for up to 16 differences; for more, 65536 patterns are drawn (seed 0).
    """
    sizes = np.abs(np.asarray(differences, np.float64))
    count = len(sizes)
    if count <= _MOST_EXACT:
        is_plus = (np.arange(2**count)[:, None] >> np.arange(count) & 1) == 1
    else:
        is_plus = Uniform(0.0, 1.0)((2**_MOST_EXACT, count), seed=0, name="signs") < 0.5
    sums = np.abs(np.where(is_plus, sizes, -sizes).sum(1))
    return float((sums >= abs(math.fsum(differences)) * (1 - 1e-12)).mean())


def _summary(name: str, runs: Sequence[Run], target: float) -> StartSummary:
    steps = statistics.median_high(run.steps_to(target) for run in runs)
    figures = [
        figure
        for field in ("final_loss", "test_loss", "accuracy")
        for figure in _moments([getattr(run, field) for run in runs])
    ]
    return StartSummary(name, steps, *figures)


def _tested(first: Sequence[Run], second: Sequence[Run]) -> PairedTest:
    pairs = zip(first, second, strict=True)
    differences = [_difference(a.test_loss, b.test_loss) for a, b in pairs]
    finite = [abs(each) for each in differences if math.isfinite(each)]
    beyond = 1.0 + math.fsum(finite)  # what a run that diverged counts for: more than all others
    counted = [each if math.isfinite(each) else math.copysign(beyond, each) for each in differences]
    mean = statistics.fmean(counted)
    names = first[0].start, second[0].start
    better = names if mean >= 0 else names[::-1]
    size = abs(mean) if len(finite) == len(differences) else math.inf
    return PairedTest(*better, size, sign_flip_p(counted))


def _difference(first: float, second: float) -> float:
    """Return how much lower the first of two losses is, of which NaN is the highest."""
    highest = [math.inf if math.isnan(each) else each for each in (first, second)]
    return 0.0 if highest[0] == highest[1] else highest[1] - highest[0]


def _moments(values: Sequence[float]) -> tuple[float, float]:
    has_spread = len(values) > 1 and all(map(math.isfinite, values))
    return statistics.fmean(values), statistics.stdev(values) if has_spread else math.nan


def _spread(mean: float, spread: float) -> str:
    if math.isnan(mean):
        return ""
    return f"{mean:.4g}" if math.isnan(spread) else f"{mean:.4g} ± {spread:.2g}"
