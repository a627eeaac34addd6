"""Initializers without random numbers: constants, identities and Dirac kernels."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np

from fastinit import initializers
from fastinit.initializers.existing.stored import Stored
from fastinit.keras.fan_scaled import KERNEL
from fastinit.keras.initializer import Initializer


class Constant(Initializer):
    """The same value everywhere.

    Args:
        value: A number, or an array that is broadcast to the tensor's shape.

    Raises:
        ValueError: When drawn, the dtype cannot hold the value, or the shape of an array does not
            fit.

    Example:
        >>> import fastinit.keras
        >>> fastinit.keras.Constant(3.0)((2,)).tolist()
        [3.0, 3.0]
    """

    def __init__(self, value: Any = 0.0) -> None:
        if isinstance(value, dict):  # an array in a config
            value = keras.saving.deserialize_keras_object(value)
        self.value = value

    def resolve(self, shape: tuple[int, ...]) -> initializers.Initializer:
        """Return the constant, or the values of the array."""
        if np.ndim(self.value) == 0:
            return initializers.Constant(self.value)
        values = np.asarray(self.value)
        try:
            values = np.broadcast_to(values, shape)
        except ValueError:
            raise ValueError(
                f"value has shape {values.shape}, and the tensor has {shape}; pass a number, or an "
                "array that is broadcast to that shape"
            ) from None
        return Stored.of(values)


class Zeros(Initializer):
    """Zeros.

    Example:
        >>> import fastinit.keras
        >>> fastinit.keras.Zeros()((2,)).tolist()
        [0.0, 0.0]
    """

    def __init__(self) -> None: ...

    def resolve(self, shape: tuple[int, ...]) -> initializers.Initializer:  # noqa: ARG002
        """Return the constant 0."""
        return initializers.Constant(0)


class Ones(Initializer):
    """Ones.

    Example:
        >>> import fastinit.keras
        >>> fastinit.keras.Ones()((2,)).tolist()
        [1.0, 1.0]
    """

    def __init__(self) -> None: ...

    def resolve(self, shape: tuple[int, ...]) -> initializers.Initializer:  # noqa: ARG002
        """Return the constant 1."""
        return initializers.Constant(1)


class Identity(Initializer):
    """The identity matrix times a gain; of a convolution, at the center of the kernel.

    Keras's own is for matrices only.

    Args:
        gain: A finite number, or the name of an activation.

    Raises:
        ValueError: The gain is not finite; when drawn, the shape has fewer than two axes.

    Example:
        >>> import fastinit.keras
        >>> fastinit.keras.Identity(2.0)((2, 2)).tolist()
        [[2.0, 0.0], [0.0, 2.0]]
    """

    def __init__(self, gain: float | str = 1.0) -> None:
        self.gain = gain
        self.resolve(())

    def resolve(self, shape: tuple[int, ...]) -> initializers.Initializer:  # noqa: ARG002
        """Return the identity with Keras's axes."""
        return initializers.Identity(self.gain, KERNEL)


class Dirac(Initializer):
    """Channel k of each group of the input becomes channel k of that group of the output.

    Args:
        groups: The number of groups of the convolution.
        gain: The weights that are not 0: a finite number, or the name of an activation.

    Raises:
        ValueError: A number is out of range; when drawn, the groups do not divide the outputs.

    Example:
        >>> import fastinit.keras
        >>> fastinit.keras.Dirac()((3, 1, 1)).tolist()
        [[[0.0]], [[1.0]], [[0.0]]]
    """

    def __init__(self, groups: int = 1, gain: float | str = 1.0) -> None:
        self.groups = groups
        self.gain = gain
        self.resolve(())

    def resolve(self, shape: tuple[int, ...]) -> initializers.Initializer:  # noqa: ARG002
        """Return the Dirac kernel with Keras's axes."""
        return initializers.Dirac(self.groups, self.gain, KERNEL)
