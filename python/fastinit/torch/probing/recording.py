"""Recording what a model computes, forward and backward, without changing it."""

from __future__ import annotations

import contextlib
import math
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import nn
from torch.overrides import TorchFunctionMode

from fastinit.guide import functions
from fastinit.torch.probing.report import ProbeRow

_LEAST_BLOCKS = 3  # children of one type in a list that are a stack of blocks
_BOUNDED = {"tanh": (-1.0, 1.0), "sigmoid": (0.0, 1.0), "hard_tanh": (-1.0, 1.0)}
_EDGE = 0.01  # of the range at each end is saturated
_NOT_ACTIVATIONS = ("linear", "abs", "sign", "exp", "sin", "cos", "erf")  # mostly arithmetic


class Recorder(TorchFunctionMode):
    """Records the first call of every module that matters, and of every activation."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.rows: dict[str, ProbeRow] = {}
        self._names: list[str] = []  # of the modules that are running
        self._blocks = _blocks(model)
        self._watched = {
            name: module
            for name, module in model.named_modules()
            if name and (module in self._blocks or _is_watched(module))
        }

    @contextlib.contextmanager
    def recording(self) -> Iterator[None]:
        """Record while the context lasts."""
        handles = []
        for name, module in self._watched.items():
            handles.append(module.register_forward_pre_hook(self._enters(name)))
            handles.append(module.register_forward_hook(self._leaves(name), always_call=True))
        try:
            with self:
                yield
        finally:
            for handle in handles:
                handle.remove()

    def __torch_function__(
        self, func: Any, types: Any, args: Any = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        """Call a function of torch, and record it if it is an activation."""
        output = func(*args, **(kwargs or {}))
        name = str(getattr(func, "__name__", "")).removesuffix("_")
        found = functions.find(name)
        is_activation = found is not None and found not in _NOT_ACTIVATIONS
        if is_activation and isinstance(output, torch.Tensor) and self._is_in_a_larger_module():
            self._record(f"{self._names[-1]}:{found}", str(found), args, output)
        return output

    def _is_in_a_larger_module(self) -> bool:
        """Whether a function is part of a module that is more than an activation itself."""
        module = self._watched[self._names[-1]] if self._names else None
        return module is not None and next(module.parameters(), None) is not None

    def _enters(self, name: str) -> Callable[..., None]:
        def hook(_module: nn.Module, _args: Any) -> None:
            self._names.append(name)

        return hook

    def _leaves(self, name: str) -> Callable[..., None]:
        def hook(module: nn.Module, args: Any, output: Any) -> None:
            self._names.pop()
            tensor = _first_tensor(output)
            if tensor is not None:
                self._record(name, type(module).__name__, args, tensor, module)

        return hook

    def _record(
        self,
        name: str,
        kind: str,
        args: Any,
        output: torch.Tensor,
        module: nn.Module | None = None,
    ) -> None:
        if name in self.rows or not output.is_floating_point() or not output.numel():
            return
        with torch.no_grad(), self._paused():
            row = _row(name, kind, args, output.detach())
            if module is not None:
                row.weight_rms = rms(module._parameters.get("weight"))
                row.bias_rms = rms(module._parameters.get("bias"))
                row.is_block = module in self._blocks
        self.rows[name] = row
        if output.requires_grad:
            output.register_hook(self._receives(row))  # type: ignore[no-untyped-call]

    def _receives(self, row: ProbeRow) -> Callable[[torch.Tensor], None]:
        def hook(gradient: torch.Tensor) -> None:
            row.gradient_rms = rms(gradient)

        return hook

    @contextlib.contextmanager
    def _paused(self) -> Iterator[None]:
        names, self._names = self._names, []
        try:
            yield
        finally:
            self._names = names


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


def _row(name: str, kind: str, args: Any, output: torch.Tensor) -> ProbeRow:
    values = output.float() if output.dtype != torch.float64 else output
    given = _first_tensor(args)
    row = ProbeRow(
        name=name,
        kind=kind,
        shape=tuple(output.shape),
        input_rms=rms(given) if given is not None and given.is_floating_point() else math.nan,
        output_rms=rms(values),
        varies=_spread(values),
        dead=_dead(values),
    )
    listed = functions.find(kind)
    if listed in _BOUNDED:
        low, high = _BOUNDED[listed]
        edge = _EDGE * (high - low)
        row.saturated = float(((values <= low + edge) | (values >= high - edge)).float().mean())
    return row


def _spread(values: torch.Tensor) -> float:
    """Return how much inputs of a batch differ, NaN of a single one."""
    if values.ndim < 2 or len(values) < 2:
        return math.nan
    return rms(values - values.mean(dim=0, keepdim=True))


def _dead(values: torch.Tensor) -> float:
    """Return the fraction of channels that are 0 everywhere: axis 1 of images, else the last."""
    if values.ndim < 2:
        return math.nan
    axis = 1 if values.ndim >= 4 else values.ndim - 1
    others = [k for k in range(values.ndim) if k != axis]
    return float((values.abs().amax(dim=others) == 0).float().mean())


def _first_tensor(given: Any) -> torch.Tensor | None:
    """Return the first tensor of an output or of arguments."""
    if isinstance(given, torch.Tensor):
        return given
    if isinstance(given, dict):
        given = tuple(given.values())
    if isinstance(given, (tuple, list)):
        return next((each for each in map(_first_tensor, given) if each is not None), None)
    return None


def rms(tensor: torch.Tensor | None) -> float:
    """Return the root mean square of a tensor, NaN of none."""
    if tensor is None or not tensor.numel() or tensor.is_meta:
        return math.nan
    values = tensor.detach()
    largest = float(values.abs().max())
    if not 0 < largest < math.inf:
        return largest
    return largest * math.sqrt(float(((values / largest).double() ** 2).mean()))
