"""Parameters: the tensors of a model, by name and shape."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from fastinit import json_files, streams
from fastinit.checks import integer, real, shown
from fastinit.native.box import shape_of
from fastinit.native.dtypes import CODES, dtype_of

_LONGEST_NAME = 4096  # characters: names of unknown origin are matched with many patterns
_OPTIONAL = ("module", "dtype", "zero_row", "value", "stream")

# The dtypes of torch, ml_dtypes and safetensors that are neither drawn nor filled with a constant.
LEFT_ALONE = frozenset(
    (
        "complex32",
        *("float8_e3m4", "float8_e4m3", "float8_e4m3b11fnuz", "float8_e4m3fnuz", "float8_e5m2fnuz"),
        *("float8_e8m0fnu", "float6_e2m3fn", "float6_e3m2fn", "float4_e2m1fn", "float4_e2m1fn_x2"),
        *("quint8", "qint8", "qint32", "quint4x2", "quint2x4"),
        *(f"{sign}int{bits}" for sign in ("", "u") for bits in range(1, 8)),
        *("bits8", "bits16", "bits1x8", "bits2x4", "bits4x2"),
    )
)


@dataclass(frozen=True, slots=True)
class Parameter:
    """One tensor of a model.

    Args:
        name: The name in the model's state dict: printable, and not ``__metadata__``, which
            safetensors files reserve.
        shape: The sizes of its axes.
        module: The type of the module that it belongs to.
        dtype: The dtype of the tensor, if it has its own. Plans list tensors of dtypes that are not
            drawn, such as float8_e8m0fnu, and complex buffers, and leave them alone.
        zero_row: The row that is zero whatever draws the others (torch's ``padding_idx``).
        value: The values of the tensor, which no rule draws then: one number, or one per element in
            C order. Buffers and integer tensors need them where their names do not say them.
        stream: The stream that draws the tensor, where that is not its name: another name, or the
            number of a stream below 2**64. Recorded plans have it for draws without a name.

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
    stream: str | int | None = None

    def __repr__(self) -> str:
        options = [
            f", {name}={value!r}"
            for name in _OPTIONAL
            if (value := getattr(self, name)) is not None
        ]
        return f"Parameter({self.name!r}, {self.shape}{''.join(options)})"

    def __post_init__(self) -> None:
        """Check the fields."""
        name, module = self.name, self.module
        if (
            not isinstance(name, str)
            or not name
            or not name.isprintable()
            or name == "__metadata__"
            or len(name) > _LONGEST_NAME
        ):
            raise ValueError(
                f"name={shown(name)} is not the name of a tensor; pass printable characters, "
                f"{_LONGEST_NAME} at most, but not '__metadata__'"
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
        if self.dtype is not None and not self.is_left_alone:
            object.__setattr__(self, "dtype", dtype_of(self.dtype).name)
        if self.zero_row is not None:
            integer(self.zero_row, "zero_row", "the number of a row")
        if self.stream is not None:
            streams.raw(0, self.stream)
        self._check_value()

    def _check_value(self) -> None:
        if isinstance(self.value, (list, tuple)):
            for each in self.value:
                if not isinstance(each, bool):
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

    @property
    def is_left_alone(self) -> bool:
        """Whether plans leave the tensor alone, because values of its dtype are not drawn."""
        return isinstance(self.dtype, str) and self.dtype in LEFT_ALONE

    @property
    def is_integer(self) -> bool:
        """Whether the tensor holds integers or booleans."""
        if self.dtype is None or self.is_left_alone:
            return False
        return dtype_of(self.dtype) not in CODES and not self.is_complex

    @property
    def is_complex(self) -> bool:
        """Whether the tensor holds complex numbers that can be drawn."""
        return self.dtype in ("complex64", "complex128")

    def to_dict(self) -> dict[str, Any]:
        """Return plain data, without the fields that are None."""
        data: dict[str, Any] = {"name": self.name, "shape": list(self.shape)}
        for optional in _OPTIONAL:
            if (found := getattr(self, optional)) is not None:
                data[optional] = json_files.encoded(found)
        return data

    @staticmethod
    def from_dict(data: Any) -> Parameter:
        """Return the parameter that ``to_dict`` described.

        Raises:
            ValueError: A field is missing or unknown.
        """
        found = dict(json_files.fields(data, ("name", "shape"), _OPTIONAL))
        if "value" in found:
            found["value"] = json_files.decoded(found["value"])
        return Parameter(**found)
