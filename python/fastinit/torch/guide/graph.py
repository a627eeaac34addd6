"""The graph of a module: the activation that follows each weight, and what is around it."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Iterator
from typing import Any

from torch import fx, nn

from fastinit.guide.activations.activation import Activation
from fastinit.guide.models.graph import Branch, Graph, Node, graph_of
from fastinit.torch.guide.following import followed
from fastinit.torch.guide.nodes import has_weight, of_module, of_operation
from fastinit.torch.guide.operations import Operations, Value

_TRANSFORMER_LAYERS = (nn.TransformerEncoderLayer, nn.TransformerDecoderLayer)
_BRANCH_ENDS = ("self_attn.out_proj", "multihead_attn.out_proj", "linear2")


def read(module: nn.Module) -> Graph:
    """Return what the graph says, by tracing or by running a copy without memory.

    Where neither is possible, it is the order in which modules are registered.
    """
    why = ""
    for nodes_of in (_traced, followed):
        try:
            nodes = nodes_of(module)
        except Exception as error:  # such as control flow that depends on values
            why = f"{type(error).__name__}: {error}".splitlines()[0]
            continue
        return _with_layers_of_torch(module, graph_of(nodes))
    note = (
        f"The module runs neither traced nor without memory ({why}): the order of its parts says "
        "which activation follows a layer, and names alone say what ends a residual branch."
    )
    return _with_layers_of_torch(module, dataclasses.replace(_registered(module), note=note))


def _with_layers_of_torch(module: nn.Module, graph: Graph) -> Graph:
    """Add the branches of torch's layers of transformers, which are traced as one operation."""
    known = {each.weight for each in graph.branches or ()}
    found = [each for each in _branches_of_torch(module) if each.weight not in known]
    return (
        dataclasses.replace(graph, branches=(*(graph.branches or ()), *found)) if found else graph
    )


def _branches_of_torch(module: nn.Module) -> Iterator[Branch]:
    streams: dict[str, Node] = {}
    for name, layer in module.named_modules():
        if isinstance(layer, _TRANSFORMER_LAYERS):
            stream = streams.setdefault(name.rpartition(".")[0], Node())
            prefix = f"{name}." if name else ""
            owners = dict(layer.named_modules())
            for end in _BRANCH_ENDS:
                if end in owners:
                    is_normalized = not layer.norm_first
                    yield Branch(stream, stream, prefix + end, is_normalized=is_normalized)


class _Tracer(fx.Tracer):
    """Tracer for which a norm or an activation is one operation, whoever wrote it."""

    def is_leaf_module(self, m: nn.Module, module_qualified_name: str) -> bool:
        is_leaf = super().is_leaf_module(m, module_qualified_name)
        return is_leaf or of_operation(module_qualified_name, m) is not None


def _traced(module: nn.Module) -> list[Node]:
    """Return the operations that torch.fx traces; ``math`` is wrapped if need be, as it is slow."""
    try:
        graph = _Tracer(()).trace(module)  # type: ignore[arg-type]
    except TypeError:  # math.sqrt of a size, which is a symbol
        graph = _Tracer((math,)).trace(module)
    modules = dict(module.named_modules())
    operations, results = Operations(), list[Value]()
    values: dict[fx.Node, Value] = {}

    def known(node: fx.Node) -> Any:
        return values.get(node, node)

    for each in graph.nodes:
        inputs = [values[node] for node in each.all_input_nodes if node in values]
        if each.op == "call_module":
            target = str(each.target)
            values[each] = operations.new(inputs, **(of_operation(target, modules[target]) or {}))
        elif each.op == "output":
            results = [operations.new(inputs)]
        elif each.op == "placeholder":
            values[each] = operations.new()
        elif inputs and each.op != "get_attr":  # what is not data is a parameter or a buffer
            args, kwargs = fx.map_arg((each.args, each.kwargs), known)
            function, name = _function(each.target)
            values[each] = operations.call(function, name, args, kwargs, inputs)
    return operations.nodes(results)


def _function(target: Any) -> tuple[Callable[..., Any], str]:
    """Return what a node of torch.fx calls, a function or a method, and its name."""
    if isinstance(target, str):
        return (lambda first, *args, **kwargs: getattr(first, target)(*args, **kwargs)), target
    return target, str(getattr(target, "__name__", ""))


def _registered(module: nn.Module) -> Graph:
    """Return the activation that is registered next after each module with weights."""
    followed_by: dict[str, Activation] = {}
    order: list[str] = []
    for name, each in _leaves(module):
        if has_weight(each):
            order.append(name)
        elif order and order[-1] not in followed_by and (found := of_module(each)) is not None:
            followed_by[order[-1]] = found
    return Graph(followed_by, tuple(order), None)


def _leaves(module: nn.Module) -> Iterator[tuple[str, nn.Module]]:
    for name, each in module.named_modules():
        if has_weight(each) or not any(True for _ in each.children()):
            yield name, each
