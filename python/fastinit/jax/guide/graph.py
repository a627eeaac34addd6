"""The graph of a program: the activation that follows each parameter, and the parameters' axes."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import jax
import numpy as np

from fastinit.guide.advice import known_activation
from fastinit.guide.models.graph import Graph, Node, graph_of, without_dead_ends
from fastinit.guide.models.recognize import POINTS, mark_activations
from fastinit.jax.guide.elementwise import COPIES, SUMS, applied, is_elementwise
from fastinit.jax.guide.programs import DATA, Program, Step

_PRODUCTS = ("dot_general", "conv_general_dilated")
_BY_PRIMITIVE = {"tanh": "tanh", "logistic": "sigmoid", "sin": "sin"}
_SCALES = ("scale", "weight", "gamma")
_SLOPE = "negative_slope"  # of a prelu: a number of an activation rather than a weight
_PRELU = 0.25  # at which a recipe starts it (He et al. 2015, arXiv 1502.01852, section 2.1)
SHAPES = ("reshape", "broadcast_in_dim", "squeeze", "expand_dims", "transpose", *COPIES)


@dataclasses.dataclass(eq=False)
class Operation(Node):
    """A node of a program.

    Attributes:
        step: what runs it; None of an input.
        bias: the parameter that it adds.
        source: the node whose elements its own are a function of.
    """

    step: Step | None = None
    bias: str | None = None
    source: Operation | None = None


@dataclasses.dataclass(frozen=True)
class _Weight:
    """A value made of parameters: their names, and the axes of theirs that its axes are."""

    names: tuple[str, ...]
    axes: tuple[int, ...] | None


@dataclasses.dataclass(frozen=True)
class _Value:
    """The facts that are known of a value.

    Attributes:
        node: what it is computed by, of data; of a statistic, what that is of.
        is_statistic: whether it is a mean, a largest value or the like of data.
        weight: what it is, of parameters.
        source: the node whose elements its own are a function of.
        values: of these, at ``POINTS``; of a constant, the number that all its elements are.
    """

    node: Operation | None = None
    is_statistic: bool = False
    weight: _Weight | None = None
    source: Operation | None = None
    values: Any = None


@dataclasses.dataclass(frozen=True)
class Reading:
    """The facts that a program tells.

    Attributes:
        graph: the graph, in which weights have the names of parameters.
        operations: its nodes, in order.
        layouts: parameter -> what each of its axes is, where that is clear.
        aliases: parameter -> the one for which it is multiplied, as part of one matrix.
    """

    graph: Graph
    operations: Sequence[Operation]
    layouts: Mapping[str, str]
    aliases: Mapping[str, str]


def read(program: Program, names: Sequence[str], ranks: Mapping[str, int]) -> Reading:
    """Return what a program says of its first inputs.

    Args:
        program: the program.
        names: the names of these inputs; "" of what is not a parameter of floating point.
        ranks: the number of axes of each.
    """
    return _Reader(program, names, ranks).reading()


class _Reader:
    def __init__(self, program: Program, names: Sequence[str], ranks: Mapping[str, int]) -> None:
        self._program, self._ranks = program, ranks
        self._values: dict[int, _Value] = {}
        self._operations: list[Operation] = []
        self._regions: dict[Node, list[tuple[Operation, Any]]] = {}
        self._layouts: dict[str, str] = {}
        self._aliases: dict[str, str] = {}
        for number, name in zip(program.inputs, names, strict=False):
            if name.endswith(_SLOPE) and not ranks[name]:
                self._values[number] = _Value(values=_PRELU)
            elif name:
                self._values[number] = _Value(weight=_Weight((name,), tuple(range(ranks[name]))))
        for number in program.inputs[len(names) :]:
            self._values[number] = self._new([])
        for number, constant in program.constants.items():
            self._values[number] = _Value(values=_number(constant))

    def reading(self) -> Reading:
        self._read(self._program.steps)
        made = (self._values[each].node for each in self._program.outputs if each in self._values)
        ends = [each for each in made if each is not None]
        kept = without_dead_ends(self._operations, ends)
        for region in self._regions.values():
            mark_activations(region, ends)
        operations = [each for each in kept if isinstance(each, Operation)]
        return Reading(graph_of(operations), operations, self._layouts, self._aliases)

    def _read(self, steps: Iterable[Step]) -> None:
        for step in steps:
            if step.inner:
                self._read(step.inner)
                node = self._values[step.outputs[0]].node
                if node is not None and node.step in step.inner:
                    node.step = step
                continue
            given = [self._values.get(each, _Value()) for each in step.inputs]
            found = self._value(step, given)
            for number in step.outputs:
                self._values[number] = found

    def _value(self, step: Step, given: list[_Value]) -> _Value:
        if not step.outputs or self._program.kinds[step.outputs[0]] != DATA:
            return _of_constants(step, given)
        if step.name in COPIES:
            return next(each for each in given if each.node is not None)
        data = [each for each in given if each.node is not None]
        if not data:  # of inputs that are left out
            return _Value()
        is_reduction = step.name.startswith(("reduce_", "arg"))
        if is_reduction or (_keeps_statistics(step) and all(each.is_statistic for each in data)):
            scale = next((each.weight for each in given if each.weight is not None), None)
            return _Value(node=data[0].node, is_statistic=True, weight=scale)
        if is_elementwise(step.name):
            return self._elementwise(step, given, data)
        return self._other(step, given, data)

    def _elementwise(self, step: Step, given: list[_Value], data: list[_Value]) -> _Value:
        moving = [each for each in data if not each.is_statistic]
        weights = [each.weight for each in given if each.node is None and each.weight is not None]
        sources = {each.source for each in moving}
        is_of_one = len(sources) == 1 and len(moving) == len(data) and not weights
        source = next(iter(sources))
        nodes = [each.node for each in moving if each.node is not None]
        if is_of_one and source is not None and all(each.values is not None for each in given):
            values = applied(step.name, step.params, [each.values for each in given])
            name = _BY_PRIMITIVE.get(step.name)
            act = None if name is None else known_activation(name)
            node = self._new(nodes, step=step, source=source, activation=act).node
            assert node is not None
            self._regions.setdefault(source, []).append((node, values))
            return _Value(node=node, source=source, values=values)
        options: dict[str, Any] = {"is_sum": step.name in SUMS}
        for weight in weights:
            name = weight.names[0]
            if step.name in SUMS:
                options["bias"] = name
            elif step.name == "mul" and name.rpartition(".")[2] in _SCALES:
                options["norm"] = name if self._ranks[name] == 1 else None
        for each in data:  # a statistic that is scaled first
            if each.is_statistic and each.weight is not None:
                options["norm"] = each.weight.names[0]
        return self._new(nodes, step=step, **options)

    def _other(self, step: Step, given: list[_Value], data: list[_Value]) -> _Value:
        nodes = [each.node for each in data if each.node is not None]
        operands = [each.weight if each.node is None else None for each in given]
        which = next((k for k, each in enumerate(operands) if each is not None), None)
        weight = None if which is None else operands[which]
        is_lookup = step.name == "gather" and which == 0
        if weight is None or which is None or not (is_lookup or step.name in _PRODUCTS):
            return self._new(nodes, step=step)
        for name in weight.names:
            self._aliases[name] = weight.names[0]
        if not is_lookup:
            self._note_layout(step, which, weight)
        return self._new(nodes, step=step, weight=weight.names[0], is_embedding=is_lookup)

    def _note_layout(self, step: Step, which: int, weight: _Weight) -> None:
        """Note what the axes of a weight are, the operand ``which`` of a product."""
        if weight.axes is None:
            return
        for name in weight.names:
            letters = ["b"] * self._ranks[name]  # a loop takes one index after the other
            for axis, letter in zip(
                weight.axes, _letters(step, which, len(weight.axes)), strict=True
            ):
                letters[axis] = letter
            self._layouts.setdefault(name, "".join(letters))

    def _new(self, nodes: Sequence[Node], **options: Any) -> _Value:
        node = Operation(nodes, **options)
        self._operations.append(node)
        return _Value(node=node, source=node, values=POINTS)


def _letters(step: Step, which: int, count: int) -> list[str]:
    """Return what the axes of an operand of a product are."""
    letters = ["o"] * count
    if step.name == "dot_general":
        contracted, batch = step.params["dimension_numbers"]
        for axis in contracted[which]:
            letters[axis] = "i"
        for axis in batch[which]:
            letters[axis] = "b"
        return letters
    out, inputs, *kernel = step.params["dimension_numbers"].rhs_spec
    letters[inputs] = "i"
    for axis in kernel:
        letters[axis] = "k"
    letters[out] = "o"
    return letters


def _keeps_statistics(step: Step) -> bool:
    return step.name in SHAPES or is_elementwise(step.name)


def _of_constants(step: Step, given: list[_Value]) -> _Value:
    """Return what a step makes of parameters and constants."""
    weights = [each.weight for each in given if each.weight is not None]
    if not weights:
        known = [each.values for each in given]
        if not known or any(each is None for each in known):
            return _Value()
        if step.name in ("broadcast_in_dim", "reshape"):
            return _Value(values=known[0])
        is_known = is_elementwise(step.name)
        return _Value(values=applied(step.name, step.params, known) if is_known else None)
    first = weights[0]
    axes = first.axes
    if step.name == "transpose" and axes is not None:
        axes = tuple(axes[each] for each in step.params["permutation"])
    elif step.name == "take":
        axes = None if axes is None else axes[1:]
    elif step.name == "squeeze" and axes is not None:
        axes = tuple(a for k, a in enumerate(axes) if k not in step.params["dimensions"])
    elif not (is_elementwise(step.name) or step.name == "concatenate"):
        axes = None
    names = tuple(dict.fromkeys(name for each in weights for name in each.names))
    return _Value(weight=_Weight(names, axes))


def _number(constant: Any) -> float | None:
    """Return a constant that is one number, or None."""
    if isinstance(constant, jax.core.Tracer) or np.size(constant) != 1:
        return None
    given = getattr(constant, "dtype", type(constant))
    if jax.dtypes.issubdtype(given, jax.dtypes.prng_key):
        return None
    dtype = np.dtype(given)
    return float(np.asarray(constant).reshape(())) if dtype.kind in "fiub" else None
