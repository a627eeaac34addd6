"""The parameters and buffers of a torch module."""

from __future__ import annotations

import dataclasses
import functools
import sys
from collections.abc import Iterator
from typing import Any

from fastinit.arrays.digest import to_numpy
from fastinit.checks import type_of
from fastinit.initializers import Constant
from fastinit.manifests.values import value_of
from fastinit.native.dtypes import dtype_of
from fastinit.recipes.buffers import known
from fastinit.recipes.known import find
from fastinit.recipes.parameter import LEFT_ALONE, Parameter


def read(module: Any, model: str | None, *, with_values: bool = True) -> dict[str, Any]:
    """Return the arguments of the manifest of a module.

    Args:
        module: The module.
        model: The name of the model; None for the type of the module.
        with_values: Whether the values of buffers are read.

    Raises:
        TypeError: ``module`` is not a torch module.
        ValueError: It has a tensor of a dtype that is not known.
    """
    torch = sys.modules.get("torch")
    if torch is None or not isinstance(module, torch.nn.Module):
        raise TypeError(f"module is {type_of(module)}; pass a torch.nn.Module")
    aliases = getattr(module, "all_tied_weights_keys", {})  # transformers: name -> stored name
    modules = list(module.named_modules(remove_duplicate=False))
    parameters, tied = _once(_members(modules, "_parameters"), aliases)
    buffers, tied_buffers = _once(_members(modules, "_buffers"), aliases)
    config: Any = getattr(module, "config", None)
    is_pretrained = hasattr(config, "model_type") and hasattr(config, "to_diff_dict")
    return {
        "model": type(module).__name__ if model is None else model,
        "parameters": tuple(_parameter(*member) for member in parameters),
        "tied": tied | tied_buffers,
        "buffers": tuple((_buffer if with_values else _parameter)(*member) for member in buffers),
        "architecture": config.model_type if is_pretrained else None,
        "config": _config(module) if is_pretrained else None,
    }


_Member = tuple[str, Any, Any]  # name, module, tensor


def _members(modules: list[tuple[str, Any]], kind: str) -> Iterator[_Member]:
    """Yield the parameters or buffers of the state dict, in its order, under all their names."""
    for prefix, owner in modules:
        for name, tensor in getattr(owner, kind).items():
            is_saved = kind == "_parameters" or name not in owner._non_persistent_buffers_set
            if tensor is not None and is_saved:
                yield f"{prefix}.{name}" if prefix else name, owner, tensor


def _once(
    members: Iterator[_Member], aliases: dict[str, str]
) -> tuple[list[_Member], dict[str, str]]:
    """Return each tensor once, under the name it is stored by, and the other names of tied ones."""
    groups: dict[int, list[_Member]] = {}
    for member in members:
        groups.setdefault(id(member[2]), []).append(member)
    stored = []
    tied = {}
    for group in groups.values():
        chosen = next((each for each in group if each[0] not in aliases), group[0])
        stored.append(chosen)
        tied.update({each[0]: chosen[0] for each in group if each is not chosen})
    return stored, tied


def _parameter(name: str, owner: Any, tensor: Any) -> Parameter:
    try:
        dtype = _dtype_name(tensor.dtype)
    except ValueError as error:
        raise ValueError(f"{name!r}: {error}") from None
    return Parameter(
        name,
        tuple(tensor.shape),
        _type_of(owner),
        None if dtype == "float32" else dtype,
        getattr(owner, "padding_idx", None) if name.endswith("weight") else None,
    )


@functools.lru_cache(maxsize=64)
def _dtype_name(dtype: Any) -> str:
    name = str(dtype).removeprefix("torch.")
    return name if name in LEFT_ALONE else dtype_of(dtype).name


def _buffer(name: str, owner: Any, tensor: Any) -> Parameter:
    """Return a buffer; with its value if that can be read and does not follow from its name."""
    found = _parameter(name, owner, tensor)
    of_name = find(found)
    belongs_to_another_weight = of_name is not None and of_name.is_computed
    if belongs_to_another_weight or found.is_left_alone or found.is_complex:
        return found
    rule = known(found)
    is_statistic = rule is not None and isinstance(rule.initializer, Constant)
    is_readable = tensor.device.type != "meta" and not hasattr(tensor, "placements")  # a DTensor
    if is_statistic or not is_readable or not found.elements:
        return found
    flat = to_numpy(tensor).reshape(-1)
    if rule is not None and (flat == rule.initializer(flat.shape, dtype=flat.dtype)).all():
        return found
    return dataclasses.replace(found, value=value_of(flat))


def _type_of(owner: Any) -> str:
    """Return the type of a module, which for a parametrized layer is that of the plain one."""
    torch = sys.modules["torch"]
    found: type = torch.nn.utils.parametrize.type_before_parametrizations(owner)
    return found.__name__


def _config(module: Any) -> dict[str, Any]:
    """Return what ``save_pretrained`` writes into config.json."""
    config: dict[str, Any] = module.config.to_diff_dict()
    return config | {"architectures": [type(module).__name__]}
