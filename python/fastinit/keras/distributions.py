"""Initializers whose values are independent of the shape: normal, truncated normal, uniform."""

from __future__ import annotations

from fastinit import initializers
from fastinit.keras.initializer import Random, SeedLike


class RandomNormal(Random):
    """Normal distribution.

    Args:
        mean: The mean, finite.
        stddev: The standard deviation, 0 or more.
        seed: An integer in [0, 2**64), a ``keras.random.SeedGenerator``, or None.

    Raises:
        TypeError: An argument has the wrong type.
        ValueError: A number is out of range.

    Example:
        >>> import fastinit.keras
        >>> tuple(fastinit.keras.RandomNormal(stddev=0.02, seed=0)((2, 3)).shape)
        (2, 3)
    """

    def __init__(
        self, mean: float = 0.0, stddev: float = 0.05, seed: SeedLike | None = None
    ) -> None:
        self.mean = mean
        self.stddev = stddev
        super().__init__(seed)
        self.resolve(())

    def resolve(self, shape: tuple[int, ...]) -> initializers.Initializer:  # noqa: ARG002
        """Return the distribution."""
        return initializers.Normal(self.mean, self.stddev)


class TruncatedNormal(Random):
    """Normal distribution truncated to [mean + lower stddev, mean + upper stddev].

    Args:
        mean: The mean before the truncation, finite.
        stddev: The standard deviation before the truncation, 0 or more; the values' own is
            0.88 times as large with Keras's bounds.
        seed: An integer in [0, 2**64), a ``keras.random.SeedGenerator``, or None.
        lower: The lower bound in standard deviations, or -inf; Keras's is -2.
        upper: The upper bound in standard deviations, or inf; Keras's is 2.
        compensate: Divide ``stddev`` so that the values' own standard deviation is ``stddev``.

    Raises:
        TypeError: An argument has the wrong type.
        ValueError: A number is out of range, or the bounds leave too little.

    Example:
        >>> import fastinit.keras
        >>> bool(abs(fastinit.keras.TruncatedNormal(stddev=0.02, seed=0)((9, 9))).max() <= 0.04)
        True
    """

    def __init__(
        self,
        mean: float = 0.0,
        stddev: float = 0.05,
        seed: SeedLike | None = None,
        *,
        lower: float = -2.0,
        upper: float = 2.0,
        compensate: bool = False,
    ) -> None:
        self.mean = mean
        self.stddev = stddev
        self.lower = lower
        self.upper = upper
        self.compensate = compensate
        super().__init__(seed)
        self.resolve(())

    def resolve(self, shape: tuple[int, ...]) -> initializers.Initializer:  # noqa: ARG002
        """Return the distribution."""
        return initializers.TruncatedNormal(
            self.mean, self.stddev, self.lower, self.upper, self.compensate
        )


class RandomUniform(Random):
    """Uniform distribution on the open interval (minval, maxval).

    Args:
        minval: The lower bound, finite.
        maxval: The upper bound, finite, ``minval`` or more.
        seed: An integer in [0, 2**64), a ``keras.random.SeedGenerator``, or None.

    Raises:
        TypeError: An argument has the wrong type.
        ValueError: minval > maxval, or a bound that is not finite.

    Example:
        >>> import fastinit.keras
        >>> bool((fastinit.keras.RandomUniform(0.0, 1.0, seed=0)((9, 9)) > 0).all())
        True
    """

    def __init__(
        self, minval: float = -0.05, maxval: float = 0.05, seed: SeedLike | None = None
    ) -> None:
        self.minval = minval
        self.maxval = maxval
        super().__init__(seed)
        self.resolve(())

    def resolve(self, shape: tuple[int, ...]) -> initializers.Initializer:  # noqa: ARG002
        """Return the distribution."""
        return initializers.Uniform(self.minval, self.maxval)


class LogUniform(Random):
    """Log-uniform distribution on the open interval (minval, maxval): its logarithm is uniform.

    Args:
        minval: The lower bound, positive and finite.
        maxval: The upper bound, finite, ``minval`` or more.
        seed: An integer in [0, 2**64), a ``keras.random.SeedGenerator``, or None.

    Raises:
        TypeError: An argument has the wrong type.
        ValueError: minval > maxval, or a bound that is not positive and finite.

    Example:
        >>> import fastinit.keras
        >>> bool((fastinit.keras.LogUniform(1e-3, 1e-1, seed=0)((9,)) < 0.1).all())
        True
    """

    def __init__(self, minval: float, maxval: float, seed: SeedLike | None = None) -> None:
        self.minval = minval
        self.maxval = maxval
        super().__init__(seed)
        self.resolve(())

    def resolve(self, shape: tuple[int, ...]) -> initializers.Initializer:  # noqa: ARG002
        """Return the distribution."""
        return initializers.LogUniform(self.minval, self.maxval)
