"""The recommendation for a layer: what it says, and what the initializer does beside others."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Sequence
from typing import Any

from fastinit.guide.activations import functions
from fastinit.guide.activations.activation import Activation, activation
from fastinit.guide.advice import Case
from fastinit.guide.named import known_initializer
from fastinit.guide.propagation.propagate import propagate
from fastinit.guide.propagation.propagation import Propagation
from fastinit.initializers import Initializer
from fastinit.plans.explanation import short
from fastinit.plots.chart import Chart
from fastinit.plots.report import Report
from fastinit.plots.summary import Summary
from fastinit.recipes.scale import Scale
from fastinit.tables import Table

_DEPTH, _WIDTH = 30, 256
_USUAL = ("he_normal", "glorot_normal", "torch")  # what is drawn beside the advice
_BETWEEN = ("hidden", "input", "residual_output", "output")  # layers whose signals are simulated


@dataclasses.dataclass(frozen=True)
class Alternative:
    """Another choice.

    Attributes:
        when: for what it is better.
        initializer: the initializer; None where ``when`` says it.
    """

    when: str
    initializer: Initializer | None

    def to_dict(self) -> dict[str, Any]:
        """Return plain data."""
        drawn = None if self.initializer is None else self.initializer.to_dict()
        return {"when": self.when, "initializer": drawn}


@dataclasses.dataclass(frozen=True, repr=False)
class Recommendation(Report):
    """Initializer for a case, and why.

    Attributes:
        initializer: what to call: ``initializer(shape, seed=0)``.
        formula: the distribution.
        reason: why it fits, in a sentence.
        source: the paper.
        avoid: what does harm here.
        alternatives: other choices, and when they are better.
        notes: what else holds.
        case: what was asked for, and what that implies.
        depends_on_activation: whether another activation may change the advice.
        scale: factors of the depth, which recipes count and ``fastinit.recommend`` has worked out.
        fan_of: the parameter of the same module whose fan counts; None for this one's own.

    Example:
        >>> import fastinit
        >>> found = fastinit.recommend("selu")
        >>> print(found)  # doctest: +ELLIPSIS
        LecunNormal() for selu
        <BLANKLINE>
        formula  N(0, 1 / fan_in)
        ...
        >>> found.to_dict()["initializer"]
        {'type': 'LecunNormal'}
    """

    initializer: Initializer
    formula: str
    reason: str
    source: str
    avoid: tuple[str, ...]
    alternatives: tuple[Alternative, ...]
    notes: tuple[str, ...]
    case: Case
    depends_on_activation: bool
    scale: tuple[Scale, ...]
    fan_of: str | None

    def to_dict(self) -> dict[str, Any]:
        """Return plain data, as ``fastinit recommend --json`` prints it."""
        return {
            "case": self.case.to_dict(),
            "initializer": self.initializer.to_dict(),
            "formula": self.formula,
            "reason": self.reason,
            "source": self.source,
            "avoid": list(self.avoid),
            "alternatives": [each.to_dict() for each in self.alternatives],
            "notes": list(self.notes),
        }

    def summary(self) -> Summary:
        """Return the initializer and the advice."""
        return Summary(
            title=f"{short(self.initializer.to_dict())} for {_told(self.case)}",
            subtitle="What it does beside usual initializers, in a plain network of "
            f"{_DEPTH} layers of {_WIDTH} units."
            if self._is_simulated
            else "",
            tables=(("Advice", Table(("", ""), _advice(self))),),
        )

    def charts(self) -> tuple[Chart, ...]:
        """Return what the initializer and usual ones do to signals and gradients.

        They are simulated in a plain network of the activation. There are none for layers that are
        not weights between units.
        """
        compared = self._beside_others()
        return () if compared is None else compared.charts()

    def details(self) -> tuple[tuple[str, Table], ...]:
        """Return the growth per layer with the initializer and with usual ones."""
        compared = self._beside_others()
        return () if compared is None else compared.summary().tables

    @property
    def _activation(self) -> Activation | None:
        """The activation, of a gated unit that of its gate; None if it is not known."""
        act = self.case.activation
        if act is None or not act.is_gated:
            return act
        gate = functions.GATED.get(act.name)
        return None if gate is None else activation(gate)

    @property
    def _is_simulated(self) -> bool:
        is_between = self.case.layer in _BETWEEN and self._activation is not None
        return is_between and _varies(self.initializer)

    def _beside_others(self) -> Propagation | None:
        return _simulated(self._activation, self.initializer) if self._is_simulated else None


@functools.lru_cache(maxsize=16)
def _simulated(act: Activation, initializer: Initializer) -> Propagation:
    """Return the profiles of an initializer, and of usual ones that draw something else."""
    shape = (_WIDTH, _WIDTH)
    usual = map(known_initializer, _USUAL)
    others = [each for each in usual if each.resolve(shape) != initializer.resolve(shape)]
    return propagate(act, [initializer, *others], depth=_DEPTH, width=_WIDTH)


def _varies(initializer: Initializer) -> bool:
    """Whether an initializer draws matrices whose elements differ."""
    shape = (_WIDTH, _WIDTH)
    try:
        moments = initializer.resolve(shape).moments(shape)
    except ValueError:  # it is for kernels alone
        return False
    return moments is None or (moments[1] or 0.0) > 0


def _told(case: Case) -> str:
    """Return a case in a few words; "hidden" says nothing beside another fact."""
    facts = case.to_dict()
    shown = [str(facts[each]) for each in ("activation", "architecture") if each in facts]
    if not shown or case.layer != "hidden":
        shown.append(case.layer)
    return ", ".join(shown)


def _advice(found: Recommendation) -> list[tuple[str, str]]:
    others = [
        each.when
        if each.initializer is None
        else f"{short(each.initializer.to_dict())}: {each.when}"
        for each in found.alternatives
    ]
    parts: list[tuple[str, Sequence[str]]] = [
        ("formula", [found.formula]),
        ("reason", [found.reason]),
        ("source", [found.source]),
        ("avoid", found.avoid),
        ("instead", others),
        ("note", found.notes),
    ]
    return [(title if k == 0 else "", text) for title, said in parts for k, text in enumerate(said)]
