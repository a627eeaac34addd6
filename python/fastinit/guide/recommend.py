"""Which initializer fits, and why."""

from __future__ import annotations

import dataclasses
import functools
import math
import textwrap
from typing import Any

from fastinit.guide.activation import Activation
from fastinit.guide.advice import Case, case_of, notes_for, rule_for
from fastinit.guide.gain import gain
from fastinit.initializers import Initializer
from fastinit.initializers.distributions.presets import Preset
from fastinit.initializers.gains import gain_of
from fastinit.plans.explanation import short
from fastinit.recipes.scale import Scale
from fastinit.tables import on_screen

_WIDTH = 88
_DIGITS = 12  # to which a gain that is a preset's own agrees


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


@dataclasses.dataclass(frozen=True)
class Recommendation:
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

    def __repr__(self) -> str:
        return on_screen(str(self))

    def __str__(self) -> str:
        others = [
            each.when
            if each.initializer is None
            else f"{short(each.initializer.to_dict())}: {each.when}"
            for each in self.alternatives
        ]
        parts = [
            ("formula", [self.formula]),
            ("reason", [self.reason]),
            ("source", [self.source]),
            ("avoid", self.avoid),
            ("instead", others),
            ("note", self.notes),
        ]
        lines = [short(self.initializer.to_dict())]
        for title, texts in parts:
            for k, text in enumerate(texts):
                first = f"  {title if k == 0 else '':<9}"
                lines += textwrap.wrap(
                    text, _WIDTH, initial_indent=first, subsequent_indent=" " * len(first)
                )
        return "\n".join(lines)


def recommend(
    activation: Any = None,
    architecture: str | None = None,
    depth: int | None = None,
    layer: str = "hidden",
    normalization: str | None = None,
    residual: bool | None = None,
    optimizer: str | None = None,
    width: int | None = None,
) -> Recommendation:
    """Return the initializer for a layer of a network, with the reason and its source.

    What is left out is what the architecture implies, as far as it implies anything: a transformer
    has residual connections and normalization.

    Args:
        activation: a name, a function or what ``fastinit.activation`` returns; of the last layer
            also "softmax".
        architecture: "mlp", "cnn", "resnet", "rnn", "lstm", "gru", "transformer", "autoencoder",
            "siren", "gan", "sparse" or "small".
        depth: the number of layers, of a residual network that of its blocks.
        layer: "hidden", "input", "recurrent", "residual_output" (the last weight of a residual
            branch), "output", "embedding", "tied_embedding", "position", "bias", "forget_bias",
            "norm_scale", "residual_norm_scale" or "norm_bias".
        normalization: "batch", "layer", "rms", "group", "instance", "weight" or "none".
        residual: whether there are residual connections.
        optimizer: "sgd", "momentum", "adam", "adamw", "muon" or "lbfgs".
        width: the size of the vectors of a transformer, which counts below 256.

    Returns:
        An object with ``initializer``, ``formula``, ``reason``, ``source``, ``avoid``,
        ``alternatives`` and ``notes``; ``print`` shows all of it.

    Raises:
        TypeError: an argument of the wrong type.
        ValueError: a name is not known, or the advice depends on an activation or a depth that is
            not given.

    Example:
        >>> import fastinit
        >>> found = fastinit.recommend("gelu")
        >>> found.initializer((256, 64), seed=0).shape
        (256, 64)
        >>> fastinit.recommend("relu", "cnn").source
        'He et al. 2015, arXiv 1502.01852, section 2.2'
        >>> fastinit.recommend(architecture="gpt", depth=12, layer="residual_output").reason[:34]
        'Each of the 2 L branches adds to t'
    """
    case = case_of(
        activation, architecture, depth, layer, normalization, residual, optimizer, width
    )
    found = advise(case)
    return dataclasses.replace(found, initializer=scaled(found))


def scaled(found: Recommendation) -> Initializer:
    """Return the initializer of a recommendation with the factors of its depth.

    Raises:
        ValueError: there are factors, and the depth is not known.
    """
    drawn = found.initializer
    depth = found.case.depth
    if found.scale and depth is None:
        raise ValueError(
            f"the initializer of {found.case.layer!r} here, {found.formula}, depends on the number "
            "of layers; pass depth="
        )
    for scale in found.scale:
        if isinstance(drawn, Preset):
            gain_now = math.sqrt(drawn.scale) if drawn.gain is None else gain_of(drawn.gain)
            drawn = dataclasses.replace(drawn, gain=scale.apply(gain_now, depth or 1))
        else:
            drawn = scale.scaled(drawn, depth or 1)
    return drawn


@functools.lru_cache(maxsize=1024)
def advise(case: Case) -> Recommendation:
    """Return the recommendation for a case, without the factors of its depth.

    Raises:
        ValueError: no rule is for this case.
    """
    rule = rule_for(case)
    return Recommendation(
        initializer=_initializer(rule, case.activation),
        formula=rule["formula"],
        reason=rule["reason"],
        source=rule["source"],
        avoid=tuple(rule.get("avoid", ())),
        alternatives=tuple(_alternative(each, case) for each in rule.get("alternatives", ())),
        notes=notes_for(case),
        case=case,
        depends_on_activation="activation" in rule["when"],
        scale=tuple(map(Scale.from_dict, rule.get("scale", ()))),
        fan_of=rule.get("fan_of"),
    )


def _alternative(data: dict[str, Any], case: Case) -> Alternative:
    drawn = _initializer(data, case.activation) if "initializer" in data else None
    return Alternative(data["when"], drawn)


def _initializer(data: dict[str, Any], act: Activation | None) -> Initializer:
    """Return the initializer of a rule, with the gain of the activation where it takes that."""
    found = Initializer.from_dict(data["initializer"])
    if "gain" not in data:
        return found
    assert act is not None  # a rule that takes a gain names the activations that it is for
    number = gain(act, match=data["gain"])
    if isinstance(found, Preset) and number == float(f"{math.sqrt(found.scale):.{_DIGITS}g}"):
        return found
    changed: dict[str, Any] = {"gain": number}
    return dataclasses.replace(found, **changed)
