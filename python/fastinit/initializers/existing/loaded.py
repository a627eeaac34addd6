"""The values of a tensor of a checkpoint, read by piece."""

from __future__ import annotations

import dataclasses
import functools
import os
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from fastinit import checks, regular_files, safetensors
from fastinit.arrays.devices import Device
from fastinit.arrays.digest import PIECE, begin
from fastinit.arrays.operations import Copy
from fastinit.checks import type_of
from fastinit.initializers.base import Initializer
from fastinit.initializers.computed import Computed
from fastinit.native.arithmetic import in_default_arithmetic
from fastinit.native.box import Bounds, Box
from fastinit.native.cpu import get_num_threads
from fastinit.native.dtypes import CODES, drawable, exceeds
from fastinit.native.request import Operation, Request, Template
from fastinit.safetensors import Entry

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Loaded"]

_ENCLOSING = 16 << 20  # bytes that are read at once, although a part of them is wanted


@dataclasses.dataclass(frozen=True)
class Loaded(Initializer):
    """The values of a tensor of a checkpoint, read from its safetensors file when they are drawn.

    Only the pieces that are drawn are in memory. Before the first of them is read, the tensor's
    digest is compared with that which the initializer has, so that a plan draws what it was made
    for or fails.

    Args:
        path: A safetensors file, an index, or a folder that holds one of them.
        tensor: The name of the tensor.
        digest: Its digest (``fastinit.digest``); None for no comparison. ``Loaded.of`` finds it.

    Raises:
        TypeError: A field is not a string.
        FileNotFoundError: When drawn, the checkpoint is not there.
        ValueError: When drawn, the checkpoint has no such tensor, one of another shape or of a
            dtype that the array's cannot hold, or other values than the digest says.

    Example:
        >>> import fastinit, pathlib, tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = pathlib.Path(folder, "model.safetensors")
        ...     _ = fastinit.Plan({"w": (2, 3)}, [("w", fastinit.Constant(2))]).save(path)
        ...     fastinit.Loaded.of(path, "w")((2, 3))
        array([[2., 2., 2.],
               [2., 2., 2.]], dtype=float32)
    """

    is_random: ClassVar[bool] = False
    in_complex: ClassVar[str | None] = "templates"

    path: str
    tensor: str
    digest: str | None = None

    def __post_init__(self) -> None:
        """Check the fields."""
        for field in ("path", "tensor", "digest"):
            value = getattr(self, field)
            if not isinstance(value, str) and not (field == "digest" and value is None):
                raise TypeError(f"{field}={value!r} is {type_of(value)}; pass a string")

    @staticmethod
    def of(path: str | os.PathLike[str], tensor: str) -> Loaded:
        """Return the initializer of a tensor, with its digest.

        That is the one that the file states, if fastinit wrote it, else that of the values which
        are there now. A file that does not hold what it states fails when it is drawn from.

        Raises:
            OSError: A file is missing or cannot be read.
            ValueError: The checkpoint has no such tensor.
        """
        found = Loaded(str(path), tensor)
        file, entry, stamp = found.place()
        stated = _header(file, stamp)[1].get(tensor)
        return Loaded(str(path), tensor, stated or _digest(file, entry, stamp))

    def place(self) -> tuple[Path, Entry, tuple[int, ...]]:
        """Return the file of the tensor, where it lies there, and what changes with the file.

        Raises:
            FileNotFoundError: The checkpoint is not there.
            ValueError: It has no such tensor.
        """
        path = _place(self.path)
        file = _files(path, _stamp(path)).get(self.tensor, path)
        stamp = _stamp(file)
        entry = _header(file, stamp)[0].get(self.tensor)
        if entry is None:
            raise ValueError(f"{file} has no tensor {self.tensor!r}")
        return file, entry, stamp

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of the tensor."""
        return self.place()[1].shape

    def templates(self, shape: tuple[int, ...], dtype: np.dtype[Any]) -> tuple[Template, ...]:
        """Return one template, which reads the file."""
        self._fitting(shape, dtype)
        return (_Read(self, shape, dtype),)

    def _fitting(
        self, shape: tuple[int, ...], dtype: np.dtype[Any]
    ) -> tuple[Path, Entry, tuple[int, ...]]:
        """Return what ``place`` does, for an array that holds the values."""
        file, entry, stamp = self.place()
        stored = safetensors.dtype_of(entry.dtype)
        if entry.shape != shape:
            raise ValueError(
                f"{self.tensor!r} in {file} has shape {entry.shape}, not {shape}; Existing takes "
                "values of another shape"
            )
        if stored != dtype and stored in CODES:
            drawable(dtype, "loaded")
        elif stored != dtype:
            raise ValueError(
                f"{self.tensor!r} in {file} is {stored.name}, which is not written as {dtype.name}"
            )
        return file, entry, stamp

    def check(self, file: Path, entry: Entry, stamp: tuple[int, ...]) -> None:
        """Compare the digest of the tensor at a place.

        Raises:
            ValueError: It is another one.
        """
        if self.digest is None:
            return
        found = _digest(file, entry, stamp)
        if found == self.digest:
            return
        hint = "put the original in its place, or make the plan again"
        if _header(file, stamp)[1].get(self.tensor) == self.digest:
            hint = (
                "its own header states the other one, so put the original in its place, or, if "
                f"these values are meant, write the file without the metadata {safetensors.DIGESTS}"
            )
        raise ValueError(
            f"{self.tensor!r} in {file} has the digest {found}, and {self.digest} was expected: "
            f"the file has changed; {hint}"
        )


def tensors_of(path: str | os.PathLike[str]) -> dict[str, tuple[int, ...]]:
    """Return the shapes of the tensors of a checkpoint by name.

    Raises:
        OSError: A file is missing or cannot be read.
        ValueError: It is not a whole safetensors file.
    """
    files = safetensors.read_checkpoint(_place(path)).files
    return {entry.name: entry.shape for file in files for entry in file.entries}


def _place(path: str | os.PathLike[str]) -> Path:
    """Return the path of the file or the index of a checkpoint."""
    found = checks.path(path, "path")
    if found.is_dir():
        found = safetensors.find(found) or found / safetensors.WHOLE
    if not found.exists():
        raise FileNotFoundError(
            f"{found} is not there; put the checkpoint in its place, or make the plan again with "
            "the path where it is"
        )
    return found


def _stamp(path: Path) -> tuple[int, ...]:
    status = path.stat()
    return status.st_mtime_ns, status.st_size, status.st_ino


@functools.lru_cache(maxsize=8)
def _files(path: Path, _: tuple[int, ...]) -> dict[str, Path]:
    files = safetensors.read_checkpoint(path).files
    return {entry.name: file.path for file in files for entry in file.entries}


@functools.lru_cache(maxsize=256)  # by file: one may change while the index stays
def _header(file: Path, _: tuple[int, ...]) -> tuple[dict[str, Entry], dict[str, str]]:
    """Return the tensors of a file, and the digests that it states, by name."""
    header = safetensors.read_header(file)
    return {entry.name: entry for entry in header.entries}, header.digests or {}


_lock = threading.Lock()
_digests: dict[tuple[Path, Entry, tuple[int, ...]], str] = {}


def _digest(path: Path, entry: Entry, stamp: tuple[int, ...]) -> str:
    """Return the digest of a tensor, which is found once for a file that stays as it is."""
    with _lock:
        found = _digests.get((path, entry, stamp))
        if found is None:
            found = _digests[path, entry, stamp] = _found_digest(path, entry)
        return found


def _found_digest(path: Path, entry: Entry) -> str:
    import hashlib  # here: it loads OpenSSL, which takes milliseconds

    local = threading.local()

    def of_piece(start: int) -> bytes:
        buffer = getattr(local, "buffer", None)
        if buffer is None:
            buffer = local.buffer = np.empty(PIECE, np.uint8)
        piece = buffer[: min(PIECE, entry.end - start)]
        with regular_files.opened(path) as file:
            safetensors.read_into(file, start, piece.data)
        return hashlib.sha256(piece.data).digest()

    result = begin(safetensors.dtype_of(entry.dtype), entry.shape)
    with ThreadPoolExecutor(get_num_threads()) as pool:
        for each in pool.map(of_piece, range(entry.begin, entry.end, PIECE)):
            result.update(each)
    return result.hexdigest()


def read(path: Path, entry: Entry, dtype: np.dtype[Any], bounds: Bounds) -> NDArray[Any]:
    """Return a part of a tensor, of which little more than that is read."""
    with regular_files.opened(path) as file:

        def block(begin: int, shape: tuple[int, ...], wanted: Bounds) -> NDArray[Any]:
            """Read a part of a contiguous block of this shape at a position of the file."""
            if not shape:
                values = np.empty((), dtype)
                safetensors.read_into(file, begin, values.reshape(1).view(np.uint8).data)
                return values
            row = int(np.prod(shape[1:], dtype=np.int64)) * dtype.itemsize
            first, last = wanted[0]
            is_whole = wanted[1:] == tuple((0, size) for size in shape[1:])
            if not is_whole and (last - first) * row > _ENCLOSING and len(shape) > 1:
                rows = [block(begin + k * row, shape[1:], wanted[1:]) for k in range(first, last)]
                return np.stack(rows)
            values = np.empty((last - first, *shape[1:]), dtype)
            safetensors.read_into(file, begin + first * row, values.reshape(-1).view(np.uint8).data)
            return values[(slice(None), *(slice(*each) for each in wanted[1:]))]

        return block(entry.begin, entry.shape, bounds)


@dataclasses.dataclass(frozen=True, eq=False)
class _Read(Template):
    """A template that reads the file as it is when it is drawn; templates are kept longer."""

    loaded: Loaded
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    is_checked: bool = True
    elementwise = True

    @property
    def digest(self) -> str | None:  # type: ignore[override]
        """The digest of the tensor, which is that of an array of its dtype."""
        stored = safetensors.dtype_of(self.loaded.place()[1].dtype)
        return self.loaded.digest if stored == self.dtype else None

    def unchecked(self) -> Template:
        """Return a template that does not read the tensor once more before it is drawn."""
        return dataclasses.replace(self, is_checked=False)

    @property
    def may_fail(self) -> bool:  # type: ignore[override]
        """Whether a value may be too large for the dtype of the array."""
        stored = safetensors.dtype_of(self.loaded.place()[1].dtype)
        return stored != self.dtype and exceeds(stored, self.dtype)

    def check(self, _: int, __: int) -> None:
        """Compare the digest."""
        self.loaded.check(*self.loaded._fitting(self.shape, self.dtype))

    def requests(self, box: Box, address: int, seed: int, stream: int) -> list[Request]:
        """Return one operation for a box that is contiguous in the file, or those of pieces."""
        file, entry, stamp = self.loaded._fitting(self.shape, self.dtype)
        check = functools.partial(self.loaded.check, file, entry, stamp)
        stored = safetensors.dtype_of(entry.dtype)
        if stored == self.dtype and box.strides == (1,):
            start = entry.begin + box.offset * stored.itemsize
            before = check if self.is_checked else None
            return [_Direct(before, file, start, box.extents[0], stored, address)]

        def compute(bounds: Bounds, _: int, __: int) -> NDArray[Any]:
            return read(file, entry, stored, bounds)

        computed = Computed(
            self.shape, self.dtype, compute, True, (), lambda *_: check(), self.may_fail
        )
        return computed.requests(box, address, seed, stream)


@dataclasses.dataclass(frozen=True, slots=True)
class _Direct(Operation):
    """Elements of a file, read into the memory where they belong."""

    check: Callable[[], None] | None
    file: Path
    start: int
    count: int
    dtype: np.dtype[Any]
    address: int

    def prepare(self, _: Device) -> None:
        """Compare the digest."""
        if self.check is not None:
            self.check()

    @in_default_arithmetic
    def run(self, device: Device) -> None:
        """Read, on a GPU by way of the host's memory."""
        memory = device.view(self.address, self.count, self.dtype)
        on_host = isinstance(memory, np.ndarray)
        values = memory if on_host else np.empty(self.count, self.dtype)
        with regular_files.opened(self.file) as file:
            safetensors.read_into(file, self.start, values.view(np.uint8).data)
        if not on_host:
            Copy(self.address, values).run(device)
