"""A stack of relu layers keeps the variance of its input, drawn in each way that is taught.

A layer with weights of variance 2 / n multiplies the square of the norm by a random factor with
mean 1 and variance 5 / n exactly, independent of the layers before it: a unit's value is normal
with some variance s^2 = 2 |x|^2 / n, so its square after relu has mean s^2 / 2 and variance
3 s^4 / 2 - s^4 / 4.
"""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import fastinit
from helpers.settings import process_seed

WIDTH, LAYERS, NETWORKS = 128, 20, 300
STANDARD_ERROR = math.sqrt(((1 + 5 / WIDTH) ** LAYERS - 1) / NETWORKS)

Draw = Callable[[int, int], Any]


def growth(draw: Draw) -> float:
    """The mean over networks of the last layer's squared norm, divided by the input's."""
    ratios = []
    for network in range(NETWORKS):
        x: NDArray[Any] = np.ones(WIDTH, np.float32)
        for layer in range(LAYERS):
            x = np.maximum(draw(network, layer) @ x, 0)
        ratios.append(float(x @ x) / WIDTH)
    return sum(ratios) / NETWORKS


SHAPE = (WIDTH, WIDTH)
STREAM = fastinit.Stream(0)
WAYS: dict[str, Draw] = {
    "fastinit.seed": lambda *_: fastinit.he_normal(SHAPE),
    "names": lambda n, k: fastinit.he_normal(SHAPE, seed=n, name=f"layers.{k}.weight"),
    "a Stream": lambda *_: fastinit.he_normal(SHAPE, seed=STREAM),
    "its names": lambda n, k: fastinit.he_normal(SHAPE, seed=STREAM.child(n)(f"{k}.weight")),
}


@pytest.mark.parametrize("way", WAYS)
def test_the_variance_is_kept(way: str) -> None:
    with process_seed(0):
        assert abs(growth(WAYS[way]) - 1) < 3 * STANDARD_ERROR


def test_one_matrix_for_all_layers_does_not_keep_it() -> None:
    """What a seed without a name draws, and ``RepeatedStreamWarning`` warns of."""
    found = growth(lambda n, _: fastinit.he_normal(SHAPE, seed=n, name=0))
    assert abs(found - 1) > 3 * STANDARD_ERROR
