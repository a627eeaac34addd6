"""Recommended starts of fastinit and of AnyInit on nine models: signals, time, training.

    python -m benchmarks.guide --json benchmarks/results/guide.json

An entry of ``results`` has ``model``, ``library`` ("fastinit": ``recommend_recipe`` and ``init_``;
"anyinit": ``anyinit.initialize(model)``; "torch": the start that the modules have of their own)
and ``failure``, where the library fails on the model, or

- ``forward``, ``backward``: the factor by which the mean square of signals and of gradients grows
  per module of the model's stack, a geometric mean over the seeds.
- ``error``: the larger of |ln forward| and |ln backward|, 0 where both are kept.
- ``seconds``: of the processor, for one start of the model, of "torch" none.
- ``losses``: after the training, the mean over the last tenth of the steps, one per seed.
- ``warnings``: how many warnings the start caused.

Models, data, batches and optimizer are the same for all; seeds are equal too.
"""

from __future__ import annotations

import argparse
import itertools
import math
import statistics
import sys
import time
import warnings
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import nn

import fastinit.torch
from benchmarks import common
from benchmarks.guide_models import TASKS, Task

BATCH = 64
NOTES = [
    "The growth is that of mean squares per module of the stack: of tanh, relu and sine layers, of "
    "residual and transformer blocks, of LSTM layers. It is measured on one batch before training.",
    "The time is the processor's, of the second and later calls in a process, with 1 thread.",
]
Start = Callable[[nn.Module, int], object]


def fastinits(model: nn.Module, seed: int) -> object:
    """Draw what fastinit recommends."""
    found = fastinit.torch.recommend_recipe(model)
    return fastinit.torch.init_(model, found.recipe, seed=seed)


def anyinits(model: nn.Module, seed: int) -> object:
    """Draw what AnyInit gives the model."""
    return common.required("anyinit").initialize(model, seed=seed)


STARTS: dict[str, Start] = {
    "fastinit": fastinits,
    "anyinit": anyinits,
    "torch": lambda _model, _seed: None,
}


def main(argv: Sequence[str] | None = None) -> int:
    """Check, measure and print; write the results if a path is given."""
    options = _options(argv)
    settings = {"steps": options.steps, "seeds": options.seeds, "repeats": options.repeats}
    report = common.new_report("guide", settings, NOTES, ("anyinit", "scikit-learn"))
    wanted = common.listed(options.models)
    for task in TASKS:
        if wanted and task.name not in wanted:
            continue
        common.add_check(report, check(task))
        for library, found in measured(task, options).items():
            entry = {"model": task.name, "library": library} | found
            report["results"].append(entry)
            print(describe(entry), flush=True)
    if not wanted:
        report["large"] = large(options.repeats)
    common.write(options.json, report)
    return 0


def large(repeats: int) -> dict[str, Any]:
    """Return the times of starts of an encoder of the size of BERT-base, by library."""

    def build() -> nn.Module:
        layer = nn.TransformerEncoderLayer(768, 12, 3072, batch_first=True)
        return nn.TransformerEncoder(layer, 12, enable_nested_tensor=False)

    model = build()
    with common.threads(1):
        timed = {name: _timing(lambda: model, STARTS[name]) for name in ("fastinit", "anyinit")}
        seconds = common.interleaved(timed, repeats)
    parameters = sum(each.numel() for each in model.parameters())
    spreads = {library: common.spread(found) for library, found in seconds.items()}
    return {"parameters": parameters, "seconds": spreads}


