"""Groups of parameters for torch's optimizers, by the multipliers of a plan."""

from __future__ import annotations

from typing import Any

import torch

from fastinit.checks import type_of, wrong_type
from fastinit.plans.plan import Plan
from fastinit.tables import listed
from fastinit.torch.shards.wrappers import own_names, unwrapped


def param_groups(
    module: torch.nn.Module,
    plan: Plan,
    lr: float,
    *,
    weight_decay: float = 0.0,
    eps: float | None = None,
) -> list[dict[str, Any]]:
    """Return parameter groups for an optimizer, with the factors of ``plan.multipliers()``.

    Parameters with equal factors share a group, and frozen ones are left out. The ``forward``
    factors are for the model itself.

    Args:
        module: The module whose parameters are trained.
        plan: A plan of the module, such as one of ``Recipe.mup``.
        lr: The learning rate of the base model.
        weight_decay: The weight decay of the base model.
        eps: The epsilon of Adam in the base model; None leaves it to the optimizer.

    Returns:
        A list of dicts with ``params``, ``lr``, ``weight_decay`` and perhaps ``eps``.

    Raises:
        TypeError: An argument has the wrong type.
        ValueError: The plan lacks some of the parameters; the message lists them.

    Example:
        >>> import torch
        >>> from fastinit import Manifest, Plan, Recipe
        >>> from fastinit.torch import param_groups
        >>> model, base = (torch.nn.Linear(d, d, bias=False) for d in (64, 16))
        >>> recipe = Recipe.mup(Manifest.from_torch(model), Manifest.from_torch(base))
        >>> plan = Plan(Manifest.from_torch(model), recipe, seed=0)
        >>> torch.optim.AdamW(param_groups(model, plan, lr=0.01)).param_groups[0]["lr"]
        0.0025
    """
    if not isinstance(module, torch.nn.Module):
        raise TypeError(f"module is {type_of(module)}; pass a torch.nn.Module")
    module = unwrapped(module)
    own = own_names(module)
    if not isinstance(plan, Plan):
        raise wrong_type(plan, "plan", "a Plan")
    multipliers = plan.multipliers()
    groups: dict[tuple[float, ...], dict[str, Any]] = {}
    missing = []
    for name, parameter in module.named_parameters():
        factors = multipliers.get(own[name])
        if not parameter.requires_grad:
            continue
        if factors is None:
            missing.append(own[name])
            continue
        key = (factors["learning_rate"], factors["weight_decay"], factors["epsilon"])
        if key not in groups:
            groups[key] = {
                "params": [],
                "lr": lr * factors["learning_rate"],
                "weight_decay": weight_decay * factors["weight_decay"],
            }
            if eps is not None:
                groups[key]["eps"] = eps * factors["epsilon"]
        groups[key]["params"].append(parameter)
    if missing:
        raise ValueError(
            f"the plan has no parameters {listed(missing)}; make it of the manifest that "
            "Manifest.from_torch returns for the module"
        )
    return list(groups.values())
