"""Recommendation of a recipe for a torch module, beside the values that the module has now."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

import torch

from fastinit.checks import type_of
from fastinit.guide.models.places import Place
from fastinit.guide.models.recipe_recommendation import RecipeRecommendation
from fastinit.guide.models.recommend_recipe import recipe_for
from fastinit.guide.models.roles import activation_of
from fastinit.manifests import Manifest
from fastinit.torch.guide.graph import read
from fastinit.torch.shards.wrappers import bare

_CANCELLED = 1e-2  # of the mean square, below which the difference of squares is not exact enough


def recommend_recipe(
    module: torch.nn.Module,
    *,
    activation: Any = None,
    architecture: str | None = None,
    depth: int | None = None,
    normalization: str | None = None,
    residual: bool | None = None,
    optimizer: str | None = None,
    width: int | None = None,
) -> RecipeRecommendation:
    """Return a recipe for a torch module, with a reason for each parameter.

    It does what ``fastinit.recommend_recipe`` does for a manifest. The activation after each layer
    and residual connections are found in the module's graph: ``torch.fx`` traces it, or else a copy
    without memory runs once. Where the code allows neither, the order of its parts and the config
    of a model of transformers decide, and ``notes`` says so. The module is not changed, and may be
    on the meta device.

    Args:
        module: a module.
        activation: that of layers whose own is not found.
        architecture: see ``fastinit.recommend``; None for what the module looks like.
        depth: see ``fastinit.recommend``; None for the number of its layers.
        normalization: see ``fastinit.recommend``; None for the module's.
        residual: see ``fastinit.recommend``; None for what the graph says.
        optimizer: see ``fastinit.recommend``.
        width: see ``fastinit.recommend``; None for that of the normalizations.

    Returns:
        An object with ``recipe``, which ``fastinit.torch.init_`` takes, and ``rows``. Each row has
        ``current``, the mean and std of the values now, and ``differences()`` the rows where these
        are not what the recipe draws. ``print`` shows them side by side.

    Raises:
        TypeError: an argument of the wrong type.
        ValueError: a name is not known, or nothing is known of a parameter.

    Example:
        >>> import fastinit.torch, torch
        >>> model = torch.nn.Sequential(
        ...     torch.nn.Linear(64, 256), torch.nn.LeakyReLU(0.2), torch.nn.Linear(256, 10)
        ... )
        >>> found = fastinit.torch.recommend_recipe(model)
        >>> [(row.activation, type(row.initializer).__name__) for row in found.rows[::2]]
        [('leaky_relu', 'Normal'), ('linear', 'Uniform')]
        >>> _ = fastinit.torch.init_(model, found.recipe, seed=0)
    """
    if not isinstance(module, torch.nn.Module):
        raise TypeError(f"module is {type_of(module)}; pass a torch.nn.Module")
    with bare(module) as module:
        manifest = Manifest.from_torch(module)
        graph = read(module)
        modules = dict(module.named_modules())
        case = graph.case(
            manifest,
            [type(each).__name__ for each in modules.values()],
            activation=activation_of(manifest) if activation is None else activation,
            architecture=architecture,
            depth=depth,
            normalization=normalization,
            residual=residual,
            optimizer=optimizer,
            width=width,
        )
        places = graph.places(_owners(manifest), case)
        places |= dict(_forget_gates(modules))
        found = recipe_for(manifest, case, places, graph.note)
        tensors = dict(module.named_parameters(remove_duplicate=False))
        return found.with_current(lambda name: _moments(tensors[name]))


def _owners(manifest: Manifest) -> dict[str, str]:
    """Return the module of each parameter that is called weight."""
    owners = {}
    for each in manifest.parameters:
        owner, _, last = each.name.rpartition(".")
        if last == "weight":
            owners[each.name] = owner
    return owners


def _forget_gates(modules: Mapping[str, torch.nn.Module]) -> Iterator[tuple[str, Place]]:
    """Yield the first bias of each LSTM, whose second quarter is that of the forget gate."""
    for name, each in modules.items():
        if isinstance(each, (torch.nn.LSTM, torch.nn.LSTMCell)):
            size = each.hidden_size
            for last, _ in each.named_parameters(recurse=False):
                if last.startswith("bias_ih"):
                    place = Place("forget_bias", part=(size, 2 * size))
                    yield f"{name}.{last}" if name else last, place


@torch.no_grad()
def _moments(tensor: torch.Tensor) -> tuple[float, float] | None:
    """Return the mean and std of the values, or None where there are none to read."""
    count = tensor.numel()
    if tensor.is_meta or not count or not tensor.is_floating_point():
        return None
    wide = torch.promote_types(tensor.dtype, torch.float32)
    mean = float(tensor.mean(dtype=wide))
    rows = tensor.flatten(1) if tensor.ndim > 2 else tensor  # whose float32 norms are exact enough
    norms = torch.linalg.vector_norm(rows, dim=-1, dtype=wide)
    square = float(norms.square().sum(dtype=torch.float64)) / count
    variance = square - mean * mean  # 40 times as fast as torch.var_mean
    if variance < _CANCELLED * square:  # of constants and nearly so
        variance = float(tensor.to(wide).var(correction=0))
    return mean, math.sqrt(variance)
