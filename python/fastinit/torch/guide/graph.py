"""What the graph of a module says: which activation follows a weight, and what is around it."""

from __future__ import annotations

import dataclasses
import operator
from collections.abc import Iterator
from typing import Any

import torch
from torch import fx, nn

from fastinit.guide import functions
from fastinit.guide.activation import Activation, activation
from fastinit.guide.advice import known_activation

_WEIGHTED = (
    nn.Linear,
    nn.Bilinear,
    nn.modules.conv._ConvNd,
    nn.Embedding,
    nn.EmbeddingBag,
    nn.RNNBase,
    nn.RNNCellBase,
    nn.MultiheadAttention,
)
_PARAMETERS = ("negative_slope", "alpha")  # of torch's modules
_SOFTMAX = ("softmax", "softmax2d", "log_softmax", "logsoftmax")
_SUMS = (operator.add, operator.iadd, torch.add, "add", "add_")


@dataclasses.dataclass(frozen=True)
class Graph:
    """What is known of a module.

    Attributes:
        followed_by: module -> the activation that follows its output, by qualified name.
        order: the qualified names of modules with weights, in the order of their calls.
        blocks: the number of residual connections; None if not known.
        branch_ends: the modules that are the last of a residual branch.
        branch_norms: the normalizations after these, whose outputs are added.
    """

    followed_by: dict[str, Activation]
    order: tuple[str, ...]
    blocks: int | None
    branch_ends: frozenset[str]
    branch_norms: frozenset[str] = frozenset()

    @property
    def residual(self) -> bool | None:
        """Whether there are residual connections; None if not known."""
        return None if self.blocks is None else self.blocks > 0

    @property
    def depth(self) -> int | None:
        """The number of residual connections, or without any of layers; None if not known."""
        return None if self.blocks is None else self.blocks or len(self.order) or None


def read(module: nn.Module) -> Graph:
    """Return what the graph says, or else the order in which modules are registered."""
    try:
        traced = fx.Tracer().trace(module)
    except Exception:  # control flow that depends on values, which modules of any origin may have
        return _registered(module)
    return _traced(module, traced)


def normalization_of(module: nn.Module) -> str:
    """Return the kind of the first normalization of a module, or "none"."""
    kinds = {
        "BatchNorm": "batch",
        "RMSNorm": "rms",
        "GroupNorm": "group",
        "InstanceNorm": "instance",
    }
    for each in module.modules():
        name = type(each).__name__
        if "Norm" in name:
            return next((kind for part, kind in kinds.items() if part in name), "layer")
    return "none"


def _traced(module: nn.Module, graph: fx.Graph) -> Graph:
    modules = dict(module.named_modules())
    followed: dict[str, Activation] = {}
    ends: list[tuple[str, str | None] | None] = []
    for node in graph.nodes:
        if node.target in _SUMS and len(node.all_input_nodes) > 1:
            ends.append(_branch_end(node, modules))
        if _is_weighted(node, modules):
            followed[str(node.target)] = _after(node, modules)
    known = [each for each in ends if each is not None]
    weights = frozenset(weight for weight, _ in known)
    norms = frozenset(norm for _, norm in known if norm is not None)
    return Graph(followed, tuple(followed), len(ends), weights, norms)


def _is_weighted(node: fx.Node, modules: dict[str, nn.Module]) -> bool:
    return node.op == "call_module" and isinstance(modules[str(node.target)], _WEIGHTED)


def _branch_end(addition: fx.Node, modules: dict[str, nn.Module]) -> tuple[str, str | None] | None:
    """Return the module whose output is added to the stream, and the normalization between.

    It is None if that is not clear. What is used elsewhere too is the stream. Of two modules one
    may be the projection of a shortcut, whose input is used elsewhere.
    """
    found = []
    for node in addition.all_input_nodes:
        norm = None
        while len(node.users) == 1 and not _is_weighted(node, modules):
            if len(node.all_input_nodes) != 1 or _of_node(node, modules) is not None:
                break
            if "Norm" in type(modules.get(str(node.target))).__name__:
                norm = str(node.target)
            node = node.all_input_nodes[0]
        if len(node.users) == 1 and _is_weighted(node, modules):
            found.append((node, norm))
    if len(found) == 2:
        found = [each for each in found if len(each[0].all_input_nodes[0].users) == 1]
    return (str(found[0][0].target), found[0][1]) if len(found) == 1 else None


def _after(node: fx.Node, modules: dict[str, nn.Module]) -> Activation:
    """Return the first activation on the way from a node, "linear" where another weight is next."""
    waiting, seen = list(node.users), set[fx.Node]()
    while waiting:
        user = waiting.pop(0)
        if user in seen:
            continue
        seen.add(user)
        if (found := _of_node(user, modules)) is not None:
            return found
        module = modules.get(str(user.target)) if user.op == "call_module" else None
        if not isinstance(module, _WEIGHTED):
            waiting += user.users
    return known_activation("linear")


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
