"""The growth of gradients through each layer, measured in one forward and one backward pass."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable, Iterator
from typing import Any

import torch

from fastinit.guide.activations import functions
from fastinit.torch.balancing.layers import Layer

_PASSED = ("View", "Reshape", "Transpose", "Permute", "T", "UnsafeView", "Dropout", "NativeDropout")


def gradient_growth(layers: list[Layer], backward: Callable[[], None]) -> dict[Layer, float]:
    """Return by what factor the variance of a gradient grows on its way back through each layer.

    From the gradient at a layer's output to that at its input, and on through the activation before
    it, as measured. Layers without a gradient at their input (embeddings, the first layer of a
    model whose input is data) and parts of fused modules are left out.

    Args:
        layers: the layers.
        backward: runs the model forward and backward.
    """
    gains: dict[Layer, list[float]] = {}
    slopes: dict[Layer, list[float]] = {}
    with contextlib.ExitStack() as stack:
        for layer in layers:
            if layer.is_result:
                stack.enter_context(_watched(layer, gains, slopes))
        backward()
    return {
        layer: math.prod(slopes.get(layer, [])) * sum(found) / len(found)
        for layer, found in gains.items()
    }


@contextlib.contextmanager
def _watched(
    layer: Layer, gains: dict[Layer, list[float]], slopes: dict[Layer, list[float]]
) -> Iterator[None]:
    """Note the growth of mean squares through a layer, and through the activation before it."""
    arrived: list[torch.Tensor] = []

    def reads(_module: Any, args: Any) -> Any:
        if not args or not args[0].requires_grad:
            return None
        for node in _activations(args[0].grad_fn):
            node.register_hook(passes)
        own = args[0].view_as(args[0])  # whose gradient is that through this layer alone
        own.register_hook(returns)
        return (own, *args[1:])

    def leaves(_module: Any, _args: Any, output: torch.Tensor) -> None:
        if output.requires_grad:
            output.register_hook(arrived.append)  # type: ignore[no-untyped-call]

    def passes(after: Any, before: Any) -> None:
        slopes.setdefault(layer, []).append(_ratio(after[0], before[0]))

    def returns(gradient: torch.Tensor) -> None:
        gains.setdefault(layer, []).append(_ratio(gradient, arrived.pop()))

    handles = [
        layer.module.register_forward_pre_hook(reads),
        layer.module.register_forward_hook(leaves),
    ]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def _activations(node: Any) -> Iterator[Any]:
    """Yield the activations that made a tensor, without what only moves values between them."""
    while node is not None:
        name = node.name().rstrip("0123456789").removesuffix("Backward")
        if functions.find(name) is not None:
            yield node
        elif name not in _PASSED:
            return
        following = [each for each, _ in node.next_functions if each is not None]
        node = following[0] if len(following) == 1 else None


def _ratio(after: torch.Tensor, before: torch.Tensor) -> float:
    """Return the ratio of two mean squares."""
    squares = [float(each.detach().double().square().mean()) for each in (after, before)]
    return squares[0] / squares[1] if squares[1] else math.nan
