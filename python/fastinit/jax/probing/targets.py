"""The places of a program that a probe looks at: layers, activations and blocks."""

from __future__ import annotations

import dataclasses
import re
from collections import Counter
from collections.abc import Iterator, Mapping

from fastinit.guide.models.graph import Node
from fastinit.jax.guide.graph import Operation, Reading


@dataclasses.dataclass(frozen=True)
class Target:
    """A place.

    Attributes:
        name: what its row is called.
        kind: the type of the module, the name of the activation, or "block".
        output: what is looked at.
        source: the input of that.
        weight: the name of the weight; "" if there is none.
        activation: the name of the activation; None of others.
    """

    name: str
    kind: str
    output: Operation
    source: Node | None
    weight: str = ""
    activation: str | None = None


def targets_of(reading: Reading, modules: Mapping[str, str]) -> list[Target]:
    """Return the places of a program, in the order in which it runs."""
    names: Counter[str] = Counter()
    sums = {each.join: each.weight for each in reading.graph.branches or ()}
    found: list[Target] = []
    for operation in reading.operations:
        for each in _of_operation(operation, sums, modules, [each.weight for each in found]):
            names[each.name] += 1
            count = names[each.name]
            found.append(
                each if count == 1 else dataclasses.replace(each, name=f"{each.name}.{count}")
            )
    return [each for each in found if each.output.step is not None]


def _of_operation(
    operation: Operation,
    sums: Mapping[Node, str | None],
    modules: Mapping[str, str],
    weights: list[str],
) -> Iterator[Target]:
    name = operation.weight or operation.norm
    source = operation.inputs[0] if operation.inputs else None
    if name is not None:
        owner = name.rpartition(".")[0] or name
        usual = "Norm" if operation.norm else "Embed" if operation.is_embedding else "Linear"
        kind = modules.get(owner, usual)
        yield Target(owner, kind, _with_bias(operation), source, name)
    elif operation.activation is not None:
        before = next((each for each in reversed(weights) if each), "")
        owner = before.rpartition(".")[0] or before
        kind = operation.activation.name
        yield Target(f"{owner}:{kind}", kind, operation, operation.source, activation=kind)
    elif operation in sums:
        yield Target(_block(sums[operation]), "block", operation, source)


def _with_bias(operation: Operation) -> Operation:
    """Return what adds the bias of a layer to its product, or the product."""
    users = [each for each in operation.users if isinstance(each, Operation)]
    has_bias = len(users) == 1 and users[0].bias is not None
    return users[0] if has_bias else operation


def _block(weight: str | None) -> str:
    """Return the path of a weight up to the number of its layer."""
    found = re.match(r"(.*?\d+)(\.|$)", weight or "")
    return found[1] if found else "blocks.sum"
