"""Complex arrays: what initializers of real numbers draw in complex64 and complex128."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from fastinit.initializers.base import Initializer
from fastinit.initializers.computed import Computed, draw_bounds
from fastinit.initializers.distributions.constant import Constant
from fastinit.initializers.distributions.normal import Normal
from fastinit.initializers.distributions.truncated_normal import TruncatedNormal
from fastinit.initializers.distributions.uniform import Uniform
from fastinit.initializers.distributions.variance_scaling import FanScaled
from fastinit.initializers.fans import axes_of
from fastinit.initializers.gains import gain_of
from fastinit.initializers.matrices.orthogonal import DeltaOrthogonal, Orthogonal
from fastinit.native import _cpu
from fastinit.native.box import Bounds, Box, flat, part
from fastinit.native.dtypes import real_of, representable
from fastinit.native.functions import evaluate
from fastinit.native.request import Request, Template

if TYPE_CHECKING:
    from numpy.typing import NDArray

_CIRCLE = "the distribution of a complex number is that of its modulus, with any phase"


def complex_templates(
    initializer: Initializer, shape: tuple[int, ...], dtype: np.dtype[Any]
) -> tuple[Template, ...]:
    """Return the templates of a complex array.

    Raises:
        ValueError: The initializer has no complex values, or does not fit the shape.
    """
    real = real_of(dtype)
    if isinstance(initializer, FanScaled):
        return _scaled(initializer, shape, dtype)
    if isinstance(initializer, Constant):
        return _constant(initializer, shape, dtype)
    if isinstance(initializer, Normal):
        if initializer.mean != 0:
            raise ValueError(f"mean={initializer.mean} of a complex array is not 0; {_CIRCLE}")
        return _pairs(Normal(0.0, initializer.std / math.sqrt(2.0)), shape, real)
    if isinstance(initializer, TruncatedNormal):
        return (_truncated(initializer, shape, dtype),)
    if isinstance(initializer, Orthogonal):
        return (_unitary(initializer, shape, dtype),)
    if isinstance(initializer, DeltaOrthogonal):
        return (_delta(initializer, shape, dtype),)
    if initializer.in_complex == "templates":
        return initializer.templates(shape, dtype)
    if initializer.in_complex == "real":
        return (_real(initializer, shape, dtype),)
    raise ValueError(
        f"dtype={dtype.name} does not hold {type(initializer).__name__} values; use one of normal, "
        "truncated_normal, variance_scaling and its kin, orthogonal, delta_orthogonal, constant, "
        "identities and tables for complex dtypes, or split, stacked, transposed, normed, "
        "multiplied and masked ones of these"
    )


@dataclass(frozen=True)
class _Pairs(Template):
    """Real and imaginary parts, side by side as one more axis of size 2."""

    inner: Template

    elementwise = True

    @property
    def may_fail(self) -> bool:  # type: ignore[override]
        """Whether the real array may fail."""
        return self.inner.may_fail

    def check(self, seed: int, stream: int) -> None:
        """Check what the real array needs."""
        self.inner.check(seed, stream)

    def requests(self, box: Box, address: int, seed: int, stream: int) -> list[Request]:
        """Return those of the real array."""
        bounds = None if box.bounds is None else (*box.bounds, (0, 2))
        extents = (*box.extents[:-1], 2 * box.extents[-1])  # the innermost axis has the stride 1
        strides = (*(2 * stride for stride in box.strides[:-1]), 1)
        real = Box((*box.shape, 2), 2 * box.offset, extents, strides, bounds)
        return list(self.inner.requests(real, address, seed, stream))


@dataclass(frozen=True)
class _AsPairs(Template):
    """A template of a complex array, for boxes of its real numbers with an axis of size 2."""

    inner: Template
    shape: tuple[int, ...]

    @property
    def elementwise(self) -> bool:  # type: ignore[override]
        """Whether the complex array's template is."""
        return self.inner.elementwise

    @property
    def may_fail(self) -> bool:  # type: ignore[override]
        """Whether the complex array may fail."""
        return self.inner.may_fail

    def check(self, seed: int, stream: int) -> None:
        """Check what the complex array needs."""
        self.inner.check(seed, stream)

    def requests(self, box: Box, address: int, seed: int, stream: int) -> list[Request]:
        """Return those of the complex array."""
        if box.bounds is None:
            piece = flat(box.offset // 2, math.prod(box.extents) // 2)
        else:
            piece = part(self.shape, tuple(slice(*each) for each in box.bounds[:-1]))
        return list(self.inner.requests(piece, address, seed, stream))


def as_pairs(templates: Iterable[Template], shape: tuple[int, ...]) -> tuple[Template, ...]:
    """Return the templates of a complex array of a shape for the array of its real numbers.

    Example:
        >>> import fastinit, numpy as np
        >>> from fastinit.arrays.devices import CPU
        >>> from fastinit.initializers.base import templates_of
        >>> from fastinit.initializers.complex_values import as_pairs
        >>> from fastinit.native.box import whole
        >>> (normal,) = templates_of(fastinit.Normal(), (3,), np.dtype("complex64"))
        >>> (pairs,) = as_pairs((normal,), (3,))
        >>> out = np.empty((3, 2), np.float32)
        >>> CPU.fill(pairs.requests(whole((3, 2)), out.ctypes.data, 0, 0))
        >>> expected = fastinit.normal(3, seed=0, dtype="complex64")
        >>> bool((out.view("complex64")[:, 0] == expected).all())
        True
    """
    return tuple(_AsPairs(each, shape) for each in templates)


def _pairs(
    initializer: Initializer, shape: tuple[int, ...], real: np.dtype[Any]
) -> tuple[Template, ...]:
    return tuple(_Pairs(each) for each in initializer.templates((*shape, 2), real))


def _constant(
    initializer: Constant, shape: tuple[int, ...], dtype: np.dtype[Any]
) -> tuple[Template, ...]:
    value = representable(float(initializer.value), "value", real_of(dtype))
    if value == 0:
        return _pairs(Constant(0.0), shape, real_of(dtype))

    def compute(bounds: Bounds, _: int, __: int) -> NDArray[Any]:
        found: NDArray[Any] = np.full([stop - start for start, stop in bounds], value, dtype)
        return found

    return (Computed(shape, dtype, compute, elementwise=True),)


def _real(initializer: Initializer, shape: tuple[int, ...], dtype: np.dtype[Any]) -> Computed:
    """Return what is drawn in the dtype of the real parts, with imaginary parts 0."""
    real = real_of(dtype)
    templates = initializer.templates(shape, real)

    def compute(bounds: Bounds, seed: int, stream: int) -> NDArray[Any]:
        found: NDArray[Any] = draw_bounds(templates, shape, real, bounds, seed, stream)
        return found.astype(dtype)

    elementwise = all(each.elementwise for each in templates)
    return Computed(shape, dtype, compute, elementwise, templates)


def _delta(initializer: DeltaOrthogonal, shape: tuple[int, ...], dtype: np.dtype[Any]) -> Computed:
    """Return the unitary matrix of the other axes at the center of the kernel, and zeros."""
    letters = initializer.letters(shape)
    others = [axis for axis, letter in enumerate(letters) if letter != "*"]
    center = {axis: (n - 1) // 2 for axis, n in enumerate(shape) if letters[axis] == "*"}
    inner = Orthogonal(initializer.gain, "".join(letters[axis] for axis in others))
    unitary = _unitary(inner, tuple(shape[axis] for axis in others), dtype)

    def compute(bounds: Bounds, seed: int, stream: int) -> NDArray[Any]:
        found: NDArray[Any] = np.zeros([stop - start for start, stop in bounds], dtype)
        if all(bounds[axis][0] <= at < bounds[axis][1] for axis, at in center.items()):
            index = tuple(
                center[axis] - start if axis in center else slice(None)
                for axis, (start, _) in enumerate(bounds)
            )
            found[index] = unitary.compute(tuple(bounds[axis] for axis in others), seed, stream)
        return found

    return Computed(shape, dtype, compute, elementwise=False)


def _scaled(
    initializer: FanScaled, shape: tuple[int, ...], dtype: np.dtype[Any]
) -> tuple[Template, ...]:
    resolved = initializer.resolve(shape)
    if isinstance(resolved, Uniform):  # the disk with the standard deviation of the interval
        _, std = resolved.moments(shape)
        return (_polar(shape, dtype, std * math.sqrt(2.0), _root),)
    if isinstance(resolved, TruncatedNormal):  # at 2 sigmas, with the asked standard deviation
        _, std = resolved.moments(shape)
        return (_truncated(TruncatedNormal(0.0, std, compensate=True), shape, dtype),)
    return complex_templates(resolved, shape, dtype)


def _root(u: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.sqrt(u)


def _polar(shape: tuple[int, ...], dtype: np.dtype[Any], scale: float, modulus: Any) -> Computed:
    """Return complex numbers scale modulus(u) exp(2 pi i v) of uniform u and v."""
    real = real_of(dtype)
    pairs = (*shape, 2)
    templates = Uniform(0.0, 1.0).templates(pairs, real)

    def compute(bounds: Bounds, seed: int, stream: int) -> NDArray[Any]:
        uniform = draw_bounds(templates, pairs, real, (*bounds, (0, 2)), seed, stream)
        u, v = np.moveaxis(uniform.astype(np.float64), -1, 0)
        radius, turn = modulus(u) * scale, v * (2 * math.pi)
        found = np.stack([radius * evaluate(name, turn) for name in ("cos", "sin")], -1)
        values: NDArray[Any] = found.astype(real).view(dtype)[..., 0]
        return values

    return Computed(shape, dtype, compute, elementwise=True)


def _truncated(
    initializer: TruncatedNormal, shape: tuple[int, ...], dtype: np.dtype[Any]
) -> Computed:
    """Return the circular normal, given that the modulus is no more than ``upper`` sigmas."""
    upper = initializer.upper
    if initializer.mean != 0 or initializer.lower != -upper or math.isinf(upper):
        raise ValueError(
            f"{initializer} has no complex values: the mean is 0 and upper = -lower bounds the "
            "modulus; use such numbers"
        )
    missing = float(evaluate("expm1", np.array([-upper * upper]))[0])  # minus the mass inside
    scale = initializer.std
    if initializer.compensate:  # E r^2 = 1 - c^2 e^(-c^2) / (1 - e^(-c^2))
        scale /= math.sqrt(1 + upper * upper * (1 + missing) / missing)

    def modulus(u: NDArray[Any]) -> NDArray[Any]:
        return np.sqrt(-evaluate("log1p", u * missing))

    return _polar(shape, dtype, scale, modulus)


def _unitary(initializer: Orthogonal, shape: tuple[int, ...], dtype: np.dtype[Any]) -> Computed:
    """Return unitary matrices with the Haar distribution, one for each index of the batch axes."""
    real, gain = real_of(dtype), gain_of(initializer.gain)
    letters = axes_of(shape, initializer.layout)
    batch = [axis for axis, letter in enumerate(letters) if letter == "b"]
    order = [
        *batch,
        *(axis for axis, letter in enumerate(letters) if letter == "o"),
        *(axis for axis, letter in enumerate(letters) if letter in "i*"),
    ]
    rows = math.prod(n for n, letter in zip(shape, letters, strict=True) if letter == "o")
    columns = math.prod(n for n, letter in zip(shape, letters, strict=True) if letter in "i*")
    most, least = max(rows, columns), min(rows, columns)
    count = math.prod(shape[axis] for axis in batch)
    numbers = (count, most, least, 2)
    templates = Normal().templates(numbers, real)

    def matrix(number: int, seed: int, stream: int) -> NDArray[Any]:
        where = ((number, number + 1), *((0, size) for size in numbers[1:]))
        z = draw_bounds(templates, numbers, real, where, seed, stream).astype(np.float64)[0]
        _cpu.unitary(z)
        z *= gain  # of real numbers: a complex product may be fused
        found: NDArray[Any] = z.view(np.complex128)[..., 0]
        return found if rows >= columns else found.T

    def compute(bounds: Bounds, seed: int, stream: int) -> NDArray[Any]:
        extents = [bounds[axis][1] - bounds[axis][0] for axis in batch]
        found = np.empty([*extents, *(shape[axis] for axis in order[len(batch) :])], dtype)
        for index in np.ndindex(*extents):
            number = 0
            for axis, at in zip(batch, index, strict=True):
                number = number * shape[axis] + bounds[axis][0] + at
            drawn = matrix(number, seed, stream)
            found[index] = drawn.reshape(found.shape[len(batch) :])
        inverse = tuple(int(axis) for axis in np.argsort(order))
        part = tuple(
            slice(None) if axis in batch else slice(*bounds[axis]) for axis in range(len(shape))
        )
        return np.ascontiguousarray(found.transpose(inverse)[part])

    return Computed(shape, dtype, compute, elementwise=False)
