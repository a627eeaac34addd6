"""Drawing: the tensors of a plan into arrays, in one call of the native code."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

from fastinit import arrays, documents, native
from fastinit.boxes import Index, part, whole
from fastinit.outputs import Output
from fastinit.planned import Planned
from fastinit.requests import requests_of


def new(tensors: Iterable[Planned], device: Any) -> dict[str, Any]:
    """See ``Plan.init``."""
    outputs = [
        (each, arrays.destination(each.parameter.shape, each.dtype, None, device))
        for each in tensors
    ]
    _fill(outputs)
    return {each.parameter.name: output.finish() for each, output in outputs}


def into(given: Iterable[tuple[Planned, str, Any]]) -> None:
    """See ``Plan.init_into``; each tensor with its name there and its array."""
    outputs: dict[int, tuple[Planned, Output]] = {}
    for each, name, array in given:
        with documents.located(repr(name)):
            output = arrays.destination(each.parameter.shape, each.dtype, array, "cpu")
        if each.parameter.elements:
            known, _ = outputs.setdefault(output.address, (each, output))
            if known is not each:
                raise ValueError(f"{name!r} shares memory with {known.parameter.name!r}")
    _check_apart(outputs)
    _fill(outputs.values())
    for _, output in outputs.values():
        output.finish()


def part_of(each: Planned, index: Index | None, device: Any, out: Any) -> Any:
    """See ``Plan.draw``."""
    shape = each.parameter.shape
    box = whole(shape) if index is None else part(shape, index)
    output = arrays.destination(box.shape, each.dtype, out, device)
    if math.prod(box.shape):
        native.fill(requests_of(each.place(box, output.address)))
    return output.finish()


def _fill(outputs: Iterable[tuple[Planned, Output]]) -> None:
    """Draw whole tensors, in one call."""
    records = [
        record
        for each, output in outputs
        for record in each.place(whole(each.parameter.shape), output.address)
    ]
    if records:
        native.fill(requests_of(records))


def _check_apart(outputs: Mapping[int, tuple[Planned, Output]]) -> None:
    end, last = 0, ""
    for address, (each, _) in sorted(outputs.items()):
        if address < end:
            raise ValueError(f"{each.parameter.name!r} shares memory with {last!r}")
        end, last = address + each.size, each.parameter.name
