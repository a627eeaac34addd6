"""Verification: what a checkpoint holds, compared bit by bit with what its plan draws."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from fastinit import json_files
from fastinit.checkpoints import layout
from fastinit.checkpoints.batches import Batch, Digests, checked_device, draw_batches
from fastinit.checkpoints.mismatch import Mismatch, Raw, between, combined, mismatch
from fastinit.checkpoints.pipeline import Bytes, Progress
from fastinit.checkpoints.plan import Plan
from fastinit.checkpoints.read import Reader, open_checkpoint, part_of
from fastinit.recipes.patterns.pattern import Pattern, pattern_of
from fastinit.safetensors import Entry, Header, dtype_name
from fastinit.tables import Table, plural
from fastinit.tensors.tensor_plan import TensorPlan

DRAWN, DIFFERS, MISSING, UNKNOWN = "as drawn", "differs", "missing", "unknown"
STATUSES = (DRAWN, DIFFERS, MISSING, UNKNOWN)
VERIFIED, FOREIGN, HEADER_CHANGED = "verified", "foreign", "header changed"
_NO_PLAN = "the file carries no plan"
_UNREADABLE = "the plan in the header cannot be read"
_OTHER_PLAN = "the plan in the header is not the one that was written"


@dataclass(frozen=True, slots=True)
class Checked:
    """The result for one tensor.

    ``status`` is "as drawn" (every bit), "differs" (``mismatch`` has the first place: ``left`` is
    what the plan draws, ``right`` what the file holds; or ``reason`` says that the dtype or shape
    differs), "missing" (the plan has it, no file does) or "unknown" (no plan says what it should
    be).
    """

    name: str
    file: str | None
    status: str
    reason: str | None = None
    mismatch: Mismatch | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return plain data."""
        place = None if self.mismatch is None else self.mismatch.to_dict()
        fields = {"name": self.name, "file": self.file, "status": self.status}
        return {**fields, "reason": self.reason, "mismatch": place}


@dataclass(frozen=True)
class Verification:
    """The result for a checkpoint: its ``tensors``, and ``problems`` that concern whole files.

    ``changed_headers`` names the files whose header, but not their tensors, was changed after
    fastinit wrote it, or in whose header the plan was.
    """

    path: Path
    tensors: tuple[Checked, ...]
    problems: tuple[str, ...]
    changed_headers: tuple[str, ...] = ()

    @property
    def ok(self) -> bool:
        """Whether all tensors are there as drawn, and nothing else is wrong."""
        return not self.problems and all(each.status == DRAWN for each in self.tensors)

    @property
    def verdict(self) -> str:
        """The result in one word.

        "verified" if all is as drawn; "foreign" if no file carries a plan, so that fastinit did not
        write them; "header changed" if nothing else was; else "differs".
        """
        if self.ok:
            return VERIFIED
        if self.tensors and all(each.reason == _NO_PLAN for each in self.tensors):
            return FOREIGN
        differ = {each.file for each in self.tensors if each.status != DRAWN}
        is_header = self.changed_headers and differ <= set(self.changed_headers)
        return HEADER_CHANGED if is_header else DIFFERS

    @property
    def counts(self) -> dict[str, int]:
        """The number of tensors with each status."""
        found = Counter(each.status for each in self.tensors)
        return {status: found[status] for status in STATUSES}

    def __repr__(self) -> str:
        counts = [f"{count:,} {status}" for status, count in self.counts.items() if count]
        problems = [plural(len(self.problems), "problem")] if self.problems else []
        return f"Verification({', '.join(['ok' if self.ok else 'not ok', *counts, *problems])})"

    def _repr_html_(self) -> str:
        found = [("", "problem", each) for each in self.problems]
        found += [
            (each.name, each.status, each.reason or _text(each.mismatch))
            for each in self.tensors
            if each.status != DRAWN
        ]
        return Table(("tensor", "status", "what is wrong"), found).html(f"{self!r} {self.path}")

    def to_dict(self) -> dict[str, Any]:
        """Return plain data."""
        return {
            "path": str(self.path),
            "ok": self.ok,
            "verdict": self.verdict,
            "counts": self.counts,
            "problems": list(self.problems),
            "tensors": [each.to_dict() for each in self.tensors],
        }


