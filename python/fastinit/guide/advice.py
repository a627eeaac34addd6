"""The advice of the guide, which is data: ``data/advice.json``.

A rule says for which cases it is, and what fits them; the first that matches a case holds, so that
special rules come before general ones. What a case does not say matches no rule that asks for it.
"""

from __future__ import annotations

import dataclasses
import difflib
import functools
import math
from pathlib import Path
from typing import Any

from fastinit import json_files
from fastinit.checks import boolean, positive_integer, shown, type_of
from fastinit.guide.activations import functions
from fastinit.guide.activations.activation import Activation, activation
from fastinit.guide.activations.gain import gain
from fastinit.initializers import Initializer
from fastinit.initializers.distributions.presets import Preset

_OTHER = "other"  # the family of activations that are in no other, functions among them
_SAME = 1e-9
_DIGITS = 12  # to which a gain that is a preset's own agrees
_FACTS = ("activation", "architecture", "layer", "normalization", "residual", "optimizer")


@dataclasses.dataclass(frozen=True)
class Case:
    """The case that advice is asked for.

    Attributes:
        activation: the activation, where it is known.
        family: the family of the activation.
        architecture: the kind of network.
        depth: the number of layers, or of residual blocks.
        layer: what the weight or vector is for.
        normalization: the kind of normalization, "none", or None where that is not known.
        residual: whether there are residual connections; None where that is not known.
        optimizer: the optimizer.
        width: the size of the vectors of a transformer.
        branches: the number of residual branches that are added to the stream of a transformer;
            None for two per layer.
        tied: whether the vectors of tokens are the weight of the output too.
    """

    activation: Activation | None
    family: str | None
    architecture: str | None
    depth: int | None
    layer: str
    normalization: str | None
    residual: bool | None
    optimizer: str | None
    width: int | None = None
    branches: int | None = None
    tied: bool = False

    @property
    def layers(self) -> float | None:
        """The depth that factors depend on: of a transformer, half the number of branches."""
        return self.depth if self.branches is None else self.branches / 2

    def at(self, act: Activation | None, layer: str | None, branches: int | None) -> Case:
        """Return the case of a parameter in this one; what is None is as here."""
        return dataclasses.replace(
            self,
            activation=self.activation if act is None else act,
            family=self.family if act is None else _family(act),
            layer=layer or self.layer,
            branches=self.branches if branches is None else branches,
        )

    def matches(self, when: dict[str, Any]) -> bool:
        """Return whether all that a rule asks for is so."""
        for fact, allowed in when.items():
            if fact == "depth":
                if self.depth is None or self.depth < allowed:
                    return False
            elif fact == "narrower_than":
                if self.width is None or self.width >= allowed:
                    return False
            elif fact == "activation":
                if self.family not in allowed:
                    return False
            elif fact == "layer":
                if self.layer not in allowed and knowledge()["like"].get(self.layer) not in allowed:
                    return False
            elif getattr(self, fact) not in allowed:
                return False
        return True

    def to_dict(self) -> dict[str, Any]:
        """Return plain data, without what is not known."""
        found = {fact: getattr(self, fact) for fact in (*_FACTS, "depth", "width")}
        if self.activation is not None:
            found["activation"] = self.activation.name
        return {fact: value for fact, value in found.items() if value is not None}


@functools.cache
def knowledge() -> dict[str, Any]:
    """Return the content of the file."""
    found: dict[str, Any] = json_files.read(Path(__file__).parent / "data" / "advice.json")
    return found


def rule_for(case: Case) -> dict[str, Any]:
    """Return the rule for a case.

    Raises:
        ValueError: there is none, as the case says neither an activation nor an architecture.
    """
    for rule in knowledge()["rules"]:
        if case.matches(rule["when"]):
            found: dict[str, Any] = rule
            return found
    raise ValueError(
        f"what initializes {case.layer!r} depends on what follows; pass activation=, or "
        "architecture="
    )


def notes_for(case: Case) -> tuple[str, ...]:
    """Return what else holds for a case."""
    return tuple(note["text"] for note in knowledge()["notes"] if case.matches(note["when"]))


