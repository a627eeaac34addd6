"""The model around a parameter: its layers and its neighbours' shapes, as rules ask for them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from fastinit.rules.patterns import Pattern, compiled, plain
from fastinit.rules.scale import Axis, Layers

Shape = tuple[int, ...]


class Model:
    """The names and shapes of a model, and the layers that patterns find in them.

    Args:
        shapes: name -> shape, in the model's order.
        numbered: the patterns that capture the numbers of layers.
        tied: name -> the name of the parameter that it shares.
    """

    def __init__(
        self, shapes: Mapping[str, Shape], numbered: Iterable[Pattern], tied: Mapping[str, str]
    ) -> None:
        """Find the stacks of layers."""
        self._shapes = shapes
        self._tied = tied
        self._stacks: dict[str, set[int]] = {}
        for expression in {compiled(each) for each in numbered}:
            for name in shapes:
                if found := expression.fullmatch(name):
                    stack = self._stacks.setdefault(name[: found.start("layer")], set())
                    stack.add(int(found["layer"]))

    def size(self, of: str | Axis | Layers, name: str, pattern: Pattern) -> int:
        """The size that a scale of a rule with ``pattern`` means for the parameter ``name``.

        Raises:
            ValueError: the model has no such size, or not a single one.
        """
        if isinstance(of, Axis):
            return self._axis(of, name)
        if isinstance(of, Layers):
            found = (compiled(of.layers).fullmatch(each) for each in self._shapes)
            count = len({int(each["layer"]) for each in found if each})
            if not count:
                raise ValueError(f"no name matches layers={plain(of.layers)!r}, whose count scales")
            return count
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
            if not shapes:
                raise ValueError(
                    f"no name matches parameter={plain(of.parameter)!r}, whose axis scales"
                )
        for shape in shapes:
            if not -len(shape) <= of.axis < len(shape):
                raise ValueError(f"axis={of.axis} is out of range for shape {shape}")
        sizes = {shape[of.axis] for shape in shapes}
        if len(sizes) > 1:
            raise ValueError(
                f"axis={of.axis} of parameter={of.parameter!r} has sizes "
                f"{', '.join(map(str, sorted(sizes)))}; write a pattern for one of them"
            )
        return sizes.pop()
