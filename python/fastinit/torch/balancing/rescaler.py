"""Hooks that rescale each layer while the model runs."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch

from fastinit.torch.balancing.layers import Layer

Moments = tuple[int, torch.Tensor, torch.Tensor]
"""The elements, the variance and the mean of an output, in float64: of all, or per channel."""


class State:
    """A layer, the outputs of its calls in the current pass, and what was done to it."""

    def __init__(self, layer: Layer) -> None:
        self.layer = layer
        self.calls: list[Moments] = []
        self.is_repeated = False  # whether a pass calls it more than once
        self.before = math.nan
        self.factor = torch.ones((), dtype=torch.float64)
        self.rounds = 0
        self.note = "never called"

    def moments(self) -> Moments:
        """Return those of all calls' outputs together."""
        count = sum(elements for elements, _, _ in self.calls)
        if not count:
            nan = torch.full((), math.nan, dtype=torch.float64)
            return 0, nan, nan
        mean = sum(elements * mean for elements, _, mean in self.calls) / count
        variance = sum(n * (var + (each - mean) ** 2) for n, var, each in self.calls) / count
        return count, torch.as_tensor(variance), torch.as_tensor(mean)

    def variance(self, target: float) -> float:
        """Return the variance of the output; of channels the one that is farthest from a target."""
        found = self.moments()[1].reshape(-1)
        return float(found[(found - target).abs().argmax()])


