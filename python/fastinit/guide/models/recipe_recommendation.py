"""The recommendation for a model: the recipe, and the reason for each parameter."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Iterator
from typing import Any

from fastinit.guide.advice import Case
from fastinit.guide.models.roles import NUMBER
from fastinit.initializers import Initializer
from fastinit.plans.explanation import short
from fastinit.plots.chart import Chart, numbered
from fastinit.plots.report import Report
from fastinit.plots.summary import Summary
from fastinit.recipes.recipe import Recipe
from fastinit.tables import Table

_ROUNDING = 2.0**-8  # of bfloat16, relative
_SIGMAS = 5.0  # of the error of a measured std, by which a difference is more than chance
_NUMBERS, _NAMES = frozenset(("count", "std", "now")), frozenset(("parameter",))


@dataclasses.dataclass(frozen=True)
class Advised:
    """The advice for a parameter.

    Attributes:
        name: its name.
        shape: its shape.
        layer: what it is for; None of a tensor that no advice is for, as its name says its values.
        activation: the activation that follows; None where that is not known or does not matter.
        initializer: what draws it, with fans and depth worked out.
        mean: the mean of its values; None where that is not known.
        std: their standard deviation; None where that is not known.
        reason: why.
        source: the paper.
        current: the (mean, standard deviation) of its values now; None where they were not read.
    """

    name: str
    shape: tuple[int, ...]
    layer: str | None
    activation: str | None
    initializer: Initializer
    mean: float | None
    std: float | None
    reason: str
    source: str
    current: tuple[float, float] | None = None

    @property
    def differs(self) -> bool:
        """Whether the values now are not of this mean and std, by more than chance."""
        if self.current is None or self.mean is None or self.std is None:
            return False
        mean, std = self.current
        chance = _SIGMAS * self.std / math.sqrt(math.prod(self.shape))
        rounding = _ROUNDING * abs(self.mean)
        allowed = chance + rounding  # as the values of a rounded constant have a std
        return abs(mean - self.mean) > allowed or abs(std - self.std) > allowed

    def to_dict(self) -> dict[str, Any]:
        """Return plain data."""
        found = {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}
        found["initializer"] = self.initializer.to_dict()
        return found | {"shape": list(self.shape)}


@dataclasses.dataclass(frozen=True, repr=False)
class RecipeRecommendation(Report):
    """A recipe for a model, with a reason for each parameter.

    Attributes:
        recipe: the recipe, for ``fastinit.Plan`` and ``fastinit.torch.init_``.
        rows: the advice for each parameter, in the order of the model.
        unknown: the parameters that no advice is for. The recipe has no rule for them.
        case: what the model is taken for.
        notes: what else is to be known, such as that the model's code could not be read.
    """

    recipe: Recipe
    rows: tuple[Advised, ...]
    unknown: tuple[str, ...]
    case: Case
    notes: tuple[str, ...] = ()

    def differences(self) -> list[Advised]:
        """Return the parameters whose values now are not of the mean and std of the recipe."""
        return [each for each in self.rows if each.differs]

    def with_current(
        self, moments_of: Callable[[str], tuple[float, float] | None]
    ) -> RecipeRecommendation:
        """Return this with the moments of the values that parameters have now, by their names."""
        rows = (dataclasses.replace(each, current=moments_of(each.name)) for each in self.rows)
        return dataclasses.replace(self, rows=tuple(rows))

    def to_dict(self) -> dict[str, Any]:
        """Return plain data."""
        return {
            "case": self.case.to_dict(),
            "recipe": self.recipe.to_dict(),
            "parameters": [each.to_dict() for each in self.rows],
            "unknown": list(self.unknown),
            "notes": list(self.notes),
        }

    def summary(self) -> Summary:
        """Return the initializer of each kind of parameter, and the reasons."""
        reasons: dict[tuple[str, str], dict[str, None]] = {}
        for each in self.rows:
            reasons.setdefault((each.reason, each.source), {})[each.layer or "other"] = None
        table = Table(
            ("for", "reason", "source"),
            [(", ".join(layers), *why) for why, layers in reasons.items()],
        )
        left = (f"No advice is for {', '.join(self.unknown)}.",) if self.unknown else ()
        return Summary(
            title=f"A recipe for {', '.join(self._facts())}",
            subtitle="The standard deviation of each weight, in the order of the model.",
            tables=(("Parameters", self._table()), ("Reasons", table)),
            notes=(*self.notes, *left),
        )

    def charts(self) -> tuple[Chart, ...]:
        """Return the standard deviations of weights, now and by the recipe."""
        weights = [each for each in self.rows if len(each.shape) > 1 and each.std is not None]
        if not weights:
            return ()
        lines = {
            "recommended": [each.std or 0.0 for each in weights],
            "now": [each.current[1] if each.current else math.nan for each in weights],
        }
        return (numbered("weights", "weight", "standard deviation", lines),)

    def details(self) -> tuple[tuple[str, Table], ...]:
        """Return a row per parameter."""
        rows = [_cells(each.name, [each], self._has_current) for each in self.rows]
        return (("Every parameter", Table(self._titles, rows, _NUMBERS, _NAMES)),)

    def _facts(self) -> Iterator[str]:
        """Yield what the model is taken for, in words."""
        case = self.case
        yield case.architecture or "a model"
        found = dict.fromkeys(row.activation for row in self.rows if row.activation)
        if not found and case.activation is not None:
            found = {case.activation.name: None}
        yield from (name for name in found if name != "linear")
        if case.normalization is not None:
            yield (
                "no normalization"
                if case.normalization == "none"
                else (f"{case.normalization} normalization")
            )
        if case.residual is not None:
            yield "residual connections" if case.residual else "no residual connections"
        for fact in ("depth", "width", "optimizer"):
            if getattr(case, fact) is not None:
                yield f"{fact} {getattr(case, fact)}"

    def _table(self) -> Table:
        """Return a row for parameters that differ only in the numbers of their names."""
        groups: dict[tuple[Any, ...], list[Advised]] = {}
        for each in self.rows:
            name = NUMBER.sub("*", each.name)
            key: tuple[Any, ...] = (name, each.shape, each.layer, each.activation, each.initializer)
            groups.setdefault(key, []).append(each)
        cells = [_cells(str(key[0]), rows, self._has_current) for key, rows in groups.items()]
        return Table(self._titles, cells, _NUMBERS, _NAMES)

    @property
    def _has_current(self) -> bool:
        return any(each.current for each in self.rows)

    @property
    def _titles(self) -> tuple[str, ...]:
        titles = ("parameter", "count", "shape", "for", "initializer", "std")
        return (*titles, "now") if self._has_current else titles


def described(case: Case) -> str:
    """Return a case in words, without its layer."""
    return ", ".join(f"{fact} {value}" for fact, value in case.to_dict().items() if fact != "layer")


def _cells(name: str, rows: list[Advised], has_current: bool) -> list[str]:
    """Return the cells of a row of the table, for parameters that are drawn alike."""
    first = rows[0]
    cells = [
        name if len(rows) > 1 else first.name,
        str(len(rows)),
        " x ".join(map(str, first.shape)) or "scalar",
        f"{first.layer or 'other'}{f' ({first.activation})' if first.activation else ''}",
        short(first.initializer.to_dict()),
        _short(first.std),
    ]
    if has_current:
        stds = [each.current[1] for each in rows if each.current]
        rms = math.sqrt(sum(std * std for std in stds) / len(stds)) if stds else None
        cells.append(_short(rms))
    return cells


def _short(number: float | None) -> str:
    return "" if number is None else f"{number:.4g}"
