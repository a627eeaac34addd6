"""``compare``: short training runs of one model from several starts."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F  # noqa: N812

from fastinit.checks import integer, wrong_type
from fastinit.initializers import Uniform
from fastinit.torch.modules.init import init_
from fastinit.torch.modules.plan import Rules
from fastinit.torch.running.arguments import check_build
from fastinit.torch.running.losses import signal_of
from fastinit.torch.running.progress import progress_bar
from fastinit.torch.shards.wrappers import own_names
from fastinit.torch.training.compare_report import CompareReport, summarized
from fastinit.torch.training.optimizers import Optimizer, check_optimizer, optimizer_of
from fastinit.torch.training.runs import Gradient, Run

Start = Rules | Callable[[nn.Module], object] | None
"""What ``init_`` takes, a function that initializes a module in place, or None: its own start."""

PairLoss = Callable[[Any, torch.Tensor], torch.Tensor]
"""From the output of a model and the targets to a scalar."""


def compare(
    build: Callable[[], nn.Module],
    starts: Mapping[str, Start],
    data: tuple[Any, Any],
    steps: int = 200,
    seeds: int | Sequence[int] = 5,
    *,
    loss: PairLoss | None = None,
    optimizer: Optimizer = "adamw",
    lr: float = 0.001,
    batch_size: int = 128,
    held_out: float = 0.2,
    target: float | None = None,
    progress: bool | None = None,
) -> CompareReport:
    """Train a model from several starts, and compare how fast and how far it gets.

    All starts see the same data in the same order, by seed, so that their differences are paired.

    Args:
        build: builds the model.
        starts: by name, what ``init_`` takes (a recipe, a plan, rules, an initializer), a function
            that initializes a module in place, or None for the start that ``build`` gives.
        data: inputs and targets, tensors or arrays; classes as integers, or numbers.
        steps: the number of steps of each run.
        seeds: the seeds of starts and of the order of data, or how many.
        loss: from the model's output and targets to a scalar; None for the cross-entropy of
            classes, the mean squared error of numbers.
        optimizer: "adamw", "adam", "sgd", "momentum" (0.9), or a function from parameter groups to
            an optimizer.
        lr: the learning rate.
        batch_size: the number of inputs at a step.
        held_out: the fraction of the data that is kept for the test, above 0 and below 1.
        target: the training loss to which steps are counted; None for the highest median final
            loss of a start.
        progress: whether to show a progress bar; None means yes if standard error is a terminal
            and ``rich`` is installed.

    Returns:
        A report with a summary per start (steps to the target, final loss, test loss, accuracy,
        with spread), a paired test for each two starts, and all runs with their losses and
        gradients; ``print`` shows a table.

    Raises:
        TypeError: an argument of the wrong type.
        ValueError: there are no starts, inputs and targets differ in number, or an option is out
            of range.

    Example:
        >>> import torch, fastinit.torch
        >>> from fastinit import Constant, HeNormal
        >>> def build():
        ...     layers = torch.nn.Linear(8, 32), torch.nn.ReLU(), torch.nn.Linear(32, 2)
        ...     return torch.nn.Sequential(*layers)
        >>> x = torch.from_numpy(fastinit.normal((256, 8), seed=0))
        >>> starts = {
        ...     "he": [("**.bias", Constant(0)), ("**", HeNormal())],
        ...     "zeros": Constant(0),
        ... }
        >>> data = (x, (x[:, 0] > 0).long())
        >>> report = fastinit.torch.compare(build, starts, data, steps=30, seeds=3, lr=0.01)
        >>> report.tests[0].first
        'he'
    """
    check_build(build)
    if not isinstance(data, (tuple, list)) or len(data) != 2:
        raise wrong_type(data, "data", "a tuple of inputs and targets")
    x, y = (torch.as_tensor(each) for each in data)
    numbers = range(seeds) if isinstance(seeds, int) else seeds
    _check(starts, x, y, steps, numbers, batch_size, held_out)
    check_optimizer(optimizer, lr)
    if loss is None:
        loss = _mean_squared_error if y.is_floating_point() else _cross_entropy
    runs = []
    with progress_bar("compare", "runs", len(starts) * len(numbers), progress) as advance:
        for seed in numbers:
            train, test = _split(len(x), held_out, seed)
            for name, start in starts.items():
                model = _started(build, start, seed)
                batches = _batches(train, batch_size, steps, seed)
                stepper = optimizer_of(optimizer, [{"params": list(model.parameters()), "lr": lr}])
                with _seeded(seed):
                    losses, gradients = _trained(model, x, y, batches, stepper, loss)
                    test_loss, accuracy = _tested(model, x[test], y[test], loss)
                runs.append(Run(name, seed, losses, test_loss, accuracy, gradients))
                advance()
    return summarized(runs, target)


def _check(
    starts: Mapping[str, Start],
    x: torch.Tensor,
    y: torch.Tensor,
    steps: int,
    seeds: Sequence[int],
    batch_size: int,
    held_out: float,
) -> None:
    if not isinstance(starts, Mapping):
        raise wrong_type(starts, "starts", "a mapping from names to recipes")
    if not starts:
        raise ValueError("starts has no start; pass a mapping from names to recipes")
    if len(x) != len(y):
        raise ValueError(f"data has {len(x)} inputs and {len(y)} targets; pass as many")
    for name, value in (("steps", steps), ("seeds", len(seeds)), ("batch_size", batch_size)):
        if integer(value, name, "1 or more") < 1:
            raise ValueError(f"{name}={value} is not positive; pass 1 or more")
    if not 0 < round(held_out * len(x)) < len(x):
        raise ValueError(f"held_out={held_out} leaves no data; pass a fraction between 0 and 1")


def _started(build: Callable[[], nn.Module], start: Start, seed: int) -> nn.Module:
    with _seeded(seed):
        model = build()
        if callable(start) and not hasattr(start, "templates"):  # an initializer is callable, too
            start(model)
        elif start is not None:
            init_(model, start, seed)  # type: ignore[arg-type]
    return model


@contextlib.contextmanager
def _seeded(seed: int) -> Iterator[None]:
    """Seed torch's random numbers, and restore them afterwards."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        yield


