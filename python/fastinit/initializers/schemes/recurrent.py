"""Recurrent networks: the biases of an LSTM by time scales."""

from __future__ import annotations

import dataclasses

from fastinit.checks import shown
from fastinit.initializers.base import Initializer
from fastinit.initializers.composites.mapping import Mapped
from fastinit.initializers.distributions.constant import Constant
from fastinit.initializers.distributions.uniform import Uniform
from fastinit.initializers.schemes.scheme import Scheme, set_numbers

__all__ = ["Chrono"]


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
