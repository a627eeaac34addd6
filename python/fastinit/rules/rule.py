"""Rules: which parameters, which initializer, and what it takes from the model around them."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

from fastinit import json_files
from fastinit.checks import integer
from fastinit.initializers import Initializer
from fastinit.initializers.base import Distribution
from fastinit.rules.model import Model
from fastinit.rules.patterns import Pattern, compiled, pattern_of, plain
from fastinit.rules.scale import Scale

if TYPE_CHECKING:
    from fastinit.manifests import Parameter

_OPTIONAL = ("module", "ndim", "scale", "fan_of", "zero_row")


@dataclasses.dataclass(frozen=True)
class Rule:
    """The parameters whose names match a pattern are drawn by an initializer.

    Args:
        pattern: a glob over names: ``*`` stands for anything but dots, ``**`` for anything, ``**.``
            for any number of leading segments, ``{layer}`` for the number of a layer; or a
            ``Regex``, in JSON ``{"re": ...}``.
        initializer: what to draw.
        module: a pattern for the type of the parameter's module; None for any type, known or not.
        ndim: how many axes the parameter has; None for any number.
        scale: a ``Scale``, or several in order: factors on the values.
        fan_of: the last part of the name of a parameter of the same module whose shape replaces
            the parameter's own in fans (``"weight"``: torch's bounds of a bias).
        zero_row: a row that is zero (of an embedding: its padding) where the parameter does not
            say its own; negatives count from the end.

    Raises:
        TypeError: a field of the wrong type.
        ValueError: a pattern that is not understood.

    Example:
        >>> import fastinit
        >>> from fastinit.rules import Rule
        >>> Rule("**.bias", fastinit.Constant(0)).matches("h.0.bias", module="Linear", ndim=1)
        True
    """

    pattern: Pattern
    initializer: Initializer
    _: dataclasses.KW_ONLY
    module: Pattern | None = None
    ndim: int | None = None
    scale: tuple[Scale, ...] = ()
    fan_of: str | None = None
    zero_row: int | None = None

    def __post_init__(self) -> None:
        """Check the fields."""
        object.__setattr__(self, "pattern", pattern_of(self.pattern))
        if not isinstance(self.initializer, Initializer):
            raise TypeError(
                f"initializer={self.initializer!r} is no Initializer; pass one, as Normal(std=0.02)"
            )
        if self.module is not None:
            object.__setattr__(self, "module", pattern_of(self.module))
        given: Any = self.scale
        scale = (given,) if isinstance(given, Scale) else given
        if not isinstance(scale, (tuple, list)) or not all(isinstance(s, Scale) for s in scale):
            raise TypeError(f"scale={given!r} is no Scale; pass one, or several as a tuple")
        object.__setattr__(self, "scale", tuple(scale))
        if self.fan_of is not None and not isinstance(self.fan_of, str):
            raise TypeError(f"fan_of={self.fan_of!r} is no string; pass a name, as 'weight'")
        if self.zero_row is not None:
            integer(self.zero_row, "zero_row", "the number of a row")
        if self.ndim is not None:
            integer(self.ndim, "ndim", "a number of axes")

    def matches(self, name: str, *, module: str | None, ndim: int) -> bool:
        """Whether the rule is for a parameter of this name, type of module and number of axes."""
        return bool(
            (self.ndim is None or self.ndim == ndim)
            and compiled(self.pattern).fullmatch(name)
            and (self.module is None or (module and compiled(self.module).fullmatch(module)))
        )

    def resolve(self, parameter: Parameter, model: Model) -> Initializer:
        """What is drawn for a parameter of a model, fans and scales worked out.

        Raises:
            ValueError: the initializer does not fit the shape, or the model lacks what the rule
                asks for.
        """
        name, shape = parameter.name, parameter.shape
        if self.fan_of is not None:
            shape = model.sibling(name, self.fan_of)
        resolved = self.initializer.resolve(shape)
        if self.fan_of is not None and not isinstance(resolved, Distribution):
            raise ValueError(
                f"fan_of= needs values that depend on the fans alone, not {resolved}; leave it out"
            )
        for scale in self.scale:
            resolved = scale.scaled(resolved, model.number(scale.of, name, self.pattern))
        return resolved

    def to_dict(self) -> dict[str, Any]:
        """Plain data; fields that have their defaults are left out.

        Example:
            >>> import fastinit
            >>> from fastinit.rules import Rule
            >>> Rule("**.bias", fastinit.Constant(0)).to_dict()
            {'pattern': '**.bias', 'initializer': {'type': 'Constant', 'value': 0}}
        """
        data: dict[str, Any] = {"pattern": plain(self.pattern)}
        if self.module is not None:
            data["module"] = plain(self.module)
        if self.ndim is not None:
            data["ndim"] = self.ndim
        data["initializer"] = self.initializer.to_dict()
        if self.scale:
            data["scale"] = [each.to_dict() for each in self.scale]
        for field in ("fan_of", "zero_row"):
            if (value := getattr(self, field)) is not None:
                data[field] = value
        return data

    @staticmethod
    def from_dict(data: Any) -> Rule:
        """The rule that ``to_dict`` described.

        Raises:
            ValueError: a field is missing, not known or out of range; the message names it.

        Example:
            >>> from fastinit.rules import Rule
            >>> Rule.from_dict({"pattern": "*", "initializer": {"type": "Normal"}}).initializer
            Normal(mean=0.0, std=1.0)
        """
        found = dict(json_files.fields(data, ("pattern", "initializer"), _OPTIONAL))
        with json_files.located("initializer"):
            found["initializer"] = Initializer.from_dict(json_files.mapping(found["initializer"]))
        scales = []
        for where, item in json_files.items(found, "scale"):
            with json_files.located(where):
                scales.append(Scale.from_dict(item))
        return Rule(**{**found, "scale": tuple(scales)})
