"""Rules: which parameters, which initializer, and how its std depends on the model's depth."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

from fastinit import documents
from fastinit.initializers import Initializer
from fastinit.recipes.patterns import compiled

_HIGHEST_POWER = 4


@dataclasses.dataclass(frozen=True)
class Scale:
    """A factor on a std: (times * the number of layers) to a power.

    Args:
        of: "layers", the number of distinct values of ``{layer}`` among the model's parameters.
        times: positive.
        power: a multiple of 1/4 from -4 to 4.

    Raises:
        TypeError: ``times`` or ``power`` is no number.
        ValueError: a field is out of range.

    Example:
        >>> from fastinit.recipes import Scale
        >>> Scale("layers", times=2, power=-0.5).apply(0.02, 8)
        0.005
    """

    of: str
    times: float = 1.0
    power: float = 1.0

    def __post_init__(self) -> None:
        """Check the fields."""
        if self.of != "layers":
            raise ValueError(f"of={self.of!r} is not known; only 'layers' is")
        for field in ("times", "power"):
            value = getattr(self, field)
            if isinstance(value, bool) or not isinstance(value, (int, float)):
                raise TypeError(f"{field}={value!r} is no number")
        if not 0 < self.times < math.inf:
            raise ValueError(f"times={self.times} is not positive and finite")
        if not abs(self.power) <= _HIGHEST_POWER or self.power * 4 % 1:
            raise ValueError(
                f"power={self.power} is no multiple of 1/4 from "
                f"-{_HIGHEST_POWER} to {_HIGHEST_POWER}"
            )

    def apply(self, std: float, layers: int) -> float:
        """``std`` scaled: products and square roots only, whose bits are the same everywhere."""
        base = self.times * layers
        quarters = int(abs(self.power) * 4)
        factor = math.prod([base] * (quarters // 4), start=1.0)
        if quarters & 2:
            factor *= math.sqrt(base)
        if quarters & 1:
            factor *= math.sqrt(math.sqrt(base))
        return std / factor if self.power < 0 else std * factor


@dataclasses.dataclass(frozen=True)
class Rule:
    """The parameters whose names match a pattern are drawn by an initializer.

    Args:
        pattern: a glob over names: ``*`` stands for anything but dots, ``**`` for anything, ``**.``
            for any number of leading segments, ``{layer}`` for the number of a layer.
        initializer: what to draw.
        scale: a factor on the initializer's std.

    Raises:
        TypeError: a field of the wrong type.
        ValueError: a pattern that is not understood.

    Example:
        >>> import fastinit
        >>> from fastinit.recipes import Rule
        >>> Rule("**.bias", fastinit.Constant(0)).distribution((768,), layers=12)
        Constant(value=0)
    """

    pattern: str
    initializer: Initializer
    scale: Scale | None = None

    def __post_init__(self) -> None:
        """Check the fields."""
        compiled(self.pattern)
        if not isinstance(self.initializer, Initializer):
            raise TypeError(
                f"initializer={self.initializer!r} is no Initializer; pass one, as Normal(std=0.02)"
            )
        if not isinstance(self.scale, (Scale, type(None))):
            raise TypeError(f"scale={self.scale!r} is no Scale; pass one, or None")

    def distribution(self, shape: tuple[int, ...], layers: int) -> Initializer:
        """What is drawn for a parameter of ``shape`` in a model of so many layers.

        Raises:
            ValueError: the initializer does not fit the shape; or there is a scale, but no layers
                or no std to scale.
        """
        distribution = self.initializer.resolve(shape)
        if self.scale is None:
            return distribution
        std = getattr(distribution, "std", None)
        if std is None:
            raise ValueError(
                f"scale= multiplies a std, which {distribution} has not; leave scale out"
            )
        if not layers:
            raise ValueError("scale= needs the number of layers; write {layer} for it in a pattern")
        changed: Initializer = dataclasses.replace(
            distribution, **{"std": self.scale.apply(std, layers)}
        )
        return changed

    def to_dict(self) -> dict[str, Any]:
        """Plain data.

        Example:
            >>> import fastinit
            >>> from fastinit.recipes import Rule
            >>> Rule("**.bias", fastinit.Constant(0)).to_dict()
            {'pattern': '**.bias', 'initializer': {'type': 'Constant', 'value': 0}}
        """
        data = {"pattern": self.pattern, "initializer": self.initializer.to_dict()}
        return data if self.scale is None else data | {"scale": dataclasses.asdict(self.scale)}

    @staticmethod
    def from_dict(data: Any) -> Rule:
        """The rule that ``to_dict`` described.

        Raises:
            ValueError: a field is missing, not known or out of range; the message names it.

        Example:
            >>> from fastinit.recipes import Rule
            >>> Rule.from_dict({"pattern": "*", "initializer": {"type": "Normal", "std": 0.02}})
            Rule(pattern='*', initializer=Normal(mean=0.0, std=0.02), scale=None)
        """
        documents.fields(data, ("pattern", "initializer"), ("scale",))
        with documents.located("initializer"):
            initializer = Initializer.from_dict(documents.mapping(data["initializer"]))
        scale = data.get("scale")
        if scale is not None:
            with documents.located("scale"):
                scale = Scale(**documents.fields(scale, ("of",), ("times", "power")))
        return Rule(data["pattern"], initializer, scale)
