"""Orthogonal matrices, and such a matrix at the center of a convolution's kernel."""

from __future__ import annotations

from fastinit import initializers
from fastinit.keras.fan_scaled import KERNEL
from fastinit.keras.initializer import Random, SeedLike


class Orthogonal(Random):
    """Orthogonal matrices, uniformly distributed (Haar), times a gain (Saxe et al. 2013).

    The matrix is (all other axes, last axis), flattened in C order.

    Args:
        gain: The number that multiplies every entry, finite, or the name of an activation.
        seed: An integer in [0, 2**64), a ``keras.random.SeedGenerator``, or None.

    Raises:
        TypeError: An argument has the wrong type.
        ValueError: The gain is not finite; when drawn, the shape has fewer than two axes.

    Example:
        >>> import fastinit.keras, keras
        >>> q = fastinit.keras.Orthogonal(seed=0)((4, 2))
        >>> keras.ops.convert_to_numpy(q.T @ q).round(4).tolist()
        [[1.0, 0.0], [0.0, 1.0]]
    """

    def __init__(self, gain: float | str = 1.0, seed: SeedLike | None = None) -> None:
        self.gain = gain
        super().__init__(seed)
        self.resolve(())

    def resolve(self, shape: tuple[int, ...]) -> initializers.Initializer:  # noqa: ARG002
        """Return the orthogonal initializer with Keras's axes."""
        return initializers.Orthogonal(self.gain, KERNEL)


class DeltaOrthogonal(Random):
    """An orthogonal matrix at the center of a convolution's kernel, zeros elsewhere.

    Xiao et al. 2018, arXiv 1806.05393.

    Args:
        gain: The number that multiplies every entry, finite, or the name of an activation.
        seed: An integer in [0, 2**64), a ``keras.random.SeedGenerator``, or None.

    Raises:
        TypeError: An argument has the wrong type.
        ValueError: The gain is not finite; when drawn, fewer outputs than inputs.

    Example:
        >>> import fastinit.keras
        >>> int((fastinit.keras.DeltaOrthogonal(seed=0)((3, 3, 2, 4)) != 0).sum())
        8
    """

    def __init__(self, gain: float | str = 1.0, seed: SeedLike | None = None) -> None:
        self.gain = gain
        super().__init__(seed)
        self.resolve(())

    def resolve(self, shape: tuple[int, ...]) -> initializers.Initializer:  # noqa: ARG002
        """Return the delta-orthogonal initializer with Keras's axes."""
        return initializers.DeltaOrthogonal(self.gain, KERNEL)
