"""The graph of a module: the activation that follows each weight, and what is around it."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator

from torch import fx, nn

from fastinit.guide.activations.activation import Activation
from fastinit.guide.models.graph import Graph, Node, graph_of
from fastinit.torch.guide.following import followed
from fastinit.torch.guide.nodes import (
    has_weight,
    is_norm,
    node_of_function,
    node_of_module,
    of_module,
)

TRANSFORMER_LAYERS = (nn.TransformerEncoderLayer, nn.TransformerDecoderLayer)


def read(module: nn.Module) -> Graph:
    """Return what the graph says, by tracing or by running a copy without memory.

    Where neither is possible, it is the order in which modules are registered.
    """
    for nodes_of in (_traced, followed):
        try:
            nodes = nodes_of(module)
        except Exception:  # control flow that depends on values, which any module may have
            continue
        return _with_layers_of_torch(module, graph_of(nodes))
    return _with_layers_of_torch(module, _registered(module))


def _with_layers_of_torch(module: nn.Module, graph: Graph) -> Graph:
    """Count the residual connections of torch's layers, which are traced as one operation."""
    inside = sum(isinstance(each, TRANSFORMER_LAYERS) for each in module.modules())
    blocks = graph.blocks or 0
    if blocks >= 2 * inside:  # they ran as what is in them, or there are none
        return graph
    return dataclasses.replace(graph, blocks=blocks + 2 * inside)


class _Tracer(fx.Tracer):
    """Tracer for which a normalization is one operation, whoever wrote it."""

    def is_leaf_module(self, m: nn.Module, module_qualified_name: str) -> bool:
        return is_norm(m) or super().is_leaf_module(m, module_qualified_name)


def _traced(module: nn.Module) -> list[Node]:
    """Return the operations that torch.fx traces; ``math`` is wrapped if need be, as it is slow."""
    try:
        graph = _Tracer(()).trace(module)  # type: ignore[arg-type]
    except TypeError:  # math.sqrt of a size, which is a symbol
        graph = _Tracer((math,)).trace(module)
    modules = dict(module.named_modules())
    nodes: dict[fx.Node, Node] = {}
    for each in graph.nodes:
        inputs = [nodes[node] for node in each.all_input_nodes if node in nodes]
        if each.op == "call_module":
            nodes[each] = node_of_module(str(each.target), modules[str(each.target)], inputs)
        elif each.op == "placeholder" or (each.op == "output" and inputs):
            nodes[each] = Node(inputs)
        elif inputs and each.op != "get_attr":  # what is not data is a parameter or a buffer
            named = each.target
            name = named if isinstance(named, str) else getattr(named, "__name__", "")
            nodes[each] = node_of_function(str(name), inputs, each.args, each.kwargs)
    return list(nodes.values())


def _registered(module: nn.Module) -> Graph:
    """Return the activation that is registered next after each module with weights."""
    followed_by: dict[str, Activation] = {}
    order: list[str] = []
    for name, each in _leaves(module):
        if has_weight(each):
            order.append(name)
        elif order and order[-1] not in followed_by and (found := of_module(each)) is not None:
            followed_by[order[-1]] = found
    return Graph(followed_by, tuple(order), None, frozenset())


def _leaves(module: nn.Module) -> Iterator[tuple[str, nn.Module]]:
    for name, each in module.named_modules():
        if has_weight(each) or not any(True for _ in each.children()):
            yield name, each
