"""What every initializer is: a frozen dataclass that says what is drawn for a shape."""

from __future__ import annotations

import abc
import dataclasses
import inspect
import math
from collections.abc import Callable, Sequence
from typing import Any, ClassVar

import numpy as np

from fastinit import arrays, streams
from fastinit.boxes import Index, part, shape_of, whole
from fastinit.requests import Draw, Fill


@dataclasses.dataclass(frozen=True)
class Initializer(abc.ABC):
    """What to draw: equal, hashable, printable, to a dict and back; calling it draws an array."""

    _types: ClassVar[dict[str, type[Initializer]]] = {}

    magnitudes: ClassVar[tuple[str, ...]] = ()
    """The fields that every value grows with: scaling them all scales what is drawn."""

    def __init_subclass__(cls) -> None:
        """Make the class known to ``from_dict``."""
        Initializer._types[cls.__name__] = cls

    @abc.abstractmethod
    def draws(self, shape: tuple[int, ...], dtype: np.dtype[Any]) -> tuple[Draw, ...]:
        """What is drawn for a whole array: first a fill, then what is laid over it.

        Raises:
            ValueError: the initializer does not fit the shape, or the dtype cannot hold it.
        """

    def resolve(self, shape: tuple[int, ...]) -> Initializer:  # noqa: ARG002
        """An initializer that draws the same, with all that depends on the shape worked out."""
        return self

    def scaled(self, apply: Callable[[float], float]) -> Initializer:
        """An initializer whose values are these after ``apply``, a product with a number.

        Raises:
            ValueError: no field scales the values.
        """
        if not self.magnitudes:
            raise ValueError(
                f"scale= multiplies the values of an initializer, and {self} has no field "
                "for that; leave scale out"
            )
        changed = {field: apply(getattr(self, field)) for field in self.magnitudes}
        return dataclasses.replace(self, **changed)

    def moments(self, shape: tuple[int, ...]) -> tuple[float, float] | None:  # noqa: ARG002
        """The (mean, standard deviation) of the values of a whole array, where they are known."""
        return None

    def to_dict(self) -> dict[str, Any]:
        """Return plain data: the name of the class as ``type``, and the fields without defaults.

        A field is left out when its value is its default, with the same type and the same sign.

        Example:
            >>> import fastinit
            >>> fastinit.Normal(std=0.02).to_dict()
            {'type': 'Normal', 'std': 0.02}
        """
        data: dict[str, Any] = {"type": type(self).__name__}
        for field in dataclasses.fields(self):
            value = getattr(self, field.name)
            if repr(value) != repr(field.default):  # == would take -0.0 for 0.0, and True for 1
                data[field.name] = value.to_dict() if isinstance(value, Initializer) else value
        return data

    @staticmethod
    def from_dict(data: dict[str, Any]) -> Initializer:
        """Return the initializer that ``to_dict`` described; fields left out have their defaults.

        Raises:
            ValueError: An unknown ``type``, or fields that it does not have.

        Example:
            >>> import fastinit
            >>> fastinit.Initializer.from_dict({"type": "Normal", "std": 0.02})
            Normal(mean=0.0, std=0.02)
        """
        fields = dict(data)
        cls = Initializer._types.get(str(fields.pop("type", None)))
        if cls is None or inspect.isabstract(cls):
            known = ", ".join(
                sorted(
                    name
                    for name, each in Initializer._types.items()
                    if not inspect.isabstract(each)
                )
            )
            raise ValueError(f"type={data.get('type')!r} is no initializer; known are {known}")
        unknown = fields.keys() - {field.name for field in dataclasses.fields(cls)}
        if unknown:
            raise ValueError(f"{cls.__name__} has no field {', '.join(sorted(unknown))}")
        return cls(**fields)

    def __call__(
        self,
        shape: int | Sequence[int],
        *,
        seed: int | None = None,
        name: str | int | None = None,
        dtype: Any = None,
        device: Any = None,
        out: Any = None,
        index: Index | None = None,
    ) -> Any:
        """Draw an array, or the part of it that ``index`` names.

        Args:
            shape: the whole array's, also where only a part is drawn.
            seed: an integer in [0, 2**64); without it, the process-wide seed.
            name: which stream of the seed: a string, or an integer in [0, 2**63). Without it,
                stream 0 of ``seed``, or with neither the next automatic stream.
            dtype: a name or dtype object; None means that of ``out``, else float32.
            device: "cpu", "cuda" (CuPy's current GPU), "cuda:1", or a torch, CuPy or JAX device;
                None means that of ``out``, else the CPU.
            out: a writeable C-contiguous array of the part's shape on the CPU or a GPU (NumPy,
                CuPy, torch, or one with DLPack or an array interface), filled and returned.
            index: what one writes in square brackets (``np.s_[1024:2048, :]``): exactly that part
                of the whole array. Integers drop their axis; no steps, nothing out of range.

        Returns:
            ``out``, or a new C-contiguous array: NumPy's, which starts at a cache line, or CuPy's
            on a GPU. A GPU is not waited for: its work is on the current stream of the array's
            library.

        Raises:
            IndexError: ``index`` reaches beyond the shape.
            MemoryError: there is not enough memory.
            RuntimeError: CUDA cannot be used here (``fastinit.cuda_status`` says why), or failed.
            TypeError: an argument of the wrong type.
            ValueError: an argument out of range, or ``out`` that does not fit.
            KeyboardInterrupt: on Ctrl-C; what ``out`` holds then is not specified.
        """
        sizes = shape_of(shape)
        box = whole(sizes) if index is None else part(sizes, index)
        where = arrays.destination(box.shape, dtype, out, device)
        is_empty = math.prod(box.shape) == 0  # then the shape may have no fan at all
        draws = () if is_empty else self.draws(sizes, where.dtype)
        stream = streams.resolve(seed, name)
        records = [each for draw in draws for each in draw.place(box, where.address, *stream)]
        where.device.fill(records)
        return where.finish()


class Distribution(Initializer):
    """An initializer whose elements are the same whatever the shape."""

    def draws(self, shape: tuple[int, ...], dtype: np.dtype[Any]) -> tuple[Draw, ...]:  # noqa: ARG002
        """One fill."""
        return (self.draw(dtype),)

    @abc.abstractmethod
    def draw(self, dtype: np.dtype[Any]) -> Fill:
        """What this distribution draws in ``dtype``, ready to be placed.

        Raises:
            ValueError: the dtype cannot hold it.
        """