def initializer_of(data: dict[str, Any], case: Case) -> Initializer:
    """Return the initializer of a rule, with what it takes from the case.

    That is the gain of the activation, or 1 / sqrt(width) as the std or the gain.
    """
    found = Initializer.from_dict(data["initializer"])
    if (field := data.get("by_width")) is not None:
        assert case.width is not None  # for which the rule asks
        factor: dict[str, Any] = {field: 1 / math.sqrt(case.width)}
        return dataclasses.replace(found, **factor)
    if "gain" not in data:
        return found
    assert case.activation is not None  # a rule that takes a gain names those that it is for
    number = gain(case.activation, match=data["gain"])
    if isinstance(found, Preset) and number == float(f"{math.sqrt(found.scale):.{_DIGITS}g}"):
        return found
    changed: dict[str, Any] = {"gain": number}
    return dataclasses.replace(found, **changed)


def case_of(
    asked: Any,
    architecture: str | None,
    *,
    depth: int | None = None,
    layer: str = "hidden",
    normalization: str | None = None,
    residual: bool | None = None,
    optimizer: str | None = None,
    width: int | None = None,
) -> Case:
    """Return a case, checked, with what its architecture implies where that was left out.

    Arguments are those of ``fastinit.recommend``.

    Raises:
        TypeError: an argument of the wrong type.
        ValueError: a name is not known; the message names the nearest.
    """
    data = knowledge()
    kind = None if architecture is None else _architecture(architecture)
    implied = {} if kind is None else data["architectures"][kind]
    wanted = implied.get("activation") if asked is None else asked
    act = None if wanted is None else _activation(wanted)
    if normalization is None:
        normalization = implied.get("normalization")
    if residual is None:
        residual = implied.get("residual")
    return Case(
        activation=act,
        family=None if act is None else _family(act),
        architecture=kind,
        depth=None if depth is None else positive_integer(depth, "depth"),
        layer=_one_of(layer, "layer", data["layers"], data["other_layers"]),
        normalization=None
        if normalization is None
        else _one_of(normalization, "normalization", data["normalizations"], {}),
        residual=None if residual is None else boolean(residual, "residual"),
        optimizer=None
        if optimizer is None
        else _one_of(optimizer, "optimizer", data["optimizers"], {}),
        width=None if width is None else positive_integer(width, "width"),
    )


def _activation(asked: Any) -> Activation:
    read_as: dict[str, str] = knowledge()["read_as"]
    if isinstance(asked, str):
        return known_activation(read_as.get(asked, asked))
    return activation(asked)


@functools.lru_cache(maxsize=64)
def known_activation(name: str, a: float | None = None) -> Activation:
    """Return an activation by name, the same object each time, so that its moments are kept."""
    return activation(name, a)


@functools.lru_cache(maxsize=256)
def _family(act: Activation) -> str:
    """Return the family of an activation; a function is what its name says, if it does the same."""
    if act.is_gated:
        return "gated"
    name = functions.find(act.name)
    if name is None or not _is_same(act, known_activation(name, act.a)):
        return _OTHER
    families: dict[str, list[str]] = knowledge()["families"]
    return next((family for family, names in families.items() if name in names), _OTHER)


def _is_same(one: Activation, other: Activation) -> bool:
    return all(
        math.isclose(getattr(one, moment), getattr(other, moment), rel_tol=_SAME, abs_tol=_SAME)
        for moment in ("mean", "second_moment")
    )


def _architecture(given: Any) -> str:
    known: dict[str, Any] = knowledge()["architectures"]
    others = {other: name for name, each in known.items() for other in each["aliases"]}
    return _one_of(given, "architecture", known, others)


def _one_of(given: Any, what: str, known: Any, others: dict[str, str]) -> str:
    """Return one of the known names, which may be given by another name of it."""
    if not isinstance(given, str):
        raise TypeError(f"{what}={shown(given)} is {type_of(given)}; pass a name")
    name = given.casefold().replace("-", "_").strip()
    for candidate in (name, name.replace("_", " ")):
        if candidate in known:
            return candidate
        if candidate in others:
            return others[candidate]
    close = difflib.get_close_matches(name, [*known, *others], n=1)
    hint = f"did you mean {close[0]!r}? " if close else ""
    raise ValueError(f"{what}={shown(given)} is not known; {hint}known are {', '.join(known)}")
