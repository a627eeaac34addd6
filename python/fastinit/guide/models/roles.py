"""The role of each parameter of a model, by its name and type: ``data/roles.json``."""

from __future__ import annotations

import dataclasses
import functools
import itertools
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from fastinit import json_files
from fastinit.guide.activations import functions
from fastinit.guide.recommend import scaled
from fastinit.guide.recommendation import Recommendation
from fastinit.initializers import Constant, Initializer
from fastinit.manifests import Manifest, Parameter
from fastinit.recipes.patterns.pattern import Pattern, compiled, has_layer, pattern_of
from fastinit.recipes.patterns.pattern_set import PatternSet
from fastinit.recipes.rule import FirstMatch, Rule

_NORMS = {
    "BatchNorm": "batch",
    "RMSNorm": "rms",
    "GroupNorm": "group",
    "InstanceNorm": "instance",
}
NUMBER = re.compile(r"(?<![^./])[0-9]+(?![^./])")
"""A number of a layer in a name; names that differ in these alone are for the same."""


@dataclasses.dataclass(frozen=True)
class Role:
    """Parameters that are for one thing.

    Attributes:
        layer: what they are for, as ``fastinit.recommend`` has it.
        pattern: for their names.
        module: for the type of their module; None for any.
        ndim: their number of axes; None for any.
        layout: what each axis is.
        architectures: the networks in which the names mean this; empty for all.
    """

    layer: str
    pattern: Pattern
    module: Pattern | None
    ndim: int | None
    layout: str
    architectures: tuple[str, ...]

    def rule(self, found: Recommendation) -> Rule:
        """Return the rule by which these parameters follow a recommendation.

        Raises:
            ValueError: it depends on a depth that neither the names nor the case say.
        """
        is_counted = has_layer(self.pattern)
        return Rule(
            self.pattern,
            with_layout(found.initializer if is_counted else scaled(found), self.layout),
            module=self.module,
            ndim=self.ndim,
            scale=found.scale if is_counted else (),
            fan_of=found.fan_of,
        )


def with_layout(initializer: Initializer, layout: str) -> Initializer:
    """Return an initializer for axes in another order, if it depends on that."""
    fields = {field.name for field in dataclasses.fields(initializer)}
    if "layout" not in fields:
        return initializer
    changed: dict[str, Any] = {"layout": layout}
    base = getattr(initializer, "base", None)
    if isinstance(base, Initializer):
        changed["base"] = with_layout(base, layout)
    return dataclasses.replace(initializer, **changed)


def roles_of(architecture: str) -> tuple[Role, ...]:
    """Return the roles of the parameters of an architecture, special ones first."""
    return tuple(
        each for each in _roles() if not each.architectures or architecture in each.architectures
    )


@functools.lru_cache(maxsize=4096)
def is_adapter(name: str) -> bool:
    """Return whether a parameter or its module belongs to an adapter, by its name."""
    return any(
        compiled(each.pattern).fullmatch(name)
        for each in _roles()
        if each.layer.startswith("adapter_")
    )


def architecture_of(manifest: Manifest) -> str:
    """Return the kind of network that names, types and ranks of parameters speak for."""
    rows = _data()["architectures"]
    texts = {
        "name": {without_layers(each.name) for each in manifest.parameters},
        "module": {each.module for each in manifest.parameters if each.module is not None},
    }
    ranks = {len(each.shape) for each in manifest.parameters}
    found = {number for number, row in enumerate(rows) if row.get("ndim") in ranks}
    for what, (numbers, patterns) in _evidence().items():
        found.update(numbers[k] for text in texts[what] for k in patterns.matching(text))
    return str(rows[min(found)]["architecture"]) if found else "mlp"


def normalization_of(kinds: Iterable[str]) -> str:
    """Return the kind of the first normalization among types of modules, or "none"."""
    for kind in kinds:
        if "Norm" in kind:
            return next((said for part, said in _NORMS.items() if part in kind), "layer")
    return "none"


def width_of(manifest: Manifest) -> int | None:
    """Return the size of the largest scale of a normalization, None where there is none."""
    scales = _norm_scales()
    vectors = {
        (without_layers(each.name), each.module, each.shape)
        for each in manifest.parameters
        if len(each.shape) == 1
    }
    alike = (Parameter(name, shape, module) for name, module, shape in vectors)
    return max((each.shape[0] for each in alike if scales.of(each) is not None), default=None)


def without_layers(name: str) -> str:
    """Return the same for names that differ in numbers alone, which say the same of a tensor."""
    return NUMBER.sub("0", name)


@functools.cache
def _norm_scales() -> FirstMatch:
    return FirstMatch(
        [
            Rule(each.pattern, Constant(1), module=each.module, ndim=each.ndim or 1)
            for each in _roles()
            if each.layer in ("norm_scale", "norm_offset")
        ]
    )


def activation_of(manifest: Manifest) -> str | None:
    """Return the activation that the config of a model names, or None if it has no name here."""
    config = manifest.config or {}
    for key in _data()["activations"]:
        if isinstance(found := config.get(key), str) and functions.find(found) is not None:
            return found
    return None


@functools.cache
def _data() -> dict[str, Any]:
    found: dict[str, Any] = json_files.read(Path(__file__).parent.parent / "data" / "roles.json")
    return found


@functools.cache
def _roles() -> tuple[Role, ...]:
    return tuple(each for data in _data()["roles"] for each in _expanded(data))


def _expanded(data: dict[str, Any]) -> Iterator[Role]:
    """Yield a role for each number of axes, before them those of modules with another layout."""
    usual = data.get("module"), data.get("layout", "oi*")
    modules = (*data.get("layouts", {}).items(), usual)
    for (module, layout), ndim in itertools.product(modules, data.get("ndim", [None])):
        yield Role(
            layer=data["layer"],
            pattern=pattern_of(data["pattern"]),
            module=None if module is None else pattern_of(module),
            ndim=ndim,
            layout=layout,
            architectures=tuple(data.get("architectures", ())),
        )


@functools.cache
def _evidence() -> dict[str, tuple[list[int], PatternSet]]:
    """Return the numbers and the patterns of what speaks for architectures by name or module."""
    rows = _data()["architectures"]
    found = {}
    for what in ("name", "module"):
        numbers = [number for number, row in enumerate(rows) if what in row]
        found[what] = numbers, PatternSet(pattern_of(rows[number][what]) for number in numbers)
    return found
