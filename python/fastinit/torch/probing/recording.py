"""Recording what a model computes, forward and backward, without changing it."""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import math
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.overrides import TorchFunctionMode

from fastinit.guide.activations import functions
from fastinit.probes.rows import ProbeAttention, ProbeRow
from fastinit.torch.probing import measures
from fastinit.torch.probing.attention import attention_of
from fastinit.torch.probing.measures import rms

_LEAST_BLOCKS = 3  # children of one type in a list that are a stack of blocks
_MOST_CALLS = 32  # of one activation in one call of a module
_NOT_ACTIVATIONS = ("linear", "abs", "sign", "exp", "sin", "cos", "erf")  # mostly arithmetic


@dataclasses.dataclass
class Measured:
    """A row, whose gradient comes later, and which of its channels are not 0 everywhere."""

    row: ProbeRow
    alive: np.ndarray[Any, np.dtype[np.bool_]] | None


@dataclasses.dataclass
class CrossEntropy:
    """The last cross-entropy that was computed: its value per target, and the number of classes."""

    value: float
    classes: int


@dataclasses.dataclass
class _Frame:
    """A module that is running."""

    name: str
    module: nn.Module
    is_first: bool
    input_rms: float
    calls: Counter[str] = dataclasses.field(default_factory=Counter)


class Recorder(TorchFunctionMode):
    """Records the first call of every module that matters, and its activations and attention."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.rows: dict[str, Measured] = {}
        self.attention: list[ProbeAttention] = []
        self.cross_entropy: CrossEntropy | None = None
        self._model = model
        self._blocks = _blocks(model)
        self._running: list[_Frame] = []
        self._is_measuring = False
        self._entered: set[nn.Module] = set()
        self._last: tuple[torch.Tensor, int, float] | None = None  # output, its version, its rms
        self._channels: tuple[int, int] | None = None  # axis and number, of the last layer

    @contextlib.contextmanager
    def recording(self) -> Iterator[None]:
        """Record while the context lasts."""
        handles = []
        for name, module in self._model.named_modules():
            enters, leaves = self._enters(name), self._leaves
            handles.append(module.register_forward_pre_hook(enters, with_kwargs=True))
            handles.append(module.register_forward_hook(leaves, always_call=True))
        try:
            with self:
                yield
        finally:
            for handle in handles:
                handle.remove()

    def __torch_function__(
        self, func: Any, types: Any, args: Any = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        """Call a function of torch, and record it if it is an activation or an attention."""
        kwargs = kwargs or {}
        if self._is_measuring:
            return func(*args, **kwargs)
        name = str(getattr(func, "__name__", "")).removesuffix("_")
        kind = _activation(name) if self._is_in_a_larger_module() else None
        size = self._rms(_first_tensor(args)) if kind is not None else math.nan
        output = func(*args, **kwargs)
        if kind is not None and isinstance(output, torch.Tensor):
            self._record_function(kind, size, output)
        elif name == "cross_entropy":
            self._record_loss(args, kwargs, output)
        elif self._running and self._running[-1].is_first:
            with self._measuring():
                top = self._running[-1]
                found = attention_of(name, type(top.module).__name__, top.name, args, kwargs)
            self.attention += [] if found is None else [found]
        return output

    def _is_in_a_larger_module(self) -> bool:
        """Whether a function is part of the first call of a module that is more than itself."""
        if not self._running or not self._running[-1].is_first:
            return False
        module = self._running[-1].module
        is_bare = next(module.parameters(), None) is None and not any(module.children())
        return not is_bare

    def _enters(self, name: str) -> Callable[..., None]:
        def hook(module: nn.Module, args: Any, kwargs: Any) -> None:
            is_first = module not in self._entered
            self._entered.add(module)
            is_read = is_first and (module in self._blocks or _is_watched(module))
            with self._measuring():
                size = self._rms(_first_tensor((args, kwargs))) if is_read else math.nan
            self._running.append(_Frame(name, module, is_first, size))

        return hook

    def _leaves(self, module: nn.Module, _args: Any, output: Any) -> None:
        frame = self._running.pop()
        with self._measuring():
            self._record_module(frame, module, _first_tensor(output))

    def _record_module(self, frame: _Frame, module: nn.Module, tensor: torch.Tensor | None) -> None:
        if not frame.is_first or tensor is None or not tensor.is_floating_point():
            return
        is_block = module in self._blocks
        if not (is_block or _is_watched(module)) or not tensor.numel():
            return
        if (axis := measures.channel_axis(module, tensor)) is not None and tensor.ndim:
            self._channels = axis, tensor.shape[axis]
        kind = type(module).__name__
        self._record(frame.name, kind, frame.input_rms, tensor, is_block=is_block)

    def _record_function(self, kind: str, size: float, output: torch.Tensor) -> None:
        frame = self._running[-1]
        frame.calls[kind] += 1
        count = frame.calls[kind]
        if count <= _MOST_CALLS and output.is_floating_point() and output.numel():
            number = f".{count}" if count > 1 else ""
            self._record(f"{frame.name}:{kind}{number}", kind, size, output)

    def _record(
        self, name: str, kind: str, size: float, output: torch.Tensor, is_block: bool = False
    ) -> None:
        with self._measuring():
            values = measures.local(output)
            values = values if values.dtype == torch.float64 else values.float()
            output_rms = rms(values)
            activation = _activation(kind)
            alive = None
            if activation is not None and values.ndim > 1:
                alive = measures.alive(values, self._axis(values)).cpu().numpy()
            row = ProbeRow(
                name=name,
                kind=kind,
                shape=tuple(output.shape),
                input_rms=size,
                output_rms=output_rms,
                varies=measures.spread(values, output_rms),
                dead=math.nan if alive is None else float(1 - alive.mean()),
                saturated=measures.saturated(values, activation),
                is_block=is_block,
            )
        self._last = output, output._version, output_rms
        self.rows[name] = measured = Measured(row, alive)
        if output.requires_grad:
            output.register_hook(_receives(measured))  # type: ignore[no-untyped-call]

    @contextlib.contextmanager
    def _measuring(self) -> Iterator[None]:
        """Call functions of torch that are not the model's."""
        before, self._is_measuring = self._is_measuring, True
        try:
            with torch.no_grad():
                yield
        finally:
            self._is_measuring = before

    def _axis(self, values: torch.Tensor) -> int:
        """Return the axis of channels: that of the last layer, if there are as many."""
        if self._channels is not None:
            axis, count = self._channels
            if -values.ndim <= axis < values.ndim and values.shape[axis] == count:
                return axis
        return 1 if values.ndim >= 4 else values.ndim - 1

    def _rms(self, given: torch.Tensor | None) -> float:
        """Return the root mean square of an input, which often is the last output."""
        if given is None or not given.is_floating_point():
            return math.nan
        if self._last is not None and self._last[0] is given and self._last[1] == given._version:
            return self._last[2]
        with self._measuring():
            return rms(given)

    def _record_loss(self, args: Any, kwargs: dict[str, Any], output: Any) -> None:
        given = args[0] if args else kwargs["input"]
        target = args[1] if len(args) > 1 else kwargs["target"]
        with self._measuring():
            value = measures.local(output).float().sum()
            if kwargs.get("reduction", "mean") != "mean":
                ignored = kwargs.get("ignore_index", -100)
                is_index = not target.is_floating_point()
                value /= (target != ignored).sum() if is_index else target.numel() // given.shape[1]
            self.cross_entropy = CrossEntropy(float(value), given.shape[1 if given.ndim > 1 else 0])