def _text(mismatch: Mismatch | None) -> str:
    if mismatch is None:
        return ""
    return (
        f"element {list(mismatch.index)} should be {mismatch.left} and is {mismatch.right}; "
        f"{plural(mismatch.count, 'element')} in all"
    )


def compare(
    path: Path,
    plan_of: Callable[[Header], Plan | None],
    own: bool,
    device: Any,
    progress: Progress | None,
) -> Verification:
    """Draw again what the files of a checkpoint should hold, and compare every bit.

    Args:
        path: A ``.safetensors`` file, an index, or a folder that holds one of them.
        plan_of: Gives the plan of a file, or None if it has none.
        own: Whether these are the plans that the files carry.
        device: What draws: "cpu" (None), "cuda" or "cuda:1".
        progress: Called with a number of bytes, each time that many more are compared.
    """
    device = checked_device(device)
    checkpoint = open_checkpoint(path)
    files = checkpoint.files
    problems = checkpoint.misplaced + checkpoint.unlisted
    changed = [header.path.name for header in files if own and not _has_its_plan(header)]
    problems += [f"{name}: {_OTHER_PLAN}" for name in changed]
    plans = [_plan(header, plan_of, header.path.name in changed) for header in files]
    patterns = [_only(header) if own else None for header in files]
    if own and len({header.metadata.get("fastinit.plan") for header in files}) > 1:
        problems.append("the files carry different plans: they are of different checkpoints")
    tensors: list[Checked] = []
    for header, its, only in zip(files, plans, patterns, strict=True):
        checked, wrong = _file(header, its, own, only, device, progress or (lambda _: None))
        if wrong and all(each.status == DRAWN for each in checked):
            changed.append(header.path.name)
        tensors += checked
        problems += wrong
    if part_of(files[0])[1] == len(files):  # all files are there, so that tensors can be missing
        names = {each.name for each in tensors}
        for its, only in dict.fromkeys(zip(plans, patterns, strict=True)):
            with json_files.located(f"{path}: fastinit.only"):
                wanted = [] if its is None else its.select(only)
            tensors += [
                Checked(each.parameter.name, None, MISSING, "no file has it")
                for each in wanted
                if each.parameter.name not in names
            ]
    return Verification(path, tuple(tensors), tuple(dict.fromkeys(problems)), tuple(changed))


def _has_its_plan(header: Header) -> bool:
    """Return whether the plan of a file, if there is one, is that of which the digest is stored."""
    text = header.metadata.get("fastinit.plan")
    return text is None or layout.plan_digest(text) == header.metadata.get("fastinit.plan_digest")


def _plan(
    header: Header, plan_of: Callable[[Header], Plan | None], is_changed: bool
) -> Plan | None:
    """Return the plan of a file, or None if it has none or was changed into something else.

    Raises:
        ValueError: It is as it was written, but cannot be read here.
    """
    try:
        return plan_of(header)
    except ValueError:
        if not is_changed:
            raise
        return None


def _only(header: Header) -> Pattern | None:
    """Return the pattern of the tensors that a file and those beside it were to hold."""
    text = header.metadata.get("fastinit.only")
    if text is None:
        return None
    with json_files.located(f"{header.path}: fastinit.only"):
        return pattern_of(json_files.parse(text))


