"""The values that a plan stores: in its own text while they are small, else in a file beside it."""

from __future__ import annotations

import base64
import contextlib
import errno
import hashlib
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from fastinit import json_files, regular_files, safetensors
from fastinit.checkpoints.atomic_file import has_content, write_whole
from fastinit.initializers.existing.stored import Stored

if TYPE_CHECKING:
    from numpy.typing import NDArray

SUFFIX = ".values"  # not ".safetensors", which some loaders take for weights
FIELD = "values"  # of the data of a plan: the name of its file of values

_DIGITS = 16  # of the digest of a file of values that its name has
_LONGEST_TEXT = 64 << 10  # characters of base64 that may stand in the text of a plan, in all


def separate(
    data: Mapping[str, Any], folder: Path, stem: str
) -> tuple[dict[str, Any], dict[Path, bytes]]:
    """Return the data of a plan as a file states it, and the file of values, if there is one.

    That is a safetensors file, whose tensors are flat arrays that are named after their digests. It
    is named after its own content, so that files of values of other plans stay until nothing that
    can be read needs them.

    Args:
        data: What ``Plan.to_dict`` returns.
        folder: Of the file of values.
        stem: How its name begins.
    """
    found: dict[str, dict[str, Any]] = {}
    recipe = _without_values(data["recipe"], found)
    if sum(len(each["data"]) for each in found.values()) <= _LONGEST_TEXT:
        return dict(data), {}
    arrays = {name: Stored(each["dtype"], each["data"]).array() for name, each in found.items()}
    content = _content(arrays)
    name = f"{stem}.{hashlib.sha256(content).hexdigest()[:_DIGITS]}{SUFFIX}"
    return {**data, "recipe": recipe, FIELD: name}, {folder / name: content}


def is_stored(name: str, stem: str) -> bool:
    """Return whether the name of a file is one that ``separate`` gives to values."""
    pattern = rf"{re.escape(stem)}\.[0-9a-f]{{{_DIGITS}}}{re.escape(SUFFIX)}"
    return re.fullmatch(pattern, name) is not None


def without_values(data: Any) -> Any:
    """Return plain data without the values that initializers in it store; digests stay."""
    return _without_values(data, {})


def join(data: dict[str, Any], folder: Path) -> dict[str, Any]:
    """Return the whole data of a plan, of which a file in a folder states what ``separate`` left.

    Raises:
        OSError: The file of values is missing or cannot be read.
        ValueError: It is not a safetensors file, or lacks values or holds others.
    """
    if FIELD not in data:
        return data
    rest = dict(data)
    name = rest.pop(FIELD)
    if not isinstance(name, str) or not name or name != Path(name).name:
        raise ValueError(f"{FIELD}={name!r} is not the plain name of a file beside the plan")
    path = folder / name
    if not path.exists():
        raise FileNotFoundError(
            f"{path} is missing: it holds values of the plan beside it; copy it there from where "
            "the plan was written"
        )
    header = safetensors.read_header(path)
    entries = {each.name: each for each in header.entries}
    with regular_files.opened(path) as file, json_files.located(str(path)):
        return {**rest, "recipe": _with_values(rest.get("recipe"), entries, file)}


def write_json(data: Mapping[str, Any], path: Path) -> None:
    """Write the data of a plan, and the file of values if there is one; see ``Plan.write_json``."""
    if path.suffix != ".json":
        raise ValueError(f"{str(path)!r} does not end in .json; pass the path of a JSON file")
    if os.path.lexists(path) and not path.is_file():
        raise OSError(f"{path} is not a regular file; pass the path of a regular file")
    rest, beside = separate(data, path.parent, path.name)
    for each, content in beside.items():
        if os.path.lexists(each) and not has_content(each, content):
            hint = "exists and does not hold the values of this plan; move it, or pass another path"
            raise FileExistsError(errno.EEXIST, f"{each} {hint}")
    old = _values_of(path)
    new = [each for each in beside if not each.exists()]
    try:
        for each, content in (beside | {path: json_files.compact(rest).encode()}).items():
            write_whole(each, content)
    except BaseException:
        kept = _values_of(path)  # an error may follow the renaming
        for each in new:
            if each != kept:
                each.unlink(missing_ok=True)
        raise
    if old is not None and old not in beside:
        old.unlink(missing_ok=True)


def _values_of(path: Path) -> Path | None:
    """Return the file of values that the plan in a JSON file names, if it names one."""
    with contextlib.suppress(FileNotFoundError, ValueError):
        name = str(json_files.mapping(json_files.read(path)).get(FIELD))
        return path.parent / name if is_stored(name, path.name) else None
    return None


def _is_stored(data: Mapping[str, Any]) -> bool:
    return data.get("type") == Stored.__name__


def _without_values(data: Any, found: dict[str, dict[str, Any]]) -> Any:
    """Return data without the values of stored ones; ``found`` gets these, whole, by digest."""
    if isinstance(data, list):
        return [_without_values(each, found) for each in data]
    if not isinstance(data, dict):
        return data
    rest = dict(data)
    if _is_stored(data) and "data" in data:
        found[data["digest"]] = data
        del rest["data"]
    return {key: _without_values(value, found) for key, value in rest.items()}


def _with_values(data: Any, entries: Mapping[str, safetensors.Entry], file: BinaryIO) -> Any:
    if isinstance(data, list):
        return [_with_values(each, entries, file) for each in data]
    if not isinstance(data, dict):
        return data
    if not _is_stored(data) or "data" in data:
        return {key: _with_values(value, entries, file) for key, value in data.items()}
    digest = str(data.get("digest"))
    if digest not in entries:
        raise ValueError(f"it lacks the values with the digest {digest}: it is of another plan")
    file.seek(entries[digest].begin)
    content = file.read(entries[digest].size)
    whole = {**data, "data": base64.b64encode(content).decode()}
    Stored.from_dict(whole)  # whose digest is checked here, where the error can name the file
    return whole


def _content(arrays: Mapping[str, NDArray[Any]]) -> bytes:
    """Return the bytes of the file of values, wide dtypes first, so that all items are aligned."""
    ordered = sorted(arrays.items(), key=lambda each: (-each[1].itemsize, each[0]))
    tensors = (
        (name, safetensors.dtype_name(array.dtype), array.shape, array.nbytes)
        for name, array in ordered
    )
    return safetensors.header_bytes(tensors, {}) + b"".join(each.tobytes() for _, each in ordered)
