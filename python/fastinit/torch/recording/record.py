"""``record``: the plan of a model's own initialization."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch

from fastinit.manifests import Manifest, Parameter
from fastinit.manifests.from_torch import read
from fastinit.plans.plan import Plan
from fastinit.recipes.generalize import Found, rules_of
from fastinit.recipes.recipe import Recipe
from fastinit.streams import Seed
from fastinit.tables import listed
from fastinit.torch.recording.builders import builder, checked
from fastinit.torch.recording.recorder import LARGEST_READ, SMALLEST_VIRTUAL, Recorder
from fastinit.torch.recording.tensors import UnknownError, UnwrittenError, check_size, found_of
from fastinit.torch.shards.wrappers import own_names


def record(
    build: Any,
    seed: Seed | None = None,
    dtype: Any = None,
    *,
    args: Sequence[Any] = (),
    kwargs: Mapping[str, Any] | None = None,
) -> Plan:
    """Return the plan of a model's own initialization, from running the code that builds it.

    What the plan draws is bit for bit the state dict of the model that the same code builds in
    ``accelerate(seed)``: its parameters and the buffers that are saved. Weights of any size get no
    memory. Small tensors that code computes are computed, and stand in the plan as values.

    The code may build on any device, the meta device included. It may fill weights by
    torch.nn.init, by methods such as ``normal_`` and by functions such as ``torch.randn``, may
    scale and shift them, fill parts of them, copy, convert and concatenate them. Tensors of up to
    64 MiB may be read, too.

    Args:
        build: A function that returns a module; a model class; a configuration of transformers;
            or the path of a ``config.json``.
        seed: An integer in [0, 2**64), or a ``fastinit.Stream``. None means the process-wide seed.
        dtype: The dtype of all floating-point tensors; None means those that the code gives them.
        args: The arguments of ``build``.
        kwargs: The keyword arguments of ``build``.

    Returns:
        A plan, whose ``explain`` says for each tensor what is drawn, and which line of code asked.

    Raises:
        RuntimeError: The code reads a large tensor; the message names it and the line.
        TypeError: ``build`` does not return a module.
        ValueError: Nothing writes some tensors, or it is not known what writes them; the message
            lists them.

    Example:
        >>> import fastinit, torch
        >>> plan = fastinit.Plan.record(torch.nn.Embedding, seed=0, args=(64, 32))
        >>> plan.tensor("weight").initializer
        Normal()
        >>> with fastinit.torch.accelerate(seed=0):
        ...     layer = torch.nn.Embedding(64, 32)
        >>> bool((plan.init()["weight"] == layer.weight.detach().numpy()).all())
        True
    """
    make = builder(build, args, kwargs or {})
    return recorded(make, seed, dtype, SMALLEST_VIRTUAL, LARGEST_READ)


def recorded(
    make: Callable[[], Any],
    seed: Seed | None,
    dtype: Any,
    smallest_virtual: int,
    largest_read: int,
) -> Plan:
    """Return the plan of what a function builds; see ``record`` and ``Recorder``."""
    recorder = Recorder(seed, smallest_virtual, largest_read)
    with recorder:
        module = make()
    return _plan(checked(module), recorder, dtype)


def _plan(module: torch.nn.Module, recorder: Recorder, dtype: Any) -> Plan:
    manifest = Manifest(**read(module, None, with_values=False))
    own = own_names(module)
    tensors = dict(_tensors(module))
    found: dict[str, Found] = {}
    described: dict[str, Parameter] = {}
    unwritten, unknown = [], []
    for each in manifest.tensors:
        parameter = dataclasses.replace(each, name=own[each.name])
        described[each.name] = parameter
        if each.is_left_alone:
            continue
        try:
            described[each.name], found[parameter.name] = found_of(
                recorder, parameter, tensors[each.name]
            )
        except UnwrittenError:
            unwritten.append(parameter.name)
        except UnknownError:
            unknown.append(parameter.name)
    _check(unwritten, "nothing writes", "they hold what their memory held before")
    _check(unknown, "it is not known what writes", "they are too large to be computed")
    check_size(found)
    manifest = dataclasses.replace(
        manifest,
        parameters=tuple(described[each.name] for each in manifest.parameters),
        buffers=tuple(described[each.name] for each in manifest.buffers),
        tied={own[name]: own[target] for name, target in manifest.tied.items()},
    )
    source = f"recorded from {type(module).__module__}.{type(module).__qualname__}"
    recipe = Recipe("recorded", source, rules_of(found), complete=True)
    return Plan(manifest, recipe, seed=recorder.seed, dtype=dtype)


def _tensors(module: torch.nn.Module) -> list[tuple[str, torch.Tensor]]:
    parameters = list(module.named_parameters(remove_duplicate=False))
    return parameters + list(module.named_buffers(remove_duplicate=False))


def _check(names: list[str], what: str, why: str) -> None:
    if names:
        raise ValueError(
            f"{what} {listed(names)}: {why}; initialize them where the model is "
            "built, by functions of torch.nn.init or methods that fill tensors"
        )
