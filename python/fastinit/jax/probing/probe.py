"""``probe``: one forward and one backward pass of a model of JAX, and what they show."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from fastinit.initializers import Normal, Uniform
from fastinit.jax.guide.models import Inputs, Model, model_of
from fastinit.jax.guide.programs import program_of
from fastinit.jax.guide.recommend import read_model
from fastinit.jax.probing.attention import attention_of
from fastinit.jax.probing.passes import Passes, Places, Weight, passes_of
from fastinit.jax.probing.targets import Target, targets_of
from fastinit.jax.trees import init_tree
from fastinit.probes.arguments import check_loss
from fastinit.probes.report import ProbeReport
from fastinit.probes.rows import ProbeAttention, ProbeRow, ProbeWeight
from fastinit.probes.stacks import stacks_of
from fastinit.probes.updates import Rates, rates_of, update_to_weight
from fastinit.probes.verdicts import verdicts_of

Loss = Callable[[Any], Any] | str | None


def probe(
    model: Any,
    batch: Inputs,
    loss: Loss = None,
    *,
    variables: Any = None,
    plan: Any = None,
    lr: Rates = None,
) -> ProbeReport:
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
        plan: a plan, or what else ``init_tree`` takes, such as ``recommend_recipe(...).recipe``:
            the model is probed as if its parameters were drawn so.
        lr: a learning rate, or one by optimizer ("sgd", "adam", "muon"): the report then has the
            size of the first update of each weight, relative to the weight.

    Returns:
        A report: ``rows`` for each layer, activation and block, ``weights``, ``attention`` for each
        softmax of products of queries and keys, ``stacks``, ``verdicts``, ``ok``,
        ``assert_healthy()``, ``to_dict()``, ``plot()``, ``html()``; ``print`` shows a table.

    Raises:
        TypeError: ``model`` is none of these, or its output has no floating-point array.
        ValueError: variables are missing or shapes, ``loss`` or ``lr`` are not understood, or the
            plan does not fit.

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
    check_loss(loss)
    rates = rates_of(lr)
    made = model_of(model, batch, variables)
    if plan is not None:
        made = _as_drawn(made, plan)
    if made.is_abstract or any(isinstance(each, jax.ShapeDtypeStruct) for each in made.inputs):
        raise ValueError("variables or inputs are shapes; pass arrays, which a probe runs with")
    if made.inputs and not any(np.size(each) for each in made.inputs):
        raise ValueError("batch is empty; pass one sample or more")
    traced = jax.make_jaxpr(lambda own, given: made.apply(own, given), return_shape=True)
    closed, shapes = traced(made.values, list(made.inputs))
    program = program_of(closed, len(made.leaves))
    reading = read_model(made, program)
    places = Places(targets_of(reading, made.modules), attention_of(program, reading))
    leaves, structure = jax.tree_util.tree_flatten(shapes)
    number = next(
        (k for k, each in enumerate(leaves) if jnp.issubdtype(each.dtype, jnp.floating)), None
    )
    if number is None:
        dtypes = ", ".join(each.dtype.name for each in leaves) or "nothing"
        raise TypeError(f"the model returns {dtypes}; pass one with a floating-point output")
    output = leaves[number]
    scalar = _scalar(loss, structure, output.shape, number)
    passes = passes_of(made, program, reading, places, scalar, number, tuple(rates))
    inputs = made.inputs[0].shape[0] if made.inputs and made.inputs[0].ndim else 1
    classes = int(output.shape[-1]) if loss == "cross_entropy" else None
    shown = None if loss is None or loss == "random" else passes.scalar
    report = _report(places, passes, inputs, classes, rates, shown)
    return dataclasses.replace(report, verdicts=verdicts_of(report, passes.differs, rates))


def _as_drawn(model: Model, plan: Any) -> Model:
    """Return a model with the parameters that a plan or a recipe draws."""
    leaves, structure = jax.tree_util.tree_flatten(model.variables)
    numbers = {each.number for each in model.leaves if each.path in model.trained}
    kept = [each if k in numbers else None for k, each in enumerate(leaves)]
    tree = init_tree(jax.tree_util.tree_unflatten(structure, kept), plan)
    drawn = iter(jax.tree_util.tree_leaves(tree))
    filled = [next(drawn) if k in numbers else each for k, each in enumerate(leaves)]
    return dataclasses.replace(model, variables=jax.tree_util.tree_unflatten(structure, filled))


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


def _report(
    places: Places,
    passes: Passes,
    inputs: int,
    classes: int | None,
    rates: Mapping[str, float],
    loss: float | None,
) -> ProbeReport:
    weights = {each.name: _weight(each, rates) for each in passes.weights}
    rows = [
        _row(each, found, weights) for each, found in zip(places.targets, passes.rows, strict=True)
    ]
    attention = [
        ProbeAttention(
            each.name, *found, heads=each.heads(inputs), keys=each.logits.shape[each.axis]
        )
        for each, found in zip(places.attention, passes.attention, strict=True)
    ]
    return ProbeReport(
        rows=tuple(rows),
        output_rms=passes.output_rms,
        loss=loss,
        verdicts=(),
        weights=tuple(weights.values()),
        attention=tuple(attention),
        stacks=tuple(stacks_of(rows)),
        classes=classes,
    )


def _weight(found: Weight, rates: Mapping[str, float]) -> ProbeWeight:
    ratios = {
        name: update_to_weight(rates[name] * update, found.rms)
        for name, update in found.updates.items()
    }
    return ProbeWeight(
        found.name,
        found.shape,
        found.rms,
        found.gradient_rms,
        found.is_alike,
        ratios,
        found.layout,
    )


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
