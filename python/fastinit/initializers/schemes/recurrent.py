"""Recurrent networks: the biases of an LSTM by time scales, and the tables of RWKV-7."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import numpy as np

from fastinit.checks import integer, positive_integer, shown
from fastinit.initializers.base import Initializer
from fastinit.initializers.composites.mapping import Mapped
from fastinit.initializers.distributions.constant import Constant
from fastinit.initializers.distributions.uniform import Uniform
from fastinit.initializers.schemes.scheme import Scheme, set_numbers
from fastinit.initializers.tables.table import ClosedForm
from fastinit.native.functions import evaluate

if TYPE_CHECKING:
    from fastinit.initializers.tables.table import Array

__all__ = ["Chrono", "Rwkv7"]


@dataclasses.dataclass(frozen=True)
class Chrono(Scheme):
    """Chrono: biases of an LSTM whose gates forget at time scales from 1 to ``max_steps``.

    The forget gates have the bias log(u) with u ~ U(1, max_steps - 1), the input gates its
    negative, and the other gates 0 (Tallec and Ollivier 2018, arXiv 1804.11188, section 3). Unit k
    has the same u in both gates. The last axis has the gates one after another.

    Args:
        max_steps: The longest dependency, in steps; above 2.
        order: A letter for each gate, in order: i is the input gate and f the forget gate. "ifgo"
            is torch's order, "ifco" that of Keras.

    Raises:
        TypeError: An argument has the wrong type.
        ValueError: ``max_steps`` is not above 2, or ``order`` lacks i or f; when drawn, the gates
            do not divide the last axis.

    Example:
        >>> import fastinit
        >>> bias = fastinit.Chrono(max_steps=784)((4 * 128,), seed=0, name="lstm.bias_hh_l0")
        >>> input_gate, forget_gate = bias[:128], bias[128:256]
        >>> bool((input_gate == -forget_gate).all() and (forget_gate >= 0).all())
        True
    """

    max_steps: float
    order: str = "ifgo"

    def __post_init__(self) -> None:
        set_numbers(self, "max_steps", above=2.0)
        if not isinstance(self.order, str):
            raise TypeError(f"order={shown(self.order)} is not a string; pass one, as 'ifgo'")
        if self.order.count("i") != 1 or self.order.count("f") != 1:
            raise ValueError(f"order={self.order!r} does not have one i and one f; correct it")

    def inner(self, shape: tuple[int, ...]) -> Initializer:
        """Return zeros, over which the two gates are written."""
        if not shape or shape[-1] % len(self.order):
            raise ValueError(
                f"order={self.order!r} has {len(self.order)} gates, which do not divide the last "
                f"axis of shape {shape}"
            )
        from fastinit.initializers.composites.composite import (  # here, as few need it
            Composite,
            Layer,
        )

        units = shape[-1] // len(self.order)
        times = Uniform(1.0, self.max_steps - 1)
        gates = {"f": Mapped(times, "log"), "i": Mapped(times, ["log", ("affine", -1.0, 0.0)])}
        layers = [Layer(Constant(0.0))]
        for letter, gate in gates.items():
            first = self.order.index(letter) * units
            start, stop = (*(0 for _ in shape[:-1]), first), (*shape[:-1], first + units)
            layers.append(Layer(gate, start=start, stop=stop))
        return Composite(tuple(layers))


_MIXES = {"x_r": 0.2, "x_w": 0.9, "x_k": 0.7, "x_v": 0.7, "x_a": 0.9, "x_g": 0.2}
_RWKV7 = (*_MIXES, "ffn_x_k", "w0", "a0", "v0", "k_k", "k_a", "r_k", "norm")


@dataclasses.dataclass(frozen=True)
class Rwkv7(ClosedForm):
    """Tables of an RWKV-7 attention layer, by the depth of the layer.

    With channel n of d along the last axis, layer l of L counted from 0, u = n / (d - 1) - 1/2,
    q = l / (L - 1), and the zigzag z |z| with z = ((n mod H) - (H - 1) / 2) / ((H - 1) / 2) for
    heads of H channels:

    | part | value |
    | --- | --- |
    | x_r, x_g; x_k, x_v; x_w, x_a | 1 - (n / d)^(e (1 - l / L)), e = 0.2; 0.7; 0.9 |
    | ffn_x_k | 1 - (n / d)^((1 - l / L)^4) |
    | w0 | -6 + 6 (n / (d - 1))^(1 + q^0.3) + 1/2 + 2.5 zigzag |
    | a0 | -0.19 + 0.3 zigzag + 0.4 u |
    | v0 | 0.73 - 0.4 u |
    | k_k | 0.71 - 0.1 u |
    | k_a, r_k | 1.02, -0.04 |
    | norm | ((l + 1) / L)^0.7 |

    They are those of ``RWKV7Attention`` in flash-linear-attention (Peng et al. 2025, arXiv
    2503.14456). r and v are ``Orthogonal()``, k is ``Orthogonal(0.1)``, and the output is zero.

    Args:
        part: The name of the parameter in the table.
        layer: l, the number of the layer, from 0.
        layers: L, the number of layers.
        head_size: H, the channels of a head.

    Raises:
        TypeError: A number is not an integer.
        ValueError: ``part`` is not known, or a number is out of range.

    Example:
        >>> import fastinit
        >>> fastinit.Rwkv7("x_k", layer=2, layers=12)((1, 1, 4)).round(4)
        array([[[1.    , 0.5546, 0.3326, 0.1545]]], dtype=float32)
    """

    part: str
    layer: int = 0
    layers: int = 1
    head_size: int = 64

    def __post_init__(self) -> None:
        if self.part not in _RWKV7:
            known = ", ".join(_RWKV7)
            raise ValueError(f"part={self.part!r} is not known; use one of {known}")
        object.__setattr__(self, "layers", positive_integer(self.layers, "layers"))
        object.__setattr__(self, "head_size", positive_integer(self.head_size, "head_size"))
        layer = integer(self.layer, "layer", "the number of a layer, from 0")
        if not 0 <= layer < self.layers:
            raise ValueError(f"layer={layer} is out of range; layers are 0 to {self.layers - 1}")
        object.__setattr__(self, "layer", layer)

    def check(self, shape: tuple[int, ...]) -> None:
        """Check that there is an axis of channels."""
        if not shape:
            raise ValueError(f"part={self.part!r} needs an axis of channels, not shape {shape}")

    def values(self, shape: tuple[int, ...], index: tuple[Array, ...]) -> Array:
        """Return the values of the part."""
        n, d = index[-1], shape[-1]
        if self.part in _MIXES:
            return 1.0 - evaluate(
                "power", n / d, _MIXES[self.part] * (1 - self.layer / self.layers)
            )
        if self.part == "ffn_x_k":
            depth = 1 - self.layer / self.layers
            return 1.0 - evaluate("power", n / d, depth * depth * depth * depth)
        linear = n / max(d - 1, 1)
        if self.part in ("k_a", "r_k", "norm"):
            norm = _power((self.layer + 1) / self.layers, 0.7)
            return np.full(n.shape, {"k_a": 1.02, "r_k": -0.04, "norm": norm}[self.part])
        if self.part in ("v0", "k_k"):
            start, slope = {"v0": (0.73, 0.4), "k_k": (0.71, 0.1)}[self.part]
            return start - (linear - 0.5) * slope
        half = (self.head_size - 1) / 2
        z = (n % self.head_size - half) / max(half, 0.5)
        zigzag = z * np.abs(z)
        if self.part == "a0":
            return -0.19 + zigzag * 0.3 + (linear - 0.5) * 0.4
        exponent = 1 + _power(self.layer / max(self.layers - 1, 1), 0.3)
        return -6 + 6 * evaluate("power", linear, exponent) + 0.5 + zigzag * 2.5


def _power(x: float, p: float) -> float:
    return float(evaluate("power", np.array([x]), p)[0])
