"""``coord_check``: how the outputs of layers, and their changes, grow with the width of a model."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import torch
from torch import nn

from fastinit.checks import integer, wrong_type
from fastinit.manifests import Manifest
from fastinit.plans.plan import Plan
from fastinit.recipes.given import RecipeLike
from fastinit.recipes.recipe import Recipe
from fastinit.torch.modules.init import init_
from fastinit.torch.modules.param_groups import param_groups
from fastinit.torch.running.arguments import calls, check_build
from fastinit.torch.running.losses import Loss, scalar_of
from fastinit.torch.running.progress import progress_bar
from fastinit.torch.shards.wrappers import bare
from fastinit.torch.training.coord_report import CoordReport
from fastinit.torch.training.coord_rows import CoordRow, fault
from fastinit.torch.training.optimizers import Optimizer, check_optimizer, optimizer_of

Scheme = Callable[[Manifest, Manifest], Recipe]
"""From the manifests of a model and of the base model to a recipe, as ``Recipe.mup``."""


def coord_check(
    build: Callable[[int], nn.Module],
    widths: Sequence[int],
    batch: Any,
    steps: int = 3,
    *,
    recipe: Scheme | RecipeLike | None = None,
    optimizer: Optimizer = "adam",
    lr: float = 0.001,
    loss: Loss = None,
    seeds: int = 1,
    tolerance: float = 0.25,
    progress: bool | None = None,
) -> CoordReport:
    """Train models of several widths for a few steps, and say which layers depend on the width.

    It is the coordinate check of the maximal update parametrization (Yang et al., Tensor Programs
    V, arXiv 2203.03466, appendix D.1): with the width the outputs of layers must not grow, and what
    a step changes in them must stay the same. Slopes are those of log rms over log width. In the
    limit of large widths they are multiples of 1/2, where the exponents with which starts and
    learning rates depend on the width are (Yang and Hu 2021, arXiv 2011.14522, section 3), so that
    a slope within 1/4 of 0 stands for 0.

    Args:
        build: from a width to a model.
        widths: two widths or more; the first is that of the base model.
        batch: what models are called with, and trained on at each step: a tensor, a tuple or list
            of arguments, or a mapping of keyword arguments.
        steps: the number of steps.
        recipe: how models start: a function of a model's manifest and the base's (such as
            ``fastinit.Recipe.mup``), a recipe, or None for the model's own start. Multipliers of a
            recipe act on learning rates and, by hooks, on what weights contribute to outputs.
        optimizer: "adam", "adamw", "sgd", "momentum" (0.9), or a function from parameter groups to
            an optimizer.
        lr: the learning rate at the base width.
        loss: as for ``probe``.
        seeds: the number of starts over which mean squares are taken.
        tolerance: the largest slope that counts as flat, half of the smallest that a fault has.
        progress: whether to show a progress bar; None means yes if standard error is a terminal
            and ``rich`` is installed.

    Returns:
        A report with a row per layer and step, ``verdicts``, ``broken`` and ``assert_flat()``.

    Raises:
        TypeError: an argument of the wrong type.
        ValueError: fewer than two widths, or an option that is not understood.

    Example:
        >>> import torch, fastinit.torch
        >>> from fastinit import HeNormal, Recipe, Rule
        >>> def build(width):
        ...     layers = torch.nn.Linear(8, width, bias=False), torch.nn.ReLU()
        ...     return torch.nn.Sequential(*layers, torch.nn.Linear(width, 1, bias=False))
        >>> x = torch.from_numpy(fastinit.normal((16, 8), seed=0))
        >>> report = fastinit.torch.coord_check(build, (64, 256, 1024), x, lr=0.01)
        >>> report.broken
        ('2',)
    """
    if not isinstance(widths, Sequence) or isinstance(widths, str):
        raise wrong_type(widths, "widths", "two widths or more, as (64, 256)")
    if len(set(widths)) < 2:
        raise ValueError(f"widths={widths!r} has fewer than two widths; pass two or more")
    for name, value in (("steps", steps), ("seeds", seeds)):
        if integer(value, name, "1 or more") < 1:
            raise ValueError(f"{name}={value} is not positive; pass 1 or more")
    check_optimizer(optimizer, lr)
    check_build(build, widths[0])
    squares: dict[tuple[str, int], list[tuple[float, float]]] = {}
    with torch.random.fork_rng(), bare(build(widths[0])) as model:
        base = Manifest.from_torch(model)
    with progress_bar("coordinate check", "runs", len(widths) * seeds, progress) as advance:
        for width in widths:
            found = []
            for seed in range(seeds):
                with bare(_built(build, width, seed)) as model:
                    started = _started(model, recipe, base, lr, seed)
                    found.append(_run(started, batch, steps, optimizer, loss))
                advance()
            for key in found[0]:
                pairs = [each[key] for each in found]
                means = tuple(sum(each) / seeds for each in zip(*pairs, strict=True))
                squares.setdefault(key, []).append((means[0], means[1]))
    rows = tuple(_row(*key, widths, each) for key, each in squares.items())
    return CoordReport(tuple(widths), steps, rows, tolerance, _verdicts(rows, tolerance))


Started = tuple[nn.Module, list[dict[str, Any]], dict[str, float]]


def _built(build: Callable[[int], nn.Module], width: int, seed: int) -> nn.Module:
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return build(width)


def _started(
    model: nn.Module,
    recipe: Scheme | RecipeLike | None,
    base: Manifest,
    lr: float,
    seed: int,
) -> Started:
    """Return a model as it starts, its parameter groups, and its factors on the forward pass."""
    if recipe is None:
        return model, [{"params": list(model.parameters()), "lr": lr}], {}
    manifest = Manifest.from_torch(model)
    plan = Plan(manifest, recipe(manifest, base) if callable(recipe) else recipe, seed=seed)  # type: ignore[arg-type]
    init_(model, plan)
    factors = {name: each["forward"] for name, each in plan.multipliers().items()}
    forward = {name: factor for name, factor in factors.items() if factor != 1}
    return model, param_groups(model, plan, lr), forward


def _run(
    started: Started, batch: Any, steps: int, optimizer: Optimizer, loss: Loss
) -> dict[tuple[str, int], tuple[float, float]]:
    """Return the mean squares of outputs and of their changes, by layer and step."""
    model, groups, forward = started
    stepper = optimizer_of(optimizer, groups)
    found: dict[tuple[str, int], tuple[float, float]] = {}
    outputs: dict[str, torch.Tensor] = {}
    first: dict[str, torch.Tensor] = {}
    with torch.random.fork_rng(), torch.enable_grad(), _watched(model, outputs, forward):
        for step in range(steps + 1):
            outputs.clear()
            output = calls(model, batch)()
            first = first or dict(outputs)
            for name, values in outputs.items():
                change = values - first[name]
                found[name, step] = (_mean_square(values), _mean_square(change))
            scalar, _ = scalar_of(model, batch, output, loss)
            stepper.zero_grad()
            scalar.backward()  # type: ignore[no-untyped-call]
            stepper.step()
    return found


@contextlib.contextmanager
def _watched(
    model: nn.Module, outputs: dict[str, torch.Tensor], forward: dict[str, float]
) -> Iterator[None]:
    """Keep the first output of each module with weights, after the factor of its weight."""
    with contextlib.ExitStack() as stack:
        for name, module in model.named_modules():
            prefix = f"{name}." if name else ""
            if next(module.parameters(recurse=False), None) is None:
                continue
            hook = _hook(name, outputs, forward.get(f"{prefix}weight", 1.0))
            stack.callback(module.register_forward_hook(hook).remove)
        yield


def _hook(name: str, outputs: dict[str, torch.Tensor], factor: float) -> Callable[..., Any]:
    def hook(module: nn.Module, _args: Any, output: Any) -> Any:
        values = output[0] if isinstance(output, tuple) else output
        if factor != 1:
            bias = getattr(module, "bias", None)
            values = values * factor if bias is None else (values - bias) * factor + bias
        outputs.setdefault(name, values.detach().clone())
        return (values, *output[1:]) if isinstance(output, tuple) else values

    return hook


def _mean_square(values: torch.Tensor) -> float:
    return float(values.double().square().mean())


def _row(
    layer: str, step: int, widths: Sequence[int], squares: list[tuple[float, float]]
) -> CoordRow:
    rms, change = (tuple(map(math.sqrt, each)) for each in zip(*squares, strict=True))
    return CoordRow(layer, step, rms, change, _slope(widths, rms), _slope(widths, change))


def _slope(widths: Sequence[int], sizes: Sequence[float]) -> float:
    """Return the slope of log size over log width, by least squares; NaN where a size is 0."""
    if not all(0 < size < math.inf for size in sizes):
        return math.nan
    x, y = ([math.log(each) for each in values] for values in (widths, sizes))
    center, middle = sum(x) / len(x), sum(y) / len(y)
    above = sum((a - center) * (b - middle) for a, b in zip(x, y, strict=True))
    return above / sum((a - center) ** 2 for a in x)


def _verdicts(rows: Sequence[CoordRow], tolerance: float) -> tuple[str, ...]:
    """Return a sentence per layer that breaks the rule, by its steepest slope."""
    worst: dict[str, CoordRow] = {}
    for row in rows:
        if fault(row, tolerance):
            held = worst.setdefault(row.layer, row)
            worst[row.layer] = max(held, row, key=_steepness)
    return tuple(_said(row, tolerance) for row in worst.values())


def _steepness(row: CoordRow) -> float:
    return max(row.slope, 0.0 if math.isnan(row.change_slope) else abs(row.change_slope))


def _said(row: CoordRow, tolerance: float) -> str:
    what = fault(row, tolerance)
    slope = row.slope if what == "grows" else row.change_slope
    label = row.layer or "the model's own weight"
    when = "at the start" if row.step == 0 else f"after step {row.step}"
    return f"the output of {label} {what} with the width: like width^{slope:.2f} {when}"
