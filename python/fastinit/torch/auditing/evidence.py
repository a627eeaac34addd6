"""Evidence: what is known of each tensor of a model once it has been built."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from fastinit.arrays.digest import to_numpy
from fastinit.initializers import Initializer
from fastinit.recipes.parameter import Parameter
from fastinit.torch.auditing.auditor import Auditor
from fastinit.torch.auditing.log import Log, Write
from fastinit.torch.memory.storages import storage_of
from fastinit.torch.recording.builders import checked
from fastinit.torch.recording.creation import TELLING, unwritten
from fastinit.torch.recording.describe import describe
from fastinit.torch.recording.drawing import draws
from fastinit.torch.recording.history import Extent
from fastinit.torch.recording.tensors import UnknownError, UnwrittenError, found_of
from fastinit.torch.shards.wrappers import own_names

NUMBERED = 1 << 32
"""Streams of names have numbers of 64 bits; a context counts to less than this."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """The facts that are known of one parameter or buffer.

    Attributes:
        name: Its name; of tied ones, the first.
        kind: "parameter", "buffer", or "buffer, not saved".
        module: The module that it belongs to.
        tensor: The tensor.
        log: What happened to its storage.
        writes: The writes to it.
        initializer: What its values are drawn from, or the values; None where that is not known.
        requested: What the calls that were seen draw, where its values are something else.
        stream: The name or number of the stream, if it is not the tensor's own.
        values: Its values, if it has memory.
        unwritten: The number of its elements that nothing has written.
    """

    name: str
    kind: str
    module: torch.nn.Module
    tensor: torch.Tensor
    log: Log
    writes: list[Write]
    initializer: Initializer | None
    requested: Initializer | None
    stream: str | int | None
    values: NDArray[np.generic] | None
    unwritten: int

    @property
    def is_unwritten(self) -> bool:
        """Whether nothing has written any element."""
        return self.unwritten == self.tensor.numel() > 0

    @property
    def is_numbered(self) -> bool:
        """Whether it draws from a stream that has a number, and not a name."""
        return isinstance(self.stream, int) and self.stream < NUMBERED


def build(make: Callable[[], Any], auditor: Auditor) -> torch.nn.Module:
    """Return the module that a function builds in the context of an audit.

    Raises:
        TypeError: It returns something else.
    """
    with auditor:
        module = make()
    return checked(module)


def evidence_of(module: torch.nn.Module, auditor: Auditor) -> dict[str, Evidence]:
    """Return what is known of the parameters and buffers of a module, by name."""
    own = own_names(module)
    found: dict[str, Evidence] = {}
    tensors = [("parameter", *each) for each in module.named_parameters()]
    for kind, path, tensor in tensors + [("buffer", *each) for each in module.named_buffers()]:
        owner = module.get_submodule(path.rpartition(".")[0])
        is_saved = path.rpartition(".")[2] not in owner._non_persistent_buffers_set
        if _is_plain(tensor) and tensor.numel():
            name = own.get(path, path)
            what = kind if is_saved else "buffer, not saved"
            found[name] = _evidence(name, what, owner, tensor, auditor)
    return found


def _is_plain(tensor: torch.Tensor) -> bool:
    kinds = torch.Tensor, torch.nn.Parameter, torch.nn.Buffer
    is_plain = type(tensor) in kinds and tensor.layout is torch.strided
    return is_plain and not tensor.is_quantized and storage_of(tensor) is not None


def _evidence(
    name: str, kind: str, owner: torch.nn.Module, tensor: torch.Tensor, auditor: Auditor
) -> Evidence:
    log = auditor.logs.of(tensor.untyped_storage())
    writes = log.writes_to(tensor)
    initializer = requested = stream = None
    is_refused = False
    try:
        parameter, known = found_of(auditor, Parameter(name, tuple(tensor.shape)), tensor)
        initializer, stream = known.initializer, parameter.stream
    except UnwrittenError:  # of some of its elements, if it was written at all
        is_refused = True
    except (UnknownError, TypeError, ValueError):  # too large to be computed, or not drawn at all
        pass
    values = _values(tensor, auditor)  # which has got memory if its values had to be known
    is_unwritten = is_refused and (values is None or not writes)
    count = tensor.numel() if is_unwritten else 0
    if values is not None and not count:
        count = _unwritten(tensor, values, log, writes, auditor)
        requested = None if count else _unseen(tensor, values, writes, auditor)
    return Evidence(
        name, kind, owner, tensor, log, writes, initializer, requested, stream, values, count
    )


def _values(tensor: torch.Tensor, auditor: Auditor) -> NDArray[np.generic] | None:
    """Return the values of a tensor that has memory, and a dtype that is drawn."""
    if tensor.is_meta or auditor.is_virtual(tensor):
        return None
    try:
        return to_numpy(tensor.detach())
    except ValueError:
        return None


def _unwritten(
    tensor: torch.Tensor,
    values: NDArray[np.generic],
    log: Log,
    writes: list[Write],
    auditor: Auditor,
) -> int:
    """Return the number of elements of a tensor with memory that nothing has written."""
    history = auditor.histories.of(tensor)
    if log.is_copy_of_nothing and not writes:
        return tensor.numel()
    if history is None and not writes and _holds_mark(values):
        return tensor.numel()
    if history is None or not history.is_fresh or tensor.dtype not in TELLING:
        return 0
    return int(unwritten(values).sum())


def _holds_mark(values: NDArray[np.generic]) -> bool:
    """Return whether all values are those that torch's deterministic algorithms put into memory."""
    if values.dtype.kind == "f" or values.dtype.name == "bfloat16":
        return bool(np.isnan(values.astype(np.float32)).all())
    if values.dtype.kind != "i":
        return False
    largest = np.iinfo(values.dtype).max  # type: ignore[type-var]
    return bool(np.all(values == largest))


def _unseen(
    tensor: torch.Tensor, values: NDArray[np.generic], writes: list[Write], auditor: Auditor
) -> Initializer | None:
    """Return what the calls that were seen draw, if no call explains the values that are there."""
    history = auditor.histories.of(tensor)
    if history is None or any(each.initializer is None for each in writes):
        return None
    try:
        found = describe(Extent.of(tensor), history.entries)
    except (TypeError, ValueError):  # of a dtype that is not drawn
        return None
    if found is None or draws(found, values, auditor.seed):
        return None
    return found.initializer
