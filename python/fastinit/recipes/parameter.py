"""Parameters: the tensors of a model, by name and shape."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from fastinit import json_files
from fastinit.checks import integer, real
from fastinit.native.box import shape_of
from fastinit.native.dtypes import dtype_of

_OPTIONAL = ("module", "dtype", "zero_row", "value")


@dataclass(frozen=True, slots=True)
class Parameter:
    """One tensor of a model.

    Args:
        name: The name in the model's state dict: printable, and not ``__metadata__``, which
            safetensors files reserve.
        shape: The sizes of its axes.
        module: The type of the module that it belongs to.
        dtype: The dtype of the tensor, if it has its own.
        zero_row: The row that is zero whatever draws the others (torch's ``padding_idx``).
        value: The values of a buffer: one number, or one per element in C order.

    Raises:
        TypeError: A size is not an integer.
        ValueError: The name is empty or not printable, a size is negative, or the dtype is unknown.

    Example:
        >>> from fastinit import Parameter
        >>> Parameter("wte.weight", (50257, 768), module="Embedding").elements
        38597376
    """

    name: str
    shape: tuple[int, ...]
    module: str | None = None
    dtype: str | None = None
    zero_row: int | None = None
    value: float | tuple[float, ...] | None = None

    def __post_init__(self) -> None:
        """Check the fields."""
        name, module = self.name, self.module
        if (
            not isinstance(name, str)
            or not name
            or not name.isprintable()
            or name == "__metadata__"
        ):
            raise ValueError(
                f"name={name!r} is not the name of a tensor; pass printable characters, but not "
                "'__metadata__'"
            )
        if not isinstance(self.shape, (list, tuple)) or any(
            isinstance(n, bool) for n in self.shape
        ):
            raise TypeError(f"shape={self.shape!r} of {name!r} is not a list of integers")
        object.__setattr__(self, "shape", shape_of(self.shape))
        if not isinstance(module, (str, type(None))):
            raise TypeError(
                f"module={module!r} of {name!r} is not a string; pass a type's name, or None"
            )
        if self.dtype is not None:
            object.__setattr__(self, "dtype", dtype_of(self.dtype).name)
        if self.zero_row is not None:
            integer(self.zero_row, "zero_row", "the number of a row")
        self._check_value()

    def _check_value(self) -> None:
        if isinstance(self.value, (list, tuple)):
            for each in self.value:
                real(each, "value")
            object.__setattr__(self, "value", tuple(self.value))
            if len(self.value) != self.elements:
                raise ValueError(
                    f"value of {self.name!r} has {len(self.value)} numbers, its shape "
                    f"{self.shape} {self.elements} elements; pass one number, or as many"
                )
        elif self.value is not None and not isinstance(self.value, bool):
            real(self.value, "value")

    @property
    def elements(self) -> int:
        """The number of elements."""
        return math.prod(self.shape)

    def to_dict(self) -> dict[str, Any]:
        """Return plain data, without the fields that are None."""
        data: dict[str, Any] = {"name": self.name, "shape": list(self.shape)}
        for optional in _OPTIONAL:
            if (found := getattr(self, optional)) is not None:
                data[optional] = list(found) if isinstance(found, tuple) else found
        return data

    @staticmethod
    def from_dict(data: Any) -> Parameter:
        """Return the parameter that ``to_dict`` described.

        Raises:
            ValueError: A field is missing or unknown.
        """
        return Parameter(**json_files.fields(data, ("name", "shape"), _OPTIONAL))
