"""The rows of a plan's rules, as tables of the command line show them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from fastinit.cli.tables import print_table
from fastinit.folding import Column
from fastinit.plans.explanation import Explanation
from fastinit.plans.plan import Plan
from fastinit.recipes.patterns.pattern import Pattern, compiled, pattern_of, plain
from fastinit.recipes.recipe import Recipe
from fastinit.recipes.rule import Rule

ASSUMES = Column("Assumed to be")


def explained(plan: Plan, only: str | None) -> Explanation:
    """Return the explanation of the tensors whose names match a pattern."""
    found = plan.explain()
    if only is None:
        return found
    expression = compiled(pattern_of(only))
    return Explanation([row for row in found if expression.fullmatch(row["name"])], found.columns)


def print_rules(recipe: Recipe, rows: Explanation) -> None:
    """Print a row for each rule that drew something, and what it assumed, if anything."""
    columns = [
        Column("Pattern", "name"),
        Column("Tensors", "number"),
        Column("Elements", "number"),
        Column("Distribution"),
    ]
    fields = ["parameters", "elements", "distribution"]
    if any(row["assumes"] for row in rows):
        columns.append(ASSUMES)
        fields.append("assumes")
    patterns = _distinct_patterns(recipe, rows)
    print_table(
        columns,
        [
            [pattern, *(rows.cell(row, field) for field in fields)]
            for pattern, row in zip(patterns, rows, strict=True)
        ],
    )


def condition(rule: Rule) -> str:
    """Return what a rule asks of a tensor apart from its name, in words."""
    words = []
    if rule.module is not None:
        words.append(f"of {text_of(rule.module)}")
    if rule.ndim is not None:
        words.append(f"of {rule.ndim} {'axis' if rule.ndim == 1 else 'axes'}")
    if rule.shape is not None:
        words.append(f"of shape {rule.shape.replace(' ', ' x ')}")
    return " ".join(words)


def _distinct_patterns(recipe: Recipe, rows: Sequence[dict[str, Any]]) -> list[str]:
    """Return the pattern of each row; rules with the same one also say what else they ask."""
    shown = [Explanation.cell(row, "pattern") for row in rows]
    numbers: dict[str, set[int]] = {}
    for pattern, row in zip(shown, rows, strict=True):
        numbers.setdefault(pattern, set()).add(row["rule"])
    return [
        f"{pattern} {condition(recipe.rules[row['rule']])}".rstrip()
        if len(numbers[pattern]) > 1 and row["rule"] < len(recipe.rules)
        else pattern
        for pattern, row in zip(shown, rows, strict=True)
    ]


def text_of(pattern: Pattern) -> str:
    """Return a pattern as a table shows it."""
    found = plain(pattern)
    return found if isinstance(found, str) else str(found["re"])
