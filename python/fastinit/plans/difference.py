"""Differences between plans: which tensors two of them draw differently, as data and as a table."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from fastinit.manifests import Manifest
from fastinit.native import _cpu
from fastinit.native.box import whole
from fastinit.native.request import as_array
from fastinit.plans.explanation import Explanation, Row
from fastinit.recipes.patterns.pattern import compiled, pattern_of
from fastinit.tensors.tensor_plan import TensorPlan

_WITHOUT_STREAM = [_cpu.distributions[name] for name in ("constant", "scatter")]
_ONLY = ("only the first has it", "only the second has it")


class Explained(Protocol):
    """A plan, as far as it is compared."""

    @property
    def manifest(self) -> Manifest:
        """The manifest, whose ties are looked through."""

    def explain(self) -> Explanation:
        """Return what is drawn for every tensor."""

    def find(self, name: str) -> TensorPlan | None:
        """Return the tensor of a name, or None."""


class Difference(Explanation):
    """Rows for the tensors that two plans draw differently; ``str`` is a table of them.

    Attributes:
        equal: The number of tensors whose values are equal.
    """

    def __init__(self, rows: list[Row], columns: tuple[str, ...], equal: int) -> None:
        super().__init__(rows, columns)
        self.equal = equal

    def by_rule(self) -> Difference:
        """Return a row for each pair of rules that leads to the same difference.

        Returns:
            Rows with ``pattern`` (of both rules), ``differs``, the numbers of ``parameters`` and
            ``elements``, and the ``name``, ``left`` and ``right`` of the first of the tensors.

        Example:
            >>> from fastinit import Plan
            >>> rows = Plan("gpt2", "small-init", seed=0).diff(Plan("gpt2", seed=0)).by_rule()
            >>> [(row["pattern"], row["parameters"]) for row in rows][0]
            ('**.weight', 26)
        """
        groups: dict[tuple[str, ...], Row] = {}
        for row in self:
            pattern = _patterns(row)
            key = (pattern, *(self.cell(row, each) for each in ("differs", "left", "right")))
            shared = {"pattern": pattern, "parameters": 0, "elements": 0}
            first = {field: row[field] for field in ("name", "differs", "left", "right")}
            group = groups.setdefault(key, shared | first)
            group["parameters"] += 1
            group["elements"] += row["elements"]
        columns = ("pattern", "parameters", "elements", "differs", "left", "right")
        return Difference(list(groups.values()), columns, self.equal)

    @staticmethod
    def cell(row: Row, column: str) -> str:
        """Return a field of a row as the table shows it."""
        if column not in ("left", "right"):
            return Explanation.cell(row, column)
        side = row[column]
        if side is None:
            return "-"
        also = [word for word in ("dtype", "shape") if word in row["differs"]]
        shown = [Explanation.cell(side, word) for word in ("distribution", *also)]
        if "seed" in row["differs"]:
            shown.append(f"seed {side['seed']}")
        if side["name"] != row["name"]:
            shown.append(f"shares {side['name']}")
        elif "stream" in row["differs"]:
            shown.append(f"stream {side['stream']}")
        return ", ".join(shown)


def difference(left: Explained, right: Explained, only: Any) -> Difference:
    """Return the tensors that two plans draw differently; see ``Plan.diff``."""
    ours, theirs = _rows_of(left), _rows_of(right)
    rows: list[Row] = []
    equal = 0
    names = dict.fromkeys((*ours, *theirs))
    for name in names if only is None else _matching(names, only):
        mine, other = ours.get(name), theirs.get(name)
        stored = {row["name"] for row in (mine, other) if row}
        if len(stored) == 1 and name not in stored:
            continue  # both tie it alike, so that it is compared under the name that it shares
        if mine is None or other is None:
            reason = _ONLY[mine is None]
        else:
            reason = _reason(mine, other, left.find(name), right.find(name))
        if reason:
            elements = (mine or other or {})["elements"]
            both = {"left": mine, "right": other}
            rows.append({"name": name, "elements": elements, "differs": reason} | both)
        else:
            equal += 1
    return Difference(rows, ("name", "differs", "left", "right"), equal)


def _matching(names: Iterable[str], only: Any) -> list[str]:
    expression = compiled(pattern_of(only))
    found = [name for name in names if expression.fullmatch(name)]
    if not found:
        raise ValueError(f"only={only!r} matches no tensor of either plan")
    return found


def _rows_of(plan: Explained) -> dict[str, Row]:
    """Return the row of the explanation for each name; a tied name has that of what it shares."""
    rows = {}
    for row in plan.explain():
        tensor = plan.find(row["name"])
        seed, stream = (None, None) if tensor is None else tensor.stream
        rows[row["name"]] = row | {"seed": seed, "stream": stream}
    return rows | {name: rows[target] for name, target in plan.manifest.tied.items()}


def _reason(mine: Row, other: Row, left: TensorPlan | None, right: TensorPlan | None) -> str:
    """Return in what the values of two tensors differ; nothing if they are equal."""
    words = [word for word in ("distribution", "dtype", "shape") if mine[word] != other[word]]
    if left is None or right is None:  # left alone
        return ", ".join(words)
    if "dtype" not in words and "shape" not in words and _drawn(left) == _drawn(right):
        return ""
    if _is_random(left) and _is_random(right):
        words += [word for word in ("seed", "stream") if mine[word] != other[word]]
    return ", ".join(words) or "zero row"


def _is_random(tensor: TensorPlan) -> bool:
    requests = _requests(tensor)
    if requests is None:
        return tensor.initializer.is_random
    return bool(np.isin(requests["distribution"], _WITHOUT_STREAM, invert=True).any())


def _drawn(tensor: TensorPlan) -> object:
    """Return what is drawn, in a form in which equals draw the same; constants have no stream."""
    requests = _requests(tensor)
    if requests is None:
        stream = tensor.stream if _is_random(tensor) else None
        return tensor.initializer, tensor.parameter.zero_row, stream
    constant = np.isin(requests["distribution"], _WITHOUT_STREAM)
    requests["seed"][constant] = requests["stream"][constant] = 0
    return requests.tobytes()


def _requests(tensor: TensorPlan) -> NDArray[Any] | None:
    """Return what native code sees, or None where Python does a part of the drawing."""
    requests = tensor.requests(whole(tensor.parameter.shape), 0)
    native = [each for each in requests if isinstance(each, bytes)]
    return as_array(native).copy() if len(native) == len(requests) else None


def _patterns(row: Row) -> str:
    found = [Explanation.cell(side, "pattern") for side in (row["left"], row["right"]) if side]
    return " / ".join(dict.fromkeys(found))
