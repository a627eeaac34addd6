"""The templates of a fill, and the initializer that they are of."""

from __future__ import annotations

from collections.abc import Iterable

import torch

from fastinit.initializers import Initializer
from fastinit.native.dtypes import dtype_of
from fastinit.native.request import Template


class Templates(tuple[Template, ...]):
    """The templates of an initializer for one shape and dtype, and the initializer itself."""

    initializer: Initializer

    @classmethod
    def of(cls, initializer: Initializer, templates: Iterable[Template]) -> Templates:
        """Return the templates of an initializer."""
        made = cls(templates)
        made.initializer = initializer
        return made

    @classmethod
    def for_tensor(cls, initializer: Initializer, tensor: torch.Tensor) -> Templates:
        """Return the templates of an initializer for the shape and dtype of a tensor.

        Raises:
            TypeError: The dtype is not one that fastinit draws.
            ValueError: The initializer does not fit the shape or the dtype.
        """
        shape, dtype = tuple(tensor.shape), dtype_of(tensor.dtype)
        return cls.of(initializer, initializer.templates(shape, dtype))
