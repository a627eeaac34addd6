"""Models as users give them: a manifest, its name or path, a torch module, shapes, or a tree."""

from __future__ import annotations

import operator
import os
import sys
from collections.abc import Mapping
from typing import Any, NamedTuple

from fastinit.checks import type_of
from fastinit.manifests.from_trees import is_no_tensor, is_shape, mapped
from fastinit.manifests.manifest import Manifest
from fastinit.recipes.parameter import Parameter

_SEPARATOR = "."
_WAYS = (
    "pass the name or path of a model, a Manifest, or what makes one: a torch module "
    "(Manifest.from_torch), a mapping from names to shapes (Manifest.from_shapes), or a tree of "
    "arrays or of the result of jax.eval_shape (Manifest.from_tree)"
)


class Model(NamedTuple):
    """A manifest, and the tree that it was made of; None where it was not made of one."""

    manifest: Manifest
    tree: Any = None

    def filled(self, arrays: dict[str, Any]) -> Any:
        """Return the tree with arrays in the places of their names, or the arrays without one.

        All other leaves stay as they were given.
        """
        if self.tree is None:
            return arrays
        return mapped(self.tree, _SEPARATOR, arrays.get)

    def flattened(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """Return the tensors of a tree like this one by name; without a tree, all of ``given``."""
        if self.tree is None:
            if not isinstance(given, Mapping):
                raise TypeError(
                    f"arrays is {_described(given)}; pass a mapping from names to arrays, as "
                    "module.state_dict(), or call fastinit.torch.init_(module, plan)"
                )
            return dict(given)
        leaves: dict[str, Any] = {}
        mapped(given, _SEPARATOR, leaves.setdefault)
        return {name: leaf for name, leaf in leaves.items() if not is_no_tensor(leaf)}


def model_of(given: Any) -> Model:
    """Return the manifest that an object stands for.

    Args:
        given: A manifest, the name or path of one, a torch module, a mapping from names to shapes,
            a sequence of ``Parameter``, or a tree of arrays or shapes.

    Raises:
        FileNotFoundError: A name or path that is not there.
        TypeError: It is none of these; the message says what is.
        ValueError: The content of a file is wrong, or the model has no tensors.
    """
    if isinstance(given, Manifest):
        return Model(given)
    if isinstance(given, (str, os.PathLike)):
        return Model(Manifest.load(given))
    torch = sys.modules.get("torch")
    if torch is not None and isinstance(given, torch.nn.Module):
        return Model(Manifest.from_torch(given))
    if isinstance(given, Mapping) and given and all(map(_is_named_shape, given, given.values())):
        return Model(Manifest.from_shapes(given))
    if isinstance(given, (list, tuple)) and given and all(isinstance(x, Parameter) for x in given):
        return Model(Manifest("model", tuple(given)))
    if not _is_tree(given):
        raise TypeError(f"model is {_described(given)}; {_WAYS}")
    return Model(Manifest.from_tree(given, separator=_SEPARATOR), given)


def _is_named_shape(name: Any, shape: Any) -> bool:
    if not isinstance(name, str) or isinstance(shape, bool) or hasattr(shape, "shape"):
        return False
    return is_shape(shape) or _is_integer(shape) or (isinstance(shape, tuple) and not shape)


def _is_integer(given: Any) -> bool:
    try:
        operator.index(given)
    except TypeError:
        return False
    return True


def _is_tree(given: Any) -> bool:
    """Return whether an object holds others as a tree does, as far as jax or Python know."""
    if isinstance(given, (Mapping, list, tuple)) and not hasattr(given, "_fields"):
        return bool(given) and not is_shape(given)
    jax = sys.modules.get("jax")
    if jax is None or hasattr(given, "shape") or isinstance(given, type):
        return False
    structure = jax.tree_util.tree_structure(given)
    return bool(structure.num_leaves and not jax.tree_util.treedef_is_leaf(structure))


def _described(given: Any) -> str:
    if given is None:
        return "None"
    if isinstance(given, type):
        return f"the class {given.__name__}, not an object of it"
    if is_shape(given) or hasattr(given, "shape"):
        return f"a single {'shape' if is_shape(given) else 'array'}, which has no name"
    if isinstance(given, (Mapping, list, tuple)):
        return f"an empty {type(given).__name__}"
    return f"{type_of(given)}"
