"""Masks over the values of another initializer."""

from __future__ import annotations

import abc

from fastinit import initializers
from fastinit.keras.fan_scaled import KERNEL
from fastinit.keras.initializer import Initializer, Random, SeedLike, made

Base = Initializer | str | None


class Masked(Random, is_base=True):
    """An initializer of which a mask zeroes some elements."""

    base: Base

    def __init__(self, base: Base, seed: SeedLike | None) -> None:
        self.base = base if base is None or isinstance(base, str) else made(base, "base")
        super().__init__(seed)
        self._over(self._base((1, 1)))  # which checks the arguments

    def _base(self, shape: tuple[int, ...]) -> initializers.Initializer | None:
        return None if self.base is None else made(self.base, "base").resolve(shape)

    @abc.abstractmethod
    def _over(self, base: initializers.Initializer | None) -> initializers.Initializer:
        """Return the mask over a base."""

    def resolve(self, shape: tuple[int, ...]) -> initializers.Initializer:
        """Return the mask over the base, with Keras's axes."""
        return self._over(self._base(shape))


class Sparse(Masked):
    """A fixed number of weights of every input, every output or the tensor is kept; others are 0.

    Args:
        sparsity: The fraction that is zeroed, 0 to 1.
        nonzeros: The number of weights that are kept, in place of ``sparsity``.
        stddev: The standard deviation of a normal with mean 0; None for 0.01, or with a base.
        base: The initializer of the values instead: one of this package, or the name of one,
            such as "he_normal".
        per: The weights that are counted together. "in": those that one input feeds. "out": those
            that feed one output unit. "tensor": all.
        correct_fan: Whether fans count only the weights that are kept.
        seed: An integer in [0, 2**64), a ``keras.random.SeedGenerator``, or None.

    Raises:
        TypeError: An argument has the wrong type.
        ValueError: Both or neither of ``sparsity`` and ``nonzeros`` are given, an argument is out
            of range, or the base does not fit; when drawn, the shape lacks an output or an input
            axis.

    Example:
        >>> import fastinit.keras
        >>> sparse = fastinit.keras.Sparse(0.9, base="he_normal", seed=0)
        >>> int((sparse((30, 20)) != 0).sum())
        60
    """

    def __init__(
        self,
        sparsity: float | None = None,
        nonzeros: int | None = None,
        stddev: float | None = None,
        base: Base = None,
        per: str = "in",
        correct_fan: bool = False,
        seed: SeedLike | None = None,
    ) -> None:
        self.sparsity = sparsity
        self.nonzeros = nonzeros
        self.stddev = stddev
        self.per = per
        self.correct_fan = correct_fan
        super().__init__(base, seed)

    def _over(self, base: initializers.Initializer | None) -> initializers.Initializer:
        return initializers.Sparse(
            self.sparsity, self.nonzeros, self.stddev, base, self.per, self.correct_fan, KERNEL
        )


class NM(Masked):
    """Exactly n of every m neighbors along the input axis are kept; the others are 0.

    Args:
        n: The number of weights that are kept, 0 to ``m``.
        m: The length of a group, 1 or more, which divides the input axis.
        base: The initializer of the values: one of this package, or the name of one. None for ones.
        correct_fan: Whether fans count only the weights that are kept.
        seed: An integer in [0, 2**64), a ``keras.random.SeedGenerator``, or None.

    Raises:
        TypeError: An argument has the wrong type.
        ValueError: A number is out of range, or the base does not fit; when drawn, m does not
            divide the input axis.

    Example:
        >>> import fastinit.keras
        >>> int((fastinit.keras.NM(2, 4, base="he_normal", seed=0)((8, 10)) != 0).sum())
        40
    """

    def __init__(
        self,
        n: int = 2,
        m: int = 4,
        base: Base = None,
        correct_fan: bool = False,
        seed: SeedLike | None = None,
    ) -> None:
        self.n = n
        self.m = m
        self.correct_fan = correct_fan
        super().__init__(base, seed)

    def _over(self, base: initializers.Initializer | None) -> initializers.Initializer:
        return initializers.NM(self.n, self.m, base, self.correct_fan, KERNEL)


class Bernoulli(Masked):
    """Each weight is kept independently with probability p; the others are 0.

    Args:
        p: The probability that a weight is kept, 0 to 1.
        base: The initializer of the values: one of this package, or the name of one. None for ones.
        correct_fan: Whether fans count only the weights that are kept on average.
        seed: An integer in [0, 2**64), a ``keras.random.SeedGenerator``, or None.

    Raises:
        TypeError: An argument has the wrong type.
        ValueError: p is out of range, or the base does not fit.

    Example:
        >>> import fastinit.keras
        >>> 50 < int(fastinit.keras.Bernoulli(0.1, seed=0)((30, 30)).sum()) < 130
        True
    """

    def __init__(
        self,
        p: float = 0.5,
        base: Base = None,
        correct_fan: bool = False,
        seed: SeedLike | None = None,
    ) -> None:
        self.p = p
        self.correct_fan = correct_fan
        super().__init__(base, seed)

    def _over(self, base: initializers.Initializer | None) -> initializers.Initializer:
        return initializers.Bernoulli(self.p, base, self.correct_fan, KERNEL)
