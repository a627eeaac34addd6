"""The templates that correspond to the arguments of torch's functions.

torch's numbers may be Python's, NumPy's or tensors of one element; here they are floats. The
functions are cached, since models draw from the same distribution many times. All raise ValueError
for what fastinit does not draw. torch's own function is called then: it refuses the arguments with
its own message, or can use them.
"""

from __future__ import annotations

import functools
import math
from typing import Any

import ml_dtypes
import numpy as np
import torch

from fastinit.initializers import (
    Constant,
    Initializer,
    Normal,
    Orthogonal,
    Sparse,
    TruncatedNormal,
    Uniform,
)
from fastinit.initializers.distributions.truncated_normal import BoundedNormal
from fastinit.native.arithmetic import in_default_arithmetic
from fastinit.native.request import fill_template
from fastinit.torch.memory.dtypes import DRAWN
from fastinit.torch.memory.templates import Templates


def number(value: Any) -> float:
    """Return a number that torch's functions accept as a float.

    Raises:
        ValueError: It is not a number.
    """
    if type(value) is float:
        return value
    try:
        return float(value.__float__())  # which a string and a complex number lack
    except (AttributeError, TypeError, RuntimeError, OverflowError):
        raise ValueError(f"{value!r} is not a number") from None


@functools.lru_cache(maxsize=1024)
@in_default_arithmetic
def uniform(low: float, high: float, dtype: torch.dtype) -> Templates:
    """Uniform distribution on (low, high), for each part of a complex number."""
    drawn = DRAWN[dtype]
    limit = float(ml_dtypes.finfo(drawn).max)  # type: ignore[no-untyped-call]
    if max(-low, high, high - low) > limit:
        raise ValueError(f"the bounds {low} and {high} are too far apart for {dtype}")
    return _templates(Uniform(low, high), drawn)


@functools.lru_cache(maxsize=1024)
@in_default_arithmetic
def normal(mean: float, std: float, dtype: torch.dtype) -> Templates:
    """Normal distribution; the variance of a complex number is divided between its parts."""
    spread = std / math.sqrt(2.0) if dtype.is_complex else std
    return _templates(Normal(mean, spread), DRAWN[dtype])


@functools.lru_cache(maxsize=1024)
@in_default_arithmetic
def truncated_normal(
    mean: float, std: float, low: float, high: float, dtype: torch.dtype
) -> Templates:
    """Normal distribution truncated to [low, high], which are values and not multiples of std."""
    if dtype.is_complex or not std > 0 or not math.isfinite(std) or not math.isfinite(mean):
        raise ValueError("complex numbers have no order, and std must be positive and finite")
    return _templates(BoundedNormal(mean, std, low, high), DRAWN[dtype])


@functools.lru_cache(maxsize=1024)
@in_default_arithmetic
def truncated_in_sigmas(
    mean: float, std: float, lower: float, upper: float, dtype: torch.dtype
) -> Templates:
    """Normal distribution truncated to [mean + lower std, mean + upper std]."""
    return _templates(TruncatedNormal(mean, std, lower, upper), _real(dtype))


@functools.lru_cache(maxsize=1024)
@in_default_arithmetic
def sparse(sparsity: float, std: float, dtype: torch.dtype, *, shape: tuple[int, ...]) -> Templates:
    """Normal distribution with ceil(sparsity * rows) zeros in each column."""
    return _templates(Sparse(sparsity, std=std), _real(dtype), shape)


@functools.lru_cache(maxsize=1024)
@in_default_arithmetic
def orthogonal(gain: float, dtype: torch.dtype, *, shape: tuple[int, ...]) -> Templates:
    """Orthogonal matrix whose rows are the first axis and whose columns are all other axes."""
    return _templates(Orthogonal(gain), _real(dtype), shape)


def _real(dtype: torch.dtype) -> np.dtype[Any]:
    if dtype.is_complex:
        raise ValueError(f"{dtype} is complex")
    return DRAWN[dtype]


def is_constant(dtype: torch.dtype) -> bool:
    """Return whether fastinit writes constants of a dtype: a request holds 8 bytes of bits."""
    return dtype.itemsize <= 8 and not dtype.is_complex


@in_default_arithmetic
def constant(value: Any, dtype: torch.dtype) -> Templates:
    """Constant of a dtype, rounded or wrapped as torch does, which may raise an error."""
    element = torch.empty(1, dtype=dtype, device="cpu").fill_(value)
    bits = int.from_bytes(bytes(element.view(torch.uint8).tolist()), "little")
    template = fill_template("constant", np.dtype(f"u{dtype.itemsize}"), pattern=bits)
    return Templates.of(Constant(_plain(element.item())), (template,))


def _plain(number: Any) -> Any:
    """Return a number as an integer, as one writes it, if it is one without a sign to lose."""
    is_integer = isinstance(number, float) and abs(number) < 2**53 and number == int(number)
    is_negative_zero = number == 0 and math.copysign(1.0, number) < 0
    return int(number) if is_integer and not is_negative_zero else number


def _templates(
    initializer: Initializer, dtype: np.dtype[Any], shape: tuple[int, ...] = ()
) -> Templates:
    return Templates.of(initializer, initializer.templates(shape, dtype))
