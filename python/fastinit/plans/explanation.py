"""Explanations: what a plan draws for every tensor, as data and as a table."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any

from fastinit.checkpoints.values import without_values
from fastinit.plans.ranges import is_range, merged
from fastinit.recipes.model_numbers import described
from fastinit.recipes.parameter import Parameter
from fastinit.recipes.patterns.numbers import without_numbers
from fastinit.recipes.patterns.pattern import plain
from fastinit.recipes.recipe import Recipe
from fastinit.tables import Table, count_text, plural
from fastinit.tensors.tensor_plan import TensorPlan

Row = dict[str, Any]
_NUMBERS = frozenset(("elements", "parameters", "mean", "std"))
_OF_RULE = ("rule", "pattern", "initializer", "distribution", "mean", "std", "assumes", "origin")
_LEFT_ALONE = "left alone"
_LONGEST_EXPRESSION = 24  # characters of a regular expression in a table
_MOST_STEPS = 3  # of a composite that are written out


class Explanation(list[Row]):
    """Rows of plain data; ``str`` is a table of them, ``by_rule`` has a row for each rule.

    ``repr`` and notebooks show as much of the table as a screen has room for.
    """

    def __init__(self, rows: list[Row], columns: tuple[str, ...]) -> None:
        super().__init__(rows)
        self.columns = columns

    def by_rule(self) -> Explanation:
        """Return a row for each rule, and for each distribution and dtype that it leads to.

        Distributions of a rule that differ in numbers of the model, as those of layers, are one
        row, in which the fields are named after the numbers. So are more than four that differ in
        their own numbers, each of which is then a dict of its ``least`` and ``largest`` value.

        Returns:
            Rows with ``pattern``, ``initializer``, ``distribution``, ``dtype``, ``mean``, ``std``
            and ``assumes`` as in a tensor's row, and the numbers of ``parameters`` and
            ``elements``; in the order of the recipe's rules, with tensors that are left alone last.

        Example:
            >>> from fastinit import Plan
            >>> rows = Plan("gpt2").explain().by_rule()
            >>> [(row["pattern"], row["parameters"]) for row in rows][-2:]
            [('**.bias', 73), ('**.weight', 26)]
        """
        shared = ("dtype", *_OF_RULE)
        groups: dict[str, Row] = {}
        for row in map(_without_values, _without_layers(self)):
            key = repr([row[field] for field in shared if field != "rule" or not _is_stored(row)])
            group = groups.setdefault(
                key, {field: row[field] for field in shared} | {"parameters": 0, "elements": 0}
            )
            group["parameters"] += 1
            group["elements"] += row["elements"]
        rows = sorted(merged(list(groups.values())), key=_number_of_rule)
        columns: tuple[str, ...] = ("pattern", "parameters", "elements", "dtype")
        columns += ("distribution", "std")
        columns += tuple(field for field in ("origin",) if any(row[field] for row in rows))
        return Explanation(rows, _with_assumptions(rows, columns))

    @staticmethod
    def cell(row: Row, column: str) -> str:
        """Return a field of a row as the table shows it."""
        value = row[column]
        if column == "distribution":
            return _LEFT_ALONE if value is None else short(value)
        if column in ("elements", "parameters"):
            return f"{value:,}"
        if column == "shape":
            return " x ".join(map(str, value)) or "scalar"
        if column == "pattern" and value is not None:
            return value if isinstance(value, str) else _shortened(str(value["re"]))
        is_number = isinstance(value, float) or is_range(value)
        return "" if value is None else _number(value) if is_number else str(value)

    def table(self) -> Table:
        """Return the table of all rows."""
        cells = [[self.cell(row, column) for column in self.columns] for row in self]
        return Table(self.columns, cells, _NUMBERS)

    def __str__(self) -> str:
        return self.table().text()

    def __repr__(self) -> str:
        if "name" not in self.columns:
            return self.table().screen("print() shows all", ("std",))
        return self.table().screen("print() shows all, .by_rule() groups them", ("pattern", "std"))

    def _repr_html_(self) -> str:
        return self.table().html(plural(len(self), "row"))


def summary(tensors: Sequence[TensorPlan], left_alone: Sequence[Parameter]) -> str:
    """Return the dtypes and counts of tensors, as "float32: 148 tensors, 124 M values"."""
    dtypes = " and ".join(sorted({each.dtype.name for each in tensors}))
    elements = count_text(sum(each.parameter.elements for each in tensors))
    alone = f", {len(left_alone)} left alone" if left_alone else ""
    return f"{dtypes}: {plural(len(tensors), 'tensor')}, {elements} values{alone}"


def explain(
    recipe: Recipe, tensors: Iterable[TensorPlan], left_alone: Iterable[Parameter]
) -> Explanation:
    """Return a row for every tensor; see ``Plan.explain``."""
    numbers = {id(rule): k for k, rule in enumerate(recipe.rules)}
    rows = []
    for each in tensors:
        number = numbers.setdefault(id(each.rule), len(numbers))
        rows.append(_row(each, number))
    rows += map(_row_left_alone, left_alone)
    columns = ("name", "shape", "dtype", "pattern", "distribution", "std")
    return Explanation(rows, _with_assumptions(rows, columns))


def _without_layers(rows: Sequence[Row]) -> list[Row]:
    """Return rows in which distributions have the names of numbers that differ in a rule."""
    found: dict[tuple[int, str], set[str]] = {}
    for row in rows:
        if row["numbers"]:
            key = row["rule"], row["dtype"]
            found.setdefault(key, set()).add(repr(row["distribution"]))
    several = {key for key, distributions in found.items() if len(distributions) > 1}
    return [
        row | {"distribution": row["initializer"] | row["numbers"], "mean": None, "std": None}
        if row["numbers"] and (row["rule"], row["dtype"]) in several
        else row
        for row in rows
    ]


def _without_values(row: Row) -> Row:
    """Return the row of a tensor whose values are stored as one of a group of such tensors."""
    if not _is_stored(row):
        return row
    pattern = without_numbers(row["name"])
    stored = {"type": "Stored", "dtype": row["distribution"]["dtype"]}
    same = {"pattern": pattern, "mean": None, "std": None}
    return row | same | {"distribution": stored, "initializer": stored}


def _is_stored(row: Row) -> bool:
    return row["distribution"] is not None and row["distribution"]["type"] == "Stored"


def _number_of_rule(row: Row) -> float:
    return math.inf if row["rule"] is None else float(row["rule"])


def _with_assumptions(rows: list[Row], columns: tuple[str, ...]) -> tuple[str, ...]:
    return (*columns, "assumes") if any(row["assumes"] for row in rows) else columns


def _row(each: TensorPlan, number: int) -> Row:
    shape = each.parameter.shape
    mean, std = each.initializer.moments(shape) or (None, None)
    return {
        "name": each.parameter.name,
        "shape": list(shape),
        "elements": each.parameter.elements,
        "dtype": each.dtype.name,
        "rule": number,
        "pattern": plain(each.rule.pattern),
        "initializer": without_values(each.rule.initializer.to_dict()),
        "distribution": without_values(each.initializer.to_dict()),
        "mean": mean,
        "std": std,
        "assumes": each.rule.assumes,
        "origin": each.rule.origin,
        "numbers": {field: described(of) for field, of in each.rule.numbers.items()} or None,
    }


def _row_left_alone(parameter: Parameter) -> Row:
    facts = {
        "name": parameter.name,
        "shape": list(parameter.shape),
        "elements": parameter.elements,
        "dtype": parameter.dtype,
    }
    return facts | dict.fromkeys((*_OF_RULE, "numbers"))


def short(data: dict[str, Any]) -> str:
    """Return an initializer's dict as one writes the object: without default values."""
    if data["type"] == "Stored":
        found = f", digest {data['digest'][:12]}" if "digest" in data else ""
        return f"values of {data['dtype']}{found}"
    if data["type"] == "ChannelScaled":
        return f"{short(data['base'])} times {len(data['factors'])} factors"
    if data["type"] == "Composite":
        return _steps(data)
    fields = ", ".join(f"{name}={_number(x)}" for name, x in data.items() if name != "type")
    return f"{data['type']}({fields})"


