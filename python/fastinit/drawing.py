"""Drawing: the tensors of a plan into arrays, in one call of the native code for each device."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from fastinit import arrays, json_files
from fastinit.boxes import Index, part, whole
from fastinit.outputs import Output
from fastinit.planned import Planned

_Target = tuple[Planned, Output]


def new(tensors: Sequence[Planned], device: Any) -> dict[str, Any]:
    """See ``Plan.init``."""
    targets: list[_Target] = []
    try:
        for each in tensors:
            output = arrays.destination(each.parameter.shape, each.dtype, None, device)
            targets.append((each, output))
    except MemoryError as error:
        fitted = sum(each.size for each, _ in targets)
        targets.clear()  # before anyone who handles the error wants the memory
        size = sum(each.size for each in tensors)
        raise MemoryError(
            f"all {len(tensors)} tensors take {size} bytes, of which {fitted} were there: {error}"
        ) from None
    _fill(targets)
    return {each.parameter.name: output.finish() for each, output in targets}


def into(given: Iterable[tuple[Planned, str, Any]]) -> None:
    """See ``Plan.init_into``; each tensor with its name there and its array."""
    targets: list[_Target] = []
    for each, name, array in given:
        with json_files.located(repr(name)):
            output = arrays.destination(each.parameter.shape, each.dtype, array, None)
        targets.append((each, output))
    _fill(_once(targets))
    for _, output in targets:
        output.finish()


def part_of(each: Planned, index: Index | None, device: Any, out: Any) -> Any:
    """See ``Plan.draw``."""
    shape = each.parameter.shape
    box = whole(shape) if index is None else part(shape, index)
    output = arrays.destination(box.shape, each.dtype, out, device)
    records = each.place(box, output.address) if 0 not in box.shape else []
    arrays.fill([(output, records)])
    return output.finish()


def _fill(targets: Iterable[_Target]) -> None:
    """Draw whole tensors."""
    arrays.fill(
        (output, each.place(whole(each.parameter.shape), output.address))
        for each, output in targets
    )


def _once(targets: list[_Target]) -> list[_Target]:
    """Each piece of memory once: tied names share it.

    Raises:
        ValueError: memory that is shared otherwise.
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
