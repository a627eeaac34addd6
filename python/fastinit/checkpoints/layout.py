"""The layout of a checkpoint: which tensor is where in which file, and what else a folder holds."""

from __future__ import annotations

import functools
import hashlib
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fastinit import json_files, safetensors
from fastinit.checkpoints import values
from fastinit.checkpoints.plan import Plan
from fastinit.checks import type_of
from fastinit.recipes.patterns.pattern import pattern_of, plain
from fastinit.safetensors import CONFIG, DIGESTS, INDEX, PAGE, SUFFIX, WHOLE
from fastinit.streams import STREAM_VERSION
from fastinit.tensors.tensor_plan import TensorPlan

_OTHER_FORMATS = frozenset(
    (".bin", ".ckpt", ".gguf", ".h5", ".keras", ".msgpack", ".npy", ".npz", ".pkl", ".pt", ".pth")
)
FORMAT = 1  # of the metadata; raised when a field changes its meaning or goes away
_UNITS = {"B": 1} | {
    prefix + unit: base**power
    for power, prefix in enumerate("KMGT", start=1)
    for unit, base in (("B", 1000), ("iB", 1024))
}
_SIZE = re.compile(rf"(\d+(?:\.\d+)?)\s*({'|'.join(_UNITS)})", re.IGNORECASE)


@dataclass(frozen=True)
class Shard:
    """A file to be written: its tensors in order, and its metadata without their digests."""

    path: Path
    tensors: tuple[TensorPlan, ...]
    metadata: Mapping[str, str]

    def header(self, digests: Mapping[str, str]) -> bytes:
        """Return the bytes before the first tensor; their number does not depend on the digests."""
        in_order = {each.parameter.name: digests[each.parameter.name] for each in self.tensors}
        return safetensors.header_bytes(
            (
                (
                    each.parameter.name,
                    safetensors.dtype_name(each.dtype),
                    each.parameter.shape,
                    each.size,
                )
                for each in self.tensors
            ),
            {**self.metadata, DIGESTS: json_files.compact(in_order)},
        )

    @functools.cached_property
    def origin(self) -> int:
        """The position of the first tensor."""
        return len(self.header(dict.fromkeys((t.parameter.name for t in self.tensors), "0" * 64)))

    @property
    def size(self) -> int:
        """The number of bytes of the file."""
        return self.origin + self.data_size

    @property
    def data_size(self) -> int:
        """The number of bytes of its tensors."""
        return sum(each.size for each in self.tensors)


@dataclass(frozen=True)
class Layout:
    """The files of a checkpoint.

    ``beside`` has the content of config and stored values, by path; ``index`` is written last.
    """

    path: Path
    shards: tuple[Shard, ...]
    beside: Mapping[Path, bytes]
    index: tuple[Path, bytes] | None

    @property
    def is_folder(self) -> bool:
        """Whether the path is that of a folder."""
        return self.path.suffix != SUFFIX

    @property
    def folder(self) -> Path:
        """The folder that the files are in."""
        return self.path if self.is_folder else self.path.parent

    def is_stored(self, name: str) -> bool:
        """Return whether a file is one of stored values, of this plan or one in its place."""
        return values.is_stored(name, Path(WHOLE if self.is_folder else self.path.name).stem)

    def old_values(self) -> list[Path]:
        """Return the files of stored values of plans that were in the place of this one."""
        return [
            each
            for each in self.folder.iterdir()
            if self.is_stored(each.name) and each not in self.beside
        ]


