"""The graph of a model: the activation that follows each weight, and what is around it."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import keras

from fastinit.guide.activations import functions
from fastinit.guide.activations.activation import Activation, activation
from fastinit.guide.advice import known_activation
from fastinit.guide.models.graph import Graph, Node, graph_of, without_dead_ends
from fastinit.keras.variables import Weight

_PARAMETERS = ("negative_slope", "alpha")
_WITH_PARAMETER = ("leaky_relu", "elu", "celu")
_ARITHMETIC = ("abs", "sign", "exp", "linear")  # which mostly are no activations
_WHOLE = ("MultiHeadAttention", "GroupedQueryAttention", "Attention", "AdditiveAttention")


def read(model: Any, weights: Sequence[Weight]) -> Graph:
    """Return what the graph says, or else the order of the layers; layers are called by path."""
    owners = {id(each.layer): each.name.rpartition("/")[0] for each in weights}
    layers = [model, *model._flatten_layers(include_self=False)]
    counts = [(each, len(each._inbound_nodes)) for each in layers]
    try:
        return _Tracing(owners).graph(model)
    except Exception as error:  # such as control flow that depends on values
        return dataclasses.replace(_in_order(weights), note=_note(error))
    finally:
        for each, count in counts:
            del each._inbound_nodes[count:]


def _note(error: Exception) -> str:
    why = f"{type(error).__name__}: {error}".splitlines()[0]
    return (
        f"The model does not run with symbols ({why}): the activations that layers have count, and "
        "names alone say what ends a residual branch."
    )


def _in_order(weights: Sequence[Weight]) -> Graph:
    """Return the activations that layers have themselves."""
    followed: dict[str, Activation] = {}
    for each in weights:
        own = _of_layer(each.layer)
        owner = each.name.rpartition("/")[0]
        if own is not None:
            followed[owner] = own
    order = dict.fromkeys(each.name.rpartition("/")[0] for each in weights)
    return Graph(followed, tuple(order), None)


class _Tracing:
    """The nodes of a model."""

    def __init__(self, owners: Mapping[int, str]) -> None:
        self._owners = owners
        self._nodes: list[Node] = []

    def graph(self, model: Any) -> Graph:
        made = _as_functional(model, None)
        results = self._walk(made, [self._new([]) for _ in made.inputs])
        kept = without_dead_ends(self._nodes, results)
        return graph_of(kept)

    def _new(self, inputs: Sequence[Node], **options: Any) -> Node:
        self._nodes.append(Node(inputs, **options))
        return self._nodes[-1]

    def _walk(self, model: Any, given: Sequence[Node]) -> list[Node]:
        """Return the nodes of the outputs of a functional model."""
        known = {id(each): node for each, node in zip(model.inputs, given, strict=True)}
        for depth in sorted(model._nodes_by_depth, reverse=True):
            for each in model._nodes_by_depth[depth]:
                tensors = each.input_tensors
                if not tensors:
                    continue
                inputs = [known[id(tensor)] for tensor in tensors]
                results = self._operation(each, inputs)
                for k, tensor in enumerate(each.outputs):
                    known[id(tensor)] = results[min(k, len(results) - 1)]
        return [known[id(tensor)] for tensor in model.outputs]

    def _operation(self, node: Any, inputs: list[Node]) -> list[Node]:
        operation = node.operation
        name = self._owners.get(id(operation))
        kind = type(operation).__name__
        if kind in _WHOLE:
            return [self._new(inputs, weight=self._end_of(operation))]
        if isinstance(operation, keras.Layer) and name is None and _parts(operation):
            if not isinstance(operation, keras.layers.RNN):
                return self._walk(_as_functional(operation, node), inputs)
            name = next(self._names(operation), None)
        if (
            kind == "PReLU"
        ):  # a slope that is learned is not a weight which another function follows
            return [self._new(inputs, activation=known_activation("prelu"))]
        if "Normalization" in kind:
            return [self._new(inputs, norm=name)]
        if name is not None:
            is_embedding = isinstance(operation, keras.layers.Embedding)
            made = self._new(inputs, weight=name, is_embedding=is_embedding)
            own = _of_layer(operation)
            return [made if own is None else self._new([made], activation=own)]
        return [self._new(inputs, activation=_of_operation(node), is_sum=kind == "Add")]

    def _names(self, layer: Any) -> Iterator[str]:
        for each in layer._flatten_layers(include_self=True):
            if id(each) in self._owners:
                yield self._owners[id(each)]

    def _end_of(self, layer: Any) -> str | None:
        """Return the last layer of an attention, which is its output's."""
        return next(reversed(list(self._names(layer))), None)


def _parts(layer: Any) -> list[Any]:
    return list(layer._flatten_layers(include_self=False, recursive=False))


def _as_functional(layer: Any, node: Any) -> Any:
    """Return a layer as a functional model; a layer that is code is called with symbols."""
    if isinstance(layer, keras.Sequential) and layer.built:
        layer = layer._functional
    if hasattr(layer, "_nodes_by_depth"):
        return layer
    if node is None:
        shapes = list((layer._build_shapes_dict or {}).values())
        inputs = [keras.Input(batch_shape=shape) for shape in shapes]
        return keras.Model(inputs, layer.call(*inputs))
    fresh = {
        id(each): keras.Input(batch_shape=each.shape, dtype=each.dtype)
        for each in node.input_tensors
    }

    def replaced(tree: Any) -> Any:
        return keras.tree.map_structure(lambda each: fresh.get(id(each), each), tree)

    outputs = layer.call(*replaced(node.arguments.args), **replaced(node.arguments.kwargs))
    return keras.Model(list(fresh.values()), outputs)


def _of_layer(layer: Any) -> Activation | None:
    """Return the activation that a layer with weights has itself; None of a linear one."""
    own = getattr(layer, "activation", None)
    if own is None or own is keras.activations.linear:
        return None
    return _named(getattr(own, "__name__", type(own).__name__), own)


def _of_operation(node: Any) -> Activation | None:
    operation = node.operation
    own = getattr(operation, "activation", None)
    if own is not None:
        return _named(getattr(own, "__name__", type(own).__name__), own)
    return _named(type(operation).__name__, operation)


def _named(name: str, operation: Any) -> Activation | None:
    """Return what is called so, with its parameter; None of others."""
    if name.casefold().removeprefix("log_") == "softmax":
        return known_activation("linear")
    found = functions.find(name)
    if found in _ARITHMETIC or (found is None and not _is_function_of_its_own(operation)):
        return None
    if found is None:
        return activation(operation)
    slope = getattr(operation, "negative_slope", 0)
    if found == "relu" and isinstance(slope, float) and slope:
        return known_activation("leaky_relu", slope)
    if found == "gelu" and getattr(operation, "approximate", False):
        return known_activation("gelu_tanh")
    if found in _WITH_PARAMETER:
        number = next((getattr(operation, each, None) for each in _PARAMETERS), None)
        usual = {"leaky_relu": 0.2}.get(found)  # Keras's
        return known_activation(found, usual if number is None else float(number))
    return known_activation(found)


def _is_function_of_its_own(operation: Any) -> bool:
    """Whether an activation of a layer is a function that no framework brings."""
    module = getattr(operation, "__module__", "")
    return (
        callable(operation)
        and not hasattr(operation, "_inbound_nodes")
        and (not str(module).startswith("keras"))
    )