class Rescaler:
    """Rescales the layers of a model until every output has the target variance.

    ``settled`` is called once per layer, after its first call.

    Args:
        layers: the layers.
        variance: the target.
        tolerance: the largest deviation from it.
        rounds: the largest number of times that a weight is rescaled; 0 only measures.
        channels: whether each channel is rescaled on its own, and its bias is shifted so that its
            mean is 0.
        owners: by the memory of shared weights, the layer that decides; None for the first that is
            called.
    """

    def __init__(
        self,
        layers: list[Layer],
        variance: float,
        tolerance: float,
        rounds: int,
        channels: bool = False,
        owners: dict[Any, Layer] | None = None,
    ) -> None:
        self.states = {layer: State(layer) for layer in layers}
        self.target, self.tolerance, self.limit = variance, tolerance, rounds
        self.channels = channels
        given = owners or {}
        self.owners = {memory: self.states[layer] for memory, layer in given.items()}
        self.met: dict[Layer, State] = {}  # in the order of the first calls
        self.settled: Callable[[], None] = lambda: None
        self._read: set[Any] = set()  # weights that this pass has used in another layer
        self._is_stale = False  # whether one of them was rescaled afterwards

    def run(self, forward: Callable[[], Any]) -> int:
        """Run passes until nothing is rescaled after one, and return their number."""
        by_module: dict[torch.nn.Module, list[Layer]] = {}
        for layer in self.states:
            by_module.setdefault(layer.module, []).append(layer)
        handles = [
            module.register_forward_hook(self._hook(own), prepend=True, with_kwargs=True)
            for module, own in by_module.items()
        ]
        passes = 0
        try:
            while passes == 0 or self._is_stale or self._rescale_repeated():
                for state in self.states.values():
                    state.calls.clear()
                self._is_stale = False
                self._read.clear()
                forward()
                passes += 1
        finally:
            for handle in handles:
                handle.remove()
        return passes

    def states_in_order(self) -> list[State]:
        """Return the states in the order of the first calls, then those that were never called."""
        return [
            *self.met.values(),
            *(state for layer, state in self.states.items() if layer not in self.met),
        ]

    def _hook(self, layers: list[Layer]) -> Callable[..., Any]:
        """Return a forward hook that settles a module's layers and returns its new output."""

        def hook(module: torch.nn.Module, args: Any, kwargs: Any, output: Any) -> Any:
            is_stale = False  # whether an earlier layer of the module was rescaled
            for layer in layers:
                if is_stale or not layer.is_result:
                    result = layer.compute(*args, **kwargs)
                else:
                    result = output
                state = self.states[layer]
                rounds = state.rounds
                result = self._visit(state, result, args, kwargs)
                is_stale |= state.rounds > rounds
            if layers[-1].is_result:
                return result  # which is the module's own
            return module.forward(*args, **kwargs) if is_stale else output

        return hook

    def _visit(self, state: State, output: Any, args: Any, kwargs: Any) -> Any:
        """Settle a layer at its first call, and keep the output's variance of any call."""
        if not _values(output).numel():  # an expert without tokens
            return output
        moments = self._moments(output, state.layer)
        if state.layer not in self.met:
            self._meet(state, moments[1])
        state.is_repeated |= bool(state.calls)
        while not state.is_repeated and self._is_off(state, moments[1]):
            self._rescale(state, moments)
            output = state.layer.compute(*args, **kwargs)
            moments = self._moments(output, state.layer)
        state.calls.append(moments)
        if self.owners[state.layer.memory] is not state:
            self._read.add(state.layer.memory)
        return output

    def _meet(self, state: State, variance: torch.Tensor) -> None:
        owner = self.owners.setdefault(state.layer.memory, state)
        self.met[state.layer] = state
        state.before = float(variance.mean())
        state.note = ""
        if owner is not state:
            state.note = f"shares the weight of {owner.layer.name}"
        elif not bool(variance.any()):
            state.note = "its output does not vary"
        elif not self.channels and (bias := _variance(state.layer.bias)) >= self.target:
            state.note = f"its biases alone have variance {bias:.3g}"
        self.settled()

    def _is_off(self, state: State, variance: torch.Tensor) -> bool:
        """Return whether a layer needs rescaling and can be rescaled, which a note denies."""
        is_off = (variance > 0) & ((variance - self.target).abs() >= self.tolerance)
        return not state.note and state.rounds < self.limit and bool(is_off.any())

    def _rescale(self, state: State, moments: Moments) -> None:
        _, variance, mean = moments
        factor = torch.where(variance > 0, (self.target / variance).sqrt(), 1.0)
        layer = state.layer
        state.factor = state.factor * factor
        state.rounds += 1
        self._is_stale |= layer.memory in self._read
        if not factor.ndim:
            layer.weight.mul_(float(factor))
            return
        assert layer.axes is not None
        shape = [1] * layer.weight.ndim
        shape[layer.axes[0]] = -1
        layer.weight.mul_(factor.reshape(shape).to(layer.weight))
        if layer.bias is not None:
            layer.bias.sub_(mean.to(layer.bias)).mul_(factor.to(layer.bias))

    def _rescale_repeated(self) -> bool:
        """Rescale layers that a pass calls several times, by the variance of all their outputs."""
        repeated = [state for state in self.states.values() if state.is_repeated]
        off = [state for state in repeated if self._is_off(state, state.moments()[1])]
        for state in off:
            self._rescale(state, state.moments())
        return bool(off)

    def _moments(self, output: Any, layer: Layer) -> Moments:
        values = _values(output)
        wide = values if values.dtype == torch.float64 else values.float()
        axes = None
        if self.channels and layer.axes is not None:
            channel = layer.axes[1] % values.ndim
            axes = [axis for axis in range(values.ndim) if axis != channel]
        pair = torch.var_mean(wide, dim=axes, correction=0)
        variance, mean = (each.double().cpu() for each in pair)
        if not bool((variance.isfinite() & mean.isfinite()).all()):
            raise ValueError(
                f"the output of {layer.name!r} is not finite (variance {float(variance.max())}, "
                f"mean {float(mean.mean())}); check the batch, or start from smaller weights"
            )
        return values.numel(), variance, mean


def _variance(bias: torch.Tensor | None) -> float:
    return 0.0 if bias is None else float(bias.detach().var(correction=0))


def _values(output: Any) -> torch.Tensor:
    """Return the tensor that counts: the first of several."""
    values: torch.Tensor = output[0] if isinstance(output, tuple) else output
    return values
