"""A weight as the product of two smaller ones: low-rank factors and LoRA."""

from __future__ import annotations

import dataclasses
import math
from typing import TYPE_CHECKING, Any, NamedTuple, Never

import numpy as np

from fastinit import streams
from fastinit.checks import boolean, positive_integer, shown, type_of
from fastinit.initializers.base import Initializer
from fastinit.initializers.distributions.constant import zeros
from fastinit.initializers.distributions.normal import Normal
from fastinit.initializers.distributions.presets import HeUniform
from fastinit.initializers.distributions.truncated_normal import TruncatedNormal
from fastinit.initializers.distributions.uniform import Uniform
from fastinit.initializers.fans import axes_of, layout_of
from fastinit.initializers.named import named
from fastinit.initializers.options import plain_signature, unexpected
from fastinit.native import _cpu
from fastinit.native.arithmetic import in_default_arithmetic
from fastinit.native.box import Shape, shape_of
from fastinit.native.dtypes import dtype_of, precision_of
from fastinit.repeated_streams import note
from fastinit.streams import Seed

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["factorized", "lora"]


class _Factors(NamedTuple):
    """The shapes of two factors, and of the matrix that is their product (after the batch axes)."""

    left: tuple[int, ...]
    right: tuple[int, ...]
    rows: int
    columns: int
    output_first: bool


@in_default_arithmetic
@plain_signature
def factorized(
    shape: Shape,
    rank: int,
    base: Initializer | str = "he_normal",
    spectral: bool = False,
    *extra: Never,
    layout: str = "oi*",
    seed: Seed | None = None,
    name: str | int | None = None,
    dtype: Any = "float32",
    device: Any = "cpu",
    **unknown: Never,
) -> tuple[NDArray[Any], NDArray[Any]]:
    """Draw two factors of low rank whose product is initialized as the whole weight would be.

    The factors' values are independent, of the base's family, and the product has the base's
    variance: each factor's std is sqrt(std / sqrt(rank)). With ``spectral=True`` they are
    U sqrt(S) and sqrt(S) V' of the largest ``rank`` singular values of a full draw of the base
    (Khodak et al. 2021, arXiv 2105.01029); that goes through NumPy's SVD, whose last bits depend on
    its library and threads, so it stands outside the promise of equal bits.

    Args:
        shape: The shape of the whole weight.
        rank: The rank of the product, 1 or more; with ``spectral=True`` at most that of the matrix.
        base: The initializer that would draw the whole weight: a name such as "he_normal", or an
            object with mean 0.
        spectral: Whether to factorize a full draw of the base instead.
        layout: The role of each axis; output axes come first or last (after the batch axes), as in
            "oi*" (torch) and "*io" (JAX, Keras).
        seed: An integer in [0, 2**64), or a ``Stream``; without it, the process-wide seed. The same
            seed and name give the same numbers.
        name: The stream of the seed. The factors are successive elements of one stream.
        dtype: The dtype of both factors.
        device: The device that draws the factors, "cpu" by default and with ``spectral=True``.

    Returns:
        (left, right): (out, rank) and (rank, in, *kernel) for "oi*", (*kernel, in, rank) and
        (rank, out) for "*io". Flattened to matrices, left @ right is the weight.

    Raises:
        TypeError: An argument has the wrong type.
        ValueError: The rank is out of range, the base is not known or has no known std and mean 0,
            the layout does not fit, or the dtype does not hold the values.

    Example:
        >>> import fastinit
        >>> u, v = fastinit.factorized((512, 256), rank=32, seed=0)
        >>> u.shape, v.shape, round(float((u @ v).std() * 128**0.5), 1)
        ((512, 32), (32, 256), 1.0)
    """
    if extra or unknown:
        raise unexpected(factorized, shape, extra, unknown)
    sizes = shape_of(shape)
    count = positive_integer(rank, "rank")
    spectral = boolean(spectral, "spectral")
    factors = _factors(sizes, count, layout)
    whole = _initializer(base, layout)
    where = {"seed": streams.fixed(seed, name), "dtype": dtype, "device": device}
    if spectral:
        left, right = _spectral(whole, sizes, factors, count, where)
    else:
        values = _of_factors(whole.resolve(sizes), count)
        first, second = math.prod(factors.left), math.prod(factors.right)
        left = values(first + second, index=np.s_[:first], **where)
        right = values(first + second, index=np.s_[first:], **where)
        left, right = left.reshape(factors.left), right.reshape(factors.right)
    if streams.lacks_name(seed, name):
        note(where["seed"].seed, None, left, ("factorized", (count, whole)), sizes, is_new=True)
    return left, right


