"""RWKV: tables by layer and channel."""

from __future__ import annotations

import dataclasses
import math
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from fastinit.checks import integer, positive_integer, shown
from fastinit.initializers.tables.table import ClosedForm, flat_index
from fastinit.native.functions import evaluate

if TYPE_CHECKING:
    from fastinit.initializers.tables.table import Array

__all__ = ["Rwkv", "Rwkv7"]


class _OfLayer(ClosedForm, is_base=True):
    """A table of one parameter of a layer, by the number of the layer."""

    _parts: ClassVar[tuple[str, ...]]

    part: str
    layer: int
    layers: int

    def __post_init__(self) -> None:
        if not isinstance(self.part, str) or self.part not in self._parts:
            known = ", ".join(self._parts)
            raise ValueError(f"part={shown(self.part)} is not known; use one of {known}")
        object.__setattr__(self, "layers", positive_integer(self.layers, "layers"))
        layer = integer(self.layer, "layer", "the number of a layer, from 0")
        if not 0 <= layer < self.layers:
            raise ValueError(f"layer={layer} is out of range; layers are 0 to {self.layers - 1}")
        object.__setattr__(self, "layer", layer)

    def check(self, shape: tuple[int, ...]) -> None:
        """Check that there is an axis of channels."""
        if not shape:
            raise ValueError(f"part={self.part!r} needs an axis of channels, not shape {shape}")


_MIX_POWERS = {"mix_k": 1.0, "mix_v": 1.0, "mix_r": 0.5, "mix_g": 0.5, "mix_w": 1.0, "mix_x": 1.0}
_VERSIONS = (4, 5, 6)


@dataclasses.dataclass(frozen=True)
class Rwkv(_OfLayer):
    """Tables of a layer of RWKV-4, RWKV-5 or RWKV-6, by the depth of the layer.

    With channel n of d (counted over all axes), layer l of L counted from 0, q = l / (L - 1),
    m(e) = (n / d)^(e (1 - l / L)) and the zigzag z = ((n + 1) mod 3) - 1:

    | part | version 4 | version 5 | version 6 |
    | --- | --- | --- | --- |
    | mix_k | m(1) | m(1) | 1 - m(1), also for mix_w and mix_x |
    | mix_v | m(1) + 0.3 q | m(1) + 0.3 q | 1 - m(1) - 0.3 q |
    | mix_r, mix_g | m(1/2) | m(1/2) | 1 - m(1/2) |
    | ffn_mix | m(1) | m(1) | 1 - (n / d)^((1 - l / L)^3) |
    | decay | -5 + 8 (n / (d - 1))^(0.7 + 1.3 q) | -6 + 5 (...)^(...) | as version 5 |
    | first | log 0.3 + z / 2 | q (1 - n / (d - 1)) + z / 10 | as version 5 |

    They are those of RWKV-LM (Peng et al. 2023, arXiv 2305.13048, and 2024, arXiv 2404.05892):
    time_mix, time_maa, time_decay, time_first and time_faaaa. transformers has those of version 4,
    with time_first = 1.

    Args:
        part: The name of the table.
        version: 4, 5 or 6.
        layer: l, the number of the layer, from 0.
        layers: L, the number of layers.

    Raises:
        TypeError: A number is not an integer.
        ValueError: ``part`` or ``version`` is not known, or a number is out of range.

    Example:
        >>> import fastinit
        >>> fastinit.Rwkv("mix_k", version=6, layer=2, layers=12)((1, 1, 4)).round(4)
        array([[[1.    , 0.685 , 0.4388, 0.2132]]], dtype=float32)
    """

    part: str
    version: int = 6
    layer: int = 0
    layers: int = 1

    _parts: ClassVar[tuple[str, ...]] = (*_MIX_POWERS, "ffn_mix", "decay", "first")

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "version", integer(self.version, "version", "4, 5 or 6"))
        if self.version not in _VERSIONS:
            raise ValueError(f"version={self.version} is not known; use 4, 5 or 6, or Rwkv7")

    def values(self, shape: tuple[int, ...], index: tuple[Array, ...]) -> Array:
        """Return the values of the part."""
        n, d = flat_index(shape, index), math.prod(shape)
        linear = n / max(d - 1, 1)
        depth, q = 1 - self.layer / self.layers, self.layer / max(self.layers - 1, 1)
        if self.part == "decay":
            start, size = (-5.0, 8.0) if self.version == 4 else (-6.0, 5.0)
            return start + size * evaluate("power", linear, 0.7 + 1.3 * q)
        if self.part == "first":
            zigzag = (n + 1) % 3 - 1
            if self.version == 4:
                return float(evaluate("log", np.array([0.3]))[0]) + zigzag * 0.5
            return q * (1.0 - linear) + zigzag * 0.1
        power = _MIX_POWERS.get(self.part, 1.0) * depth
        if self.part == "ffn_mix" and self.version == 6:
            power = depth * depth * depth
        mix = evaluate("power", n / d, power)
        if self.part == "mix_v":
            mix = mix + 0.3 * q
        return mix if self.version < 6 else 1.0 - mix


_MIXES = {"x_r": 0.2, "x_w": 0.9, "x_k": 0.7, "x_v": 0.7, "x_a": 0.9, "x_g": 0.2}
_RWKV7 = (*_MIXES, "ffn_x_k", "w0", "a0", "v0", "k_k", "k_a", "r_k", "norm")


@dataclasses.dataclass(frozen=True)
class Rwkv7(_OfLayer):
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

    _parts: ClassVar[tuple[str, ...]] = _RWKV7

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "head_size", positive_integer(self.head_size, "head_size"))

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
