"""Proof: what a checkpoint holds, against what its plan draws, bit by bit."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fastinit import json_files
from fastinit.checkpoints import layout
from fastinit.checkpoints.batches import Batch, Digests, draw
from fastinit.checkpoints.mismatch import Mismatch, Raw, Reader, added, between, mismatch
from fastinit.checkpoints.pipeline import Bytes
from fastinit.checkpoints.read import opened, plan_in
from fastinit.dtypes import safetensors_name
from fastinit.safetensors import Entry, Header

if TYPE_CHECKING:
    from fastinit.plan import Plan
    from fastinit.planned import Planned

DRAWN, DIFFERS, MISSING, UNKNOWN = "as drawn", "differs", "missing", "unknown"
STATUSES = (DRAWN, DIFFERS, MISSING, UNKNOWN)

Progress = Callable[[int], None]


@dataclass(frozen=True, slots=True)
class Checked:
    """What was found of one tensor.

    ``status`` is "as drawn" (every bit), "differs" (``mismatch`` says where first: ``left`` is what
    the plan draws, ``right`` what the file holds; or ``reason`` that dtype or shape do), "missing"
    (the plan has it, no file does) or "unknown" (no plan says what it should be).
    """

    name: str
    file: str | None
    status: str
    reason: str | None = None
    mismatch: Mismatch | None = None

    def to_dict(self) -> dict[str, Any]:
        """Plain data."""
        place = None if self.mismatch is None else self.mismatch.to_dict()
        fields = {"name": self.name, "file": self.file, "status": self.status}
        return {**fields, "reason": self.reason, "mismatch": place}


@dataclass(frozen=True)
class Verification:
    """What was found in a checkpoint: its ``tensors``, and ``problems`` of whole files."""

    path: Path
    tensors: tuple[Checked, ...]
    problems: tuple[str, ...]

    @property
    def ok(self) -> bool:
        """Whether all tensors are there as drawn and nothing else is wrong."""
        return not self.problems and all(each.status == DRAWN for each in self.tensors)

    @property
    def counts(self) -> dict[str, int]:
        """How many tensors have each status."""
        found = Counter(each.status for each in self.tensors)
        return {status: found[status] for status in STATUSES}

    def to_dict(self) -> dict[str, Any]:
        """Plain data."""
        return {
            "path": str(self.path),
            "ok": self.ok,
            "counts": self.counts,
            "problems": list(self.problems),
            "tensors": [each.to_dict() for each in self.tensors],
        }


def verify(path: Path, plan: Plan | None, progress: Progress | None) -> Verification:
    """See ``fastinit.verify`` and ``Plan.verify``."""
    found = opened(path)
    problems = list(found.problems)
    plans = [plan or plan_in(header) for header in found.files]
    if len({header.metadata.get("fastinit.plan") for header in found.files}) > 1 and plan is None:
        problems.append("the files carry different plans: they are of different checkpoints")
    tensors: list[Checked] = []
    for header, its in zip(found.files, plans, strict=True):
        tensors += _file(header, its, plan is None, problems, progress or (lambda _: None))
    if not found.is_part:
        names = {each.name for each in tensors}
        for its, only in {
            (its, _only(h)) for h, its in zip(found.files, plans, strict=True) if its
        }:
            wanted = its.select(None if only is None or plan else json_files.parse(only))
            tensors += [
                Checked(each.parameter.name, None, MISSING, "no file has it")
                for each in wanted
                if each.parameter.name not in names
            ]
    return Verification(path, tuple(tensors), tuple(dict.fromkeys(problems)))


def _only(header: Header) -> str | None:
    return header.metadata.get("fastinit.only")


def _file(
    header: Header, plan: Plan | None, own: bool, problems: list[str], progress: Progress
) -> list[Checked]:
    """What one file holds."""
    if plan is None:
        reason = "the file carries no plan"
        return [Checked(e.name, header.path.name, UNKNOWN, reason) for e in header.entries]
    checked: dict[str, Checked] = {}
    known: list[Planned] = []
    entries: dict[str, Entry] = {}
    for each in header.entries:
        planned, result = _expected(each, plan, header.path.name)
        checked[each.name] = result
        if planned is not None:
            known.append(planned)
            entries[each.name] = each
    number, total = _part(header)
    metadata = layout.metadata_of(plan, json_files.parse(_only(header) or "null"))
    shard = layout.shard(header.path, known, metadata, number, total)
    differ, digests = _compare(header, shard.tensors, entries, progress)
    for name, raw in differ.items():
        place = mismatch(entries[name], raw)
        checked[name] = replace(checked[name], status=DIFFERS, mismatch=place)
    if own and len(known) == len(header.entries):
        problems += _header_problems(header, shard.header(digests), digests)
    return list(checked.values())


def _expected(entry: Entry, plan: Plan, file: str) -> tuple[Planned | None, Checked]:
    """What the plan draws for a tensor of a file, if that can be compared."""
    try:
        tensor = plan.tensor(entry.name)
    except ValueError:
        return None, Checked(entry.name, file, UNKNOWN, "the plan has no such tensor")
    wanted = safetensors_name(tensor.dtype), tensor.parameter.shape
    if (entry.dtype, entry.shape) != wanted:
        reason = f"it is {entry.dtype} {list(entry.shape)}, the plan's {wanted[0]} {[*wanted[1]]}"
        return None, Checked(entry.name, file, DIFFERS, reason)
    named = replace(tensor, parameter=replace(tensor.parameter, name=entry.name))  # a tied one
    return named, Checked(entry.name, file, DRAWN)


def _compare(
    header: Header, tensors: tuple[Planned, ...], entries: dict[str, Entry], progress: Progress
) -> tuple[dict[str, Raw], dict[str, str]]:
    """Where the file differs from what is drawn, and the digests of what is drawn, by name."""
    digests = Digests(tensors)
    differ: dict[str, Raw] = {}
    with closing(Reader(header)) as reader:

        def compare(batch: Batch, values: Bytes) -> tuple[list[bytes], list[Raw | None]]:
            found = []
            for piece in batch.pieces:
                item = piece.tensor.dtype.itemsize
                begin = entries[piece.tensor.parameter.name].begin + piece.start * item
                there = reader.read(begin, piece.count * item)
                drawn = values[piece.position : piece.end]
                found.append(between(drawn, there, item, piece.start))
            return Digests.of(batch, values), found

        def add(batch: Batch, result: tuple[list[bytes], list[Raw | None]]) -> None:
            digests.add(batch, result[0])
            for piece, raw in zip(batch.pieces, result[1], strict=True):
                name = piece.tensor.parameter.name
                if (all_ := added(differ.get(name), raw)) is not None:
                    differ[name] = all_
            progress(batch.size)

        draw(tensors, compare, add)
    return differ, digests.result()


def _part(header: Header) -> tuple[int, int]:
    found = re.fullmatch(r"(\d+) of (\d+)", header.metadata.get("fastinit.part", ""))
    return (int(found[1]), int(found[2])) if found else (0, 0)


def _header_problems(header: Header, expected: bytes, digests: dict[str, str]) -> list[str]:
    """What is wrong with a header, given that of a file that holds what is drawn."""
    if header.content == expected:
        return []
    try:
        stored = dict(json.loads(header.metadata["fastinit.digests"]))
    except (ValueError, KeyError, TypeError):
        stored = {}
    wrong = [name for name, digest in digests.items() if stored.get(name) != digest]
    if wrong:
        return [
            f"{header.path.name}: the stored digest of {name!r} is not that of what is drawn"
            for name in wrong
        ]
    pairs = enumerate(zip(header.content, expected, strict=False))
    at = next((k for k, (a, b) in pairs if a != b), min(len(header.content), len(expected)))
    return [f"{header.path.name}: the header is not as fastinit writes it, from byte {at} on"]
