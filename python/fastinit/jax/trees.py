"""Trees of arrays: whole models of flax, equinox and others, by a recipe or a plan."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import jax
import numpy as np
from jax.sharding import Sharding

from fastinit import json_files
from fastinit.checks import type_of
from fastinit.initializers.composites.nested import check_layout
from fastinit.initializers.named import is_name, named
from fastinit.jax.base import Initializer
from fastinit.jax.sharding import Whole, draw_wholes
from fastinit.manifests.from_trees import is_no_tensor
from fastinit.manifests.given import model_of
from fastinit.plans.plan import Plan
from fastinit.recipes.given import ByShape, recipe_from
from fastinit.streams import Seed
from fastinit.tensors.tensor_plan import TensorPlan

Name = str | tuple[str, tuple[int, ...]]
Names = Mapping[str, Name] | Callable[[str], Name]

_ORDER = "pass first arrays, or the result of jax.eval_shape, and then a recipe"


@dataclass(frozen=True)
class Leaf:
    """An array of a tree, with its place among the leaves.

    It is ``tensor.transpose(axes)`` of the tensor with its name.
    """

    number: int
    path: str
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    sharding: Any
    name: str
    axes: tuple[int, ...] | None

    @property
    def tensor_shape(self) -> tuple[int, ...]:
        """The shape of the tensor."""
        if self.axes is None:
            return self.shape
        return tuple(self.shape[self.axes.index(axis)] for axis in range(len(self.shape)))


def init_tree(
    tree: Any,
    recipe: Any,
    *,
    shardings: Any = None,
    seed: Seed | None = None,
    names: Names | None = None,
) -> Any:
    """Draw all arrays of a tree, in one native call for each device.

    The stream of an array is its name, as in every plan: the path of its leaf, joined by dots. So
    each value is that which NumPy, PyTorch and files have under this name, on any devices.

    Args:
        tree: arrays or shapes, as of ``jax.eval_shape``, in any pytree. Leaves that are not tensors
            (functions, keys, None) stay as they are, and so do arrays of dtypes that are not drawn
            (int4).
        recipe: a ``fastinit.Plan``, such as one that was recorded from a model of PyTorch, or what
            ``fastinit.Plan`` takes as a recipe: an initializer, a list of rules, a name. The
            initializers in it may be of this package, too. A name ("he_normal") stands for the
            layout "*io", unless ``names=`` transposes tensors.
        shardings: which device holds what: one sharding for all arrays, or a tree like ``tree``;
            None for the shardings that the leaves name, else the default device.
        seed: the same in all processes; None for that of a plan, else 0.
        names: the names of tensors that are not called as their leaves: a mapping or a function
            from paths to names. ``(name, axes)`` stands for ``tensor.transpose(axes)``.

    Returns:
        The tree with arrays in the places of its leaves. A process draws only the parts that its
        devices hold.

    Raises:
        TypeError: a leaf, a name or a sharding of the wrong type.
        ValueError: the tree has no arrays, or one without a name; a plan does not have a tensor, or
            has it in another shape or dtype; two leaves of a recipe have one name; an initializer
            of a recipe has torch's layout, and no ``(name, axes)`` says that the leaf is
            transposed; a plan and a seed are given; whatever ``fastinit.Plan`` raises.

    Example:
        >>> import fastinit, fastinit.jax, jax, jax.numpy as jnp
        >>> shapes = jax.eval_shape(lambda: {"dense": {"kernel": jnp.zeros((8, 4))}})
        >>> params = fastinit.jax.init_tree(shapes, "he_normal", seed=0)
        >>> kernel = fastinit.he_normal((8, 4), layout="*io", seed=0, name="dense.kernel")
        >>> bool((params["dense"]["kernel"] == kernel).all())
        True
    """
    leaves = list(leaves_of(tree, shardings, names))
    if not leaves:
        raise ValueError(f"the tree has no arrays; {_ORDER}")
    tensors = _tensors(recipe, leaves, seed)
    places, structure = jax.tree_util.tree_flatten(tree)
    for leaf in leaves:
        if leaf.number not in tensors and isinstance(places[leaf.number], jax.ShapeDtypeStruct):
            raise ValueError(
                f"{leaf.path!r} is {leaf.dtype.name}, which is not drawn; pass an array in its "
                "place, which stays as it is"
            )
    drawn = [leaf for leaf in leaves if leaf.number in tensors]
    wholes = [_whole(leaf, tensors[leaf.number]) for leaf in drawn]
    for leaf, array in zip(drawn, draw_wholes(wholes), strict=True):
        places[leaf.number] = array
    return jax.tree_util.tree_unflatten(structure, places)


def leaves_of(tree: Any, shardings: Any = None, names: Names | None = None) -> Iterator[Leaf]:
    """Yield the arrays among the leaves of a tree."""
    own = jax.tree_util.tree_leaves(tree)
    where = _shardings(own, shardings)
    number = 0
    # What has a shape is an array, also a variable of flax, below which the array itself lies.
    for keys, node in jax.tree_util.tree_flatten_with_path(tree, is_leaf=_has_shape)[0]:
        path = jax.tree_util.keystr(keys, simple=True, separator=".")
        count = len(jax.tree_util.tree_leaves(node))
        if not is_no_tensor(node):
            if count != 1 or not _has_shape(node):
                kind = type_of(node)
                raise TypeError(f"the leaf {path!r} is {kind}, which is not one array; {_ORDER}")
            shape, dtype = tuple(node.shape), np.dtype(node.dtype)
            yield Leaf(number, path, shape, dtype, where[number], *_named(path, shape, names))
        number += count


def _has_shape(node: Any) -> bool:
    return hasattr(node, "shape")


def _shardings(leaves: Sequence[Any], given: Any) -> Sequence[Any]:
    """Return the sharding of every leaf; None stands for the default device."""
    if given is None:
        named = [getattr(leaf, "sharding", None) for leaf in leaves]
        return [each if isinstance(each, Sharding) else None for each in named]
    if isinstance(given, Sharding):
        return [given] * len(leaves)
    found: list[Any] = jax.tree_util.tree_leaves(given, is_leaf=lambda node: node is None)
    for each in found:
        if not isinstance(each, Sharding | None):
            raise TypeError(
                f"shardings= holds {type_of(each)}; pass a jax.sharding.Sharding, such as "
                "NamedSharding(mesh, spec), None, or a tree of them"
            )
    if len(found) != len(leaves):
        raise ValueError(
            f"shardings= has {len(found)} leaves and the tree {len(leaves)}; pass one for each"
        )
    return found


def _named(
    path: str, shape: tuple[int, ...], names: Names | None
) -> tuple[str, tuple[int, ...] | None]:
    """Return the name of the tensor of a leaf, and the axes by which it is transposed."""
    if names is None:
        return path, None
    found = names.get(path, path) if isinstance(names, Mapping) else names(path)
    name, axes = found if isinstance(found, tuple) and len(found) == 2 else (found, None)
    if not isinstance(name, str):
        raise TypeError(f"names= gives {found!r} for {path!r}; give a name, or (name, axes)")
    if axes is not None and sorted(axes) != list(range(len(shape))):
        raise ValueError(
            f"names= gives the axes {axes} for {path!r} of shape {shape}; name every axis once"
        )
    return name, None if axes is None else tuple(axes)


def _tensors(recipe: Any, leaves: Sequence[Leaf], seed: Seed | None) -> dict[int, TensorPlan]:
    """Return what is drawn, by the numbers of leaves; tensors of other dtypes are left alone."""
    if isinstance(recipe, Plan):
        if seed is not None:
            raise ValueError(f"seed={seed!r} is given beside a plan, whose seed is {recipe.seed}")
        return {leaf.number: _of_plan(recipe, leaf) for leaf in leaves}
    shapes: dict[str, jax.ShapeDtypeStruct] = {}
    for leaf in leaves:
        if not leaf.name:
            raise ValueError(
                "the tree is one array, which has no name; pass {'w': array}, or names={'': 'w'}"
            )
        if leaf.name in shapes:
            raise ValueError(
                f"names= gives the name {leaf.name!r} to two leaves, one {leaf.path!r}"
            )
        shapes[leaf.name] = jax.ShapeDtypeStruct(leaf.tensor_shape, leaf.dtype)
    manifest = model_of(shapes).manifest
    is_transposed = any(leaf.axes is not None for leaf in leaves)
    rules = recipe_from(recipe, manifest, _of_torch if is_transposed else _of_jax)
    plan = Plan(manifest, rules, seed=0 if seed is None else seed)
    found = {}
    for leaf in leaves:
        tensor = plan.find(leaf.name)
        if tensor is not None:
            is_of_jax = isinstance(tensor.rule.initializer, ByShape)
            if leaf.axes is None and not is_of_jax:
                with json_files.located(repr(leaf.path)):
                    check_layout(tensor.rule.initializer, leaf.shape)
            found[leaf.number] = tensor
    return found


def _of_jax(given: Any) -> Any:
    """Return an initializer with the axes of JAX for one of this package, or for a name."""
    if isinstance(given, Initializer):
        return ByShape(given)
    if isinstance(given, str) and is_name(given):
        return named(given, "recipe", "*io")
    return given


def _of_torch(given: Any) -> Any:
    """Return what is given for tensors that have the axes of torch."""
    if isinstance(given, Initializer):
        raise TypeError(
            f"{given} is for the axes of JAX, and names= transposes tensors; pass an initializer "
            "of fastinit with their layout, such as fastinit.HeNormal()"
        )
    return given


def _of_plan(plan: Plan, leaf: Leaf) -> TensorPlan:
    tensor = plan.tensor(leaf.name)
    wanted, found = (leaf.tensor_shape, leaf.dtype), (tensor.parameter.shape, tensor.dtype)
    if wanted != found:
        of_leaf, of_plan = (f"{dtype.name} of shape {shape}" for shape, dtype in (wanted, found))
        raise ValueError(
            f"{leaf.path!r} is {of_leaf}, and the plan draws {leaf.name!r} as {of_plan}; give "
            "(name, axes) by names= where the axes differ, and the plan the dtype of the tree"
        )
    return tensor


def _whole(leaf: Leaf, tensor: TensorPlan) -> Whole:
    return Whole(leaf.shape, tensor.dtype, tensor.requests, leaf.sharding, leaf.axes)
