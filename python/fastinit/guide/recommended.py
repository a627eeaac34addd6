"""Pages of recommendations: what the advised initializer does, and what others do in its place."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from fastinit.guide import functions
from fastinit.guide.pages import page_of
from fastinit.guide.propagate import propagate
from fastinit.guide.recommend import Recommendation
from fastinit.initializers import Initializer
from fastinit.plans.explanation import short
from fastinit.plots.chart import Chart
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
