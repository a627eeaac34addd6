"""Headers of safetensors files: written to the byte, read with suspicion.

A file is the header's length (8 bytes, little-endian), the header (a JSON object: a tensor's name
-> its dtype, shape and place; ``__metadata__`` -> texts) and the tensors' bytes without a hole.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fastinit import json_files

PAGE = 4096  # bytes; a header ends at a multiple, so that tensors can lie on pages of their own
_LARGEST = 100_000_000  # bytes, as the safetensors package has it
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


@dataclass(frozen=True, slots=True)
class Entry:
    """A tensor of a file; ``begin`` and ``end`` are counted from the start of the file."""

    name: str
    dtype: str
    shape: tuple[int, ...]
    begin: int
    end: int


@dataclass(frozen=True)
class Header:
    """What a file's header says, and its bytes with the length before them."""

    path: Path
    content: bytes
    metadata: dict[str, str]
    entries: tuple[Entry, ...]


def written(
    tensors: Iterable[tuple[str, str, tuple[int, ...], int]], metadata: Mapping[str, str]
) -> bytes:
    """The length and the header of a file of tensors: (name, dtype, shape, bytes), in order."""
    header: dict[str, Any] = {_METADATA: dict(metadata)}
    at = 0
    for name, dtype, shape, size in tensors:
        header[name] = {"dtype": dtype, "shape": shape, "data_offsets": (at, at + size)}
        at += size
    text = json.dumps(header, separators=(",", ":"), ensure_ascii=False).encode()
    text += b" " * (-(8 + len(text)) % PAGE)
    return len(text).to_bytes(8, "little") + text


def read(path: Path) -> Header:
    """The header of a file, once it is known that its tensors fill the file without a hole.

    Raises:
        OSError: the file cannot be read.
        ValueError: it is no safetensors file, or not all of one.
    """
    with path.open("rb") as file, json_files.located(f"{path} is no whole safetensors file"):
        length = int.from_bytes(start := file.read(8), "little")
        content = start + file.read(length if length <= _LARGEST else 0)
        if len(start) < 8 or len(content) < 8 + length:
            raise ValueError("its header is cut short")
        header = json_files.mapping(json_files.parse(content[8:]))
        metadata = json_files.mapping(header.pop(_METADATA, {}))
        entries = [_entry(name, data, len(content)) for name, data in header.items()]
        entries.sort(key=lambda each: (each.begin, each.end))
        size = file.seek(0, 2)
        at = len(content)
        for each in entries:
            if each.begin != at:
                raise ValueError(f"{each.name!r} begins at byte {each.begin}, not at {at}")
            at = each.end
        if at != size:
            raise ValueError(f"its tensors end at byte {at}, the file at {size}")
    return Header(path, content, {k: str(v) for k, v in metadata.items()}, tuple(entries))


def _entry(name: str, data: Any, origin: int) -> Entry:
    with json_files.located(repr(name)):
        json_files.fields(data, ("dtype", "shape", "data_offsets"))
        dtype, shape, offsets = data["dtype"], data["shape"], data["data_offsets"]
        if dtype not in _ITEM_BITS:
            raise ValueError(f"dtype={dtype!r} is not known")
        if not _counts(shape) or not _counts(offsets) or len(offsets) != 2:
            raise ValueError(f"shape={shape!r} or data_offsets={offsets!r} is no list of sizes")
        size = math.prod(shape) * _ITEM_BITS[dtype] // 8
        begin, end = offsets
        if end - begin != size:
            raise ValueError(f"it has {end - begin} bytes, {dtype} of shape {shape} has {size}")
    return Entry(name, dtype, tuple(shape), origin + begin, origin + end)


def _counts(data: Any) -> bool:
    return isinstance(data, list) and all(
        isinstance(each, int) and not isinstance(each, bool) and each >= 0 for each in data
    )
