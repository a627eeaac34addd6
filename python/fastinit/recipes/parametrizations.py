"""Parametrizations: recipes and multipliers for a width and a depth, from a base model."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from fractions import Fraction
from typing import Any, Protocol

from fastinit.initializers import Initializer, Normal, Split
from fastinit.initializers.base import Distribution
from fastinit.initializers.masks.masked import Masked
from fastinit.recipes.context import Context, Model, checked_model
from fastinit.recipes.multipliers import Multipliers
from fastinit.recipes.patterns.pattern import Pattern
from fastinit.recipes.rule import Rule
from fastinit.recipes.scale import Scale
from fastinit.recipes.widths import (
    LAST_OF_BRANCH,
    Growth,
    Power,
    Scales,
    growths,
    pattern_for,
    pattern_of_one,
)

OPTIMIZERS = ("adam", "sgd", "muon")
_HALF = Fraction(1, 2)


@dataclasses.dataclass(frozen=True, slots=True)
class _Change:
    """A parameter as a parametrization has it."""

    initializer: Initializer
    scale: Scales
    multipliers: Multipliers


_Scheme = Callable[[Growth, Initializer], _Change]
Layouts = Mapping[Pattern, str] | None


class Start(Protocol):
    """The recipe of the base model."""

    @property
    def name(self) -> str:
        """The name of the recipe."""

    def match(self, model: Model) -> dict[str, Rule]:
        """Return the rule of each parameter of a model that is drawn."""

    def context(self, model: Model) -> Context:
        """Return what the rules may ask of a model."""


@dataclasses.dataclass(frozen=True, slots=True)
class Parametrization:
    """The name, the source and the rules of the recipe of a parametrization."""

    name: str
    source: str
    rules: tuple[Rule, ...]


def mup(
    model: Model, base: Model, optimizer: str, start: Start, layouts: Layouts
) -> Parametrization:
    """Return what ``Recipe.mup`` does."""
    _check_optimizer(optimizer)

    def scheme(growth: Growth, initializer: Initializer) -> _Change:
        rate = _rate(growth, optimizer)
        output = growth.growth("i", -1) if growth.is_output else ()
        return _Change(
            initializer,
            _hidden_scale(growth, initializer),
            Multipliers(learning_rate=rate, weight_decay=_inverse(rate), forward=output),
        )

    source = f"Yang et al., Tensor Programs V (arXiv 2203.03466), table 8, for {optimizer}"
    if optimizer == "muon":
        source += ", whose updates have spectral norm 1 (arXiv 2310.17813)"
    return _parametrization(f"mup-{optimizer}", source, model, base, start, layouts, scheme)


def completep(
    model: Model,
    base: Model,
    alpha: Power,
    start: Start,
    layouts: Layouts,
    branches: Pattern | None,
) -> Parametrization:
    """Return what ``Recipe.completep`` does."""
    power = Fraction(alpha)

    def scheme(growth: Growth, initializer: Initializer) -> _Change:
        rate = _rate(growth, "adam")
        forward = growth.growth("i", -1) if growth.is_output else ()
        return _Change(
            initializer,
            _hidden_scale(growth, initializer),
            Multipliers(
                learning_rate=rate + growth.depth(power - 1),
                weight_decay=_inverse(rate),
                epsilon=growth.width(-1) + growth.depth(-power),
                forward=forward + (growth.depth(-power) if growth.ends_branch else ()),
            ),
        )

    source = f"Dey et al., CompleteP (arXiv 2505.01618), table 1, alpha = {power}, for AdamW"
    return _parametrization("completep", source, model, base, start, layouts, scheme, branches)


def u_mup(
    model: Model, base: Model, start: Start, layouts: Layouts, branches: Pattern | None
) -> Parametrization:
    """Return what ``Recipe.u_mup`` does."""

    def scheme(growth: Growth, initializer: Initializer) -> _Change:
        depth = () if growth.layers is None else (Scale("layers", power=-_HALF),)
        rate: Scales = ()
        forward: Scales = ()
        if growth.is_output:
            forward = growth.fan("i", -1)
        elif growth.is_matrix:
            rate = forward = growth.fan("i", -_HALF)
        elif growth.is_weight:
            rate = growth.fan("o", -_HALF)
        rate += depth
        return _Change(
            _drawn(growth, initializer, 1.0),
            (),
            Multipliers(
                learning_rate=rate,
                weight_decay=_inverse(rate),
                forward=forward + (depth if growth.ends_branch else ()),
            ),
        )

    source = "Blake et al., u-muP (arXiv 2407.17465), table 2, for Adam"
    return _parametrization("u-mup", source, model, base, start, layouts, scheme, branches)


def spectral(
    model: Model, optimizer: str, gain: float, start: Start, layouts: Layouts
) -> Parametrization:
    """Return what ``Recipe.spectral`` does."""
    _check_optimizer(optimizer)
    powers: dict[str, tuple[Power, Power]] = {
        "adam": (0, -1),
        "sgd": (1, -1),
        "muon": (_HALF, -_HALF),
    }

    def scheme(growth: Growth, initializer: Initializer) -> _Change:
        drawn = _drawn(growth, initializer, gain)
        scale: Scales = ()
        if drawn is not initializer:
            is_wide = growth.size("o") >= growth.size("i")
            scale = growth.fan("i", -_HALF if is_wide else -1)
            scale += () if is_wide else growth.fan("o", _HALF)
        by = "adam" if optimizer == "muon" and not growth.is_matrix else optimizer
        of_outputs, of_inputs = powers[by]
        rate = growth.fan("o", of_outputs) if of_outputs else ()
        rate += growth.fan("i", of_inputs)
        return _Change(drawn, scale, Multipliers(learning_rate=rate, weight_decay=_inverse(rate)))

    source = f"Yang et al., A Spectral Condition (arXiv 2310.17813), for {optimizer}"
    return _parametrization(f"spectral-{optimizer}", source, model, model, start, layouts, scheme)


def _check_optimizer(optimizer: str) -> None:
    if optimizer not in OPTIMIZERS:
        raise ValueError(
            f"optimizer={optimizer!r} is not known; use one of {', '.join(OPTIMIZERS)}"
        )


def _rate(growth: Growth, optimizer: str) -> Scales:
    """Return muP's factor on the learning rate."""
    if optimizer == "sgd":
        if growth.is_hidden:
            return growth.growth("o", 1) + growth.growth("i", -1)
        return growth.width(1)
    if not growth.is_hidden:
        return ()
    if optimizer == "adam":
        return growth.growth("i", -1)
    return growth.growth("o", _HALF) + growth.growth("i", -_HALF)


