"""``init_``: all parameters of a module, filled in place by a recipe."""

from __future__ import annotations

from typing import Any

import torch

from fastinit.streams import Seed
from fastinit.torch.modules.plan import Rules, fill, plan_of


def init_(
    module: torch.nn.Module,
    recipe: Rules | None = None,
    seed: Seed | None = None,
    *,
    only: Any = None,
) -> torch.nn.Module:
    """Fill all parameters of a module in place, in one native call.

    Each parameter draws from the stream of its qualified name, whatever else the module contains
    and however it is sharded: each process fills its own part of a DTensor (tensor parallelism,
    FSDP2). Tied parameters are drawn once. Parameters of dtypes that are not drawn (complex64) keep
    their values.

    The weight of a layer with ``weight_norm`` or ``spectral_norm`` has the name that it has without
    them. Its values are drawn, and the norms or singular vectors that belong to it are computed, so
    that a weight-normed layer has the weight that the recipe asks for. Other parametrizations are
    an error.

    Names are those of the module itself, without what
    ``torch.compile``, activation checkpointing and ``DistributedDataParallel`` insert.

    Args:
        module: A module on any device but meta. Dtypes do not change.
        recipe: A plan of the same model (``fastinit.Plan.record``), a recipe, the name of a
            built-in one, or the path of a JSON file; a sequence of rules or (pattern, initializer)
            pairs or a mapping of patterns to initializers, of which the first that matches a
            parameter's name applies; or one initializer for all weights, as for ``fastinit.Plan``.
            None means the recipe of the module's own architecture, or "default" if it names none:
            N(0, 0.02^2) for weights, whatever activations follow them. ``recommend_recipe(module)``
            has one that fits these.
        seed: An integer in [0, 2**64), or a ``fastinit.Stream``, whose path goes before the names.
            None means that of the plan, or else the process-wide seed, which ``fastinit.seed`` must
            have set where ranks share a sharded module.
        only: A pattern as in rules. Parameters that it does not match keep their values.

    Returns:
        ``module``. Buffers with known constants (running means, positions) hold these; all other
        buffers keep their values.

    Raises:
        FileNotFoundError: ``recipe`` is neither built in nor a file.
        TypeError: An argument has the wrong type.
        ValueError: No rule matches a parameter, a rule does not fit it, a tensor is on the meta
            device, a parameter is lazy, a module is a ScriptModule, a weight is parametrized in
            another way (``orthogonal``), or ``only`` matches nothing. Nothing is written then.

    Example:
        >>> import fastinit, torch
        >>> import fastinit.torch
        >>> model = torch.nn.Sequential(torch.nn.Linear(8, 4), torch.nn.LayerNorm(4))
        >>> _ = fastinit.torch.init_(model, "default", seed=0)
        >>> expected = fastinit.normal((4, 8), std=0.02, seed=0, name="0.weight")
        >>> bool((model[0].weight.detach().numpy() == expected).all())
        True
    """
    chosen = plan_of(module, recipe, seed).select(only)
    if on_meta := [name for name, tensor, _ in chosen if tensor.is_meta]:
        raise ValueError(
            f"{on_meta[0]!r} is on the meta device and has no memory; use "
            "fastinit.torch.materialize_"
        )
    fill(chosen)
    return module
