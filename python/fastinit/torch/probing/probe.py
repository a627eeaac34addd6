"""``probe``: one forward and one backward pass, and what they show."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import nn

from fastinit.initializers import Normal
from fastinit.torch.probing.recording import Recorder, rms
from fastinit.torch.probing.report import ProbeReport
from fastinit.torch.probing.verdicts import spread_of, verdicts_of


def probe(
    model: nn.Module, batch: Any, loss: Callable[[Any], torch.Tensor] | None = None
) -> ProbeReport:
    """Run a model once forward and once backward, and say what is wrong with its start.

    The model, its gradients, buffers and mode, and torch's random numbers are afterwards what they
    were. It runs in the mode it is in: in training mode, batch norms use the batch.

    Args:
        model: a module, with memory.
        batch: what it is called with: a tensor, a tuple or list of arguments, or a mapping of
            keyword arguments; two inputs or more.
        loss: from the model's output to a scalar. None for the ``loss`` that the output has, else
            for a random linear function of the output, whose gradient there is normal.

    Returns:
        A report: ``rows`` for each layer, activation and block, ``verdicts``, ``ok``,
        ``assert_healthy()``; ``print`` shows a table.

    Raises:
        TypeError: ``model`` is not a module, or its output has no floating-point tensor.
        ValueError: the model is on the meta device.

    Example:
        >>> import fastinit.torch, torch
        >>> layers = torch.nn.Linear(8, 64), torch.nn.Tanh(), torch.nn.Linear(64, 2)
        >>> model = torch.nn.Sequential(*layers)
        >>> _ = torch.nn.init.normal_(model[0].weight, std=5.0)
        >>> report = fastinit.torch.probe(model, torch.randn(32, 8))
        >>> [verdict.partition("%")[2] for verdict in report.verdicts]
        [' of the values of 1 are saturated; scale the weights before down']
    """
    if not isinstance(model, nn.Module):
        raise TypeError(f"model is a {type(model).__name__}; pass a torch.nn.Module")
    parameters = {name: each for name, each in model.named_parameters() if each.requires_grad}
    if any(each.is_meta for each in model.parameters()):
        raise ValueError("model is on the meta device; call fastinit.torch.materialize_ first")
    args, kwargs = _arguments(batch)
    recorder = Recorder(model)
    with _unchanged(model), torch.enable_grad():
        with recorder.recording():
            output = model(*args, **kwargs)
        signal = _signal(output)
        scalar, value = _scalar(output, signal, loss)
        gradients = _gradients(scalar, parameters)
    for name, row in recorder.rows.items():
        row.weight_gradient_rms = rms(gradients.get(f"{name}.weight"))
    rows = list(recorder.rows.values())
    detached = signal.detach()
    size = rms(detached)
    verdicts = verdicts_of(model, rows, size, spread_of(detached))
    return ProbeReport(tuple(rows), size, value, verdicts)


def _arguments(batch: Any) -> tuple[tuple[Any, ...], dict[str, Any]]:
    if isinstance(batch, dict):
        return (), batch
    return (tuple(batch), {}) if isinstance(batch, (tuple, list)) else ((batch,), {})


def _signal(output: Any) -> torch.Tensor:
    """Return the tensor that counts of an output: logits, else the first that is floating-point."""
    for name in ("logits", "last_hidden_state"):
        if isinstance(found := getattr(output, name, None), torch.Tensor):
            return found
    waiting = [output]
    while waiting:
        each = waiting.pop(0)
        if isinstance(each, torch.Tensor) and each.is_floating_point():
            return each
        if isinstance(each, dict):
            waiting += each.values()
        elif isinstance(each, (tuple, list)):
            waiting += each
    raise TypeError(f"the model returns a {type(output).__name__} without floating-point tensors")


def _scalar(
    output: Any, signal: torch.Tensor, loss: Callable[[Any], torch.Tensor] | None
) -> tuple[torch.Tensor, float | None]:
    """Return what is differentiated, and the loss if that is one."""
    found = getattr(output, "loss", None) if loss is None else loss(output)
    if isinstance(found, torch.Tensor):
        return found, float(found.detach())
    normal = Normal()(tuple(signal.shape), seed=0, name="gradient")
    return (signal * torch.from_numpy(normal).to(signal)).sum(), None


def _gradients(
    scalar: torch.Tensor, parameters: dict[str, nn.Parameter]
) -> dict[str, torch.Tensor | None]:
    if not scalar.requires_grad or not parameters:
        return {}
    found = torch.autograd.grad(scalar, list(parameters.values()), allow_unused=True)
    return dict(zip(parameters, found, strict=True))


@contextlib.contextmanager
def _unchanged(model: nn.Module) -> Iterator[None]:
    """Restore buffers and random numbers afterwards."""
    buffers = [
        (module, name, tensor, None if tensor is None else tensor.clone())
        for module in model.modules()
        for name, tensor in module._buffers.items()
    ]
    devices = sorted({each.device.index or 0 for each in model.parameters() if each.is_cuda})
    try:
        with torch.random.fork_rng(devices):
            yield
    finally:
        with torch.no_grad():
            for module, name, tensor, value in buffers:
                module._buffers[name] = tensor
                if tensor is not None and value is not None:
                    tensor.copy_(value)
