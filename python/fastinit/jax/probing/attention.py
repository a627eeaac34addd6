"""The attention of a program: softmaxes over products of queries and keys."""

from __future__ import annotations

import dataclasses
import itertools
import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import jax.numpy as jnp
import numpy as np

from fastinit.guide.models.graph import Node
from fastinit.jax.guide.elementwise import COPIES, is_elementwise
from fastinit.jax.guide.graph import SHAPES, Operation, Reading
from fastinit.jax.guide.programs import DATA, Program, Step
from fastinit.probes.attention import HIDDEN, INPUTS, QUERIES

_WEIGHTS = ("kernel", "weight")  # ends of names, of modules that are a part of an attention


@dataclasses.dataclass(frozen=True)
class Attention:
    """An attention.

    Attributes:
        name: the path that the weights of its queries and keys have in common.
        logits: the step that gives the logits, masks included.
        axis: that of the keys.
    """

    name: str
    logits: Step
    axis: int

    def heads(self, inputs: int) -> int:
        """Return the number of heads, given the number of inputs in the batch."""
        shape = self.logits.shape
        if len(shape) == 4:
            return shape[1]
        return max(1, math.prod(shape) // (shape[self.axis] * shape[-2] * max(1, inputs)))


def attention_of(program: Program, reading: Reading) -> list[Attention]:
    """Return the attention of a program, in the order in which it runs."""
    made = {number: step for step in _flat(program.steps) for number in step.outputs}
    outer = {number: step for step in program.steps for number in step.outputs}
    operations = {id(each.step): each for each in reading.operations if each.step is not None}
    names: Counter[str] = Counter()
    found: list[Attention] = []
    for logits, axis in _softmaxes(_flat(program.steps), made):
        product = _product(logits, program, made)
        if product is None or logits not in outer or id(product) not in operations:
            continue
        name = _name(operations[id(product)])
        names[name] += 1
        name = name if names[name] == 1 else f"{name}.{names[name]}"
        found.append(Attention(name, outer[logits], axis))
    return found


def _flat(steps: Iterable[Step]) -> Iterator[Step]:
    for step in steps:
        yield from step.inner
        yield step


def _softmaxes(steps: Iterable[Step], made: Mapping[int, Step]) -> Iterator[tuple[int, int]]:
    """Yield the number of what a softmax is taken of, and its axis.

    A softmax is the quotient of exponentials and their sum over one axis.
    """
    for step in steps:
        if step.name != "div" or len(step.shape) < 3:
            continue
        above, below = (_before(each, made, COPIES) for each in step.inputs)
        total = _before(step.inputs[1], made, SHAPES)
        if above is None or below is None or total is None:
            continue
        if above.name != "exp" or total.name != "reduce_sum" or len(total.params["axes"]) != 1:
            continue
        if _before(total.inputs[0], made, COPIES) is above:
            shifted = _before(above.inputs[0], made, COPIES)
            is_shifted = shifted is not None and shifted.name == "sub"
            logits = shifted.inputs[0] if shifted is not None and is_shifted else above.inputs[0]
            yield logits, int(total.params["axes"][0])


def _before(number: int, made: Mapping[int, Step], passed: Sequence[str]) -> Step | None:
    """Return the step that gives a value, before steps that change nothing of it."""
    step = made.get(number)
    while step is not None and step.name in passed:
        step = made.get(step.inputs[0])
    return step


def _product(logits: int, program: Program, made: Mapping[int, Step]) -> Step | None:
    """Return the product of data with data of which logits are scaled, shifted and masked."""
    waiting, seen = [logits], {logits}
    while waiting:
        step = made.get(waiting.pop(0))
        if step is None:
            continue
        kinds = [program.kinds[each] for each in step.inputs]
        if step.name == "dot_general" and kinds == [DATA, DATA]:
            return step
        if is_elementwise(step.name) or step.name in SHAPES or step.inner:
            more = [each for each in step.inputs if each not in seen]
            waiting += [each for each in more if program.kinds[each] == DATA]
            seen.update(more)
    return None


def _name(product: Operation) -> str:
    """Return what the paths of the weights before a product have in common."""
    found = [path for path in map(_weight_before, product.inputs) if path is not None]
    owners = [path.split(".")[:-1] or [path] for path in found]
    if not owners:
        return "attention"
    if len(set(found)) == 1 and found[0].endswith(_WEIGHTS) and len(owners[0]) > 1:
        return ".".join(owners[0][:-1])  # queries and keys have one weight
    shared = itertools.takewhile(lambda parts: len(set(parts)) == 1, zip(*owners, strict=False))
    return ".".join(parts[0] for parts in shared) or "attention"


def _weight_before(node: Node) -> str | None:
    """Return the nearest weight before a node."""
    waiting, seen = [node], {node}
    while waiting:
        each = waiting.pop(0)
        if isinstance(each, Operation) and each.weight is not None:
            return each.weight
        more = [one for one in each.inputs if one not in seen]
        waiting += more
        seen.update(more)
    return None


def moments(logits: Any, axis: int) -> tuple[Any, Any]:
    """Return the mean relative entropy and the standard deviation of logits over keys."""
    x = jnp.moveaxis(logits, axis, -1)
    count = x.shape[-2]
    rows = np.linspace(count - 1, 0, min(count, QUERIES)).astype(np.int32)[::-1]
    x = (x[:INPUTS] if x.ndim > 3 else x)[..., rows, :]
    least = float(jnp.finfo(x.dtype).min) / 2  # masks hold -inf, or a dtype's least value
    is_finite = x > least
    x = x.astype(jnp.float32)
    top = x.max(-1, keepdims=True)
    seen = is_finite & (x > top - HIDDEN)
    keys = seen.sum(-1)
    shifted = jnp.where(seen, x - top, 0.0)
    total = jnp.where(seen, jnp.exp(shifted), 0.0).sum(-1, keepdims=True)
    logarithms = jnp.where(seen, shifted - jnp.log(total), 0.0)
    entropy = -jnp.where(seen, jnp.exp(logarithms) * logarithms, 0.0).sum(-1)
    entropy = entropy / jnp.log(jnp.maximum(keys, 2))
    mean = shifted.sum(-1, keepdims=True) / jnp.maximum(keys, 1)[..., None]
    variance = jnp.where(seen, (shifted - mean) ** 2, 0.0).sum(-1) / jnp.maximum(keys, 1)
    is_choice = keys > 1
    return entropy.mean(where=is_choice), jnp.sqrt(variance.mean(where=is_choice))