def _hidden_scale(growth: Growth, initializer: Initializer) -> Scales:
    """Return muP's factor on the drawn values; orthogonal and other matrices keep their norms."""
    is_scaled = growth.is_hidden and _is_of_distributions(initializer)
    return growth.growth("i", -_HALF) if is_scaled else ()


def _is_of_distributions(initializer: Initializer) -> bool:
    if isinstance(initializer, Split):
        parts: Any = initializer.parts
        return all(map(_is_of_distributions, parts))
    if isinstance(initializer, Masked):
        return _is_of_distributions(initializer.dense)
    return isinstance(initializer, Distribution)


def _drawn(growth: Growth, initializer: Initializer, std: float) -> Initializer:
    """Return a normal distribution for weights; tables and all other parameters stay."""
    if growth.is_weight and initializer.is_random:
        return Normal(std=std)
    return initializer


def _inverse(scales: Scales) -> Scales:
    return tuple(dataclasses.replace(each, power=-Fraction(each.power)) for each in scales)


def _parametrization(
    name: str,
    source: str,
    model: Any,
    base: Model,
    start: Start,
    layouts: Layouts,
    scheme: _Scheme,
    branches: Pattern | None = None,
) -> Parametrization:
    """Return the parametrization of a scheme, with as few rules as patterns can say."""
    checked_model(base, "base")
    found = growths(model, base, layouts or {}, branches or LAST_OF_BRANCH)
    if branches is not None and not any(each.ends_branch for each in found.values()):
        raise ValueError(f"branches={branches!r} matches no parameter of a stack of layers")
    # The base widths, but the model's own depth: what the start draws may depend on both.
    narrow = dataclasses.replace(
        model,
        parameters=tuple(
            dataclasses.replace(each, shape=found[each.name].base) for each in model.parameters
        ),
    )
    starts, context = start.match(narrow), start.context(narrow)
    shapes = {each.name: each for each in narrow.parameters}
    rules: dict[Pattern, dict[str, Rule]] = {}
    for growth in found.values():
        each = growth.parameter
        stored = model.tied.get(each.name, each.name)
        if each.value is not None or stored not in starts:
            continue
        begun = starts[stored]
        change = scheme(growth, begun.resolve(shapes[stored], context))
        pattern = pattern_for(each.name)
        rules.setdefault(pattern, {})[each.name] = Rule(
            pattern,
            change.initializer,
            scale=change.scale,
            zero_row=begun.zero_row,
            multipliers=change.multipliers,
            assumes=begun.assumes,
        )
    source += f"; from recipe {start.name!r}"
    return Parametrization(name, source, tuple(_few(rules)))


def _few(rules: dict[Pattern, dict[str, Rule]]) -> list[Rule]:
    """Return one rule for each pattern whose rules are equal, else one for each name."""
    ordered: list[tuple[int, Rule]] = []
    for pattern, by_name in rules.items():
        different = list(by_name.values())
        if all(each == different[0] for each in different):
            text = pattern if isinstance(pattern, str) else ""
            ordered.append((text.count("*") + text.count("{layer}"), different[0]))
        else:
            for name, rule in by_name.items():
                ordered.append((0, dataclasses.replace(rule, pattern=pattern_of_one(name))))
    return [rule for _, rule in sorted(ordered, key=lambda each: each[0])]
