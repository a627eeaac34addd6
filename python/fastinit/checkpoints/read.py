"""Checkpoints that are there: the headers of their files, and the plans that those carry."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from fastinit import json_files, safetensors
from fastinit.checkpoints.layout import FORMAT, INDEX, SUFFIX, WHOLE
from fastinit.safetensors import Header

if TYPE_CHECKING:
    from fastinit.plan import Plan


@dataclass(frozen=True)
class Opened:
    """The headers of a checkpoint's files, and what does not fit together."""

    files: tuple[Header, ...]
    problems: tuple[str, ...]

    @property
    def is_part(self) -> bool:
        """Whether it is known that there are more files than these."""
        total = self.files[0].metadata.get("fastinit.part", "1 of 1").rpartition(" ")[2]
        return total != str(len(self.files))


def opened(path: Path) -> Opened:
    """The checkpoint at a path: a file, an index or a folder.

    Raises:
        FileNotFoundError: there is none, or a file is missing.
        OSError: a file cannot be read.
        ValueError: a file is no whole safetensors file, or the index is none.
    """
    if path.is_dir():
        path = _inside(path)
    if path.suffix != ".json":
        return Opened((safetensors.read(path),), ())
    with json_files.located(str(path)):
        index = json_files.mapping(json_files.parse(path.read_bytes()))
        places = json_files.mapping(index.get("weight_map"))
    files = tuple(
        safetensors.read(path.parent / str(file)) for file in dict.fromkeys(places.values())
    )
    found = {each.name: header.path.name for header in files for each in header.entries}
    problems = [
        f"{path.name} says that {name!r} is in {file}, where it is not"
        for name, file in places.items()
        if found.get(name) != file
    ]
    problems += [f"{path.name} lacks {name!r}" for name in found.keys() - places.keys()]
    if not files:
        raise ValueError(f"{path}: weight_map names no files")
    return Opened(files, tuple(problems))


def _inside(folder: Path) -> Path:
    for name in (WHOLE, INDEX):  # as transformers looks for them
        if (folder / name).is_file():
            return folder / name
    hint = (
        "" if not any(folder.glob(f"*{SUFFIX}")) else "; an interrupted run goes on with --resume"
    )
    raise FileNotFoundError(f"the folder {folder} holds no {WHOLE} and no {INDEX}{hint}")


def plan_in(header: Header) -> Plan | None:
    """The plan that a file carries, or None.

    Raises:
        ValueError: it cannot be read, or is of another version.
    """
    text = header.metadata.get("fastinit.plan")
    if text is None:
        return None
    with json_files.located(str(header.path)):
        if (found := header.metadata.get("fastinit.format")) != str(FORMAT):
            raise ValueError(
                f"the metadata has format {found!r}, this fastinit reads {FORMAT}; use the version "
                "of fastinit that made the file"
            )
        return _plan(text)


@functools.lru_cache(maxsize=2)
def _plan(text: str) -> Plan:
    from fastinit.plan import Plan

    return Plan.from_dict(json_files.parse(text))
