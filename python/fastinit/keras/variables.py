"""The weights of a model, with names that depend on the model alone."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, NamedTuple


class Weight(NamedTuple):
    """A weight of a model.

    Attributes:
        name: The path of its layer below the model, and its own name: "encoder/query/kernel".
        variable: The ``keras.Variable``.
        layer: The layer that it belongs to.
    """

    name: str
    variable: Any
    layer: Any


def weights_of(model: Any) -> list[Weight]:
    """Return the weights of a model, each once.

    Names that Keras makes by counting all layers of the process ("dense_7") are counted anew within
    their layer, so they do not depend on other models.
    """
    return list(_weights(model, (), set()))


def _weights(layer: Any, path: tuple[str, ...], seen: set[int]) -> Iterator[Weight]:
    children = layer._flatten_layers(include_self=False, recursive=False)
    of_children = {id(weight) for child in children for weight in child.weights}
    own = [each for each in layer.weights if id(each) not in of_children and id(each) not in seen]
    seen.update(map(id, own))
    bases = [_without_count(each.name, "variable") for each in own]
    for name, variable in zip(_unique(bases), own, strict=True):
        yield Weight("/".join((*path, name)), variable, layer)
    bases = [_without_count(child.name, _automatic_name(child)) for child in children]
    for name, child in zip(_unique(bases), children, strict=True):
        if id(child) not in seen:
            seen.add(id(child))
            yield from _weights(child, (*path, name), seen)


def _automatic_name(layer: Any) -> str:
    """Return the name, without a number, that Keras gives to layers of this class."""
    snake = re.sub(r"(.)([A-Z][a-z]+)", r"\1_\2", type(layer).__name__)
    return re.sub(r"([a-z])([A-Z])", r"\1_\2", snake).lower()


def _without_count(name: str, automatic: str) -> str:
    """Return a name without the number that Keras counted, if Keras made it."""
    found = re.fullmatch(rf"((?:forward_|backward_)?{re.escape(automatic)})_\d+", name)
    return found[1] if found else name


def _unique(bases: list[str]) -> list[str]:
    """Return different names: the second "dense" is "dense_1", as Keras has it."""
    used: dict[str, None] = {}
    for base in bases:
        name, count = base, 0
        while name in used:
            count += 1
            name = f"{base}_{count}"
        used[name] = None
    return list(used)