def _file(
    header: Header,
    plan: Plan | None,
    own: bool,
    only: Pattern | None,
    device: str,
    progress: Progress,
) -> tuple[list[Checked], list[str]]:
    """Return the result for each tensor of a file, and what is wrong with its header.

    ``own`` says whether the file carries the plan itself, and ``only`` which of its tensors.
    """
    if plan is None:
        reason = _UNREADABLE if "fastinit.plan" in header.metadata else _NO_PLAN
        return [Checked(e.name, header.path.name, UNKNOWN, reason) for e in header.entries], []
    checked: dict[str, Checked] = {}
    known: list[TensorPlan] = []
    entries: dict[str, Entry] = {}
    for each in header.entries:
        tensor_plan, result = _expected(each, plan, header.path.name)
        checked[each.name] = result
        if tensor_plan is not None:
            known.append(tensor_plan)
            entries[each.name] = each
    metadata = {}
    if own:  # the plan's own JSON, which another version of fastinit may have written differently
        metadata = layout.metadata_of(header.metadata["fastinit.plan"], only)
    shard = layout.shard(header.path, known, metadata, *part_of(header))
    differ, digests = _differences(header, shard.tensors, entries, device, progress)
    for name, raw in differ.items():
        place = mismatch(entries[name], raw)
        checked[name] = replace(checked[name], status=DIFFERS, mismatch=place)
    wrong = []
    if own and len(known) == len(header.entries):
        wrong = _header_problems(header, shard.header(digests), digests)
    return list(checked.values()), wrong


def _expected(entry: Entry, plan: Plan, file: str) -> tuple[TensorPlan | None, Checked]:
    """Return what the plan draws for a tensor of a file, if they can be compared."""
    tensor = plan.find(entry.name)
    if tensor is None:
        return None, Checked(entry.name, file, UNKNOWN, "the plan has no such tensor")
    wanted = dtype_name(tensor.dtype), tensor.parameter.shape
    if (entry.dtype, entry.shape) != wanted:
        reason = f"it is {entry.dtype} {list(entry.shape)}, the plan's {wanted[0]} {[*wanted[1]]}"
        return None, Checked(entry.name, file, DIFFERS, reason)
    named = replace(tensor, parameter=replace(tensor.parameter, name=entry.name))  # it may be tied
    return named, Checked(entry.name, file, DRAWN)


def _differences(
    header: Header,
    tensors: tuple[TensorPlan, ...],
    entries: dict[str, Entry],
    device: str,
    progress: Progress,
) -> tuple[dict[str, Raw], dict[str, str]]:
    """Return where the file differs from what is drawn, and the digests of the latter, by name."""
    digests = Digests(tensors)
    differ: dict[str, Raw] = {}
    with closing(Reader(header.path)) as reader:

        def compare(batch: Batch, values: Bytes) -> tuple[list[bytes], list[Raw | None]]:
            found = []
            for piece in batch.pieces:
                item = piece.tensor.dtype.itemsize
                begin = entries[piece.tensor.parameter.name].begin + piece.start * item
                there = reader.read(begin, piece.count * item)
                drawn = values[piece.position : piece.end]
                found.append(between(drawn, there, item, piece.start))
            return Digests.of_pieces(batch, values), found

        def add(batch: Batch, result: tuple[list[bytes], list[Raw | None]]) -> None:
            digests.add(batch, result[0])
            for piece, raw in zip(batch.pieces, result[1], strict=True):
                name = piece.tensor.parameter.name
                if (total := combined(differ.get(name), raw)) is not None:
                    differ[name] = total
            progress(batch.size)

        draw_batches(tensors, compare, add, device)
    return differ, digests.of_drawn()


def _header_problems(header: Header, expected: bytes, digests: dict[str, str]) -> list[str]:
    """Return what is wrong with a header, given the one that fastinit would write."""
    if header.content == expected:
        return []
    stored = header.digests or {}
    wrong = [name for name, digest in digests.items() if stored.get(name) != digest]
    if wrong:
        return [
            f"{header.path.name}: the stored digest of {name!r} is not that of what is drawn"
            for name in wrong
        ]
    pairs = enumerate(zip(header.content, expected, strict=False))
    at = next((k for k, (a, b) in pairs if a != b), min(len(header.content), len(expected)))
    return [f"{header.path.name}: the header is not as fastinit writes it, from byte {at} on"]
