"""Batches: pieces of a file's tensors, which threads draw or digest in bounded memory."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from fastinit.arrays.destination import destination
from fastinit.arrays.devices import CPU, name_of
from fastinit.arrays.digest import PIECE, begin
from fastinit.checkpoints.pipeline import BUFFER, Bytes, Pipeline, memory
from fastinit.native import _cpu
from fastinit.native.request import Request
from fastinit.tensors.tensor_plan import TensorPlan

Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of a tensor that is digested at once; ``position`` is its first byte in its batch."""

    tensor: TensorPlan
    start: int
    count: int
    position: int

    @property
    def end(self) -> int:
        """The position in the batch after the last byte."""
        return self.position + self.count * self.tensor.dtype.itemsize


@dataclass(frozen=True, slots=True)
class Batch:
    """Adjacent pieces; ``offset`` is counted from the first byte of the first tensor.

    ``drawn`` is the memory that already holds their values, if their tensor had to be drawn whole.
    """

    pieces: tuple[Piece, ...]
    offset: int
    drawn: Bytes | None = None

    @property
    def size(self) -> int:
        """The number of bytes of all pieces."""
        return self.pieces[-1].end


def batches(tensors: Sequence[TensorPlan]) -> Iterator[Batch]:
    """Yield the pieces of all tensors in order, as many at a time as fit into a buffer."""
    pieces: list[Piece] = []
    offset = position = 0
    for tensor in tensors:
        item = tensor.dtype.itemsize
        most = PIECE // item
        for start in range(0, tensor.parameter.elements, most):
            count = min(most, tensor.parameter.elements - start)
            apart = pieces and not (_in_pieces(tensor) and _in_pieces(pieces[0].tensor))
            if apart or position + count * item > BUFFER:
                yield Batch(tuple(pieces), offset)
                offset += position
                pieces, position = [], 0
            pieces.append(Piece(tensor, start, count, position))
            position = pieces[-1].end
    if pieces:
        yield Batch(tuple(pieces), offset)


def checked_device(device: Any) -> str:
    """Return the name of the device that is to draw.

    Raises:
        RuntimeError: CUDA cannot be used here, or CuPy is missing.
        ValueError: The device is not known, or there is no such GPU.
    """
    name = name_of(device) or CPU.kind
    if name != CPU.kind:
        destination((1,), "uint8", None, name)
    return name


def draw_batches(
    tensors: Sequence[TensorPlan],
    act: Callable[[Batch, Bytes], Result],
    done: Callable[[Batch, Result], None],
    device: str,
) -> None:
    """Draw all tensors; call ``act(batch, values)`` in threads, ``done(batch, result)`` in order.

    The device draws, and the values come to the host's memory.

    Memory is bounded by the number of threads, and by the largest tensor whose elements are not
    drawn independently: its pieces would each cost as much as the whole, so it is drawn at once, by
    all threads.

    Tensors whose digest is known before are not compared with it; ``Digests.of_drawn`` does that.
    """

    def draw_and_act(batch: Batch, buffer: Bytes) -> Result:
        values = batch.drawn
        if values is None:
            values = buffer[: batch.size]
            _draw(lambda address: _requests(batch, address), values, device, 1)
        return act(batch, values)

    whole: TensorPlan | None = None
    values: Bytes | None = None
    with Pipeline(draw_and_act, done) as pipeline:
        for batch in batches([_unchecked(each) for each in tensors]):
            piece = batch.pieces[0]
            if not _in_pieces(piece.tensor):
                if piece.tensor is not whole:
                    pipeline.wait()  # only one such tensor at a time
                    values = None
                    whole, values = piece.tensor, _drawn(piece.tensor, device)
                assert values is not None
                first = piece.start * piece.tensor.dtype.itemsize
                batch = replace(batch, drawn=values[first : first + batch.size])
            pipeline.put(batch)


class Digests:
    """``fastinit.digest`` of tensors, from the SHA-256 of their pieces in order."""

    def __init__(self, tensors: Sequence[TensorPlan]) -> None:
        self._tensors = tensors
        self._hashes = {
            each.parameter.name: begin(each.dtype, each.parameter.shape) for each in tensors
        }

    @staticmethod
    def of_pieces(batch: Batch, values: Bytes) -> list[bytes]:
        """Return the SHA-256 of each piece."""
        return [hashlib.sha256(values[p.position : p.end].data).digest() for p in batch.pieces]

    def add(self, batch: Batch, digests: list[bytes]) -> None:
        """Add the next pieces."""
        for piece, digest in zip(batch.pieces, digests, strict=True):
            self._hashes[piece.tensor.parameter.name].update(digest)

    def result(self) -> dict[str, str]:
        """Return the digests by name."""
        return {name: each.hexdigest() for name, each in self._hashes.items()}

    def of_drawn(self) -> dict[str, str]:
        """Return the digests by name of tensors that ``draw_batches`` has drawn.

        Raises:
            ValueError: A tensor has not the digest that its template states.
        """
        found = self.result()
        for each in self._tensors:
            digest = found[each.parameter.name]
            if _known_digest(each) not in (None, digest):
                each.templates[0].check(*each.stream)  # which finds what the source holds now
                raise ValueError(
                    f"{each.parameter.name!r} was read with the digest {digest}, which its source "
                    "no longer has: it was changed meanwhile; try again"
                )
        return found


def _known_digest(tensor: TensorPlan) -> str | None:
    """Return the digest that a tensor must have, if that is known before it is drawn."""
    return tensor.templates[0].digest if len(tensor.templates) == 1 else None


def _unchecked(tensor: TensorPlan) -> TensorPlan:
    """Return what draws a tensor without a check of its source, where ``of_drawn`` checks it."""
    if _known_digest(tensor) is None:
        return tensor
    return replace(tensor, templates=(tensor.templates[0].unchecked(),))


def _in_pieces(tensor: TensorPlan) -> bool:
    return tensor.size <= BUFFER or all(template.elementwise for template in tensor.templates)


def _requests(batch: Batch, address: int) -> list[Request]:
    return [
        request
        for each in batch.pieces
        for request in each.tensor.flat_requests(address + each.position, each.start, each.count)
    ]


def _drawn(tensor: TensorPlan, device: str) -> Bytes:
    values = memory(tensor.size)
    count = tensor.parameter.elements
    _draw(lambda address: tensor.flat_requests(address, 0, count), values, device)
    return values


def _draw(
    requests_at: Callable[[int], list[Request]], values: Bytes, device: str, threads: int = 0
) -> None:
    """Draw requests for an address into the host's memory, on a GPU by way of its own."""
    if device == CPU.kind:
        CPU.fill(requests_at(_cpu.address(values)), threads)
        return
    output = destination(values.shape, values.dtype, None, device)
    output.device.fill(requests_at(output.address))
    values[:] = output.finish().get()
