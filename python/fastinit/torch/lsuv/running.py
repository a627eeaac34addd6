"""Running a model for ``lsuv_``: its arguments, its mode, and a progress bar."""

from __future__ import annotations

import contextlib
import importlib.util
import sys
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import torch


def arguments_of(batch: Any, device: torch.device) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """Return the arguments to call the model with, their tensors on a device."""

    def moved(value: Any) -> Any:
        return value.to(device) if isinstance(value, torch.Tensor) else value

    if isinstance(batch, Mapping):
        return (), {key: moved(value) for key, value in batch.items()}
    if isinstance(batch, (tuple, list)):
        return tuple(map(moved, batch)), {}
    return (moved(batch),), {}


@contextlib.contextmanager
def evaluating(model: torch.nn.Module) -> Iterator[None]:
    """Put a model into evaluation mode, without the fused attention that bypasses its modules."""
    modes = {module: module.training for module in model.modules()}
    fast = torch.backends.mha.get_fastpath_enabled()
    model.eval()
    torch.backends.mha.set_fastpath_enabled(False)
    try:
        yield
    finally:
        torch.backends.mha.set_fastpath_enabled(fast)
        for module, mode in modes.items():
            module.training = mode


@contextlib.contextmanager
def progress_bar(layers: int, wanted: bool | None) -> Iterator[Callable[[], None]]:
    """Show a progress bar where one is wanted; yield what advances it by one layer."""
    if wanted is None:
        wanted = sys.stderr.isatty() and importlib.util.find_spec("rich") is not None
    if not wanted:
        yield lambda: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    columns = TextColumn("LSUV"), BarColumn(), MofNCompleteColumn(), TextColumn("layers")
    with Progress(*columns, console=Console(stderr=True)) as progress:
        task = progress.add_task("LSUV", total=layers)
        yield lambda: progress.advance(task)
