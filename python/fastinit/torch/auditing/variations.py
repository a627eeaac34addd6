"""Other circumstances in which the same code must give the same model: ranks and generators."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import random
import warnings
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
import torch

from fastinit.initializers import Initializer
from fastinit.initializers.composites.composite import Composite
from fastinit.torch.auditing.evidence import NUMBERED, Evidence
from fastinit.torch.nn_init.state import state

_SIZE = 2  # processes that a model is built for
_COLLECTIVES = ("broadcast", "all_reduce", "reduce", "recv")  # their first argument is written


@contextlib.contextmanager
def generators(seed: int) -> Iterator[None]:
    """Seed the generators of Python, NumPy and torch in this context."""
    before = random.getstate(), np.random.get_state()
    with torch.random.fork_rng(devices=[]):
        random.seed(seed)
        np.random.seed(seed)
        torch.default_generator.manual_seed(seed)
        try:
            yield
        finally:
            random.setstate(before[0])
            np.random.set_state(before[1])


@contextlib.contextmanager
def marked_memory() -> Iterator[None]:
    """Fresh memory that torch provides is NaN, or the largest integer, in this context."""
    mode = torch.get_deterministic_debug_mode()
    fills = torch.utils.deterministic.fill_uninitialized_memory  # type: ignore[attr-defined]
    torch.use_deterministic_algorithms(True, warn_only=True)
    torch.utils.deterministic.fill_uninitialized_memory = True  # type: ignore[attr-defined]
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message=".*deterministic")
            yield
    finally:
        torch.utils.deterministic.fill_uninitialized_memory = fills  # type: ignore[attr-defined]
        torch.set_deterministic_debug_mode(mode)


@contextlib.contextmanager
def as_rank(rank: int) -> Iterator[None]:
    """Be one of two processes in this context: for environment variables and torch.distributed.

    Collectives send nothing, unless there is a process group already: it stays, and they use it.
    """
    names = {"RANK": rank, "LOCAL_RANK": rank, "WORLD_SIZE": _SIZE, "LOCAL_WORLD_SIZE": _SIZE}
    before = {name: os.environ.get(name) for name in names}
    os.environ.update({name: str(value) for name, value in names.items()})
    try:
        with _group(rank):
            yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


@contextlib.contextmanager
def _group(rank: int) -> Iterator[None]:
    distributed = torch.distributed
    if not distributed.is_available() or distributed.is_initialized():
        yield
        return
    from torch.testing._internal.distributed.fake_pg import FakeStore

    store = FakeStore()
    distributed.init_process_group("fake", rank=rank, world_size=_SIZE, store=store)
    try:
        with _collectives():
            yield
    finally:
        distributed.destroy_process_group()


@contextlib.contextmanager
def _collectives() -> Iterator[None]:
    """Note what collectives write."""
    originals = {name: getattr(torch.distributed, name) for name in _COLLECTIVES}

    def noting(original: Callable[..., Any]) -> Callable[..., Any]:
        def collective(tensor: torch.Tensor, *args: Any, **kwargs: Any) -> Any:
            received = getattr(state.context, "received", None)
            if received is not None:
                received(tensor)
            return original(tensor, *args, **kwargs)

        return collective

    for name, original in originals.items():
        setattr(torch.distributed, name, noting(original))
    try:
        yield
    finally:
        for name, original in originals.items():
            setattr(torch.distributed, name, original)


def differing(first: Mapping[str, Evidence], second: Mapping[str, Evidence]) -> set[str]:
    """Return the names of tensors of both models that are not initialized in the same way."""
    return {
        name for name in first.keys() & second.keys() if not _is_same(first[name], second[name])
    }


def _is_same(first: Evidence, second: Evidence) -> bool:
    if first.log.is_received or second.log.is_received:
        return True  # it has what one of the processes has
    mine, other = _fingerprint(first), _fingerprint(second)
    return mine == other or repr(mine) == repr(other)  # not a number is not equal to itself


def _fingerprint(evidence: Evidence) -> tuple[Any, ...]:
    stream = None if evidence.is_numbered else evidence.stream
    initializer = _without_numbers(evidence.initializer)
    shape = tuple(evidence.tensor.shape)
    return shape, evidence.tensor.dtype, evidence.unwritten, stream, initializer


def _without_numbers(initializer: Initializer | None) -> Initializer | None:
    """Return an initializer in which draws without a name all have the same number."""
    if not isinstance(initializer, Composite):
        return initializer
    layers = tuple(
        dataclasses.replace(
            each,
            initializer=_without_numbers(each.initializer),
            stream=0 if isinstance(each.stream, int) and each.stream < NUMBERED else each.stream,
        )
        for each in initializer.layers
    )
    return dataclasses.replace(initializer, layers=layers)
