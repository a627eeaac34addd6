"""Values that code computed: the bytes of an array."""

from __future__ import annotations

import base64
import binascii
import dataclasses
import functools
import math
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from fastinit.arrays.digest import digest
from fastinit.arrays.operations import Copy
from fastinit.initializers.base import Initializer
from fastinit.native.box import Box
from fastinit.native.dtypes import CODES, dtype_of
from fastinit.native.region import bounded
from fastinit.native.request import Request, Template

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclasses.dataclass(frozen=True, eq=False)
class Stored(Initializer):
    """The values of an array, as its bytes.

    Args:
        dtype: The dtype of the values.
        data: The bytes in C order, little-endian, in base64; None where only the digest is known.
        digest: The digest of the flat array (``fastinit.digest``); None means that of ``data``.

    Raises:
        ValueError: The data is not base64, not whole elements, or has another digest. When drawn,
            the data is missing, or the shape has another number of elements.

    Example:
        >>> import numpy as np
        >>> from fastinit.initializers.existing.stored import Stored
        >>> Stored.of(np.float32([1.5, 2.5]))((2,))
        array([1.5, 2.5], dtype=float32)
    """

    is_random: ClassVar[bool] = False
    in_complex: ClassVar[str | None] = "templates"

    dtype: str = "float32"
    data: str | None = None
    digest: str | None = None

    def __post_init__(self) -> None:
        """Check the fields."""
        object.__setattr__(self, "dtype", dtype_of(self.dtype).name)
        if self.data is None:
            if not isinstance(self.digest, str):
                raise ValueError("neither data nor digest is given; give one of them")
            return
        found = digest(self.array())
        if self.digest not in (None, found):
            raise ValueError(f"the values have the digest {found}, not {self.digest}")
        object.__setattr__(self, "digest", found)

    @staticmethod
    def of(array: NDArray[Any]) -> Stored:
        """Return the initializer of an array's values."""
        content = np.ascontiguousarray(array, array.dtype.newbyteorder("<")).tobytes()
        return Stored(array.dtype.name, base64.b64encode(content).decode())

    def array(self) -> NDArray[Any]:
        """Return the values as a flat array.

        Raises:
            ValueError: The data is missing, or it does not hold an array.
        """
        if self.data is None:
            raise ValueError(
                f"the values with the digest {self.digest} are not in this plan; load it from the "
                "file that holds them"
            )
        return _decoded(self.data, self.dtype)

    def __eq__(self, other: object) -> bool:
        mine = (self.dtype, self.digest)
        return isinstance(other, Stored) and mine == (other.dtype, other.digest)

    def __hash__(self) -> int:
        return hash((self.dtype, self.digest))

    def __repr__(self) -> str:
        return f"Stored({self.dtype}, digest={str(self.digest)[:12]!r})"

    def to_dict(self) -> dict[str, Any]:
        """Return plain data, which ``from_dict`` turns into equal values."""
        data = {"type": "Stored", "dtype": self.dtype, "digest": self.digest}
        return data if self.data is None else data | {"data": self.data}

    def moments(self, shape: tuple[int, ...]) -> tuple[float, float] | None:  # noqa: ARG002
        """Return the mean and the standard deviation of the values."""
        if self.data is None or dtype_of(self.dtype) not in CODES:
            return None
        values = self.array().astype(np.float64)
        return float(values.mean()), float(values.std())

    def templates(self, shape: tuple[int, ...], dtype: np.dtype[Any]) -> tuple[Template, ...]:
        """Return one template, which copies the values, rounded to a floating-point dtype.

        Raises:
            ValueError: There are too few or too many values, or an integer dtype lacks some.
        """
        values = self.array()
        if values.size != math.prod(shape):
            raise ValueError(f"{values.size} values are stored for shape {shape}")
        if values.dtype.kind == "c" and dtype.kind != "c":
            raise ValueError(f"values of dtype {self.dtype} are not written as {dtype.name}")
        with np.errstate(all="ignore"):
            written = values.astype(dtype)
        if dtype not in CODES and (written != values).any():
            raise ValueError(
                f"values of dtype {self.dtype} are not written as {dtype.name}, which lacks some"
            )
        return (_Copied(written.reshape(shape)),)


@functools.lru_cache(maxsize=8)
def _decoded(data: str, dtype: str) -> NDArray[Any]:
    try:
        content = base64.b64decode(data, validate=True)
        return np.frombuffer(content, dtype_of(dtype))
    except (binascii.Error, ValueError) as error:
        raise ValueError(f"data is not the base64 of an array of {dtype}: {error}") from None


@dataclasses.dataclass(frozen=True, eq=False)
class _Copied(Template):
    """Copies of given values."""

    elementwise = True

    values: NDArray[Any]

    def requests(self, box: Box, address: int, seed: int, stream: int) -> list[Request]:  # noqa: ARG002
        """Return one copy for each piece of the box that has bounds."""
        found: list[Request] = []
        for position, bounds in bounded(self.values.shape, box):
            values = self.values[tuple(slice(*each) for each in bounds)]
            found.append(Copy(address + position * values.dtype.itemsize, values))
        return found