def _order(count: int, seed: int, name: str) -> torch.Tensor:
    """Return a random order."""
    return torch.from_numpy(np.argsort(Uniform(0.0, 1.0)((count,), seed=seed, name=name)))


def _split(count: int, held_out: float, seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the indices of the data for training, and of those that are held out."""
    order = _order(count, seed, "held out")
    kept = round(held_out * count)
    return order[kept:], order[:kept]


def _batches(train: torch.Tensor, size: int, steps: int, seed: int) -> Iterator[torch.Tensor]:
    """Yield the indices of each batch: epochs in random orders, without what is left at an end."""
    size = min(size, len(train))
    done, epoch = 0, 0
    while True:
        order = train[_order(len(train), seed, f"epoch {epoch}")]
        for first in range(0, len(order) - size + 1, size):
            if done == steps:
                return
            yield order[first : first + size]
            done += 1
        epoch += 1


def _trained(
    model: nn.Module,
    x: torch.Tensor,
    y: torch.Tensor,
    batches: Iterator[torch.Tensor],
    stepper: torch.optim.Optimizer,
    loss: PairLoss,
) -> tuple[tuple[float, ...], tuple[Gradient, ...]]:
    """Return the loss at each step, and the gradients of the first and the last."""
    losses = []
    first: dict[str, float] = {}
    with torch.enable_grad():
        for batch in batches:
            scalar = loss(model(x[batch]), y[batch])
            stepper.zero_grad()
            scalar.backward()  # type: ignore[no-untyped-call]
            first = first or _gradients(model)
            stepper.step()
            losses.append(float(scalar.detach()))
    last = _gradients(model)
    names = first | last  # a step may leave out layers, as stochastic depth does
    gradients = (Gradient(name, first.get(name, 0.0), last.get(name, 0.0)) for name in names)
    return tuple(losses), tuple(gradients)


def _gradients(model: nn.Module) -> dict[str, float]:
    own = own_names(model)
    return {
        own[name]: float(each.grad.double().square().mean().sqrt())
        for name, each in model.named_parameters()
        if each.grad is not None
    }


def _tested(
    model: nn.Module, x: torch.Tensor, y: torch.Tensor, loss: PairLoss
) -> tuple[float, float]:
    """Return the loss and the accuracy on held-out data, in evaluation mode.

    The accuracy is NaN where the output has no classes for the targets.
    """
    model.eval()
    with torch.no_grad():
        output = model(x)
        found = float(loss(output, y))
        logits = _logits(output, y)
        if y.is_floating_point() or logits.shape[:-1] != y.shape:
            return found, float("nan")
        return found, float((logits.argmax(-1) == y).float().mean())


def _cross_entropy(output: Any, targets: torch.Tensor) -> torch.Tensor:
    return F.cross_entropy(_logits(output, targets).flatten(0, -2), targets.flatten())


def _logits(output: Any, targets: torch.Tensor) -> torch.Tensor:
    """Return logits with classes on the last axis; those of images (N, C, H, W) are on axis 1."""
    logits = signal_of(output)
    is_last = logits.ndim < 2 or logits.shape[:-1] == targets.shape
    return logits if is_last else logits.movedim(1, -1)


def _mean_squared_error(output: Any, targets: torch.Tensor) -> torch.Tensor:
    found = signal_of(output)
    return F.mse_loss(found, targets.reshape(found.shape).to(found))