def layout(plan: Plan, path: Path, max_shard_size: int | str, only: Any) -> Layout:
    """Lay out the tensors of a plan; see ``Plan.save``.

    Raises:
        TypeError: A size or pattern is of the wrong type.
        ValueError: A size is not understood, ``only`` matches nothing, or the suffix of the path is
            that of another format.
    """
    if path.suffix.lower() in _OTHER_FORMATS:
        raise ValueError(
            f"{path} has the suffix of another format; write a file that ends in {SUFFIX}, which "
            "torch, JAX and TensorFlow programs load with the package safetensors, or a folder"
        )
    tensors = plan.select(only)
    most = size_of(max_shard_size)
    folder = path.parent if path.suffix == SUFFIX else path
    name = path.name if path.suffix == SUFFIX else WHOLE
    data, beside = values.separate(plan.to_dict(), folder, Path(name).stem)
    metadata = metadata_of(json_files.compact(data), only)
    config = plan.manifest.config
    index = None
    if path.suffix == SUFFIX:
        shards = [shard(path, tensors, metadata, 1, 1)]
        config = config if path.name == WHOLE else None  # no loader looks beside other names
    else:
        groups = _split(tensors, most)
        paths = [path / each for each in safetensors.file_names(len(groups))]
        shards = [
            shard(path, group, metadata, k, len(groups))
            for k, (path, group) in enumerate(zip(paths, groups, strict=True), start=1)
        ]
        if len(shards) > 1:
            index = (path / INDEX, _index(shards))
    if config is not None:
        beside[folder / CONFIG] = json_files.indented(config)
    return Layout(path, tuple(shards), beside, index)


def shard(
    path: Path, tensors: Sequence[TensorPlan], metadata: Mapping[str, str], number: int, of: int
) -> Shard:
    """Lay out the file with this number, out of ``of`` files, and these tensors.

    Tensors of whole pages come first, each on pages of its own, so that they can be read and
    written past the system's cache; then wide dtypes before narrow ones, so that all items are
    aligned.
    """
    key = lambda each: (each.size % PAGE != 0, -each.dtype.itemsize)  # noqa: E731
    part = {"fastinit.part": f"{number} of {of}"}
    return Shard(path, tuple(sorted(tensors, key=key)), {**metadata, **part})


def metadata_of(plan: str, only: Any) -> dict[str, str]:
    """Return the metadata that all files of a plan, given as JSON, have, without the digests."""
    return {
        "format": "pt",  # the framework of the weights, for transformers
        "fastinit.format": str(FORMAT),
        "fastinit.stream_version": str(STREAM_VERSION),
        "fastinit.plan": plan,
        "fastinit.plan_digest": plan_digest(plan),  # against accidents
    } | ({} if only is None else {"fastinit.only": json_files.compact(plain(pattern_of(only)))})


def plan_digest(plan: str) -> str:
    """Return the digest of a plan, given as JSON."""
    return hashlib.sha256(plan.encode()).hexdigest()


def size_of(given: int | str) -> int:
    """Return the bytes of a size: a number, or "5GB" (10**9), "5GiB" (2**30) and the like.

    Raises:
        TypeError: It is neither a string nor an integer.
        ValueError: It is not understood, or below 1.
    """
    allowed = 'pass a number of bytes, or a size such as "5GB", "500MB" or "2GiB"'
    if isinstance(given, bool) or not isinstance(given, (int, str)):
        raise TypeError(f"max_shard_size={given!r} is {type_of(given)}; {allowed}")
    size = given if isinstance(given, int) else int(given) if given.isdecimal() else None
    if size is None:
        found = _SIZE.fullmatch(str(given).strip())
        if found is None:
            raise ValueError(f"max_shard_size={given!r} is not understood; {allowed}")
        units = {name.upper(): factor for name, factor in _UNITS.items()}
        size = math.floor(float(found[1]) * units[found[2].upper()])
    if size < 1:
        raise ValueError(f"max_shard_size={given!r} is below one byte; {allowed}")
    return size


def _split(tensors: Sequence[TensorPlan], most: int) -> list[list[TensorPlan]]:
    """Group neighbors of at most ``most`` bytes; a tensor that is larger has a group of its own."""
    groups: list[list[TensorPlan]] = []
    size = most + 1
    for each in tensors:
        if size + each.size > most:
            groups.append([])
            size = 0
        groups[-1].append(each)
        size += each.size
    return groups


def _index(shards: Sequence[Shard]) -> bytes:
    places = {each.parameter.name: shard.path.name for shard in shards for each in shard.tensors}
    totals = {
        "total_parameters": sum(each.parameter.elements for s in shards for each in s.tensors),
        "total_size": sum(each.data_size for each in shards),
    }
    return safetensors.index_bytes(places, totals)