def _options(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = common.argument_parser("guide", __doc__)
    parser.add_argument("--steps", type=int, default=200, help="of training (%(default)s)")
    parser.add_argument("--seeds", type=int, default=5, help="of each start (%(default)s)")
    parser.add_argument("--repeats", type=int, default=7, help="of each timing (%(default)s)")
    parser.add_argument("--models", default="", help="names of models; all without it")
    return parser.parse_args(argv)


def describe(entry: dict[str, Any]) -> str:
    """Return a line of text about an entry."""
    name = f"{entry['model']:16}{entry['library']:10}"
    if "failure" in entry:
        return f"{name}{entry['failure']}"
    losses = entry["losses"]
    took = entry["seconds"]["median"] if entry["seconds"] else math.nan
    return (
        f"{name}forward {entry['forward']:.3f} backward "
        f"{entry['backward']:.3f} error {entry['error']:.3f} {1e3 * took:6.1f} ms  loss "
        f"{statistics.mean(losses):.4f} ({min(losses):.4f} to {max(losses):.4f})"
    )


def check(task: Task) -> dict[str, Any]:
    """Check that fastinit draws the recommended standard deviations."""
    model = built(task, 0)
    found = fastinit.torch.recommend_recipe(model)
    fastinit.torch.init_(model, found.recipe, seed=0)
    again = fastinit.torch.recommend_recipe(model)
    differ = [row.name for row in again.differences()]
    return {"what": task.name, "library": "fastinit", "ok": not differ, "differ": differ}


def measured(task: Task, options: argparse.Namespace) -> dict[str, dict[str, Any]]:
    """Return the figures of all starts of a model."""
    starts = dict(STARTS)
    found: dict[str, dict[str, Any]] = {}
    for library, start in STARTS.items():
        if (reason := failure(task, start)) is not None:
            found[library] = {"failure": reason}
            del starts[library]
    growths: dict[str, list[tuple[float, float]]] = {library: [] for library in starts}
    for seed, library in itertools.product(range(options.seeds), starts):
        model = built(task, seed)
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            starts[library](model, seed)
        entry = found.setdefault(library, {"losses": []})
        entry["warnings"] = len(caught)
        growths[library].append(growth(task, model))
        entry["losses"].append(trained(task, model, seed, options.steps))
    for library, pairs in growths.items():
        forward, backward = (
            math.exp(statistics.mean(map(math.log, each))) for each in zip(*pairs, strict=True)
        )
        error = growth_error(forward, backward)
        found[library] |= {"forward": forward, "backward": backward, "error": error}
    timed = {
        name: _timing(lambda: built(task, 0), start)
        for name, start in starts.items()
        if name != "torch"
    }
    with common.threads(1):
        seconds = common.interleaved(timed, options.repeats)
    for library in starts:
        times = seconds.get(library)
        found[library]["seconds"] = None if times is None else common.spread(times)
    return {library: found[library] for library in STARTS}


def failure(task: Task, start: Start) -> str | None:
    """Return the error of a start, or None where there is none."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            start(built(task, 0), 0)
    except Exception as error:  # whatever it is, it is the result
        return f"{type(error).__name__}: {error}".splitlines()[0]
    return None


def built(task: Task, seed: int) -> nn.Module:
    """Return a model of torch's own start."""
    torch.manual_seed(seed)
    return task.build()


def growth(task: Task, model: nn.Module) -> tuple[float, float]:
    """Return the growth per module of the stack, forward and backward, on one batch."""
    outputs: list[torch.Tensor] = []

    def keep(_module: nn.Module, _inputs: object, output: Any) -> None:
        tensor = output[0] if isinstance(output, tuple) else output
        tensor.retain_grad()
        outputs.append(tensor)

    modules = dict(model.named_modules())
    handles = [modules[name].register_forward_hook(keep) for name in task.stack(model)]
    inputs, targets = (each[:256] for each in task.data())
    is_recurrent = len(handles) == 1
    if is_recurrent:
        inputs = inputs.clone().requires_grad_()
    task.loss(model(inputs), targets).backward()  # type: ignore[no-untyped-call]
    for handle in handles:
        handle.remove()
    model.zero_grad(set_to_none=True)
    if is_recurrent:
        return _over_time(outputs[0], inputs)
    squares = [float(each.detach().square().mean()) for each in outputs]
    gradients = [float(each.grad.square().mean()) for each in outputs if each.grad is not None]
    return _factor(squares), _factor(gradients[::-1])


def growth_error(forward: float, backward: float) -> float:
    """Return the larger of |ln forward| and |ln backward|."""
    return max(abs(math.log(forward)), abs(math.log(backward)))


def _over_time(states: torch.Tensor, inputs: torch.Tensor) -> tuple[float, float]:
    """Return the growth per step of later states, and of the gradient of the inputs, backward."""
    assert inputs.grad is not None
    squares = [float(each.square().mean()) for each in states.detach().unbind(dim=1)]
    gradients = [float(each.square().mean()) for each in inputs.grad.unbind(dim=1)]
    return _factor(squares[len(squares) // 2 :]), _factor(gradients[::-1])


def _factor(values: list[float]) -> float:
    """Return the factor per step of a sequence, by its first and last value."""
    return math.exp(math.log(values[-1] / values[0]) / (len(values) - 1))


def trained(task: Task, model: nn.Module, seed: int, steps: int) -> float:
    """Train a model, and return the mean loss of the last tenth of the steps."""
    generator = torch.Generator().manual_seed(seed)
    inputs, targets = task.data()
    optimizer = task.optimizer(list(model.parameters()))
    losses = []
    for _ in range(steps):
        rows = torch.randint(len(inputs), (BATCH,), generator=generator)
        loss = task.loss(model(inputs[rows]), targets[rows])
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        losses.append(float(loss.detach()))
    return statistics.mean(losses[-max(1, steps // 10) :])


def _timing(build: Callable[[], nn.Module], start: Start) -> Callable[[], float]:
    def took() -> float:
        model = build()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            begun = time.process_time()
            start(model, 0)
            return time.process_time() - begun

    took()  # what is computed once
    return took


if __name__ == "__main__":
    sys.exit(main())
