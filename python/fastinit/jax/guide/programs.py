"""Programs as flat lists of steps: calls are inlined, and loops over layers are unrolled.

A step takes and gives values by their numbers. What a model does is read off the steps, and running
them one by one shows what happens in between.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import jax.numpy as jnp

_INLINED = ("pjit", "jit", "closed_call", "core_call", "checkpoint", "remat", "remat2")
_WITH_RULES = ("custom_jvp_call", "custom_vjp_call", "custom_vjp_call_jaxpr")
_BODIES = ("jaxpr", "call_jaxpr", "fun_jaxpr")
_MOST_LAYERS = 256  # that are unrolled

PARAMETER, DATA = 1, 2
"""PARAMETER marks a value that depends on parameters alone, DATA one that depends on inputs.

0 marks a value that depends on neither.
"""


@dataclasses.dataclass(frozen=True)
class Step:
    """A primitive operation.

    Attributes:
        name: the name of the primitive.
        params: its parameters.
        inputs: the numbers of the values that it takes.
        outputs: the numbers of the values that it gives.
        shape: the shape of the first output.
        apply: from the values that it takes to those that it gives.
        inner: the steps within, of a function with a rule of its own for derivatives.
    """

    name: str
    params: dict[str, Any]
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    shape: tuple[int, ...]
    apply: Callable[..., Sequence[Any]]
    inner: tuple[Step, ...] = ()


@dataclasses.dataclass
class Program:
    """A flat program.

    Attributes:
        inputs: the numbers of its inputs, parameters first.
        constants: the values that are known before it runs.
        steps: what it does.
        outputs: the numbers of its outputs.
        kinds: what each value depends on.
    """

    inputs: tuple[int, ...] = ()
    constants: dict[int, Any] = dataclasses.field(default_factory=dict)
    steps: list[Step] = dataclasses.field(default_factory=list)
    outputs: tuple[int, ...] = ()
    kinds: dict[int, int] = dataclasses.field(default_factory=dict)

    def run(self, given: Sequence[Any], seen: Callable[[Step, Any], Any]) -> list[Any]:
        """Return the outputs for inputs.

        Args:
            given: the values of the inputs.
            seen: is called with each step and its first result, and returns what takes its place.
        """
        values = dict(self.constants) | dict(zip(self.inputs, given, strict=True))
        for step in self.steps:
            found = list(step.apply(*(values[each] for each in step.inputs)))
            if found:
                found[0] = seen(step, found[0])
            values.update(zip(step.outputs, found, strict=True))
        return [values[each] for each in self.outputs]


def program_of(jaxpr: Any, parameters: int) -> Program:
    """Return the program of a closed jaxpr, whose first inputs are parameters."""
    return _Flattening().program(jaxpr, parameters)


class _Flattening:
    """The program that is being made."""

    def __init__(self) -> None:
        self._made = Program()

    def program(self, closed: Any, parameters: int) -> Program:
        made = self._made
        count = len(closed.jaxpr.invars)
        kinds = [PARAMETER] * parameters + [DATA] * (count - parameters)
        made.inputs = tuple(map(self._new, kinds))
        made.outputs = tuple(self._inline(closed, made.inputs, made.steps))
        return made

    def _new(self, kind: int) -> int:
        number = len(self._made.kinds)
        self._made.kinds[number] = kind
        return number

    def _constant(self, value: Any) -> int:
        number = self._new(0)
        self._made.constants[number] = value
        return number

    def _inline(self, body: Any, inputs: Sequence[int], steps: list[Step]) -> list[int]:
        """Append the steps of a jaxpr, closed or not, and return the numbers of its outputs."""
        jaxpr = getattr(body, "jaxpr", body)
        constants = map(self._constant, getattr(body, "consts", ()))
        numbers = dict(zip(jaxpr.constvars, constants, strict=True))
        numbers |= dict(zip(jaxpr.invars, inputs, strict=True))

        def number(atom: Any) -> int:
            return self._constant(atom.val) if hasattr(atom, "val") else numbers[atom]

        for equation in jaxpr.eqns:
            given = [number(each) for each in equation.invars]
            numbers.update(
                zip(equation.outvars, self._equation(equation, given, steps), strict=True)
            )
        return [number(each) for each in jaxpr.outvars]

    def _equation(self, equation: Any, given: list[int], steps: list[Step]) -> Sequence[int]:
        name, params = equation.primitive.name, equation.params
        body = next((params[each] for each in _BODIES if each in params), None)
        if name in _INLINED and body is not None:
            return self._inline(body, given, steps)
        if name == "scan" and params["length"] > 0:
            return self._scan(equation, given, steps)
        inner: list[Step] = []
        if name in _WITH_RULES and body is not None:
            ends = self._inline(body, given, inner)
            outputs = [self._new(self._made.kinds[each]) for each in ends]
            for end, output, variable in zip(ends, outputs, equation.outvars, strict=True):
                shape = tuple(variable.aval.shape)
                inner.append(Step("copy", {}, (end,), (output,), shape, lambda x: [x]))
        else:
            outputs = [self._new(self._kind(given)) for _ in equation.outvars]
        shape = tuple(getattr(equation.outvars[0].aval, "shape", ())) if outputs else ()
        apply = functools.partial(_bound, equation)
        steps.append(Step(name, params, tuple(given), tuple(outputs), shape, apply, tuple(inner)))
        return outputs

    def _kind(self, given: Sequence[int]) -> int:
        return max((self._made.kinds[each] for each in given), default=0)

    def _step(
        self, steps: list[Step], name: str, given: Sequence[int], shapes: Any, apply: Any
    ) -> list[int]:
        outputs = [self._new(self._kind(given)) for _ in shapes]
        shape = tuple(shapes[0]) if shapes else ()
        steps.append(Step(name, {}, tuple(given), tuple(outputs), shape, apply))
        return outputs

    def _scan(self, equation: Any, given: list[int], steps: list[Step]) -> list[int]:
        """Append the steps of a loop: all of a loop over layers, else the first and the rest."""
        params = equation.params
        length, (consts, count) = params["length"], _counts(params)
        fixed, carry = given[:consts], given[consts : consts + count]
        sequences = given[consts + count :]
        is_over_layers = any(self._made.kinds[each] == PARAMETER for each in sequences)
        rounds = length if is_over_layers and length <= _MOST_LAYERS else min(length, 1)
        order = range(length)[:: -1 if params["reverse"] else 1]
        shapes = [each.aval.shape[1:] for each in equation.invars[consts + count :]]
        results: list[list[int]] = []
        for k in order[:rounds]:
            parts = [
                self._step(steps, "take", [each], [shape], functools.partial(_part, k))[0]
                for each, shape in zip(sequences, shapes, strict=True)
            ]
            ends = self._inline(params["jaxpr"], [*fixed, *carry, *parts], steps)
            carry, results = ends[:count], [*results, ends[count:]]
        stacked = [each.aval.shape for each in equation.outvars[count:]]
        if rounds == length:
            return [*carry, *self._stacked(results, stacked, steps, params["reverse"])]
        rest = functools.partial(_rest, equation, rounds)
        shapes = [each.aval.shape for each in equation.outvars]
        given = [*fixed, *carry, *sequences]
        ends = self._step(steps, "scan", given, shapes, rest)
        whole = []
        for first, other, shape in zip(results[0], ends[count:], stacked, strict=True):
            join = functools.partial(_joined, params["reverse"])
            whole += self._step(steps, "concatenate", [first, other], [shape], join)
        return [*ends[:count], *whole]

    def _stacked(
        self, results: list[list[int]], shapes: Any, steps: list[Step], is_reversed: bool
    ) -> list[int]:
        found = []
        for k, shape in enumerate(shapes):
            parts = [each[k] for each in results]
            parts = parts[::-1] if is_reversed else parts
            found += self._step(steps, "stack", parts, [shape], lambda *each: [jnp.stack(each)])
        return found


def _bound(equation: Any, *values: Any) -> Sequence[Any]:
    given = equation.primitive.get_bind_params(equation.params)
    functions, params = given if isinstance(given, tuple) else ((), given)  # by version
    found = equation.primitive.bind(*functions, *values, **params)
    return found if equation.primitive.multiple_results else [found]


def _part(k: int, values: Any) -> list[Any]:
    return [values[k]]


def _counts(params: Mapping[str, Any]) -> tuple[int, int]:
    """Return how many constants and carried values a loop has; JAX 0.12 has trees of them."""
    if "num_consts" in params:
        return params["num_consts"], params["num_carry"]
    consts, carry, _ = params["ft_in"].unpack()
    return len(list(consts.vals)), len(list(carry.vals))


def _rest(equation: Any, rounds: int, *values: Any) -> Sequence[Any]:
    """Return what a loop gives that goes on after some rounds."""
    params = dict(equation.params)
    first = sum(_counts(params))
    part = slice(None, -rounds) if params["reverse"] else slice(rounds, None)
    params["length"] -= rounds
    given = [*values[:first], *(each[part] for each in values[first:])]
    return equation.primitive.bind(*given, **params)  # type: ignore[no-any-return]


def _joined(is_reversed: bool, first: Any, rest: Any) -> list[Any]:
    parts = (rest, first[None]) if is_reversed else (first[None], rest)
    return [jnp.concatenate(parts)]