@in_default_arithmetic
@plain_signature
def lora(
    shape: Shape,
    rank: int,
    *extra: Never,
    layout: str = "oi*",
    seed: Seed | None = None,
    name: str | int | None = None,
    dtype: Any = "float32",
    device: Any = "cpu",
    **unknown: Never,
) -> tuple[NDArray[Any], NDArray[Any]]:
    """Draw the factors A and B of a low-rank update, B = 0 (Hu et al. 2021, arXiv 2106.09685).

    A is uniform within 1 / sqrt(fan_in), torch's kaiming_uniform(a=sqrt(5)), fan_in being that of
    the whole weight; the update, zero at first, is B A. It is scaled where it is applied: by
    alpha / rank, or alpha / sqrt(rank) (rsLoRA, arXiv 2312.03732).

    Args:
        shape: The shape of the whole weight that is updated.
        rank: The rank of the update, 1 or more.
        layout: The role of each axis; output axes come first or last (after the batch axes).
        seed: An integer in [0, 2**64), or a ``Stream``; without it, the process-wide seed. The same
            seed and name give the same numbers.
        name: The stream of the seed.
        dtype: The dtype of both factors.
        device: The device that draws the factors, "cpu" by default.

    Returns:
        (A, B): (rank, in, *kernel) and (out, rank) for "oi*", (*kernel, in, rank) and (rank, out)
        for "*io".

    Raises:
        TypeError: An argument has the wrong type.
        ValueError: The rank is out of range, the layout does not fit, or the dtype does not hold
            the values.

    Example:
        >>> import fastinit
        >>> a, b = fastinit.lora((512, 256), rank=8, seed=0)
        >>> a.shape, b.shape, bool((abs(a) < 1 / 16).all()), bool((b == 0).all())
        ((8, 256), (512, 8), True, True)
    """
    if extra or unknown:
        raise unexpected(lora, shape, extra, unknown)
    factors = _factors(shape_of(shape), positive_integer(rank, "rank"), layout)
    inner, outer = factors.left, factors.right
    fan_in = factors.rows
    if factors.output_first:
        inner, outer, fan_in = factors.right, factors.left, factors.columns
    uniform = HeUniform(nonlinearity="leaky_relu", a=math.sqrt(5), fan=max(fan_in, 1))
    a = uniform(inner, seed=seed, name=name, dtype=dtype, device=device)
    return a, zeros(outer, dtype=dtype, device=device)


def _factors(shape: tuple[int, ...], rank: int, layout: str) -> _Factors:
    layout = layout_of(layout)
    letters = axes_of(shape, layout)
    batch = len(letters) - len(letters.lstrip("b"))
    rest = letters[batch:]
    outputs = rest.count("o")
    output_first = rest.startswith("o")
    stripped = rest.lstrip("o") if output_first else rest.rstrip("o")
    if not outputs or not stripped or set(stripped) & {"o", "b"}:
        raise ValueError(
            f"layout={layout!r} does not split shape {shape} into outputs and inputs; the output "
            "axes o must come all first or all last, after any batch axes, and inputs beside them"
        )
    at = batch + (outputs if output_first else len(stripped))
    return _Factors(
        (*shape[:at], rank),
        (*shape[:batch], rank, *shape[at:]),
        math.prod(shape[batch:at]),
        math.prod(shape[at:]),
        output_first,
    )


def _initializer(base: Initializer | str, layout: str) -> Initializer:
    if isinstance(base, Initializer):
        return base
    if not isinstance(base, str):
        raise TypeError(f"base={base!r} is {type_of(base)}; pass a name or an initializer object")
    return named(base, "base", layout)


def _of_factors(values: Initializer, rank: int) -> Initializer:
    """Return the distribution of both factors' elements, given that of the whole weight's."""
    match values:
        case Normal(mean=0.0, std=std):
            return Normal(0.0, math.sqrt(std / math.sqrt(rank)))
        case Uniform(low=low, high=high) if low == -high:
            return Uniform(-(bound := _scaled(high, high / math.sqrt(3), rank)), bound)
        case TruncatedNormal(mean=0.0, std=std) if values.lower == -values.upper:
            shrinkage = 1.0 if values.compensate else _cpu.truncated_std(values.lower, values.upper)
            return dataclasses.replace(values, std=_scaled(std, std * shrinkage, rank))
        case _:
            raise ValueError(
                f"base={values!r} does not have factors of its own family; pass a base that comes "
                "to a normal, uniform or truncated normal with mean 0"
            )


def _scaled(parameter: float, std: float, rank: int) -> float:
    """Return a parameter that is proportional to the std, for the std of a factor."""
    return parameter * math.sqrt(std / math.sqrt(rank)) / std if std else 0.0


def _spectral(
    base: Initializer,
    shape: tuple[int, ...],
    factors: _Factors,
    rank: int,
    where: dict[str, Any],
) -> tuple[Any, Any]:
    if rank > min(factors.rows, factors.columns):
        raise ValueError(
            f"rank={shown(rank)} is more than the {factors.rows} x {factors.columns} matrix has; "
            "pass less, or spectral=False"
        )
    if str(where["device"]) not in ("cpu", "cpu:0"):
        raise ValueError(f"device={where['device']!r}: spectral=True works on the CPU")
    wanted = dtype_of(where["dtype"])
    full = base(shape, **{**where, "dtype": precision_of(wanted)})
    matrices = np.asarray(full, np.float64).reshape(-1, factors.rows, factors.columns)
    u, s, v = np.linalg.svd(matrices, full_matrices=False)
    root = np.sqrt(s[:, :rank])
    left = (u[:, :, :rank] * root[:, None, :]).astype(precision_of(wanted)).astype(wanted)
    right = (root[:, :, None] * v[:, :rank, :]).astype(precision_of(wanted)).astype(wanted)
    return left.reshape(factors.left), right.reshape(factors.right)
