"""Nodes for modules and functions of torch: weights, norms, activations, sums."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from torch import nn

from fastinit.guide.activations import functions
from fastinit.guide.activations.activation import Activation, activation
from fastinit.guide.advice import known_activation
from fastinit.guide.models.graph import Node

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
_SUMS = ("add", "add_", "iadd", "__add__", "__iadd__", "__radd__")
_NORMS = ("layer_norm", "rms_norm", "group_norm", "batch_norm", "instance_norm")


def has_weight(module: nn.Module) -> bool:
    """Return whether a module multiplies by a weight, or looks up in one."""
    return (
        isinstance(module, _WEIGHTED) or type(module).__name__ == "Conv1D"
    )  # transformers' linear


def is_norm(module: nn.Module) -> bool:
    """Return whether a module normalizes, whoever wrote it."""
    return "Norm" in type(module).__name__ and next(module.children(), None) is None


def is_operation(module: nn.Module) -> bool:
    """Return whether a module is one node of a graph, whatever it does inside."""
    return has_weight(module) or is_norm(module) or of_module(module) is not None


def node_of_module(name: str, module: nn.Module, inputs: Sequence[Node]) -> Node:
    """Return the node of a module that is one operation."""
    is_weighted = has_weight(module)
    return Node(
        inputs,
        weight=name if is_weighted else None,
        is_embedding=isinstance(module, _EMBEDDINGS),
        norm=name if is_norm(module) else None,
        activation=None if is_weighted else of_module(module),
    )


def node_of_function(
    name: str, inputs: Sequence[Node], args: Sequence[Any], kwargs: Mapping[str, Any]
) -> Node:
    """Return the node of a function or method of torch, by its name and arguments."""
    return Node(
        inputs,
        norm=f"{name}()" if name in _NORMS else None,
        activation=_of_function(name.removesuffix("_"), args, kwargs),
        is_sum=name in _SUMS,
    )


def _of_function(name: str, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Activation | None:
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
    """Return a module as an activation, or None if its type is not one that has a name here."""
    name = type(module).__name__
    if name.casefold() in _SOFTMAX:
        return known_activation("linear")
    found = functions.find(name)
    if found is None or isinstance(module, nn.Identity):
        return None
    if found == "gelu" and getattr(module, "approximate", "none") == "tanh":
        found = "gelu_tanh"
    if isinstance(module, nn.Softplus) and module.beta != 1:
        return activation(module)
    if found in ("leaky_relu", "elu", "celu"):
        number = next(getattr(module, each) for each in _PARAMETERS if hasattr(module, each))
        return known_activation(found, float(number))
    return known_activation(found)
