"""Recommendation of an initializer, with the reason."""

from __future__ import annotations

import dataclasses
import functools
import math
from typing import Any

from fastinit.guide.advice import Case, case_of, initializer_of, notes_for, rule_for
from fastinit.guide.recommendation import Alternative, Recommendation
from fastinit.initializers import Initializer
from fastinit.initializers.distributions.presets import Preset
from fastinit.initializers.gains import gain_of
from fastinit.recipes.scale import Scale


def recommend(
    activation: Any = None,
    architecture: str | None = None,
    *,
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
            "norm_scale", "residual_norm_scale", "norm_bias", "adapter_down" or "adapter_up" (LoRA's
            A and B).
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
        activation,
        architecture,
        depth=depth,
        layer=layer,
        normalization=normalization,
        residual=residual,
        optimizer=optimizer,
        width=width,
    )
    found = advise(case)
    return dataclasses.replace(found, initializer=scaled(found))


def scaled(found: Recommendation) -> Initializer:
    """Return the initializer of a recommendation with the factors of its depth.

    Raises:
        ValueError: there are factors, and the depth is not known.
    """
    drawn = found.initializer
    depth = found.case.layers
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
        initializer=initializer_of(rule, case),
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
    drawn = initializer_of(data, case) if "initializer" in data else None
    return Alternative(data["when"], drawn)
