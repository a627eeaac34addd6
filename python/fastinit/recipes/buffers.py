"""Buffers: tensors that are saved with a model but not trained, and the rules of their values."""

from __future__ import annotations

import re

from fastinit.initializers import Constant
from fastinit.initializers.values import Arange, Values
from fastinit.native.dtypes import CODES, dtype_of
from fastinit.recipes.context import Model
from fastinit.recipes.parameter import Parameter
from fastinit.recipes.pattern import Regex
from fastinit.recipes.rule import Rule, first_match

# The buffers that the modules of torch and transformers register. Others only the model knows.
RULES = (
    Rule("**.running_mean", Constant(0)),
    Rule("**.running_var", Constant(1)),
    Rule("**.num_batches_tracked", Constant(0)),
    Rule("**.position_ids", Arange()),
    Rule("**.token_type_ids", Constant(0)),
    Rule("**.e_score_correction_bias", Constant(0)),
    Rule("**.final_logits_bias", Constant(0)),
)


def is_buffer(tensor: Parameter) -> bool:
    """Return whether a tensor of a file, which does not say what is trained, is a buffer."""
    if tensor.dtype is not None and dtype_of(tensor.dtype) not in CODES:
        return True
    return known(tensor) is not None


def rules_of(model: Model) -> dict[str, Rule]:
    """Return the rule of each buffer of a model: for its own value, or else for its name.

    Raises:
        ValueError: The values of some buffers are not known; the message lists them.
    """
    rules = {}
    missing = []
    for each in model.buffers:
        rule = known(each)
        if isinstance(each.value, tuple):
            rule = Rule(Regex(re.escape(each.name)), Values(each.value))
        elif each.value is not None:
            rule = Rule(Regex(re.escape(each.name)), Constant(each.value))
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
    return first_match(RULES, tensor)