def _receives(measured: Measured) -> Callable[[torch.Tensor], None]:
    def hook(gradient: torch.Tensor) -> None:
        measured.row = dataclasses.replace(measured.row, gradient_rms=rms(gradient))

    return hook


@functools.lru_cache(maxsize=1024)
def _activation(name: str) -> str | None:
    """Return the listed name of an activation; None of others, and of what mostly is arithmetic."""
    found = functions.find(name)
    return None if found in _NOT_ACTIVATIONS else found


def _blocks(model: nn.Module) -> set[nn.Module]:
    """Return the modules that are stacked: in a list, with parts, several of one type."""
    found: set[nn.Module] = set()
    for module in model.modules():
        if isinstance(module, (nn.ModuleList, nn.Sequential)):
            parts = [each for each in module if next(each.children(), None) is not None]
            counts = Counter(map(type, parts))
            found.update(each for each in parts if counts[type(each)] >= _LEAST_BLOCKS)
    return found


def _is_watched(module: nn.Module) -> bool:
    """Whether a module has parameters of its own, or no parts."""
    has_parameters = next(module.parameters(recurse=False), None) is not None
    return has_parameters or next(module.children(), None) is None


def _first_tensor(given: Any) -> torch.Tensor | None:
    """Return the first tensor of an output or of arguments."""
    if isinstance(given, torch.Tensor):
        return given
    if isinstance(given, dict):
        given = tuple(given.values())
    if isinstance(given, (tuple, list)):
        return next((each for each in map(_first_tensor, given) if each is not None), None)
    return None
