"""Functions of float64 values with the same bits on every machine: exp, log, sin and their kin."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from fastinit.native import _cpu

if TYPE_CHECKING:
    from numpy.typing import NDArray


def evaluate(
    function: str, values: NDArray[np.float64], number: float = 0.0
) -> NDArray[np.float64]:
    """Return a function of each value, as csrc/numerics/functions.h defines it.

    Args:
        function: its name there.
        values: of any shape.
        number: the power of ``power`` or the base of ``exponential_to_base``.

    Example:
        >>> import numpy as np
        >>> from fastinit.native.functions import evaluate
        >>> evaluate("exp", np.array([0.0, 1.0]))
        array([1.        , 2.71828183])
    """
    found = np.array(values, np.float64, order="C", ndmin=1)
    _cpu.apply(_cpu.functions[function], found, number)
    return found.reshape(np.shape(values))
