"""Checks that ``lsuv_`` and ``balance_`` share."""

from __future__ import annotations

from fastinit.checks import finite, integer
from fastinit.torch.balancing.layers import Layer
from fastinit.torch.shards.dtensor import is_distributed


def check_targets(variance: float, tolerance: float, rounds: int) -> None:
    """Check the numbers that say what is to be reached.

    Raises:
        TypeError: One is not a number.
        ValueError: One is not positive.
    """
    for name, value in (("variance", variance), ("tolerance", tolerance)):
        if finite(value, name) <= 0:
            raise ValueError(f"{name}={value} is not positive; pass a number above 0")
    if integer(rounds, "rounds", "1 or more") < 1:
        raise ValueError(f"rounds={rounds} is not positive; pass 1 or more")


def check_layers(layers: list[Layer], caller: str, *, has_memory: bool = True) -> None:
    """Check that there are layers, with whole weights, and if need be that these are in memory.

    Raises:
        ValueError: There are none, or one is on the meta device or sharded.
    """
    if not layers:
        raise ValueError(
            "model has no linear, convolution, attention or embedding layer with a weight of its "
            "own, so there is nothing to rescale"
        )
    for layer in layers:
        if has_memory and layer.weight.is_meta:
            raise ValueError(
                f"{layer.name!r} is on the meta device; call fastinit.torch.materialize_ first"
            )
        if is_distributed(layer.weight):
            raise ValueError(
                f"the weight of {layer.name!r} is a DTensor; call {caller} before the model is "
                "sharded"
            )
