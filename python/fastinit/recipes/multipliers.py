"""Multipliers: factors on how a parameter is trained and used, from the sizes of a model."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

from fastinit import json_files
from fastinit.recipes.model_numbers import Of
from fastinit.recipes.scale import Scale, scales_of


@dataclasses.dataclass(frozen=True)
class Multipliers:
    """Factors on how a parameter is trained and used, each a product of scales.

    Args:
        learning_rate: The factors on the learning rate.
        weight_decay: The factors on the weight decay of optimizers that multiply it by the learning
            rate, as torch's do.
        epsilon: The factors on the epsilon of Adam.
        forward: The factors on what the parameter adds in the forward pass, such as the product of
            a weight and its input.

    Raises:
        TypeError: A field is not a sequence of scales.
        ValueError: A scale is of a part.

    Example:
        >>> from fastinit.recipes import Axis, Multipliers, Scale
        >>> hidden = Multipliers(learning_rate=(Scale(Axis(1), base=256, power=-1),))
        >>> hidden.factors(lambda of: 1024)["learning_rate"]
        0.25
    """

    learning_rate: tuple[Scale, ...] = ()
    weight_decay: tuple[Scale, ...] = ()
    epsilon: tuple[Scale, ...] = ()
    forward: tuple[Scale, ...] = ()

    def __post_init__(self) -> None:
        """Check the fields."""
        for field in FIELDS:
            value = getattr(self, field)
            if not isinstance(value, (tuple, list)) or any(not isinstance(v, Scale) for v in value):
                raise TypeError(f"{field}={value!r} is not a sequence of Scale; pass a tuple")
            if any(each.part is not None for each in value):
                raise ValueError(f"{field}={value!r} has a part; multipliers are for whole tensors")
            object.__setattr__(self, field, tuple(value))

    def factors(self, number: Callable[[Of], float]) -> dict[str, float]:
        """Return the factors by field, given what returns the number that a scale is of."""
        factors = {}
        for field in FIELDS:
            factor = 1.0
            for scale in getattr(self, field):
                factor = scale.apply(factor, number(scale.of))
            factors[field] = factor
        return factors

    def to_dict(self) -> dict[str, Any]:
        """Return plain data, without the fields that are empty."""
        found = {field: [each.to_dict() for each in getattr(self, field)] for field in FIELDS}
        return {field: scales for field, scales in found.items() if scales}

    @staticmethod
    def from_dict(data: Any) -> Multipliers:
        """Return the multipliers that ``to_dict`` described.

        Raises:
            ValueError: A field is unknown or wrong.
        """
        found = json_files.fields(data, (), FIELDS)
        return Multipliers(**{field: scales_of(found, field) for field in FIELDS})


FIELDS = tuple(field.name for field in dataclasses.fields(Multipliers))
NO_MULTIPLIERS = Multipliers()
