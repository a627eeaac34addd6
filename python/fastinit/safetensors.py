"""The safetensors format: files, their headers, and folders as Hugging Face lays them out.

A file is the length of its header (8 bytes, little-endian), the header (a JSON object: the name of
each tensor -> its dtype, shape and byte offsets; ``__metadata__`` -> strings) and the bytes of the
tensors, without gaps. A checkpoint is one such file, or several with an index: a JSON object whose
``weight_map`` has the file of each tensor.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, BinaryIO

import numpy as np

from fastinit import json_files, regular_files
from fastinit.native import dtypes

SUFFIX = ".safetensors"
WHOLE = "model.safetensors"
INDEX = "model.safetensors.index.json"
CONFIG = "config.json"
DIGESTS = "fastinit.digests"  # of the metadata: the digest of each tensor
PAGE = 4096  # bytes; headers end at a multiple, so that tensors can lie on pages of their own

_LARGEST_SIZE = 1 << 63  # bytes and elements are below: they are counted in 64 bits
_METADATA = "__metadata__"
_ITEM_BITS = {
    "BOOL": 8,
    "F4": 4,
    **dict.fromkeys(("F6_E2M3", "F6_E3M2"), 6),
    **dict.fromkeys(("I8", "U8", "F8_E4M3", "F8_E5M2", "F8_E8M0"), 8),
    **dict.fromkeys(("I16", "U16", "F16", "BF16"), 16),
    **dict.fromkeys(("I32", "U32", "F32"), 32),
    **dict.fromkeys(("I64", "U64", "F64", "C64"), 64),
}
_DTYPES = {
    "F64": "float64",
    "F32": "float32",
    "F16": "float16",
    "BF16": "bfloat16",
    "F8_E4M3": "float8_e4m3fn",
    "F8_E5M2": "float8_e5m2",
    "C64": "complex64",
    "BOOL": "bool",
    **{f"I{bits}": f"int{bits}" for bits in (8, 16, 32, 64)},
    **{f"U{bits}": f"uint{bits}" for bits in (8, 16, 32, 64)},
}
_NAMES = {dtype: name for name, dtype in _DTYPES.items()}


def dtype_name(dtype: np.dtype[Any]) -> str:
    """Return the name of a dtype in a header.

    Raises:
        ValueError: The format has no such dtype.
    """
    if dtype.name not in _NAMES:
        raise ValueError(f"safetensors files do not hold {dtype.name}; use complex64")
    return _NAMES[dtype.name]


def dtype_of(name: str) -> np.dtype[Any]:
    """Return the dtype that a name in a header stands for.

    Raises:
        ValueError: The dtype cannot be drawn and cannot hold a constant.
    """
    if name not in _DTYPES:
        raise ValueError(f"dtype={name!r} is not known; known are {', '.join(_DTYPES)}")
    return dtypes.dtype_of(_DTYPES[name])


@dataclass(frozen=True, slots=True)
class Entry:
    """A tensor of a file. ``begin`` and ``end`` are byte positions from the start of the file."""

    name: str
    dtype: str
    shape: tuple[int, ...]
    begin: int
    end: int

    @property
    def size(self) -> int:
        """The number of bytes of the tensor."""
        return self.end - self.begin


@dataclass(frozen=True)
class Header:
    """The header of a whole file. ``content`` is its bytes, the length before them included."""

    path: Path
    content: bytes
    metadata: dict[str, str]
    entries: tuple[Entry, ...]

    @property
    def digests(self) -> dict[str, str] | None:
        """The digests that the file states, by the name of the tensor; None if it states none."""
        with contextlib.suppress(ValueError, KeyError):
            found = json_files.parse(self.metadata[DIGESTS])
            return json_files.strings(found, "digests")
        return None


@dataclass(frozen=True)
class Checkpoint:
    """The headers of all files of a checkpoint, and the index that names the files, if any."""

    path: Path
    files: tuple[Header, ...]
    index: dict[str, str] | None

    @property
    def size(self) -> int:
        """The number of bytes of all tensors."""
        return sum(entry.size for file in self.files for entry in file.entries)

    @property
    def misplaced(self) -> list[str]:
        """A message for each tensor that is not in the file that the index names."""
        found = {entry.name: file.path.name for file in self.files for entry in file.entries}
        return [
            f"{self.path.name} says that {name!r} is in {file}, where it is not"
            for name, file in (self.index or {}).items()
            if found.get(name) != file
        ]

    @property
    def unlisted(self) -> list[str]:
        """A message for each tensor of a file that the index does not list."""
        if self.index is None:
            return []
        names = {entry.name: None for file in self.files for entry in file.entries}
        return [f"{self.path.name} lacks {name!r}" for name in names if name not in self.index]


def find(folder: Path) -> Path | None:
    """Return the path that stands for the checkpoint in a folder: of one file, or of an index.

    Returns:
        The path of ``model.safetensors`` or else of ``model.safetensors.index.json``; None if the
        folder holds neither.

    Raises:
        OSError: One of them cannot be read.
        ValueError: The folder holds both, and the index does not map exactly the tensors of the
            file to it.
    """
    whole, index = folder / WHOLE, folder / INDEX
    if not whole.is_file():
        return index if index.is_file() else None
    if index.is_file():
        names = {entry.name for entry in read_header(whole).entries}
        if _weight_map(index) != dict.fromkeys(names, WHOLE):
            raise ValueError(
                f"the folder {folder} holds {WHOLE} and {INDEX}, which describe different "
                "checkpoints; delete the one that is out of date, or pass the path of the other"
            )
    return whole


def read_checkpoint(path: Path) -> Checkpoint:
    """Read the headers of one file, or of all files of an index (a path that ends in ``.json``).

    Raises:
        OSError: A file is missing or cannot be read.
        ValueError: The path is not that of a safetensors file or of an index.
    """
    if path.suffix == ".json":
        return read_index(path)
    return Checkpoint(path, (read_header(path),), None)


def read_index(path: Path) -> Checkpoint:
    """Read an index and the headers of all its files.

    Raises:
        OSError: A file is missing or cannot be read.
        ValueError: The path is not that of an index, or a file is not a safetensors file.
    """
    index = _weight_map(path)
    files = tuple(read_header(path.parent / file) for file in dict.fromkeys(index.values()))
    return Checkpoint(path, files, index)


def read_header(path: Path) -> Header:
    """Read the header of a file, and nothing of its tensors.

    Raises:
        OSError: The file cannot be read.
        ValueError: It is not a whole safetensors file, whose tensors fill it without gaps; the
            message says where.
    """
    with json_files.located(f"{path} is not a whole safetensors file"):
        with regular_files.opened(path) as file:
            content = _header_content(file)
            size = file.seek(0, 2)
        header = json_files.mapping(json_files.parse(content[8:]))
        json_files.check_surrogates(content)
        metadata = json_files.strings(header.pop(_METADATA, {}), _METADATA)
        entries = tuple(_entry(name, data, len(content)) for name, data in header.items())
        _check_whole(entries, len(content), size)
    return Header(path, content, metadata, entries)


def read_into(file: BinaryIO, offset: int, buffer: memoryview) -> None:
    """Read as many bytes from a position of a file as a buffer holds; threads may share the file.

    Raises:
        OSError: The file cannot be read, or has become shorter.
    """
    read = 0
    while read < buffer.nbytes:
        count = os.preadv(file.fileno(), [buffer[read:]], offset + read)
        if count == 0:
            raise OSError(errno.EIO, f"{file.name} became shorter while it was read")
        read += count


def header_bytes(
    tensors: Iterable[tuple[str, str, tuple[int, ...], int]], metadata: Mapping[str, str]
) -> bytes:
    """Return the header, with its length, of a file with these tensors in this order.

    Args:
        tensors: The name, dtype (in the words of the format), shape and number of bytes of each.
        metadata: The strings of ``__metadata__``.
    """
    header: dict[str, Any] = {_METADATA: dict(metadata)}
    at = 0
    for name, dtype, shape, size in tensors:
        header[name] = {"dtype": dtype, "shape": shape, "data_offsets": (at, at + size)}
        at += size
    text = json.dumps(header, separators=(",", ":"), ensure_ascii=False).encode()
    text += b" " * (-(8 + len(text)) % PAGE)
    return len(text).to_bytes(8, "little") + text


def index_bytes(places: Mapping[str, str], metadata: Mapping[str, int]) -> bytes:
    """Return the content of an index, given the name of the file of each tensor."""
    weight_map = dict(sorted(places.items()))
    return json_files.indented({"metadata": dict(metadata), "weight_map": weight_map})


def file_names(count: int) -> list[str]:
    """Return the names of the files of a checkpoint that has ``count`` of them."""
    if count == 1:
        return [WHOLE]
    return [f"model-{k:05d}-of-{count:05d}{SUFFIX}" for k in range(1, count + 1)]


def is_weights(name: str) -> bool:
    """Whether a file of this name in a folder belongs to a checkpoint, for transformers too."""
    return name == WHOLE or re.fullmatch(r"model-\d{5}-of-\d{5}\.safetensors", name) is not None


def _weight_map(path: Path) -> dict[str, str]:
    with json_files.located(str(path)):
        index = json_files.mapping(json_files.read(path))
        files = json_files.strings(index.get("weight_map"), "weight_map")
        with json_files.located("weight_map"):
            if not files:
                raise ValueError("it names no files; write {name of a tensor: name of its file}")
            for name in dict.fromkeys(files.values()):
                _check_inside(name, path.parent)
    return files


def _check_inside(name: str, folder: Path) -> None:
    """Check that a file which an index names is in the folder of the index.

    A symbolic link may lead out of it only where the cache of Hugging Face keeps the content.
    """
    parts = PurePosixPath(name)
    if str(parts) != name or parts.is_absolute() or ".." in parts.parts or name in ("", "."):
        raise ValueError(
            f"{name!r} is not the plain name of a file in the folder of the index; write one "
            "without '..' that does not begin with '/'"
        )
    allowed = [folder.resolve()]
    if folder.absolute().parent.name == "snapshots":
        allowed.append((folder.absolute().parent.parent / "blobs").resolve())
    found = (folder / name).resolve()
    if not any(found.is_relative_to(each) for each in allowed):
        raise ValueError(
            f"{name!r} is a symbolic link to {str(found)!r}, out of the folder of the index; put "
            "the file itself there"
        )


def _header_content(file: BinaryIO) -> bytes:
    """Return the bytes of the header, the length before them included."""
    start = file.read(8)
    length = int.from_bytes(start, "little")
    if len(start) == 8 and length > json_files.LARGEST:
        raise ValueError(f"its header has {length} bytes; at most {json_files.LARGEST} are read")
    content = start + file.read(length)
    if len(start) < 8 or len(content) < 8 + length:
        raise ValueError("its header is cut short")
    return content


def _check_whole(entries: tuple[Entry, ...], origin: int, file_size: int) -> None:
    """Check that the tensors fill the rest of the file without a gap."""
    at = origin
    for each in sorted(entries, key=lambda entry: (entry.begin, entry.end)):
        if each.begin != at:
            raise ValueError(f"{each.name!r} begins at byte {each.begin}, not at {at}")
        at = each.end
    if at != file_size:
        raise ValueError(f"its tensors end at byte {at}, the file at {file_size}")


def _entry(name: str, data: Any, origin: int) -> Entry:
    with json_files.located(repr(name)):
        json_files.fields(data, ("dtype", "shape", "data_offsets"))
        dtype, shape, offsets = data["dtype"], data["shape"], data["data_offsets"]
        if not isinstance(dtype, str) or dtype not in _ITEM_BITS:
            raise ValueError(f"dtype={dtype!r} is not known; known are {', '.join(_ITEM_BITS)}")
        for field, value in (("shape", shape), ("data_offsets", offsets)):
            if not _is_sizes(value):
                raise ValueError(f"{field}={value!r} is not a list of integers from 0 to 2**63 - 1")
        if len(offsets) != 2:
            raise ValueError(f"data_offsets={offsets!r} is not a pair")
        begin, end = offsets
        bits = _elements(shape) * _ITEM_BITS[dtype]
        if bits % 8 or 8 * (end - begin) != bits:
            raise ValueError(
                f"it has {end - begin} bytes, {dtype} of shape {shape} has {bits / 8:.15g}"
            )
    return Entry(name, dtype, tuple(shape), origin + begin, origin + end)


def _is_sizes(data: Any) -> bool:
    return isinstance(data, list) and all(
        isinstance(each, int) and not isinstance(each, bool) and 0 <= each < _LARGEST_SIZE
        for each in data
    )


def _elements(shape: list[int]) -> int:
    """Return the product of sizes, of which a long list does not make a long number."""
    elements = 1
    for each in shape:
        elements *= each
        if elements >= _LARGEST_SIZE:
            raise ValueError(f"shape={shape} has 2**63 elements or more")
    return elements
