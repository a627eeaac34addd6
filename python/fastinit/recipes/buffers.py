"""Values of tensors that no recipe decides: those of buffers, and those that a manifest gives."""

from __future__ import annotations

import re
from collections.abc import Iterable

from fastinit import json_files
from fastinit.initializers import Constant, Initializer
from fastinit.initializers.existing.values import Values
from fastinit.recipes.context import Model
from fastinit.recipes.known import find
from fastinit.recipes.parameter import Parameter
from fastinit.recipes.patterns.pattern import Regex
from fastinit.recipes.rule import Rule


def is_buffer(tensor: Parameter) -> bool:
    """Return whether a tensor of a file, which does not say what is trained, is a buffer."""
    found = find(tensor)
    return tensor.is_integer or (found is not None and found.is_buffer)


def divided(
    tensors: Iterable[Parameter],
) -> tuple[tuple[Parameter, ...], tuple[Parameter, ...]]:
    """Return the parameters and the buffers among tensors; of buffers alone, all as parameters."""
    every = tuple(tensors)
    parameters: list[Parameter] = []
    buffers: list[Parameter] = []
    for each in every:
        (buffers if is_buffer(each) else parameters).append(each)
    if not parameters:  # a manifest has at least one parameter
        return every, ()
    return tuple(parameters), tuple(buffers)


def rules_of(model: Model) -> dict[str, Rule]:
    """Return the rule of each buffer of a model: for its own value, or else for its name.

    Raises:
        ValueError: The values of some buffers are not known; the message lists them.
    """
    rules = {}
    missing = []
    for each in model.buffers:
        if each.is_left_alone or (each.is_complex and each.value is None):
            continue
        rule = known(each) if each.value is None else value_rule(each)
        if rule is None:
            missing.append(f"{each.name} {each.shape}")
        else:
            rules[each.name] = rule
    if missing:
        raise ValueError(
            f"what the buffers {', '.join(missing)} hold is not known; give each a value in the "
            "manifest, or leave it out and let the model make it"
        )
    return rules


def known(tensor: Parameter) -> Rule | None:
    """Return the rule of a buffer whose name says what it holds, or None."""
    found = find(tensor)
    return found.rule if found is not None and found.is_buffer else None


def value_rule(tensor: Parameter) -> Rule:
    """Return the rule of a tensor that has a value in its manifest.

    Raises:
        ValueError: There are too many values; the message names the tensor.
    """
    value = tensor.value
    with json_files.located(f"value of {tensor.name!r}"):
        if isinstance(value, tuple):
            initializer: Initializer = Values(value)
        else:
            initializer = Constant(0 if value is None else value)
    return Rule(Regex(re.escape(tensor.name)), initializer, assumes="value in the manifest")
