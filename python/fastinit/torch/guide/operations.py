"""The operations of a module as nodes, and what functions of each element alone give."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import torch

from fastinit.guide.activations import functions
from fastinit.guide.models.graph import Node, without_dead_ends
from fastinit.guide.models.recognize import POINTS, mark_activations
from fastinit.torch.guide.nodes import of_function

_ARITHMETIC = re.compile(
    "[ri]?(add|sub|mul|div|truediv|pow)|subtract|multiply|divide|true_divide|neg|negative|square|"
    "r?sqrt|reciprocal|exp|exp2|expm1|log|log1p|erfc?|sin|cos|maximum|minimum|clamp(_min|_max)?|where|"
    "gt|ge|lt|le"
)


@dataclasses.dataclass(frozen=True, eq=False)
class Value:
    """A tensor of data.

    Attributes:
        node: what makes it.
        call: the function of each element that makes it, if it is one; its arguments have a
            ``Value`` for each tensor of data.
    """

    node: Node
    call: tuple[Callable[..., Any], Sequence[Any], Mapping[str, Any]] | None = None

    def given(self) -> Iterator[Any]:
        """Yield the arguments of the call."""
        if self.call is not None:
            _, args, kwargs = self.call
            yield from (*args, *kwargs.values())


class Operations:
    """Makes the nodes of the operations of a module, in the order in which they run."""

    def __init__(self) -> None:
        self._values: list[Value] = []

    def new(self, inputs: Iterable[Value] = (), **options: Any) -> Value:
        """Return the result of an operation on some values."""
        self._values.append(Value(Node([each.node for each in inputs], **options)))
        return self._values[-1]

    def call(
        self,
        function: Callable[..., Any],
        name: str,
        args: Sequence[Any],
        kwargs: Mapping[str, Any],
        inputs: Sequence[Value],
    ) -> Value:
        """Return the result of a function or method of torch.

        Args:
            function: what is called.
            name: its name.
            args: its arguments, with a ``Value`` for each tensor of data.
            kwargs: the same of those by keyword.
            inputs: all values in these.
        """
        name = name.strip("_")
        node = Node([each.node for each in inputs], **of_function(name, args, kwargs))
        is_elementwise = _ARITHMETIC.fullmatch(name) or functions.find(name)
        self._values.append(Value(node, (function, args, kwargs) if is_elementwise else None))
        return self._values[-1]

    def nodes(self, results: Iterable[Value]) -> list[Node]:
        """Return the nodes on which results depend, with their activations."""
        ends = [each.node for each in results]
        kept = without_dead_ends([each.node for each in self._values], ends)
        for region in _regions(self._values):
            mark_activations(region, ends)
        return kept


def _regions(values: Sequence[Value]) -> Iterable[list[tuple[Node, Any]]]:
    """Return the functions of the elements of each value alone, and their values at the points."""
    regions: dict[Value, list[tuple[Node, Any]]] = {}
    sources: dict[Value, tuple[Value, torch.Tensor]] = {}
    points = torch.from_numpy(POINTS)
    for each in values:
        inputs = [argument for argument in each.given() if isinstance(argument, Value)]
        known = {argument: sources.get(argument, (argument, points)) for argument in inputs}
        if len({source for source, _ in known.values()}) != 1:
            continue
        found = _called(each, {argument: at_points for argument, (_, at_points) in known.items()})
        if found is not None:
            source, _ = known[inputs[0]]
            sources[each] = source, found
            regions.setdefault(source, []).append((each.node, found.double().numpy()))
    return regions.values()


def _called(value: Value, at_points: Mapping[Value, torch.Tensor]) -> torch.Tensor | None:
    """Return what a function gives at the points, or None where that depends on more than these."""
    if value.call is None or any(isinstance(each, torch.Tensor) for each in value.given()):
        return None

    def given(argument: Any) -> Any:  # a copy, as the function may write into it
        return at_points[argument].clone() if isinstance(argument, Value) else argument

    function, args, kwargs = value.call
    try:
        with torch.no_grad():
            found = function(*map(given, args), **{key: given(kwargs[key]) for key in kwargs})
    except Exception:  # whatever the function needs beside these
        return None
    return found if isinstance(found, torch.Tensor) and found.shape == POINTS.shape else None
