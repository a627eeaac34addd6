"""Hooks that rescale each layer while the model runs."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch

from fastinit.torch.lsuv.layers import Layer


class State:
    """A layer, the outputs of its calls in the current pass, and what was done to it."""

    def __init__(self, layer: Layer) -> None:
        self.layer = layer
        self.calls: list[tuple[int, float, float]] = []  # (elements, variance, mean)
        self.is_repeated = False  # whether a pass calls it more than once
        self.before = math.nan
        self.rounds = 0
        self.note = "never called"

    def variance(self) -> float:
        """Return the variance of all calls' outputs together."""
        count = sum(elements for elements, _, _ in self.calls)
        if not count:
            return math.nan
        mean = sum(elements * mean for elements, _, mean in self.calls) / count
        return sum(n * (var + (each - mean) ** 2) for n, var, each in self.calls) / count


class Rescaler:
    """Rescales the layers of a model until every output has the target variance.

    ``settled`` is called once per layer, after its first call.
    """

    def __init__(self, layers: list[Layer], variance: float, tolerance: float, rounds: int) -> None:
        self.states = {layer: State(layer) for layer in layers}
        self.target, self.tolerance, self.limit = variance, tolerance, rounds
        self.owners: dict[Any, State] = {}  # by weight: the layer that is called first
        self.met: dict[Layer, State] = {}  # in the order of the first calls
        self.settled: Callable[[], None] = lambda: None

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
            while passes == 0 or self._rescale_repeated():
                for state in self.states.values():
                    state.calls.clear()
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

        def hook(_module: torch.nn.Module, args: Any, kwargs: Any, output: Any) -> Any:
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
            return result  # the last layer's, which is the module's own

        return hook

    def _visit(self, state: State, output: Any, args: Any, kwargs: Any) -> Any:
        """Settle a layer at its first call, and keep the output's variance of any call."""
        if not _values(output).numel():  # an expert without tokens
            return output
        moments = _moments(output, state.layer.name)
        if state.layer not in self.met:
            self._meet(state, moments[1])
        state.is_repeated |= bool(state.calls)
        while not state.is_repeated and self._is_off(state, moments[1]):
            self._rescale(state, moments[1])
            output = state.layer.compute(*args, **kwargs)
            moments = _moments(output, state.layer.name)
        state.calls.append(moments)
        return output

    def _meet(self, state: State, variance: float) -> None:
        owner = self.owners.setdefault(state.layer.memory, state)
        self.met[state.layer] = state
        state.before = variance
        state.note = ""
        if owner is not state:
            state.note = f"shares the weight of {owner.layer.name}"
        elif variance == 0:
            state.note = "its output does not vary"
        self.settled()

    def _is_off(self, state: State, variance: float) -> bool:
        """Return whether a layer needs rescaling and can be rescaled."""
        is_owner = self.owners.get(state.layer.memory) is state
        is_left = variance > 0 and state.rounds < self.limit
        return is_owner and is_left and abs(variance - self.target) >= self.tolerance

    def _rescale(self, state: State, variance: float) -> None:
        state.layer.weight.mul_(math.sqrt(self.target / variance))
        state.rounds += 1

    def _rescale_repeated(self) -> bool:
        """Rescale layers that a pass calls several times, by the variance of all their outputs."""
        repeated = [state for state in self.states.values() if state.is_repeated]
        off = [state for state in repeated if self._is_off(state, state.variance())]
        for state in off:
            self._rescale(state, state.variance())
        return bool(off)


def _values(output: Any) -> torch.Tensor:
    """Return the tensor that counts: the first of several."""
    values: torch.Tensor = output[0] if isinstance(output, tuple) else output
    return values


def _moments(output: Any, name: str) -> tuple[int, float, float]:
    """Return (elements, variance, mean) of a layer's output."""
    values = _values(output)
    wide = values if values.dtype == torch.float64 else values.float()
    variance, mean = (float(each) for each in torch.var_mean(wide, correction=0))
    if not (math.isfinite(variance) and math.isfinite(mean)):
        raise ValueError(
            f"the output of {name!r} is not finite (variance {variance}, mean {mean}); check the "
            "batch, or start from smaller weights"
        )
    return values.numel(), variance, mean
