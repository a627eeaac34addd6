"""Checkpoints: one safetensors file, streamed through a few buffers, whole or not there at all."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import json
import os
import secrets
import shutil
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from fastinit import arrays, native
from fastinit.digest import PIECE, begin
from fastinit.dtypes import safetensors_name
from fastinit.outputs import Output
from fastinit.requests import requests_of

if TYPE_CHECKING:
    from fastinit.plan import Plan
    from fastinit.planned import Planned

BUFFER = 16 << 20  # bytes, PIECE or more
BUFFERS = 3  # one is drawn into while the others are written and digested

Progress = Callable[[int], None]


@dataclass(frozen=True, slots=True)
class Saved:
    """A file that was written.

    ``digests`` has ``fastinit.digest`` of every tensor in the file's order; ``digest`` is the
    SHA-256 of the lines ``name digest`` in that order.
    """

    path: Path
    size: int
    digests: dict[str, str]
    digest: str


@dataclass(frozen=True, slots=True)
class _Piece:
    """A part of a tensor that is digested as one; ``position`` is its first byte in its buffer."""

    tensor: Planned
    start: int
    count: int
    position: int

    @property
    def stop(self) -> int:
        return self.position + self.count * self.tensor.dtype.itemsize


def save(plan: Plan, path: Path, *, force: bool, progress: Progress | None) -> Saved:
    """Draw a plan into a safetensors file; see ``Plan.save``."""
    # Wide dtypes first: so every tensor starts at a multiple of its item size, as readers expect.
    tensors = sorted(plan.tensors, key=lambda each: -each.dtype.itemsize)
    header = _header(plan, tensors)
    size = len(header) + sum(each.size for each in tensors)
    _check(path, size, force)
    with _new_file(path) as descriptor:
        _write(descriptor, memoryview(header), 0)
        digests = _stream(tensors, descriptor, len(header), progress or (lambda _: None))
    lines = "".join(f"{name} {digest}\n" for name, digest in digests.items())
    return Saved(path, size, digests, hashlib.sha256(lines.encode()).hexdigest())


def _header(plan: Plan, tensors: list[Planned]) -> bytes:
    """The header's length and the header, which readers expect to end at a multiple of 8."""
    installed = native.info()
    header: dict[str, object] = {
        "__metadata__": {
            "format": "pt",  # whose weights these are, for transformers
            "fastinit": installed["version"],
            "stream_version": str(installed["stream_version"]),
            "seed": str(plan.seed),
            "recipe": plan.recipe.name,
        }
    }
    at = 0
    for each in tensors:
        header[each.parameter.name] = {
            "dtype": safetensors_name(each.dtype),
            "shape": each.parameter.shape,
            "data_offsets": (at, at + each.size),
        }
        at += each.size
    text = json.dumps(header, separators=(",", ":"), ensure_ascii=False).encode()
    text += b" " * (-len(text) % 8)
    return len(text).to_bytes(8, "little") + text


def _check(path: Path, size: int, force: bool) -> None:
    """Raise where writing cannot succeed, before anything is drawn."""
    if not path.parent.is_dir():
        raise FileNotFoundError(
            f"the folder {path.parent} of {path.name} does not exist; create it"
        )
    if path.exists() and not path.is_file():
        raise OSError(f"{path} is no regular file; pass the path of a file")
    if os.path.lexists(path) and not force:
        raise FileExistsError(f"{path} exists; pass another path, or force=True (--force)")
    free = shutil.disk_usage(path.parent).free
    if free < size:
        raise OSError(
            errno.ENOSPC, f"{path} needs {size} bytes, {path.parent} has {free}; free some space"
        )


@contextlib.contextmanager
def _new_file(path: Path) -> Iterator[int]:
    """The descriptor of a file that gets its name at the end, or vanishes at an error."""
    temporary = path.parent / f".fastinit-{secrets.token_hex(8)}.tmp"
    try:
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)
        try:
            yield descriptor
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        temporary.replace(path)
    except BaseException as error:
        temporary.unlink(missing_ok=True)
        if isinstance(error, OSError):
            raise OSError(error.errno, f"{path} is not written: {error.strerror}") from error
        raise
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)  # the new name is on the disk as well
    finally:
        os.close(folder)


def _stream(
    tensors: list[Planned], descriptor: int, offset: int, progress: Progress
) -> dict[str, str]:
    """Draw, write and digest all tensors; the digests by name."""
    hashes = {each.parameter.name: begin(each.dtype, each.parameter.shape) for each in tensors}
    free = deque(arrays.destination((BUFFER,), "uint8", None, "cpu") for _ in range(BUFFERS))
    running: deque[tuple[Output, list[_Piece], Future[list[bytes]]]] = deque()

    def finish_oldest() -> None:
        buffer, batch, digests = running.popleft()
        for piece, digest in zip(batch, digests.result(), strict=True):
            hashes[piece.tensor.parameter.name].update(digest)
        free.append(buffer)
        progress(batch[-1].stop)

    with ThreadPoolExecutor(BUFFERS) as pool:
        for batch in _batches(tensors):
            if not free:
                finish_oldest()
            buffer = free.popleft()
            native.fill(requests_of(_records(batch, buffer.address)))
            content = memoryview(buffer.finish())
            running.append((buffer, batch, pool.submit(_store, batch, content, descriptor, offset)))
            offset += batch[-1].stop
        while running:
            finish_oldest()
    return {name: each.hexdigest() for name, each in hashes.items()}


def _batches(tensors: list[Planned]) -> Iterator[list[_Piece]]:
    """The pieces of all tensors, as many at a time as a buffer holds."""
    batch: list[_Piece] = []
    position = 0
    for tensor in tensors:
        most = PIECE // tensor.dtype.itemsize
        for start in range(0, tensor.parameter.elements, most):
            count = min(most, tensor.parameter.elements - start)
            if position + count * tensor.dtype.itemsize > BUFFER:
                yield batch
                batch, position = [], 0
            batch.append(_Piece(tensor, start, count, position))
            position = batch[-1].stop
    if batch:
        yield batch


def _records(batch: list[_Piece], address: int) -> Iterator[bytes]:
    for piece in batch:
        yield from piece.tensor.records(address + piece.position, piece.start, piece.count)


def _store(batch: list[_Piece], content: memoryview, descriptor: int, offset: int) -> list[bytes]:
    """Write a batch; the SHA-256 of each piece."""
    _write(descriptor, content[: batch[-1].stop], offset)
    return [hashlib.sha256(content[each.position : each.stop]).digest() for each in batch]


def _write(descriptor: int, content: memoryview, offset: int) -> None:
    while content:  # a write may be cut short
        written = os.pwrite(descriptor, content, offset)
        content, offset = content[written:], offset + written
