"""Matching: which rule is for each tensor of a model, and what follows from it."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence

from fastinit.recipes import known
from fastinit.recipes.buffers import value_rule
from fastinit.recipes.context import Context, Model, with_tied
from fastinit.recipes.multipliers import FIELDS, NO_MULTIPLIERS
from fastinit.recipes.parameter import Parameter
from fastinit.recipes.rule import FirstMatch, Rule
from fastinit.tables import listed

_MOST_RULES = 10_000
_MOST_MATCHES = 20_000_000


def matched(name: str, rules: Sequence[Rule], model: Model, *, complete: bool) -> dict[str, Rule]:
    """Return the rule of each parameter of a model; see ``Recipe.match``."""
    found: dict[str, Rule] = {}
    missing = []
    unknown = []
    first = FirstMatch(rules)
    for each in model.parameters + model.buffers if complete else model.parameters:
        if each.is_left_alone:
            continue
        rule = drawn_by(each, first.of(each), complete=complete)
        if isinstance(rule, known.Known):
            unknown.append(f"{each.name} {each.shape} ({rule.holds})")
        elif rule is not None:
            found[each.name] = rule
        elif not each.is_complex:  # as complex buffers are, and recorded tensors
            missing.append(f"{each.name} {each.shape}")
    problems = []
    if missing:
        problems.append(f"no rule of recipe {name!r} matches {listed(missing)}")
    if unknown:
        problems.append(f"no general rule draws {listed(unknown)}")
    if problems:
        raise ValueError(
            f"{'; '.join(problems)}; give each a value in the manifest, add a rule whose "
            "pattern names it, pass another recipe, or record the model's own initialization: "
            "Plan.record (--record); fastinit.torch.init_ computes what belongs to a "
            "parametrized weight"
        )
    return found


def drawn_by(
    tensor: Parameter, rule: Rule | None, *, complete: bool = False
) -> Rule | known.Known | None:
    """Return what draws a tensor, given the first rule that matches it.

    Its value comes first, then what its name says, if the rule is not made for that name.

    Args:
        tensor: The tensor.
        rule: The first rule that matches it; None where there is none.
        complete: Whether names say nothing, as in recorded plans.

    Returns:
        A rule; what is known, if that is not what the tensor starts with; None if no rule matches.
    """
    if tensor.value is not None:
        return value_rule(tensor)
    said = None if complete else known.find(tensor)
    if said is None or (rule is not None and said.is_named_by(rule)):
        return rule
    return said if said.rule is None else said.rule


def check_work(rules: Sequence[Rule], model: Model) -> None:
    """Check that rules can be matched and resolved in seconds; see ``Recipe.check_work``."""
    count = sum(map(_work, rules))
    tensors = len(model.parameters) + len(model.buffers)
    if count > _MOST_RULES or count * tensors > _MOST_MATCHES:
        raise ValueError(
            f"the recipe has {count} rules and scales for {tensors} tensors; at most {_MOST_RULES} "
            f"rules and scales are allowed, and {_MOST_MATCHES} as their product with the tensors"
        )


def _work(rule: Rule) -> int:
    scales = (len(getattr(rule.multipliers, field)) for field in FIELDS)
    return 1 + len(rule.numbers) + len(rule.scale) + sum(scales)


def factors(
    rules: Sequence[Rule], model: Model, own: Mapping[str, Rule], context: Context
) -> dict[str, dict[str, float]]:
    """Return the factors of each parameter, given its own rule; see ``Recipe.multipliers``."""
    first = FirstMatch(rules)
    found: dict[str, dict[str, float]] = {}
    for each in with_tied(model):
        stored = model.tied.get(each.name)
        rule = first.of(each) if stored else own.get(each.name)
        multipliers = NO_MULTIPLIERS if rule is None else rule.multipliers
        pattern = "" if rule is None else rule.pattern
        numbers = multipliers.factors(
            functools.partial(context.number, name=each.name, pattern=pattern)
        )
        if stored in found:
            numbers = found[stored] | {"forward": numbers["forward"]}
        found[each.name] = numbers
    return found
