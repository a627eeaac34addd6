"""Fused weights: parts along an axis, each with an initializer, fans and a stream of its own."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar, Never

import numpy as np

from fastinit.checks import positive_integer, shown
from fastinit.initializers.base import Initializer, templates_of
from fastinit.initializers.composites.parts import Part, Parts, axis_of, checked_axis, names_of
from fastinit.initializers.function_help import draws
from fastinit.initializers.named import initializer_of
from fastinit.initializers.options import Out, unexpected
from fastinit.native.box import Index, Shape
from fastinit.native.request import Template
from fastinit.streams import Seed

__all__ = ["Split", "split"]

_ONE_FOR_ALL = "one initializer for all parts needs labels=, sizes= or shares= to say how many"


@dataclasses.dataclass(frozen=True)
class Split(Initializer):
    """Parts along an axis, each drawn as an array of its own: fused weights.

    The parts of a fused weight (query, key and value; gate and up; the gates of an LSTM; Mamba's
    ``in_proj``) have fans of their own, and some of them values of another kind. Each part is drawn
    for its own shape, from the stream of a name that comes from the name of the whole, so that a
    fused weight can equal the weights that it joins.

    Args:
        parts: An initializer for each part, as an object or a name: a sequence, or a mapping whose
            keys are the labels; or one initializer for all parts.
        axis: The axis that is divided; negative numbers count from the end.
        sizes: The size of each part; None for equal parts.
        shares: Integers in proportion to the sizes, such as (4, 1, 1), in place of ``sizes``.
        labels: The name of each part; None for 0, 1, 2, ...
        names: The names of the parts' streams: a format with ``{part}`` for the label and
            ``{name}`` for the name of the whole, ``{parent}`` for that name without its last
            segment, or ``{grandparent}`` without its last two.

    Raises:
        TypeError: An argument has the wrong type.
        ValueError: The fields contradict each other; when drawn, the sizes do not fit the axis, or
            ``names`` needs more segments than the name has.

    Example:
        >>> import fastinit, numpy as np
        >>> fused = fastinit.Split("xavier_uniform", labels="qkv", names="{grandparent}.{part}.w")
        >>> qkv = fused((12, 4), seed=0, name="attn.qkv.w")
        >>> k = fastinit.xavier_uniform((4, 4), seed=0, name="attn.k.w")
        >>> bool((qkv[4:8] == k).all())
        True
        >>> bias = fastinit.Split.gates("zeros", f="ones")  # an LSTM's; f forgets
        >>> bias(8, seed=0, name="bias")
        array([0., 0., 1., 1., 0., 0., 0., 0.], dtype=float32)
    """

    in_complex: ClassVar[str | None] = "templates"

    parts: Sequence[Initializer | str] | Mapping[str, Initializer | str] | Initializer | str
    axis: int = 0
    sizes: Sequence[int] | None = None
    shares: Sequence[int] | None = None
    labels: Sequence[str] | None = None
    names: str = "{name}.{part}"

    def __post_init__(self) -> None:
        """Check the fields, and make a tuple with an initializer for each part."""
        given: Any = self.parts
        object.__setattr__(self, "axis", checked_axis(self.axis))
        object.__setattr__(self, "names", names_of(self.names))
        for field in ("sizes", "shares"):
            if (numbers := getattr(self, field)) is not None:
                object.__setattr__(self, field, _sizes_of(numbers, field))
        if self.sizes is not None and self.shares is not None:
            raise ValueError("sizes= and shares= say the same; pass one of them")
        if isinstance(given, Mapping) and "type" not in given:
            if self.labels is not None:
                raise ValueError("parts= is a mapping, whose keys are the labels; leave labels out")
            object.__setattr__(self, "labels", tuple(given))
            given = tuple(given.values())
        if self.labels is not None:
            object.__setattr__(self, "labels", _labels_of(self.labels))
        if isinstance(given, (Initializer, str, Mapping)):
            known = next((x for x in (self.sizes, self.shares, self.labels) if x is not None), None)
            if known is None:
                raise ValueError(_ONE_FOR_ALL)
            given = (given,) * len(known)
        if not isinstance(given, (list, tuple)) or not given:
            raise TypeError(f"parts={shown(given)} is not a sequence of initializers; pass some")
        parts = tuple(initializer_of(each, "parts") for each in given)
        object.__setattr__(self, "parts", parts)
        for field in ("sizes", "shares", "labels"):
            found = getattr(self, field)
            if found is not None and len(found) != len(parts):
                raise ValueError(
                    f"{field}={shown(found)} has {len(found)} entries for {len(parts)} parts; pass "
                    "one for each part"
                )

    @staticmethod
    def gates(
        base: Initializer | str, order: str = "ifgo", axis: int = 0, **gates: Initializer | str
    ) -> Split:
        """Return equal parts for the gates of a recurrent layer: one matrix for each gate.

        Args:
            base: The initializer of each gate.
            order: A letter for each gate. "ifgo" is the LSTM of torch (input, forget, cell,
                output), "ifco" that of Keras, "rzn" torch's GRU and "zrh" that of Keras.
            axis: The axis of the gates: 0 in torch, -1 in Keras.
            **gates: Other initializers for some gates, by their letters. A forget bias of 1
                (Jozefowicz et al. 2015) is ``f="ones"`` in one of torch's two biases.

        Raises:
            ValueError: A letter is not in ``order``.

        Example:
            >>> import fastinit
            >>> recurrent = fastinit.Split.gates("orthogonal")
            >>> recurrent((512, 128), seed=0, name="weight_hh_l0").shape
            (512, 128)
        """
        unknown = sorted(gates.keys() - set(order))
        if unknown:
            raise ValueError(
                f"order={order!r} has no gate {', '.join(unknown)}; use its letters, or pass order="
            )
        return Split({each: gates.get(each, base) for each in order}, axis)

    @property
    def is_random(self) -> bool:  # type: ignore[override]
        """Whether one of the parts depends on the seed and the name."""
        return any(each.is_random for each in self._parts)

    @property
    def _parts(self) -> tuple[Initializer, ...]:
        return self.parts  # type: ignore[return-value]

    def to_dict(self) -> dict[str, Any]:
        """Return plain data, which ``from_dict`` turns into an equal initializer."""
        data: dict[str, Any] = {"type": "Split"}
        for field, value in self._given().items():
            data[field] = list(value) if isinstance(value, tuple) else value
        return data | {"parts": [each.to_dict() for each in self._parts]}

    def stops(self, shape: tuple[int, ...]) -> tuple[int, list[int]]:
        """Return the axis of a shape, and where the parts end on it.

        Raises:
            ValueError: The sizes do not fit the axis.
        """
        axis = axis_of(self.axis, shape)
        size, count = shape[axis], len(self._parts)
        sizes = self.sizes if size else (0,) * count  # an empty axis has no sizes to fit
        if sizes is None:
            shares = self.shares or (1,) * count
            if size % sum(shares):
                raise ValueError(
                    f"axis {axis} of shape {shape} is not a multiple of {sum(shares)}, so it has "
                    f"no parts in proportion to {tuple(shares)}; pass sizes="
                )
            sizes = [share * (size // sum(shares)) for share in shares]
        if sum(sizes) != size:
            raise ValueError(
                f"sizes={tuple(sizes)} come to {sum(sizes)}, and axis {axis} of shape {shape} has "
                f"{size}; make them agree"
            )
        return axis, [sum(sizes[: k + 1]) for k in range(count)]

    def shapes(self, shape: tuple[int, ...]) -> list[tuple[int, ...]]:
        """Return the shape of each part.

        Example:
            >>> import fastinit
            >>> fastinit.Split("normal", shares=(2, 1)).shapes((12, 5))
            [(8, 5), (4, 5)]
        """
        axis, stops = self.stops(shape)
        starts = [0, *stops[:-1]]
        sizes = [stop - start for start, stop in zip(starts, stops, strict=True)]
        return [(*shape[:axis], size, *shape[axis + 1 :]) for size in sizes]

    def resolve(self, shape: tuple[int, ...]) -> Initializer:
        """Return the same parts with initializers that do not depend on the shape."""
        pairs = zip(self._parts, self.shapes(shape), strict=True)
        return self._with([each.resolve(inner) for each, inner in pairs])

    def scaled(self, apply: Callable[[float], float]) -> Initializer:
        """Return the same parts with scaled initializers."""
        return self._with([each.scaled(apply) for each in self._parts])

    def with_part_scaled(self, label: str, apply: Callable[[float], float]) -> Initializer:
        """Return the same parts, one of them with a scaled initializer."""
        labels = self._labels
        if label not in labels:
            known = ", ".join(map(repr, labels))
            raise ValueError(f"part={label!r} is not a part of this Split; its parts are {known}")
        pairs = zip(labels, self._parts, strict=True)
        return self._with([each.scaled(apply) if one == label else each for one, each in pairs])

    @property
    def _labels(self) -> Sequence[str]:
        return self.labels or [str(k) for k in range(len(self._parts))]

    def _with(self, parts: Sequence[Initializer]) -> Split:
        changed: dict[str, Any] = {"parts": tuple(parts)}
        return dataclasses.replace(self, **changed)

    def moments(self, shape: tuple[int, ...]) -> tuple[float, float] | None:
        """Return those of all parts together, or None if they are not known of a part."""
        shapes = self.shapes(shape)
        found = [each.moments(inner) for each, inner in zip(self._parts, shapes, strict=True)]
        known = [each for each in found if each is not None]
        if len(known) < len(found) or not math.prod(shape):
            return None
        weights = [math.prod(inner) / math.prod(shape) for inner in shapes]
        pairs = list(zip(weights, known, strict=True))
        mean = sum(weight * mean for weight, (mean, _) in pairs)
        square = sum(weight * (std**2 + mean**2) for weight, (mean, std) in pairs)
        return mean, math.sqrt(max(square - mean * mean, 0.0))

    def templates(self, shape: tuple[int, ...], dtype: np.dtype[Any]) -> tuple[Template, ...]:
        """Return one template for all parts."""
        axis, stops = self.stops(shape)
        inner = self.shapes(shape)
        parts = [
            Part(label, start, stop, inner[k], templates_of(self._parts[k], inner[k], dtype))
            for k, (label, start, stop) in enumerate(
                zip(self._labels, [0, *stops[:-1]], stops, strict=True)
            )
            if start < stop
        ]
        return (Parts(shape, dtype, axis, tuple(parts), self.names),)


def _sizes_of(given: Any, field: str) -> tuple[int, ...]:
    if not isinstance(given, (list, tuple)) or not given:
        raise TypeError(f"{field}={shown(given)} is not a sequence of integers; pass a tuple")
    return tuple(positive_integer(each, field) for each in given)


def _labels_of(given: Any) -> tuple[str, ...]:
    labels = tuple(given) if isinstance(given, (list, tuple, str)) else ()
    if not labels or not all(isinstance(each, str) and each for each in labels):
        raise TypeError(f"labels={shown(given)} is not a sequence of strings; pass a tuple")
    if len(set(labels)) < len(labels):
        raise ValueError(
            f"labels={shown(given)} has a label twice; parts need streams of their own"
        )
    return labels


@draws(Split)
def split(
    shape: Shape,
    parts: Sequence[Initializer | str] | Mapping[str, Initializer | str] | Initializer | str,
    axis: int = 0,
    *extra: Never,
    sizes: Sequence[int] | None = None,
    shares: Sequence[int] | None = None,
    labels: Sequence[str] | None = None,
    names: str = "{name}.{part}",
    seed: Seed | None = None,
    name: str | int | None = None,
    dtype: Any = None,
    device: Any = None,
    out: Out | None = None,
    index: Index | None = None,
    **unknown: Never,
) -> Out:
    """Draw from ``Split(parts, axis, sizes, shares, labels, names)``.

    Example:
        >>> import fastinit
        >>> fastinit.split((12, 4), {"q": "he_normal", "kv": "ones"}, shares=(1, 2), seed=0).shape
        (12, 4)
    """
    if extra or unknown:
        raise unexpected(split, shape, extra, unknown)
    initializer = Split(parts, axis, sizes, shares, labels, names)
    return initializer._draw(shape, seed, name, dtype, device, out, index)
