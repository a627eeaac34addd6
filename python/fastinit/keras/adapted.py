"""Any initializer of fastinit as one of Keras."""

from __future__ import annotations

from typing import Any

from fastinit import initializers
from fastinit.checks import shown, type_of
from fastinit.initializers.composites.nested import check_layout
from fastinit.keras.initializer import Random, SeedLike


class Adapted(Random):
    """Any initializer of fastinit as one of Keras: those of state spaces, tables and composites.

    Args:
        initializer: An initializer of fastinit, or what its ``to_dict`` returns.
        seed: An integer in [0, 2**64), a ``keras.random.SeedGenerator``, or None.

    Raises:
        TypeError: An argument has the wrong type.
        ValueError: The dict describes no initializer; when drawn, the shape or the dtype does not
            fit, or the layout is torch's, also of an initializer within it.

    Example:
        >>> import fastinit, fastinit.keras
        >>> initializer = fastinit.keras.Adapted(fastinit.HeNormal(layout="*io", gain=0.5), seed=0)
        >>> tuple(initializer((3, 3, 16, 32)).shape)
        (3, 3, 16, 32)
    """

    def __init__(
        self, initializer: initializers.Initializer | dict[str, Any], seed: SeedLike | None = None
    ) -> None:
        if isinstance(initializer, dict):
            initializer = initializers.Initializer.from_dict(initializer)
        if not isinstance(initializer, initializers.Initializer):
            raise TypeError(
                f"initializer={shown(initializer)} is {type_of(initializer)}; pass an "
                "initializer of fastinit"
            )
        self.initializer = initializer
        super().__init__(seed)

    def resolve(self, shape: tuple[int, ...]) -> initializers.Initializer:
        """Return the initializer itself."""
        check_layout(self.initializer, shape)
        return self.initializer
