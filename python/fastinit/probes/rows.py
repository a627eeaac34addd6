"""The rows of which a report of ``probe`` is made: modules, parameters, attention, stacks."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping


@dataclasses.dataclass(frozen=True)
class ProbeRow:
    """The first call of a module, or a call of a function that is an activation.

    Attributes:
        name: the qualified name of the module, "" for the model itself; of a function, that of the
            module that calls it with the function's name: "blocks.0:relu", then "blocks.0:relu.2".
        kind: the type of the module, or the name of the function.
        shape: of the output, on one rank.
        input_rms: the root mean square of the first input; NaN if that is not floating-point.
        output_rms: that of the output.
        varies: the root mean square of how the output differs between inputs of the batch.
        dead: of activations, the fraction of channels that are 0 for the whole batch.
        saturated: of tanh and sigmoid, the fraction of values beyond 98 % of their range.
        gradient_rms: of the gradient at the output; NaN if none reaches it.
        weight_rms: of the module's weight; NaN if it has none.
        bias_rms: of its bias; NaN if it has none.
        weight_gradient_rms: of the gradient of its weight; NaN if none reaches it.
        is_block: whether it is one of the blocks of a stack.
        weight: the name of the module's weight; "" if it has none.
    """

    name: str
    kind: str
    shape: tuple[int, ...]
    input_rms: float
    output_rms: float
    varies: float
    dead: float = math.nan
    saturated: float = math.nan
    gradient_rms: float = math.nan
    weight_rms: float = math.nan
    bias_rms: float = math.nan
    weight_gradient_rms: float = math.nan
    is_block: bool = False
    weight: str = ""

    @property
    def label(self) -> str:
        """The name, and a word for the model itself."""
        return self.name or "(model)"


@dataclasses.dataclass(frozen=True)
class ProbeWeight:
    """A parameter.

    Attributes:
        name: its qualified name.
        shape: its whole shape.
        rms: the root mean square of its values.
        gradient_rms: that of its gradient; NaN if none reaches it.
        is_alike: whether it is a matrix whose rows are all equal, and not 0.
        update_to_weight: by optimizer, the root mean square of the first update over ``rms``; empty
            where no learning rate was given. Infinite for a weight of 0.
        layout: what each axis is, as in ``fastinit.he_normal``.
    """

    name: str
    shape: tuple[int, ...]
    rms: float
    gradient_rms: float
    is_alike: bool
    update_to_weight: Mapping[str, float] = dataclasses.field(default_factory=dict)
    layout: str = "oi*"

    @property
    def gradient_to_weight(self) -> float:
        """The root mean square of the gradient over that of the values."""
        return self.gradient_rms / self.rms if self.rms else math.nan


@dataclasses.dataclass(frozen=True)
class ProbeAttention:
    """The attention of a module.

    Attributes:
        name: the qualified name of the module.
        entropy: of the probabilities over keys, relative to the logarithm of the number of keys
            that a query sees: 1 where all are equal, 0 where one has it all. The mean over up to 64
            queries of 4 inputs, without queries that see one key.
        logit_std: the standard deviation of a query's logits over the keys.
        heads: the number of heads.
        keys: the number of keys.
    """

    name: str
    entropy: float
    logit_std: float
    heads: int
    keys: int


@dataclasses.dataclass(frozen=True)
class ProbeStack:
    """Blocks of one list that follow each other, or the layers of a plain network.

    Attributes:
        title: what it is.
        names: the names of its rows, in order.
        signal: the factor by which the root mean square of the output grows per block, in the later
            half of the stack.
        gradient: that of the gradient, backward.
    """

    title: str
    names: tuple[str, ...]
    signal: float
    gradient: float

    @property
    def late(self) -> tuple[str, ...]:
        """The later half, over which the factors are taken."""
        return self.names[(len(self.names) - 1) // 2 :]
