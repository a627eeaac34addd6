"""The model around a parameter: its layers and its neighbours' shapes, as rules ask for them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from fastinit.recipes.pattern import Pattern, compiled
from fastinit.recipes.scale import Axis, Layers, Of, Setting

Shape = tuple[int, ...]


class Model:
    """The names and shapes of a model, and the layers that patterns find in them.

    Args:
        shapes: name -> shape, in the model's order.
        numbered: the patterns that capture the numbers of layers.
        tied: name -> the name of the parameter that it shares.
        config: the model's config, if it has one.
    """

    def __init__(
        self,
        shapes: Mapping[str, Shape],
        numbered: Iterable[Pattern],
        tied: Mapping[str, str],
        config: Mapping[str, Any] | None,
    ) -> None:
        """Find the stacks of layers."""
        self._shapes = shapes
        self._tied = tied
        self._config = config or {}
        self._stacks: dict[str, set[int]] = {}
        for expression in {compiled(each) for each in numbered}:
            for name in shapes:
                if found := expression.fullmatch(name):
                    stack = self._stacks.setdefault(name[: found.start("layer")], set())
                    stack.add(int(found["layer"]))

    def number(self, of: Of, name: str, pattern: Pattern) -> float:
        """What a scale of a rule with ``pattern`` means by ``of`` for the parameter ``name``.

        Raises:
            ValueError: the model has no such number, or not a single one, or it is 0.
        """
        if isinstance(of, Setting):
            return self._setting(of)
        if isinstance(of, Axis):
            return self._axis(of, name)
        if isinstance(of, Layers):
            found = (compiled(of.layers).fullmatch(each) for each in self._shapes)
            return _positive(len({int(each["layer"]) for each in found if each}), of)
        captured = compiled(pattern).fullmatch(name)
        if captured is None or "layer" not in captured.re.groupindex:
            raise ValueError(f"scale of {of!r} needs a number; write {{layer}} for it in a pattern")
        if of == "layer":
            return int(captured["layer"]) + 1
        return len(self._stacks[name[: captured.start("layer")]])

    def sibling(self, name: str, last: str) -> Shape:
        """The shape of the parameter ``last`` of the module that ``name`` belongs to.

        Raises:
            ValueError: there is none.
        """
        parent, dot, _ = name.rpartition(".")
        wanted = parent + dot + last
        shape = self._shapes.get(self._tied.get(wanted, wanted))
        if shape is None:
            raise ValueError(f"fan_of={last!r} needs {wanted!r}, which the model does not have")
        return shape

    def _axis(self, of: Axis, name: str) -> int:
        if of.parameter is None:
            shapes = {self._shapes[name]}
        else:
            expression = compiled(of.parameter)
            shapes = {shape for each, shape in self._shapes.items() if expression.fullmatch(each)}
        if any(not -len(shape) <= of.axis < len(shape) for shape in shapes):
            raise ValueError(f"axis={of.axis} is out of range for {shapes}")
        sizes = {shape[of.axis] for shape in shapes}
        if len(sizes) > 1:
            raise ValueError(
                f"{of} has the sizes {', '.join(map(str, sorted(sizes)))}; write a pattern for one"
            )
        return _positive(sum(sizes), of)

    def _setting(self, of: Setting) -> float:
        value: Any = self._config
        for key in of.config.split("."):
            value = value.get(key) if isinstance(value, Mapping) else None
        if not value:
            return of.default
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not value > 0:
            raise ValueError(f"{of.config} in the config is {value!r}; a positive number scales")
        return value


def _positive(count: int, of: Of) -> int:
    if not count:
        raise ValueError(f"{of} finds nothing in the model, or a size of 0; correct its pattern")
    return count
