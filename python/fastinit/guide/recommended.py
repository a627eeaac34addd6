"""Pages of recommendations: what the advised initializer does, and what others do in its place."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from fastinit.guide import functions
from fastinit.guide.pages import page_of
from fastinit.guide.propagate import propagate
from fastinit.guide.recommend import Recommendation
from fastinit.guide.recommend_recipe import RecipeRecommendation
from fastinit.initializers import Initializer
from fastinit.plans.explanation import short
from fastinit.plots.chart import Chart, LineChart, Series
from fastinit.plots.page import Page
from fastinit.tables import Table

_DEPTH, _WIDTH = 30, 256
_USUAL = ("he_normal", "glorot_normal", "torch")  # what is drawn beside the advice
_BETWEEN = ("hidden", "input", "residual_output", "output")  # layers whose signals are simulated


def page_of_recommendation(found: Recommendation) -> Page:
    """Return the page of a recommendation.

    A plain network of the activation shows the signals and gradients of the initializer and of
    those that are usual. Of layers that are not weights between units there is the advice alone.
    """
    table = Table(("", found.case.layer), _told(found))
    title = f"{short(found.initializer.to_dict())} for {_case(found)}"
    charts: tuple[Chart, ...] = ()
    tables: tuple[tuple[str, Table], ...] = (("Advice", table),)
    activation: Any = found.case.activation
    if activation is not None and activation.is_gated:  # whose gate has an activation
        activation = functions.GATED.get(activation.name)
    if activation is not None and found.case.layer in _BETWEEN and _varies(found.initializer):
        compared = propagate(activation, [found.initializer, *_USUAL], depth=_DEPTH, width=_WIDTH)
        charts = page_of(compared.profiles, compared.table()).charts
        tables += (("Growth per layer, and the last layer", compared.table()),)
    return Page(title, found.reason, None, charts, tables)


def page_of_recipe(found: RecipeRecommendation) -> Page:
    """Return the page of a recipe for a model: the std of each weight, and the reasons."""
    weights = [each for each in found.rows if len(each.shape) > 1 and each.std is not None]
    numbers = range(1, 1 + len(weights))
    lines = [Series("recommended", numbers, [each.std or 0.0 for each in weights])]
    if any(each.current for each in weights):
        now = [each.current[1] if each.current else float("nan") for each in weights]
        lines.append(Series("now", numbers, now))
    cells = [
        [
            *(each.name, " x ".join(map(str, each.shape)), each.layer or "", each.activation or ""),
            *(short(each.initializer.to_dict()), "" if each.std is None else f"{each.std:.4g}"),
        ]
        for each in found.rows
    ]
    titles = ("parameter", "shape", "for", "activation", "initializer", "std")
    reasons = dict.fromkeys((each.layer or "", each.reason, each.source) for each in found.rows)
    return Page(
        title=f"A recipe for {found.case.architecture or 'a model'}",
        subtitle="The standard deviation of each weight, in the order of the model.",
        verdicts=None,
        charts=(LineChart("weights", "weight", "standard deviation", tuple(lines), True),),
        tables=(
            ("Reasons", Table(("for", "reason", "source"), [list(each) for each in reasons])),
            ("Parameters", Table(titles, cells, frozenset(["std"]))),
        ),
    )


def _varies(initializer: Initializer) -> bool:
    """Whether an initializer draws matrices whose elements differ."""
    shape = (_WIDTH, _WIDTH)
    try:
        moments = initializer.resolve(shape).moments(shape)
    except ValueError:  # it is for kernels alone
        return False
    return moments is None or (moments[1] or 0.0) > 0


def _case(found: Recommendation) -> str:
    facts = found.case.to_dict()
    shown = [str(facts[each]) for each in ("activation", "architecture", "layer") if each in facts]
    return ", ".join(shown)


def _told(found: Recommendation) -> Sequence[Sequence[str]]:
    rows = [["formula", found.formula], ["reason", found.reason], ["source", found.source]]
    rows += [["avoid", each] for each in found.avoid]
    for each in found.alternatives:
        drawn = "" if each.initializer is None else f"{short(each.initializer.to_dict())}: "
        rows.append(["instead", drawn + each.when])
    return rows + [["note", each] for each in found.notes]
