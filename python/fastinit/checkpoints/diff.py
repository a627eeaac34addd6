"""Comparison of two checkpoints from any source, bit by bit."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fastinit import checks
from fastinit.checkpoints.mismatch import Mismatch, Raw, between, combined, mismatch
from fastinit.checkpoints.pipeline import BUFFER, Bytes, Progress, run
from fastinit.checkpoints.read import Reader, open_checkpoint
from fastinit.safetensors import Checkpoint, Entry, dtype_of
from fastinit.tables import Table, plural


@dataclass(frozen=True, slots=True)
class Pair:
    """A tensor that is not the same in two checkpoints.

    ``reason`` says how it differs; ``mismatch`` has the first place, if both checkpoints have the
    tensor with the same dtype and shape.
    """

    name: str
    reason: str
    mismatch: Mismatch | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return plain data."""
        place = None if self.mismatch is None else self.mismatch.to_dict()
        return {"name": self.name, "reason": self.reason, "mismatch": place}


@dataclass(frozen=True)
class Comparison:
    """The ``differences`` between two checkpoints, and the number of tensors that are ``equal``."""

    left: Path
    right: Path
    equal: int
    differences: tuple[Pair, ...]

    @property
    def ok(self) -> bool:
        """Whether both hold the same tensors, bit by bit."""
        return not self.differences

    def __repr__(self) -> str:
        state = "ok" if self.ok else f"not ok, {plural(len(self.differences), 'difference')}"
        return f"Comparison({state}, {self.equal:,} equal)"

    def _repr_html_(self) -> str:
        rows = [
            (each.name, each.reason, "" if each.mismatch is None else _first(each.mismatch))
            for each in self.differences
        ]
        table = Table(("tensor", "how it differs", "first place"), rows)
        return table.html(f"{self!r} {self.left}, {self.right}")

    def to_dict(self) -> dict[str, Any]:
        """Return plain data."""
        return {
            "left": str(self.left),
            "right": str(self.right),
            "ok": self.ok,
            "equal": self.equal,
            "differences": [each.to_dict() for each in self.differences],
        }


def _first(mismatch: Mismatch) -> str:
    return f"element {list(mismatch.index)}: {mismatch.left} and {mismatch.right}"


_Places = dict[str, tuple[Entry, Reader]]  # by the name of the tensor


def diff(
    left: str | os.PathLike[str],
    right: str | os.PathLike[str],
    *,
    progress: Progress | None = None,
) -> Comparison:
    """Compare two checkpoints from any source, tensor by tensor and bit by bit.

    Args:
        left: The first: a ``.safetensors`` file, an index, or a folder that holds one of them.
        right: The second.
        progress: Called with a number of bytes, each time that many more are compared.

    Returns:
        ``ok``, how many tensors are ``equal``, and the ``differences``.

    Raises:
        OSError: A file is missing or cannot be read.
        ValueError: A file is not a whole safetensors file, or has a dtype that is not known; or a
            folder holds a file and an index that contradict each other.

    Example:
        >>> import fastinit, tempfile
        >>> model = fastinit.Manifest.from_shapes({"ln_f.weight": 3, "wte.weight": (2, 2)})
        >>> with tempfile.TemporaryDirectory() as one, tempfile.TemporaryDirectory() as other:
        ...     _ = fastinit.Plan(model, "gpt2", seed=0).save(one)
        ...     _ = fastinit.Plan(model, "gpt2", seed=1).save(other)
        ...     [each.name for each in fastinit.diff(one, other).differences]
        ['wte.weight']
    """
    left, right = checks.path(left, "left"), checks.path(right, "right")
    ours, theirs = open_checkpoint(left), open_checkpoint(right)
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


def _places(checkpoint: Checkpoint, stack: ExitStack) -> _Places:
    places: _Places = {}
    for header in checkpoint.files:
        reader = stack.enter_context(closing(Reader(header.path)))
        places |= {each.name: (each, reader) for each in header.entries}
    return places


def _reasons(a: _Places, b: _Places) -> dict[str, str]:
    """Return why tensors cannot be compared, by name."""
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
            item = dtype_of(entry.dtype).itemsize
            for start in range(0, entry.size, BUFFER):
                yield name, item, start, min(BUFFER, entry.size - start)

    def compare(piece: tuple[str, int, int, int], buffer: Bytes) -> Raw | None:
        name, item, start, size = piece
        (left, ours), (right, theirs) = a[name], b[name]
        first = ours.read(left.begin + start, size, buffer)
        return between(first, theirs.read(right.begin + start, size), item, start // item)

    def add(piece: tuple[str, int, int, int], raw: Raw | None) -> None:
        if (total := combined(differ.get(piece[0]), raw)) is not None:
            differ[piece[0]] = total
        progress(piece[3])

    run(pieces(), compare, add)
    return differ
