"""What the graph of a module says: which activation follows a weight, and what is around it."""

from __future__ import annotations

import math
import operator
from collections.abc import Iterator
from typing import Any

import torch
from torch import fx, nn

from fastinit.guide import functions
from fastinit.guide.activation import Activation, activation
from fastinit.guide.advice import known_activation
from fastinit.guide.graph import Graph, Node, graph_of

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
_SUMS = (operator.add, operator.iadd, torch.add, "add", "add_")


def read(module: nn.Module) -> Graph:
    """Return what the graph says, or else the order in which modules are registered."""
    try:
        traced = _graph_of(module)
    except Exception:  # control flow that depends on values, which modules of any origin may have
        return _registered(module)
    return _traced(module, traced)


def _graph_of(module: nn.Module) -> fx.Graph:
    """Trace a module; functions of ``math`` are wrapped if need be, as that takes long."""
    try:
        return fx.Tracer(()).trace(module)  # type: ignore[arg-type]
    except TypeError:  # math.sqrt of a size, which is a symbol
        return fx.Tracer((math,)).trace(module)


def _traced(module: nn.Module, graph: fx.Graph) -> Graph:
    modules = dict(module.named_modules())
    nodes: dict[fx.Node, Node] = {}
    for each in graph.nodes:
        inputs = [nodes[node] for node in each.all_input_nodes if node in nodes]
        if each.op == "get_attr":  # a parameter or a buffer, which is not data
            continue
        if inputs or each.op in ("placeholder", "call_module"):
            nodes[each] = _node(each, inputs, modules)
    return graph_of(list(nodes.values()))


def _node(node: fx.Node, inputs: list[Node], modules: dict[str, nn.Module]) -> Node:
    module = modules[str(node.target)] if node.op == "call_module" else None
    name = str(node.target)
    is_weighted = isinstance(module, _WEIGHTED)
    return Node(
        inputs,
        weight=name if is_weighted else None,
        is_embedding=isinstance(module, _EMBEDDINGS),
        norm=name if "Norm" in type(module).__name__ else None,
        activation=None if is_weighted else _of_node(node, modules),
        is_sum=node.target in _SUMS,
    )


def _of_node(node: fx.Node, modules: dict[str, nn.Module]) -> Activation | None:
    if node.op == "call_module":
        return of_module(modules[str(node.target)])
    if node.op not in ("call_function", "call_method"):
        return None
    name = node.target if isinstance(node.target, str) else getattr(node.target, "__name__", "")
    name = str(name).removesuffix("_")
    if name in _SOFTMAX:
        return known_activation("linear")
    if functions.find(name) is None or name in ("abs", "sign"):  # which mostly are arithmetic
        return None
    given = {key: value for key, value in node.kwargs.items() if key in _PARAMETERS}
    if name == "gelu" and node.kwargs.get("approximate") == "tanh":
        name = "gelu_tanh"
    values: list[Any] = [*given.values(), *node.args[1:2]]
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


def _registered(module: nn.Module) -> Graph:
    """Return the activation that is registered next after each module with weights."""
    followed: dict[str, Activation] = {}
    order: list[str] = []
    for name, each in _leaves(module):
        if isinstance(each, _WEIGHTED):
            order.append(name)
        elif order and order[-1] not in followed and (found := of_module(each)) is not None:
            followed[order[-1]] = found
    return Graph(followed, tuple(order), None, frozenset())


def _leaves(module: nn.Module) -> Iterator[tuple[str, nn.Module]]:
    for name, each in module.named_modules():
        if isinstance(each, _WEIGHTED) or not any(True for _ in each.children()):
            yield name, each
