"""Differences between two checkpoints, whoever wrote them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fastinit.checkpoints.mismatch import Mismatch, Raw, Reader, added, between, mismatch
from fastinit.checkpoints.pipeline import BUFFER, Bytes, run
from fastinit.checkpoints.read import Opened, opened
from fastinit.dtypes import dtype_of_safetensors
from fastinit.safetensors import Entry

Progress = Callable[[int], None]


@dataclass(frozen=True, slots=True)
class Pair:
    """A tensor of two checkpoints that is not the same in both.

    ``reason`` says how; ``mismatch`` where first, if both have it with one dtype and shape.
    """

    name: str
    reason: str
    mismatch: Mismatch | None = None

    def to_dict(self) -> dict[str, Any]:
        """Plain data."""
        place = None if self.mismatch is None else self.mismatch.to_dict()
        return {"name": self.name, "reason": self.reason, "mismatch": place}


@dataclass(frozen=True)
class Comparison:
    """``differences`` between two checkpoints, and how many tensors are ``equal``."""

    left: Path
    right: Path
    equal: int
    differences: tuple[Pair, ...]

    @property
    def ok(self) -> bool:
        """Whether both hold the same tensors, bit by bit."""
        return not self.differences

    def to_dict(self) -> dict[str, Any]:
        """Plain data."""
        return {
            "left": str(self.left),
            "right": str(self.right),
            "ok": self.ok,
            "equal": self.equal,
            "differences": [each.to_dict() for each in self.differences],
        }


_Places = dict[str, tuple[Entry, Reader]]


def diff(left: Path, right: Path, progress: Progress | None) -> Comparison:
    """See ``fastinit.diff``."""
    ours, theirs = opened(left), opened(right)
    with ExitStack() as stack:
        a, b = _places(ours, stack), _places(theirs, stack)
        reasons = _reasons(a, b)
        same = [name for name in a if name in b and name not in reasons]
        differ = _compare(same, a, b, progress or (lambda _: None))
    pairs = [Pair(name, reason) for name, reason in reasons.items()]
    pairs += [
        Pair(name, f"{raw[3]} of its elements differ", mismatch(a[name][0], raw))
        for name, raw in differ.items()
    ]
    order = {name: k for k, name in enumerate((*a, *b))}
    pairs.sort(key=lambda pair: order[pair.name])
    return Comparison(left, right, len(same) - len(differ), tuple(pairs))


def _places(checkpoint: Opened, stack: ExitStack) -> _Places:
    places: _Places = {}
    for header in checkpoint.files:
        reader = stack.enter_context(closing(Reader(header)))
        places |= {each.name: (each, reader) for each in header.entries}
    return places


def _reasons(a: _Places, b: _Places) -> dict[str, str]:
    """Why tensors cannot be compared."""
    reasons = {name: "only the first has it" for name in a if name not in b}
    reasons |= {name: "only the second has it" for name in b if name not in a}
    for name in a:
        if name in b and (a[name][0].dtype, a[name][0].shape) != (
            b[name][0].dtype,
            b[name][0].shape,
        ):
            shown = [f"{e.dtype} {list(e.shape)}" for e in (a[name][0], b[name][0])]
            reasons[name] = f"{shown[0]} in the first, {shown[1]} in the second"
    return reasons


def _compare(names: list[str], a: _Places, b: _Places, progress: Progress) -> dict[str, Raw]:
    differ: dict[str, Raw] = {}

    def pieces() -> Iterator[tuple[str, int, int, int]]:
        for name in names:
            entry = a[name][0]
            item = dtype_of_safetensors(entry.dtype).itemsize
            for start in range(0, entry.end - entry.begin, BUFFER):
                yield name, item, start, min(BUFFER, entry.end - entry.begin - start)

    def compare(piece: tuple[str, int, int, int], buffer: Bytes) -> Raw | None:
        name, item, start, size = piece
        (left, ours), (right, theirs) = a[name], b[name]
        first = ours.read(left.begin + start, size, buffer)
        return between(first, theirs.read(right.begin + start, size), item, start // item)

    def add(piece: tuple[str, int, int, int], raw: Raw | None) -> None:
        if (all_ := added(differ.get(piece[0]), raw)) is not None:
            differ[piece[0]] = all_
        progress(piece[3])

    run(pieces(), compare, add)
    return differ
