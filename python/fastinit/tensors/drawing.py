"""Drawing the tensors of a plan into arrays, in one native call for each device."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from fastinit import json_files
from fastinit.arrays.destination import destination, fill
from fastinit.arrays.outputs import Output
from fastinit.native.box import Index, part, whole
from fastinit.tensors.tensor_plan import TensorPlan

_Target = tuple[TensorPlan, Output]


def draw_new(tensors: Sequence[TensorPlan], device: Any) -> dict[str, Any]:
    """Draw whole tensors into new arrays; see ``Plan.init``."""
    targets: list[_Target] = []
    try:
        for each in tensors:
            output = destination(each.parameter.shape, each.dtype, None, device)
            targets.append((each, output))
    except MemoryError as error:
        fitted = sum(each.size for each, _ in targets)
        targets.clear()  # before anyone who handles the error wants the memory
        size = sum(each.size for each in tensors)
        raise MemoryError(
            f"all {len(tensors)} tensors take {size} bytes, of which {fitted} could be had: {error}"
        ) from None
    _fill(targets)
    return {each.parameter.name: output.finish() for each, output in targets}


def draw_into(given: Iterable[tuple[TensorPlan, str, Any]]) -> None:
    """Draw whole tensors into given arrays, which come with names; see ``Plan.init_into``."""
    targets: list[_Target] = []
    for each, name, array in given:
        with json_files.located(repr(name)):
            output = destination(each.parameter.shape, each.dtype, array, None)
        targets.append((each, output))
    _fill(_once(targets))
    for _, output in targets:
        output.finish()


def draw_part(each: TensorPlan, index: Index | None, device: Any, out: Any) -> Any:
    """Draw a part of a tensor; see ``Plan.draw``."""
    shape = each.parameter.shape
    box = whole(shape) if index is None else part(shape, index)
    output = destination(box.shape, each.dtype, out, device)
    requests = each.requests(box, output.address) if 0 not in box.shape else []
    fill([(output, requests)])
    return output.finish()


def _fill(targets: Iterable[_Target]) -> None:
    fill(
        (output, each.requests(whole(each.parameter.shape), output.address))
        for each, output in targets
    )


def _once(targets: list[_Target]) -> list[_Target]:
    """Return each piece of memory once: tied names share it.

    Raises:
        ValueError: arrays share memory otherwise.
    """
    chosen: list[_Target] = []
    kept = [(each, output) for each, output in targets if each.parameter.elements]
    for each, output in sorted(kept, key=lambda target: (str(target[1].device), target[1].address)):
        if chosen and chosen[-1][1].device == output.device:
            last, before = chosen[-1]
            if before.address == output.address and last is each:
                continue
            if before.address + last.size > output.address:
                raise ValueError(
                    f"the arrays of {last.parameter.name!r} and {each.parameter.name!r} share "
                    "memory; pass arrays of their own"
                )
        chosen.append((each, output))
    return chosen
