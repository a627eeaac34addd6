"""One forward and one backward pass of a model as one program, which gives numbers alone."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from fastinit.jax.guide.graph import Reading
from fastinit.jax.guide.models import Model
from fastinit.jax.guide.programs import Program, Step
from fastinit.jax.probing import attention, updates
from fastinit.jax.probing.attention import Attention
from fastinit.jax.probing.measures import measured, rms
from fastinit.jax.probing.targets import Target
from fastinit.probes.updates import is_updated


@dataclasses.dataclass(frozen=True)
class Weight:
    """The figures of a parameter that is trained, from both passes."""

    name: str
    shape: tuple[int, ...]
    layout: str
    rms: float
    gradient_rms: float
    is_alike: bool
    updates: Mapping[str, float]


@dataclasses.dataclass(frozen=True)
class Passes:
    """The figures of both passes.

    Attributes:
        rows: for each target, the figures of its row.
        attention: for each attention, the entropy and the standard deviation of logits.
        weights: for each parameter that is trained.
        scalar: what was differentiated.
        output_rms: the root mean square of the output.
        differs: how much the outputs of a batch differ at most.
    """

    rows: list[dict[str, float]]
    attention: list[tuple[float, float]]
    weights: list[Weight]
    scalar: float
    output_rms: float
    differs: float


@dataclasses.dataclass(frozen=True)
class Places:
    """The places that are measured: layers, activations and blocks, and attention."""

    targets: Sequence[Target]
    attention: Sequence[Attention]


class _Watch:
    """The figures of a forward pass, and the zeros that are added to each measured output.

    The gradient at an output is that of its zeros.
    """

    def __init__(self, places: Places, added: Sequence[Any]) -> None:
        self._places, self._added = places, added
        self._numbers = {id(each.output.step): k for k, each in enumerate(places.targets)}
        self._attention = {id(each.logits): k for k, each in enumerate(places.attention)}
        self._steps = [getattr(each.source, "step", None) for each in places.targets]
        self._sources = {id(step) for step in self._steps if step is not None}
        self._sizes: dict[int, Any] = {}
        self._rows: list[dict[str, Any]] = [{} for _ in places.targets]
        self.attention: list[Any] = [None for _ in places.attention]

    def __call__(self, step: Step, value: Any) -> Any:
        """Look at the first result of a step, and return what takes its place."""
        if (k := self._attention.get(id(step))) is not None:
            axis = self._places.attention[k].axis
            self.attention[k] = attention.moments(jax.lax.stop_gradient(value), axis)
        k = self._numbers.get(id(step))
        if id(step) in self._sources and k is None:
            self._sizes[id(step)] = rms(value)
        if k is None:
            return value
        self._rows[k] = measured(jax.lax.stop_gradient(value), self._places.targets[k].activation)
        self._sizes[id(step)] = self._rows[k]["output_rms"]
        return value + self._added[k].astype(value.dtype)

    def rows(self, of_input: Any) -> list[dict[str, Any]]:
        """Return the figures of all rows, given the size of the model's input."""
        for row, step in zip(self._rows, self._steps, strict=True):
            row["input_rms"] = of_input if step is None else self._sizes[id(step)]
        return self._rows


def passes_of(
    model: Model,
    program: Program,
    reading: Reading,
    places: Places,
    scalar: Callable[[list[Any]], Any],
    number: int,
    optimizers: Sequence[str],
) -> Passes:
    """Run both passes.

    Args:
        model: the model.
        program: its program.
        reading: what that says.
        places: what is looked at.
        scalar: from the leaves of the model's output to what is differentiated.
        number: which leaf counts.
        optimizers: those whose first update is measured, for a learning rate of 1.
    """
    trained = [k for k, each in enumerate(model.leaves) if each.path in model.trained]
    names = [model.leaves[k].path for k in trained]
    layouts = [reading.layouts.get(name) for name in names]
    given = [*model.values, *model.inputs]
    count = len(model.leaves)

    def forward(weights: list[Any], added: list[Any], given: list[Any]) -> tuple[Any, Any]:
        values = list(given)
        for k, weight in zip(trained, weights, strict=True):
            values[k] = weight
        watch = _Watch(places, added)
        outputs = program.run(values, watch)
        signal = outputs[number]
        differs = jnp.abs(signal - signal[:1]).max() if signal.ndim > 0 else jnp.nan
        rows = watch.rows(rms(given[count]) if model.inputs else jnp.nan)
        return scalar(outputs), (rows, watch.attention, rms(signal), differs)

    def both(weights: list[Any], given: list[Any]) -> Any:
        zeros = [_zeros(each) for each in places.targets]
        passed = jax.value_and_grad(forward, argnums=(0, 1), has_aux=True)
        (value, (rows, *found)), (of_weights, of_outputs) = passed(weights, zeros, given)
        for row, gradient in zip(rows, of_outputs, strict=True):
            row["gradient_rms"] = rms(gradient)
        figures = [
            _figures(each, gradient, layout or "*io", optimizers)
            for each, gradient, layout in zip(weights, of_weights, layouts, strict=True)
        ]
        return rows, figures, value, *found

    weights = [given[k] for k in trained]
    found = jax.tree.map(float, jax.device_get(jax.jit(both)(weights, given)))
    rows, figures, value, of_attention, output_rms, differs = found
    alike = list(map(_are_alike, weights, layouts))
    described = [
        Weight(name, tuple(each.shape), layout or "*io", size, gradient, is_alike, steps)
        for name, each, layout, is_alike, (size, gradient, steps) in zip(
            names, weights, layouts, alike, figures, strict=True
        )
    ]
    return Passes(rows, of_attention, described, value, output_rms, differs)


def _figures(weight: Any, gradient: Any, layout: str, optimizers: Sequence[str]) -> Any:
    """Return the size of a weight, of its gradient and of its first updates."""
    steps = {
        name: rms(updates.update_of(name, gradient, layout))
        for name in optimizers
        if is_updated(name, weight.ndim)
    }
    return rms(weight), rms(gradient), steps


def _zeros(target: Target) -> Any:
    assert target.output.step is not None
    return jnp.zeros(target.output.step.shape, jnp.float32)


def _are_alike(weight: Any, layout: str | None) -> bool:
    """Return whether all units of a matrix are equal, and not 0."""
    if layout is None or "o" not in layout or weight.size == 0:
        return False
    values = np.asarray(weight).astype(np.float64)
    axis = layout.rindex("o")
    first = values.take([0], axis)
    return bool(values.shape[axis] > 1 and (values == first).all() and first.any())
