"""Buffers: tensors that are saved with a model, but not trained, and the constants they hold."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from fastinit.dtypes import CODES, dtype_of
from fastinit.initializers import Constant
from fastinit.initializers.explicit import Arange, Values
from fastinit.rules.patterns import Regex
from fastinit.rules.rule import Rule

if TYPE_CHECKING:
    from fastinit.manifests import Manifest, Parameter

# What torch's and transformers' own modules register; of other buffers only the model knows.
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
    """Whether a tensor of a file, where no one says what is trained, is a buffer."""
    if tensor.dtype is not None and dtype_of(tensor.dtype) not in CODES:
        return True
    return known(tensor) is not None


def rules_of(manifest: Manifest) -> dict[str, Rule]:
    """The rule of each buffer of a model: its own value, else what is known of its name.

    Raises:
        ValueError: neither; the message lists them.
    """
    rules = {}
    missing = []
    for each in manifest.buffers:
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
    """The rule of a buffer whose name says what it holds."""
    facts = {"module": tensor.module, "ndim": len(tensor.shape)}
    return next((rule for rule in RULES if rule.matches(tensor.name, **facts)), None)  # type: ignore[arg-type]
