"""Masks of a module: drawn by a recipe, applied in place, and given to torch's pruning."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch.nn.utils import prune

from fastinit.checks import type_of
from fastinit.streams import Seed
from fastinit.tensors.tensor_plan import TensorPlan, mask_of
from fastinit.torch.modules.plan import Rules, plan_of
from fastinit.torch.shards.batch import ShardedFillBatch
from fastinit.torch.shards.wrappers import own_paths, unwrapped


def draw_masks(
    module: torch.nn.Module,
    recipe: Rules | None = None,
    seed: Seed | None = None,
    *,
    only: Any = None,
) -> dict[str, torch.Tensor]:
    """Draw the masks that a recipe has for the weights of a module, without their values.

    They are those of the weights that ``init_`` draws with the same recipe and seed: True where a
    weight is kept. The mask of a DTensor is a DTensor, of which each process draws its own part.

    Args:
        module: A module on any device but meta.
        recipe: As for ``init_``; ``fastinit.sparse_recipe`` makes one with a budget for the model.
        seed: As for ``init_``.
        only: A pattern as in rules. Parameters that it does not match are left out.

    Returns:
        Tensors of bool by the names of the parameters, on their devices; only of those that the
        recipe masks.

    Raises:
        TypeError: An argument has the wrong type.
        ValueError: As for ``init_``.

    Example:
        >>> import fastinit, torch
        >>> import fastinit.torch
        >>> model = torch.nn.Linear(8, 4)
        >>> recipe = fastinit.sparse_recipe(model, 0.25, fastinit.HeNormal())
        >>> masks = fastinit.torch.draw_masks(model, recipe, seed=0)
        >>> {name: int(mask.sum()) for name, mask in masks.items()}
        {'weight': 8}
    """
    masks = {}
    batch = ShardedFillBatch()
    for name, tensor, planned in plan_of(module, recipe, seed).select(only):
        alone = mask_of(planned) if isinstance(planned, TensorPlan) else None
        if alone is not None:
            masks[name] = torch.empty_like(tensor, dtype=torch.bool, requires_grad=False)
            batch.add(masks[name], alone.templates, alone.stream)
    batch.run()
    return masks


@torch.no_grad()
def apply_masks_(module: torch.nn.Module, masks: Mapping[str, Any]) -> torch.nn.Module:
    """Set the weights of a module to zero where masks are False, in place.

    Called after each step of an optimizer, it keeps a sparse model sparse.

    Args:
        module: The module.
        masks: Name of a parameter -> tensor of its shape, as ``draw_masks`` and
            ``fastinit.Plan.masks`` return them; arrays of NumPy too.

    Returns:
        ``module``.

    Raises:
        TypeError: ``module`` is not a module, or ``masks`` is not a mapping.
        ValueError: The module has no parameter of a name, or one of another shape. Nothing is
            written then.

    Example:
        >>> import torch, fastinit.torch
        >>> model = torch.nn.Linear(2, 1)
        >>> mask = torch.tensor([[True, False]])
        >>> fastinit.torch.apply_masks_(model, {"weight": mask}).weight[0, 1].item()
        0.0
    """
    for owner, last, mask in _matched(module, masks):
        owner.get_parameter(last).masked_fill_(~mask, 0)
    return module


def prune_(module: torch.nn.Module, masks: Mapping[str, Any]) -> torch.nn.Module:
    """Hand masks to ``torch.nn.utils.prune``, which applies them in every forward pass.

    A parameter ``weight`` becomes ``weight_orig``, with a buffer ``weight_mask``;
    ``torch.nn.utils.prune.remove`` makes it a parameter again.

    Args:
        module: The module.
        masks: As for ``apply_masks_``.

    Returns:
        ``module``.

    Raises:
        TypeError: ``module`` is not a module, or ``masks`` is not a mapping.
        ValueError: The module has no parameter of a name, or one of another shape, or it is tied to
            another. Nothing is changed then.

    Example:
        >>> import fastinit, torch
        >>> import fastinit.torch
        >>> model = torch.nn.Linear(8, 4)
        >>> mask = fastinit.mask((4, 8), 0.75, per="tensor", seed=0)
        >>> _ = fastinit.torch.prune_(model, {"weight": mask})
        >>> int((model.weight != 0).sum()), type(model.weight_orig).__name__
        (8, 'Parameter')
    """
    matched = _matched(module, masks)
    _check_untied(module, matched)
    for owner, last, mask in matched:
        prune.custom_from_mask(owner, last, mask)  # type: ignore[no-untyped-call]
    return module


def _check_untied(
    module: torch.nn.Module, matched: list[tuple[torch.nn.Module, str, torch.Tensor]]
) -> None:
    """Check that no parameter is tied, since pruning would untie it.

    Raises:
        ValueError: One of them is.
    """
    names: dict[int, list[str]] = {}
    for name, tensor in module.named_parameters(remove_duplicate=False):
        names.setdefault(id(tensor), []).append(name)
    for owner, last, _ in matched:
        found = names.get(id(owner._parameters[last]), [])
        if len(found) > 1:
            raise ValueError(
                f"{' and '.join(map(repr, found))} are one parameter, which torch.nn.utils.prune "
                "would divide into two; use apply_masks_ after each step"
            )


def _matched(
    module: torch.nn.Module, masks: Mapping[str, Any]
) -> list[tuple[torch.nn.Module, str, torch.Tensor]]:
    """Return the owner of each parameter, its name there, and its mask on its device."""
    if not isinstance(module, torch.nn.Module):
        raise TypeError(f"module is {type_of(module)}; pass a torch.nn.Module")
    if not isinstance(masks, Mapping):
        raise TypeError(f"masks is {type_of(masks)}; pass a mapping from names to masks")
    owners = {own: each for _, own, each in own_paths(unwrapped(module))}
    found = []
    for name, mask in masks.items():
        path, _, last = str(name).rpartition(".")
        tensor = owners[path]._parameters.get(last) if path in owners else None
        if tensor is None:
            raise ValueError(f"the module has no parameter {name!r}; see its named_parameters()")
        mask = torch.as_tensor(mask)
        if tuple(mask.shape) != tuple(tensor.shape):
            raise ValueError(
                f"the mask of {name!r} has shape {tuple(mask.shape)}, the parameter "
                f"{tuple(tensor.shape)}; pass one of the same shape"
            )
        found.append((owners[path], last, mask.to(tensor.device, torch.bool)))
    return found
