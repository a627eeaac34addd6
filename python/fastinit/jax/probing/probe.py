"""``probe``: one forward and one backward pass of a model of JAX, and what they show."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from fastinit.initializers import Normal, Uniform
from fastinit.jax.guide.graph import Reading
from fastinit.jax.guide.models import Inputs, Model, model_of
from fastinit.jax.guide.programs import Program, Step, program_of
from fastinit.jax.guide.recommend import read_model
from fastinit.jax.probing.measures import measured, rms
from fastinit.jax.probing.targets import Target, targets_of
from fastinit.probes.report import ProbeReport
from fastinit.probes.rows import ProbeRow, ProbeWeight
from fastinit.probes.stacks import stacks_of
from fastinit.probes.verdicts import verdicts_of

Loss = Callable[[Any], Any] | str | None
NAMES = ("cross_entropy", "random")


@dataclasses.dataclass(frozen=True)
class _Passes:
    """What both passes have shown, as numbers."""

    rows: list[dict[str, float]]
    scalar: float
    output_rms: float
    differs: float
    weights: list[float]
    gradients: list[float]
    are_alike: list[bool]


def probe(model: Any, batch: Inputs, loss: Loss = None, *, variables: Any = None) -> ProbeReport:
    """Run a model of JAX once forward and once backward, and say what is wrong with its start.

    The traced program of the model runs step by step, so that layers, activations and blocks are
    seen as in ``fastinit.torch.probe``, with the same report. The model stays as it is. Layers
    under ``scan`` are unrolled; of a loop over time the first step is seen.

    Args:
        model: a module of flax.linen or flax.nnx, or a function of variables and inputs.
        batch: what it is called with: an array, a tuple or list of arguments, or a mapping of
            keyword arguments (``{"x": x, "train": True}``); two inputs or more.
        loss: from the model's output to a scalar; "cross_entropy" for that of drawn classes, which
            are on the last axis; "random" or None for a random linear function of the output,
            whose gradient there is normal.
        variables: as for ``recommend_recipe``; None draws those of a module of linen as it does
            now, with the key 0.

    Returns:
        A report: ``rows`` for each layer, activation and block, ``weights``, ``stacks``,
        ``verdicts``, ``ok``, ``assert_healthy()``, ``to_dict()``, ``plot()``, ``html()``; ``print``
        shows a table. ``attention`` is empty.

    Raises:
        TypeError: ``model`` is none of these, or its output has no floating-point array.
        ValueError: variables are missing or shapes, or ``loss`` is not known.

    Example:
        >>> import fastinit, fastinit.jax, jax.numpy as jnp
        >>> names = [f"layers.{k}.kernel" for k in range(8)]
        >>> he = fastinit.HeNormal(layout="*io")
        >>> variables = {name: jnp.asarray(he((64, 64), seed=0, name=name)) for name in names}
        >>> def apply(variables, x):
        ...     for name in names:
        ...         x = jnp.tanh(3 * (x @ variables[name]))
        ...     return x
        >>> x = jnp.asarray(fastinit.normal((32, 64), seed=0))
        >>> report = fastinit.jax.probe(apply, x, variables=variables)
        >>> report.rows[1].name, report.rows[1].saturated > 0.5
        ('layers.0:tanh', True)
    """
    if loss is not None and not callable(loss) and loss not in NAMES:
        raise ValueError(f"loss={loss!r} is not known; pass a function, or one of {NAMES}")
    made = model_of(model, batch, variables)
    if made.is_abstract or any(isinstance(each, jax.ShapeDtypeStruct) for each in made.inputs):
        raise ValueError("variables or inputs are shapes; pass arrays, which a probe runs with")
    traced = jax.make_jaxpr(lambda own, given: made.apply(own, given), return_shape=True)
    closed, shapes = traced(made.values, list(made.inputs))
    program = program_of(closed, len(made.leaves))
    reading = read_model(made, program)
    targets = targets_of(reading, made.modules)
    leaves, structure = jax.tree_util.tree_flatten(shapes)
    number = next(
        (k for k, each in enumerate(leaves) if jnp.issubdtype(each.dtype, jnp.floating)), None
    )
    if number is None:
        raise TypeError(
            f"the model returns a {type(shapes).__name__} without floating-point arrays"
        )
    scalar = _scalar(loss, structure, leaves[number].shape, number)
    passes = _passed(made, reading, program, targets, scalar, number)
    return _report(made, reading, targets, passes, _classes(loss, leaves[number]), loss)


def _scalar(
    loss: Loss, structure: Any, shape: tuple[int, ...], number: int
) -> Callable[[list[Any]], Any]:
    """Return what is differentiated, as a function of the leaves of an output."""
    if callable(loss):
        return lambda outputs: jnp.sum(loss(jax.tree_util.tree_unflatten(structure, outputs)))
    if loss == "cross_entropy":
        drawn = Uniform(0.0, 1.0)(shape[:-1], seed=0, name="classes")
        targets = (drawn * shape[-1]).astype(np.int32)

        def cross_entropy(outputs: list[Any]) -> Any:
            logits = jax.nn.log_softmax(outputs[number].astype(jnp.float32))
            return -jnp.take_along_axis(logits, targets[..., None], -1).mean()

        return cross_entropy
    normal = Normal()(shape, seed=0, name="gradient")
    return lambda outputs: jnp.sum(outputs[number].astype(jnp.float32) * normal)


def _classes(loss: Loss, output: Any) -> int | None:
    return int(output.shape[-1]) if loss == "cross_entropy" else None


def _passed(
    model: Model,
    reading: Reading,
    program: Program,
    targets: Sequence[Target],
    scalar: Callable[[list[Any]], Any],
    number: int,
) -> _Passes:
    """Run both passes as one program.

    Zeros are added to each output that is looked at, and the gradient there is that of the zeros.
    """
    numbers = {id(each.output.step): k for k, each in enumerate(targets)}
    steps = {id(each.source): getattr(each.source, "step", None) for each in targets}
    sources = {id(step) for step in steps.values() if step is not None}
    trained = [k for k, each in enumerate(model.leaves) if each.path in model.trained]
    zeros = [_zeros(each) for each in targets]

    def forward(weights: list[Any], added: list[Any]) -> tuple[Any, Any]:
        values = list(model.values)
        for k, weight in zip(trained, weights, strict=True):
            values[k] = weight
        rows: list[dict[str, Any]] = [{} for _ in targets]
        sizes: dict[int, Any] = {}

        def seen(step: Step, value: Any) -> Any:
            if id(step) in sources:
                sizes[id(step)] = rms(value)
            k = numbers.get(id(step))
            if k is None:
                return value
            rows[k] = measured(value, targets[k].activation)
            return value + added[k].astype(value.dtype)

        outputs = program.run([*values, *model.inputs], seen)
        of_input = rms(model.inputs[0]) if model.inputs else jnp.nan
        for row, each in zip(rows, targets, strict=True):
            step = steps[id(each.source)]
            row["input_rms"] = of_input if step is None else sizes[id(step)]
        signal = outputs[number]
        differs = jnp.abs(signal - signal[:1]).max() if signal.ndim > 0 else jnp.nan
        found = rows, rms(signal), differs, [rms(each) for each in weights]
        return scalar(outputs), found

    def both(weights: list[Any], added: list[Any]) -> Any:
        passed = jax.value_and_grad(forward, argnums=(0, 1), has_aux=True)
        (value, found), (of_weights, of_outputs) = passed(weights, added)
        rows, output_rms, differs, sizes = found
        for row, gradient in zip(rows, of_outputs, strict=True):
            row["gradient_rms"] = rms(gradient)
        gradients = [rms(each) for each in of_weights]
        return rows, value, output_rms, differs, sizes, gradients

    weights = [model.values[k] for k in trained]
    found = jax.device_get(jax.jit(both)(weights, zeros))
    rows = [{name: float(value) for name, value in row.items()} for row in found[0]]
    names = [model.leaves[k].path for k in trained]
    alike = [
        _are_alike(each, reading.layouts.get(name))
        for name, each in zip(names, weights, strict=True)
    ]
    value, output_rms, differs = map(float, found[1:4])
    sizes, gradients = (list(map(float, each)) for each in found[4:])
    return _Passes(rows, value, output_rms, differs, sizes, gradients, alike)


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


def _report(
    model: Model,
    reading: Reading,
    targets: Sequence[Target],
    passes: _Passes,
    classes: int | None,
    loss: Loss,
) -> ProbeReport:
    names = [each.path for each in model.leaves if each.path in model.trained]
    shapes = {each.path: each.shape for each in model.leaves}
    figures = zip(names, passes.weights, passes.gradients, passes.are_alike, strict=True)
    weights = {
        name: ProbeWeight(
            name, shapes[name], size, gradient, is_alike, {}, reading.layouts.get(name, "*io")
        )
        for name, size, gradient, is_alike in figures
    }
    rows = [_row(each, found, weights) for each, found in zip(targets, passes.rows, strict=True)]
    report = ProbeReport(
        rows=tuple(rows),
        output_rms=passes.output_rms,
        loss=passes.scalar if loss is not None and loss != "random" else None,
        verdicts=(),
        weights=tuple(weights.values()),
        stacks=tuple(stacks_of(rows)),
        classes=classes,
    )
    return dataclasses.replace(report, verdicts=verdicts_of(report, passes.differs, {}))


def _row(
    target: Target, found: Mapping[str, float], weights: Mapping[str, ProbeWeight]
) -> ProbeRow:
    assert target.output.step is not None
    weight, bias = weights.get(target.weight), weights.get(target.output.bias or "")
    options: dict[str, Any] = dict(found)
    if weight is not None:
        options |= {"weight_rms": weight.rms, "weight_gradient_rms": weight.gradient_rms}
    if bias is not None:
        options["bias_rms"] = bias.rms
    options.setdefault("varies", math.nan)
    return ProbeRow(
        name=target.name,
        kind=target.kind,
        shape=target.output.step.shape,
        is_block=target.kind == "block",
        weight=target.weight,
        **options,
    )
