"""Exceptions from the roles of parameters: what more is known of single ones, as rules."""

from __future__ import annotations

import dataclasses
import functools
import re
from collections.abc import Iterator, Sequence

from fastinit.guide.activations.activation import Activation
from fastinit.guide.advice import Case
from fastinit.guide.models.roles import NUMBER, Role, with_layout, without_layers
from fastinit.guide.recommend import advise
from fastinit.guide.recommendation import Recommendation
from fastinit.initializers.composites.composite import Composite, Layer
from fastinit.initializers.composites.splits import Split
from fastinit.recipes.parameter import Parameter
from fastinit.recipes.patterns.pattern import Pattern, Regex, exact
from fastinit.recipes.rule import Rule

Advice = tuple[Rule, Recommendation]
"""A rule, and the recommendation that it follows."""


@dataclasses.dataclass(frozen=True)
class Place:
    """Knowledge of a parameter beyond its name, such as from the graph of a module.

    Attributes:
        layer: what it is for; None for what its name says.
        activation: what follows; None for the model's own.
        part: the first and the last index but one of the part of a vector that this is known of;
            None for all of it.
        branches: the number of residual branches of the stack that it is in; None where that is not
            known, or as the depth of the model says.
        layout: what each axis is; None for what its name says.
        gates: the number of gates that a recurrent weight joins, each of which is drawn alone.
    """

    layer: str | None = None
    activation: Activation | None = None
    part: tuple[int, int] | None = None
    branches: int | None = None
    layout: str | None = None
    gates: int = 1


@dataclasses.dataclass(frozen=True)
class _Exception:
    """A place of parameters, for which another initializer is drawn than a general rule says."""

    found: Recommendation
    layout: str

    def rule(self, pattern: Pattern) -> Advice:
        role = Role(self.found.case.layer, pattern, None, None, self.layout, ())
        return role.rule(self.found), self.found


class Exceptions:
    """Parameters for which a general rule would draw something else than their place needs."""

    def __init__(self) -> None:
        self._by_name: dict[str, _Exception] = {}

    def add(self, parameter: Parameter, general: Advice, layers: int | None, place: Place) -> bool:
        """Note a parameter, and return whether it is an exception.

        Args:
            parameter: the parameter.
            general: the rule that would draw it.
            layers: the number of layers that this rule counts; None if it does not.
            place: what is known of the parameter.
        """
        rule, usually = general
        layout = getattr(rule.initializer, "layout", "oi*")
        found = _exception(usually.case, layout, layers, place, len(parameter.shape))
        if found is not None:
            self._by_name[parameter.name] = found
        return found is not None

    def rules(self, names: Sequence[str]) -> Iterator[tuple[Advice, list[str]]]:
        """Yield rules for the exceptions among the names of a model, which go before all others.

        Names that differ in numbers alone have one rule if all of them agree.
        """
        alike: dict[str, list[str]] = {}
        for name in names:
            alike.setdefault(without_layers(name), []).append(name)
        for group in alike.values():
            found = [self._by_name.get(name) for name in group]
            first = found[0]
            if len(group) > 1 and first is not None and all(each is first for each in found):
                yield first.rule(_pattern_of(group[0])), group
                continue
            for name, each in zip(group, found, strict=True):
                if each is not None:
                    yield each.rule(exact(name)), [name]


def _pattern_of(name: str) -> Regex:
    """Return the pattern of a name with any numbers in place of its own."""
    return Regex("[0-9]+".join(map(re.escape, NUMBER.split(name))))


@functools.lru_cache(maxsize=1024)
def _exception(
    case: Case, usual: str, layers: int | None, place: Place, ndim: int
) -> _Exception | None:
    """Return what is drawn at a place, or None where a general rule draws the same.

    Args:
        case: that of the general rule.
        usual: its layout.
        layers: the number of layers that it counts; None if it does not.
        place: the place.
        ndim: the number of axes.
    """
    usually = advise(case)
    own = case.at(place.activation, place.layer, place.branches)
    found = advise(own)
    if place.part is not None:
        start, stop = place.part
        whole = Layer(usually.initializer)
        part = Layer(found.initializer, start=(start,), stop=(stop,))
        found = dataclasses.replace(found, initializer=Composite((whole, part)))
    layout = place.layout
    if layout is None or _expanded(usual, ndim) == layout:
        layout = usual
    if place.gates > 1:
        gate = with_layout(found.initializer, layout)
        axis = _expanded(layout, ndim).index("o")
        found = dataclasses.replace(found, initializer=Split((gate,) * place.gates, axis=axis))
    is_counted = bool(found.scale) and layers is not None
    if is_counted and layout != usual and own.layers is None:
        return None  # which only the general rule can count
    is_same = found.reason == usually.reason and (
        with_layout(found.initializer, layout) == with_layout(usually.initializer, usual)
    )
    if is_counted:
        is_same = is_same and (place.branches is None or own.layers == layers)
    elif own.activation is not case.activation:
        is_same = is_same and not found.depends_on_activation
    return None if is_same else _Exception(found, layout)


def _expanded(layout: str, ndim: int) -> str:
    """Return a layout with a letter for each axis."""
    return layout.replace("*", "k" * (ndim + 1 - len(layout)))
