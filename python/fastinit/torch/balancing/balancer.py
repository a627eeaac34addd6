"""The scales of a model's layers, found by running it."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch

from fastinit.torch.balancing.balance_report import BalanceRow
from fastinit.torch.balancing.gradients import gradient_growth
from fastinit.torch.balancing.layers import Layer
from fastinit.torch.balancing.rescaler import Rescaler, State

_EMBEDDINGS = (torch.nn.Embedding, torch.nn.EmbeddingBag)


class Balancer:
    """Scales layers in place, and keeps the factors and what was measured.

    Args:
        layers: the layers.
        variance: the target of activations.
        tolerance: the largest deviation.
        rounds: the largest number of times that a weight is scaled.
        channels: whether each channel has a scale of its own.
    """

    def __init__(
        self, layers: list[Layer], variance: float, tolerance: float, rounds: int, channels: bool
    ) -> None:
        self.factors = {each: torch.ones((), dtype=torch.float64) for each in layers}
        self.passes = 0
        self._variance, self._tolerance, self._rounds = variance, tolerance, rounds
        self._channels = channels
        self._owners = _owners(layers)
        self._before: dict[Layer, float] = {}
        self._states: list[State] = []
        self._growth_before: dict[Layer, float] = {}
        self._growth: dict[Layer, float] = {}

    def of_activations(self, forward: Callable[[], Any], settled: Callable[[], None]) -> None:
        """Scale each layer when it is called, until its output has the target variance."""
        self._run(forward, self._rounds, settled)
        for state in self._states:
            self.factors[state.layer] = self.factors[state.layer] * state.factor

    def measure(self, forward: Callable[[], Any]) -> None:
        """Measure the variances of all outputs."""
        self._run(forward, 0, lambda: None)

    def of_gradients(self, backward: Callable[[], None], power: float) -> None:
        """Scale layers until gradients neither grow nor shrink in them.

        Args:
            backward: runs the model forward and backward.
            power: of the factors: 1 for what gradients need, of which all rounds are made; less for
                a part of it, which is applied once.
        """
        for turn in range(self._rounds + 1):
            self._growth = gradient_growth(list(self.factors), backward)
            self._growth_before = self._growth_before or self._growth
            self.passes += 1
            off = [each for each in self._growth if self._is_off(each)]
            if not off or turn == (self._rounds if power == 1 else 1):
                return
            for layer in off:
                factor = self._growth[layer] ** (-power / 2)
                self.factors[layer] = self.factors[layer] * factor
                layer.weight.mul_(factor)

    def rows(self) -> list[BalanceRow]:
        """Return a row per layer, in the order of the model's calls."""
        return [
            BalanceRow(
                state.layer.name,
                state.layer.parameter,
                float(self.factors[state.layer].log().mean().exp()),
                self._before[state.layer],
                state.variance(self._variance),
                self._growth_before.get(state.layer, math.nan),
                self._growth.get(state.layer, math.nan),
                self._note(state),
            )
            for state in self._states
        ]

    def _run(self, forward: Callable[[], Any], rounds: int, settled: Callable[[], None]) -> None:
        layers = list(self.factors)
        rescaler = Rescaler(
            *(layers, self._variance, self._tolerance, rounds, self._channels, self._owners)
        )
        rescaler.settled = settled
        self.passes += rescaler.run(forward)
        self._states = rescaler.states_in_order()
        self._before = self._before or {each.layer: each.before for each in self._states}

    def _is_off(self, layer: Layer) -> bool:
        """Whether gradients change in a layer that decides on its weight."""
        growth = self._growth[layer]
        is_owner = self._owners.get(layer.memory, layer) is layer
        return is_owner and growth > 0 and abs(growth - 1) >= self._tolerance

    def _note(self, state: State) -> str:
        """Return what is unusual: why one scale cannot help, where it does not."""
        after = state.variance(self._variance)
        if state.note or abs(after - self._variance) < self._tolerance or self._growth:
            return state.note
        return "its variance does not follow the scale of its weight"


def _owners(layers: list[Layer]) -> dict[Any, Layer]:
    """Return, of weights that an embedding shares, the layer that decides: the last other one."""
    shared: dict[Any, list[Layer]] = {}
    for each in layers:
        shared.setdefault(each.memory, []).append(each)
    return {
        memory: others[-1]
        for memory, group in shared.items()
        if (others := [each for each in group if not isinstance(each.module, _EMBEDDINGS)])
        and len(others) < len(group)
    }
