"""Nodes for modules and functions of torch: weights, norms, activations, sums."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import nn

from fastinit.guide.activations import functions
from fastinit.guide.activations.activation import Activation, activation
from fastinit.guide.advice import known_activation
from fastinit.guide.models.recognize import POINTS, recognized

_EMBEDDINGS = (nn.Embedding, nn.EmbeddingBag)
_WEIGHTED = (
    nn.Linear,
    nn.Bilinear,
    nn.modules.conv._ConvNd,
    *_EMBEDDINGS,
    nn.RNNBase,
    nn.RNNCellBase,
    nn.MultiheadAttention,
)
_PARAMETERS = ("negative_slope", "alpha")  # of torch's modules
_SOFTMAX = ("softmax", "softmax2d", "log_softmax", "logsoftmax")
_SUMS = ("add", "radd", "iadd")
_NORMS = ("layer_norm", "rms_norm", "group_norm", "batch_norm", "instance_norm")


def has_weight(module: nn.Module) -> bool:
    """Return whether a module multiplies by a weight, or looks up in one."""
    return (
        isinstance(module, _WEIGHTED) or type(module).__name__ == "Conv1D"
    )  # transformers' linear


def is_norm(module: nn.Module) -> bool:
    """Return whether a module normalizes, whoever wrote it."""
    return "Norm" in type(module).__name__ and next(module.children(), None) is None


def of_operation(name: str, module: nn.Module) -> dict[str, Any] | None:
    """Return what the ``Node`` of a module is, whatever it does inside; None of larger modules."""
    if isinstance(module, nn.MultiheadAttention):
        return {"weight": f"{name}.out_proj"}
    if has_weight(module):
        return {"weight": name, "is_embedding": isinstance(module, _EMBEDDINGS)}
    if is_norm(module):
        return {"norm": name}
    found = of_module(module)
    return None if found is None else {"activation": found}


def of_function(name: str, args: Sequence[Any], kwargs: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the ``Node`` of a function or method of torch is, by its name and arguments."""
    norm = f"{name}()" if name in _NORMS else None
    return {"norm": norm, "activation": _named(name, args, kwargs), "is_sum": name in _SUMS}


def _named(name: str, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Activation | None:
    if name in _SOFTMAX:
        return known_activation("linear")
    if functions.find(name) is None or name in ("abs", "sign"):  # which mostly are arithmetic
        return None
    given = {key: value for key, value in kwargs.items() if key in _PARAMETERS}
    if name == "gelu" and kwargs.get("approximate") == "tanh":
        name = "gelu_tanh"
    values: list[Any] = [*given.values(), *args[1:2]]
    is_number = bool(values) and isinstance(values[0], (int, float))
    takes_one = name in ("leaky_relu", "elu", "celu")
    return known_activation(name, values[0] if takes_one and is_number else None)


def of_module(module: nn.Module) -> Activation | None:
    """Return a module as an activation, or None if neither its type nor its values are one's."""
    name = type(module).__name__
    if name.casefold() in _SOFTMAX:
        return known_activation("linear")
    if isinstance(module, nn.Identity) or any(True for _ in module.children()):
        return None  # whatever it is called, as the Linear of peft
    found = functions.find(name)
    if found is None:
        return _of_values(module)
    if found == "gelu" and getattr(module, "approximate", "none") == "tanh":
        found = "gelu_tanh"
    if isinstance(module, nn.Softplus) and module.beta != 1:
        return activation(module)
    if found in ("leaky_relu", "elu", "celu"):
        number = next(getattr(module, each) for each in _PARAMETERS if hasattr(module, each))
        return known_activation(found, float(number))
    return known_activation(found)


def _of_values(module: nn.Module) -> Activation | None:
    """Return the activation that a module without parameters computes, as BloomGelu does a gelu."""
    is_torchs = type(module).__module__.startswith("torch.nn.")
    if is_torchs or any(True for part in (module.parameters(), module.buffers()) for _ in part):
        return None
    try:
        with torch.no_grad(), torch.random.fork_rng(devices=()), torch.device("cpu"):
            values = copy.deepcopy(module)(torch.from_numpy(POINTS))
    except Exception:  # other inputs, which any module may want
        return None
    if not isinstance(values, torch.Tensor) or values.shape != POINTS.shape or values.is_complex():
        return None
    return recognized(values.double().numpy())