def _steps(data: dict[str, Any]) -> str:
    """Return the layers of a composite as one would write them down."""
    written = []
    for layer in data["layers"]:
        inner = layer.get("initializer")
        operation = f"{layer.get('operation')} {_number(layer.get('operand', 0.0))}"
        step = operation if inner is None else short(inner)
        if "start" in layer:
            bounds = zip(layer["start"], layer["stop"], strict=True)
            step += "[" + ", ".join(f"{start}:{stop}" for start, stop in bounds) + "]"
        elif "strides" in layer:
            step += " reordered"
        written.append(step)
    if "dtype" in data:
        written.append(f"rounded from {data['dtype']}")
    shown = written if len(written) <= _MOST_STEPS else [*written[:_MOST_STEPS], "..."]
    return ", then ".join(shown)


def _shortened(expression: str) -> str:
    """Return a regular expression, of which a long one is cut."""
    if len(expression) <= _LONGEST_EXPRESSION:
        return expression
    return f"{expression[: _LONGEST_EXPRESSION - 3]}..."


def _number(value: Any) -> str:
    if is_range(value):
        return f"{_number(value['least'])} to {_number(value['largest'])}"
    if isinstance(value, dict):  # a base
        text = short(value)
    else:
        text = f"{value:.5g}" if isinstance(value, float) else repr(value)
    return text if len(text) <= 40 else f"{text[:37]}..."
