"""The tensors of a tree of arrays or shapes, and of a plain mapping."""

from __future__ import annotations

import copy
import operator
import sys
from collections.abc import Callable, Iterator, Mapping, MutableMapping
from typing import Any

import numpy as np

from fastinit.checks import type_of
from fastinit.manifests.values import value_of
from fastinit.native.dtypes import dtype_of
from fastinit.recipes.buffers import divided
from fastinit.recipes.parameter import LEFT_ALONE, Parameter

Tensors = tuple[tuple[Parameter, ...], tuple[Parameter, ...]]
"""Parameters and buffers."""


def of_tree(tree: Any, separator: str) -> Tensors:
    """Return the tensors of a tree; functions, random keys and None are not tensors.

    Raises:
        TypeError: Another leaf has no shape.
        ValueError: ``separator`` is not a string of at least one character.
    """
    if not isinstance(separator, str) or not separator:
        raise ValueError(f"separator={separator!r} joins nothing; pass a string such as '.'")
    tensors = []
    for keys, leaf in _leaves(tree):
        if is_no_tensor(leaf):
            continue
        name = separator.join(keys)
        if not hasattr(leaf, "shape") and not is_shape(leaf):
            raise TypeError(
                f"the leaf {name!r} is {type_of(leaf)}, which has no shape; pass arrays, "
                "shapes as tuples of integers, or the result of jax.eval_shape"
            )
        tensors.append(_tensor(name, leaf))
    return divided(tensors)


def of_shapes(shapes: Mapping[str, Any]) -> Tensors:
    """Return the tensors of a mapping from names to shapes.

    Raises:
        TypeError: ``shapes`` is not a mapping, or a value is not a shape.
    """
    if not isinstance(shapes, Mapping):
        raise TypeError(f"shapes is {type_of(shapes)}; pass a mapping from name to shape")
    return divided(_tensor(name, each) for name, each in shapes.items())


def mapped(
    tree: Any, separator: str, function: Callable[[str, Any], Any], keys: tuple[str, ...] = ()
) -> Any:
    """Return a tree of the same structure, whose leaves are ``function(name, leaf)``."""
    if isinstance(tree, Mapping):
        items = {
            key: mapped(child, separator, function, (*keys, str(key)))
            for key, child in tree.items()
        }
        return items if type(tree) is dict else _mapping_like(tree, items)
    if _is_sequence_of_children(tree):
        children = [
            mapped(child, separator, function, (*keys, str(k))) for k, child in enumerate(tree)
        ]
        return children if type(tree) is list else type(tree)(children)
    if _is_known_to_jax_alone(tree):
        jax = sys.modules["jax"]
        leaves = [function(separator.join((*keys, *k)), leaf) for k, leaf in _of_jax(tree, jax)]
        return jax.tree_util.tree_unflatten(jax.tree_util.tree_structure(tree), leaves)
    return function(separator.join(keys), tree)


def _mapping_like(tree: Mapping[Any, Any], items: dict[Any, Any]) -> Any:
    if isinstance(tree, MutableMapping):
        same = copy.copy(tree)
        same.update(items)
        return same
    return type(tree)(items)  # type: ignore[call-arg]  # immutable ones, as flax's FrozenDict


def is_shape(given: Any) -> bool:
    """Return whether an object is a tuple or a list of one integer or more, which is a shape."""
    return (
        isinstance(given, (list, tuple))
        and len(given) > 0
        and all(isinstance(n, (int, np.integer)) and not isinstance(n, bool) for n in given)
    )


def is_no_tensor(leaf: Any) -> bool:
    """Return whether a leaf is a function, a random key of jax, or None."""
    if leaf is None or isinstance(leaf, type) or (callable(leaf) and not hasattr(leaf, "shape")):
        return True
    jax = sys.modules.get("jax")
    kind = getattr(getattr(leaf, "dtype", None), "type", None)  # of NumPy's and JAX's dtypes
    return jax is not None and isinstance(kind, type) and issubclass(kind, jax.dtypes.prng_key)


def _tensor(name: str, given: Any) -> Parameter:
    """Return a tensor, given a shape or anything that has one."""
    if hasattr(given, "shape"):
        described = Parameter(name, tuple(given.shape), None, _dtype(getattr(given, "dtype", None)))
        return described if not described.is_integer else _with_value(described, given)
    if isinstance(given, (list, tuple)):
        return Parameter(name, tuple(given))
    try:
        return Parameter(name, (operator.index(given),))
    except TypeError:
        raise TypeError(
            f"{given!r} of {name!r} is not a shape; pass integers, or anything with a shape"
        ) from None


def _dtype(given: Any) -> str | None:
    if given is None:
        return None
    name = str(given).removeprefix("torch.")
    return name if name in LEFT_ALONE else dtype_of(given).name


def _with_value(tensor: Parameter, given: Any) -> Parameter:
    """Return a tensor of integers with its values, if there are any."""
    if not hasattr(given, "__array__"):  # a shape, as of jax.eval_shape
        return tensor
    try:
        array = np.asarray(given)
    except TypeError:  # a tracer, or a tensor of torch that is not in the memory of the CPU
        return tensor
    return Parameter(tensor.name, tensor.shape, None, tensor.dtype, value=value_of(array))


def _leaves(tree: Any) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Yield the keys on the way to each leaf, and the leaf, in the order of the tree."""
    if isinstance(tree, Mapping):
        children: Any = tree.items()
    elif _is_sequence_of_children(tree):
        children = enumerate(tree)
    elif _is_known_to_jax_alone(tree):
        yield from _of_jax(tree, sys.modules["jax"])
        return
    else:
        yield (), tree
        return
    for key, child in children:
        for keys, leaf in _leaves(child):
            yield (str(key), *keys), leaf


def _is_sequence_of_children(tree: Any) -> bool:
    is_plain = isinstance(tree, (list, tuple)) and not hasattr(tree, "_fields")
    return is_plain and not is_shape(tree)


def _is_known_to_jax_alone(tree: Any) -> bool:
    return not hasattr(tree, "shape") and not is_shape(tree) and "jax" in sys.modules


def _of_jax(tree: Any, jax: Any) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Yield the leaves of a pytree whose type only jax knows."""
    for path, leaf in jax.tree_util.tree_flatten_with_path(tree)[0]:
        yield tuple(jax.tree_util.keystr((key,), simple=True) for key in path), leaf
