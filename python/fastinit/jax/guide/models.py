"""Models of JAX as functions of their variables: flax's linen and nnx, and plain functions."""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import jax

from fastinit.checks import type_of
from fastinit.jax.trees import Leaf, leaves_of

Inputs = Any
"""An array, a tuple or list of arguments, or a mapping of keyword arguments."""


@dataclasses.dataclass(frozen=True)
class Model:
    """A model, and what it is called with.

    Attributes:
        apply: from the leaves of its variables, and those of its inputs, to its output.
        variables: the tree of its variables.
        leaves: the arrays among their leaves, of which ``number`` says which leaf each is.
        trained: the paths of those that are trained.
        modules: the types of modules, by path, where the framework says them.
        inputs: the arrays among the leaves of the inputs.
    """

    apply: Callable[[Sequence[Any], Sequence[Any]], Any]
    variables: Any
    leaves: tuple[Leaf, ...]
    trained: frozenset[str]
    modules: Mapping[str, str]
    inputs: tuple[Any, ...]

    @property
    def values(self) -> list[Any]:
        """The arrays of the variables, in order."""
        found = jax.tree_util.tree_leaves(self.variables)
        return [found[each.number] for each in self.leaves]

    @property
    def is_abstract(self) -> bool:
        """Whether there are shapes in the places of arrays."""
        return any(isinstance(each, jax.ShapeDtypeStruct) for each in self.values)


def model_of(model: Any, inputs: Inputs, variables: Any) -> Model:
    """Return a model of flax or a function, with its variables and inputs.

    Raises:
        TypeError: it is neither.
        ValueError: a function comes without variables, or a model of nnx with some.
    """
    arguments, keywords = _arguments(inputs)
    if is_module(model, "linen"):
        return _linen(model, variables, arguments, keywords)
    if is_module(model, "nnx"):
        if variables is not None:
            raise ValueError("a model of flax.nnx has its variables; leave variables= out")
        return _nnx(model, arguments, keywords)
    if not callable(model):
        raise TypeError(
            f"model is {type_of(model)}; pass a module of flax, or a function of variables "
            "and inputs"
        )
    if variables is None:
        raise ValueError(
            "variables= is None, which fits models of flax alone; pass the tree of arrays that is "
            "the function's first argument"
        )
    return _made(model, variables, arguments, keywords, None, {})


def is_module(model: Any, *kinds: str) -> bool:
    """Return whether something is a module of ``flax.linen`` or ``flax.nnx``, if these are used."""
    found = (sys.modules.get(f"flax.{kind}") for kind in kinds)
    return any(flax is not None and isinstance(model, flax.Module) for flax in found)


def _arguments(inputs: Inputs) -> tuple[tuple[Any, ...], dict[str, Any]]:
    if isinstance(inputs, Mapping):
        return (), dict(inputs)
    return tuple(inputs) if isinstance(inputs, (tuple, list)) else (inputs,), {}


def _linen(model: Any, variables: Any, arguments: Any, keywords: Any) -> Model:
    linen = sys.modules["flax.linen"]
    found = _initialized(model, arguments, keywords) if variables is None else variables
    if not isinstance(found, Mapping) or "params" not in found:
        raise ValueError("variables= has no 'params'; pass what model.init returns")
    found = linen.unbox(found)
    mutable = [each for each in found if each != "params"]

    def apply(own: Any, *given: Any, **options: Any) -> Any:
        keys = {"params": jax.random.key(0)}  # dropout and the like take theirs from it
        return model.apply(own, *given, rngs=keys, mutable=mutable, **options)[0]

    modules: dict[str, str] = {}

    def note(call: Any, given: Any, options: Any, context: Any) -> Any:
        modules[".".join(("params", *context.module.path))] = type(context.module).__name__
        return call(*given, **options)

    made = _made(apply, found, arguments, keywords, "params.", modules)
    with linen.intercept_methods(note):
        jax.eval_shape(lambda own, given: made.apply(own, given), made.values, list(made.inputs))
    return made


def _initialized(model: Any, arguments: Any, keywords: Any) -> Any:
    """Return what a module of linen starts with; shapes alone for inputs that are shapes."""
    leaves, rebuilt = _split((arguments, keywords))

    def init(*given: Any) -> Any:
        positional, named = rebuilt(given)
        return model.init(jax.random.key(0), *positional, **named)

    is_abstract = any(isinstance(each, jax.ShapeDtypeStruct) for each in leaves)
    return jax.eval_shape(init, *leaves) if is_abstract else jax.jit(init)(*leaves)


def _nnx(model: Any, arguments: Any, keywords: Any) -> Model:
    nnx = sys.modules["flax.nnx"]
    graph, state = nnx.split(model)
    trained = {
        ".".join(map(str, path)) for path, each in nnx.to_flat_state(state) if _is_trained(each)
    }

    def apply(own: Any, *given: Any, **options: Any) -> Any:
        return nnx.merge(graph, own)(*given, **options)

    modules = {
        ".".join(map(str, path)): type(each).__name__ for path, each in nnx.iter_modules(model)
    }
    made = _made(apply, state, arguments, keywords, None, modules)
    return dataclasses.replace(made, trained=made.trained & trained)


def _is_trained(variable: Any) -> bool:
    nnx = sys.modules["flax.nnx"]
    return isinstance(variable, nnx.Param) or issubclass(
        getattr(variable, "type", type(None)), nnx.Param
    )


def _made(
    function: Callable[..., Any],
    variables: Any,
    arguments: Any,
    keywords: Any,
    prefix: str | None,
    modules: Mapping[str, str],
) -> Model:
    leaves = tuple(leaves_of(variables))
    every, structure = jax.tree_util.tree_flatten(variables)
    numbers = [each.number for each in leaves]
    inputs, rebuilt = _split((arguments, keywords))

    def apply(values: Sequence[Any], given: Sequence[Any]) -> Any:
        filled = list(every)
        for number, value in zip(numbers, values, strict=True):
            filled[number] = value
        positional, named = rebuilt(given)
        return function(jax.tree_util.tree_unflatten(structure, filled), *positional, **named)

    trained = frozenset(
        each.path
        for each in leaves
        if (prefix is None or each.path.startswith(prefix)) and each.dtype.kind not in "iub"
    )
    return Model(apply, variables, leaves, trained, modules, tuple(inputs))


def _split(tree: Any) -> tuple[list[Any], Callable[[Sequence[Any]], Any]]:
    """Return the arrays of a tree, and what puts others in their places."""
    every, structure = jax.tree_util.tree_flatten(tree, is_leaf=lambda each: each is None)
    places = [k for k, each in enumerate(every) if hasattr(each, "shape")]

    def rebuilt(given: Sequence[Any]) -> Any:
        filled = list(every)
        for place, value in zip(places, given, strict=True):
            filled[place] = value
        return jax.tree_util.tree_unflatten(structure, filled)

    return [every[k] for k in places], rebuilt
