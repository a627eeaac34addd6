"""A tree of arrays with rules for them, and a count of native calls."""

from typing import Any

import jax
import numpy as np

import fastinit
from fastinit.native import cpu
from fastinit.native.request import REQUEST

MODEL = {
    "layer.0": {"kernel": (32, 64), "bias": (64,)},
    "layer.1": {"kernel": (3, 3, 16, 8), "bias": (8,)},
    "embed": {"kernel": (128, 16)},
}


def shapes() -> Any:
    return jax.tree.map(
        lambda shape: jax.ShapeDtypeStruct(shape, np.float32),
        MODEL,
        is_leaf=lambda node: isinstance(node, tuple),
    )


def rules() -> list[Any]:
    kernels = fastinit.HeNormal(layout="*io")
    return [("**.bias", fastinit.Uniform(-0.1, 0.1)), ("embed.**", "normal"), ("**", kernels)]


class Counted:
    """Counts the native calls of Python and the elements that they draw."""

    def __init__(self) -> None:
        self.calls = self.elements = 0
        self.fill = cpu.fill

    def __enter__(self) -> "Counted":
        def fill(requests: Any, threads: int = 0) -> None:
            self.calls += 1
            self.elements += int(np.frombuffer(requests, REQUEST)["count"].sum())
            self.fill(requests, threads)

        cpu.fill = fill
        return self

    def __exit__(self, *_: object) -> None:
        cpu.fill = self.fill
