"""Any callable as a function of float64 arrays: NumPy's, torch's, JAX's, or one of a number.

No framework is imported here: a callable that needs one has imported it.
"""

from __future__ import annotations

import contextlib
import copy
import importlib
import sys
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from fastinit.checks import shown

Array = npt.NDArray[np.float64]
Function = Callable[[Array], npt.NDArray[np.floating[Any]]]

# Where callables are tried: both signs, small and large, and in no order.
_TRIAL = np.array([0.3, -1.7, 2.9, -0.04, 0.0, -3.3, 1.1, 0.6, -0.8, 4.2])
_TOLERANCE = 1e-5  # by which float32 values of one input may differ between places in an array


@np.errstate(all="ignore")
def elementwise(function: Callable[..., Any]) -> Function:
    """Return a callable as a function from float64 arrays to arrays of the same shape.

    It is called with a NumPy array, else with a torch tensor (a module in float64), else with a JAX
    array in float64, else with one Python float after the other: the first that works.

    Raises:
        TypeError: the callable does not return one real number for each.
        ValueError: an element of its result depends on the other elements, or on chance.
    """
    failures = []
    for form in (_with_numpy, _with_torch, _with_jax, _with_floats):
        applied = form(function)
        if applied is None:
            continue
        try:
            found = applied(_TRIAL)
        except Exception as error:
            failures.append(error)
            continue
        _check(applied, found, function)
        return applied
    first, last = failures[0], failures[-1]
    raise TypeError(
        f"activation={shown(function)} fails for an array of float64 ({type(first).__name__}: "
        f"{first}) and for one number ({type(last).__name__}: {last}); pass a function of one real "
        "number or array; recommend_recipe is for models"
    ) from last


def _check(applied: Function, found: Any, function: Callable[..., Any]) -> None:
    """Check that a result is real, has the right shape, and is elementwise."""
    if found.shape != _TRIAL.shape or found.dtype.kind not in "fiub":
        raise TypeError(
            f"activation={shown(function)} returns {found.dtype.name} of shape {found.shape} for "
            f"float64 of shape {_TRIAL.shape}; pass a function that returns one real number for "
            "each (of a gated unit, the activation of its gate, with gated=True)"
        )
    for order in (slice(None), slice(None, None, -1), slice(0, 5)):
        again = applied(np.ascontiguousarray(_TRIAL[order]))
        if not np.allclose(again, found[order], _TOLERANCE, _TOLERANCE, equal_nan=True):
            raise ValueError(
                f"activation={shown(function)} is not elementwise: its value for a number depends "
                "on the other numbers of the array, or on chance; pass a deterministic function of "
                "each number (of a module with dropout, after eval())"
            )


def _with_numpy(function: Callable[..., Any]) -> Function | None:
    def applied(points: Array) -> Any:
        found = function(points.copy())  # which an in-place function may change
        if _is_of("jax", "Array", found):
            raise TypeError("it returns a JAX array, which is float32 without enable_x64")
        return _floating(found)

    return applied


def _with_torch(function: Callable[..., Any]) -> Function | None:
    torch: Any = sys.modules.get("torch")
    if torch is None:
        return None
    called = function
    if isinstance(function, torch.nn.Module):
        called = copy.deepcopy(function).to("cpu", torch.float64)

    def applied(points: Array) -> Any:
        with torch.no_grad():
            return _floating(called(torch.from_numpy(points.copy())))

    return applied


def _with_jax(function: Callable[..., Any]) -> Function | None:
    jax: Any = sys.modules.get("jax")
    if jax is None:
        return None

    def applied(points: Array) -> Any:
        with _float64_of(jax):
            return _floating(function(jax.numpy.asarray(points)))

    return applied


@contextlib.contextmanager
def _float64_of(jax: Any) -> Iterator[None]:
    enabled = getattr(jax, "enable_x64", None)  # before jax 0.8 in jax.experimental
    if enabled is None:
        enabled = importlib.import_module("jax.experimental").enable_x64
    with enabled(True):
        yield


def _with_floats(function: Callable[..., Any]) -> Function | None:
    def applied(points: Array) -> Any:
        found = np.array([function(float(each)) for each in points.flat])
        return _floating(found.reshape(points.shape + found.shape[1:]))

    return applied


def _floating(found: Any) -> Any:
    """Return the result of a callable as a NumPy array of real numbers, floating where it can."""
    if hasattr(found, "detach"):
        found = found.detach().cpu().numpy()
    array = np.asarray(found)
    return array.astype(np.float64) if array.dtype.kind in "iub" else array


def _is_of(module: str, kind: str, value: Any) -> bool:
    loaded = sys.modules.get(module)
    return loaded is not None and isinstance(value, getattr(loaded, kind))
