"""The base of all initializers: a frozen dataclass that says what is drawn for a shape."""

from __future__ import annotations

import abc
import dataclasses
import functools
import importlib
import inspect
from collections.abc import Callable, Mapping
from typing import Any, ClassVar, Never, ParamSpec, TypeVar

import numpy as np

from fastinit import streams
from fastinit.arrays.destination import destination
from fastinit.checks import wrong_type
from fastinit.initializers import later
from fastinit.initializers.options import Out, plain_signature, unexpected
from fastinit.native.arithmetic import in_default_arithmetic
from fastinit.native.box import Index, Shape, part, shape_of, whole
from fastinit.native.request import Fill, Request, Template
from fastinit.other_frameworks import is_called_by_keras, remedy
from fastinit.repeated_streams import note, repeats
from fastinit.streams import Seed

# The methods that compute parameters, which must not depend on the caller's arithmetic.
_COMPUTING = {
    *("__post_init__", "_template", "density", "mask", "moments", "resolve", "scaled"),
    *("std", "templates"),
}


P = ParamSpec("P")
Kind = TypeVar("Kind", bound="Initializer")
Instance = TypeVar("Instance")


_make = type.__call__  # super() takes a twentieth of the time of a small call


class _Type(abc.ABCMeta):
    """The type of initializers' classes: their errors name the options that they have."""

    def __call__(cls: type[Instance], *args: Any, **kwargs: Any) -> Instance:
        try:
            return _make(cls, *args, **kwargs)  # type: ignore[no-any-return]
        except TypeError:
            error = _surplus(cls, args, kwargs)
            if error is None:
                raise
        raise error

    @property
    def __signature__(cls) -> inspect.Signature:
        signature = inspect.signature(cls.__init__)  # type: ignore[misc]
        return signature.replace(parameters=list(signature.parameters.values())[1:])


def _surplus(cls: type, args: tuple[Any, ...], kwargs: dict[str, Any]) -> TypeError | None:
    """Return the error for arguments that a class does not take, if there are any."""
    parameters = inspect.signature(cls).parameters
    places = [each for each in parameters.values() if each.kind is each.POSITIONAL_OR_KEYWORD]
    unknown = {name: value for name, value in kwargs.items() if name not in parameters}
    if not unknown and len(args) <= len(places):
        return None
    return unexpected(cls, args[0] if args else None, args[1:], unknown)


@dataclasses.dataclass(frozen=True)
class Initializer(metaclass=_Type):
    """A description of what to draw, which is comparable, hashable and data; call it to draw."""

    _types: ClassVar[dict[str, type[Initializer]]] = {}

    magnitudes: ClassVar[tuple[str, ...]] = ()
    """The fields that every value grows with: scaling them all scales what is drawn."""

    is_random: ClassVar[bool] = True
    """Whether values depend on the seed and the name."""

    in_complex: ClassVar[str | None] = None
    """How complex arrays are drawn: by the "templates" as they are, or their "real" parts alone.

    None means that the initializer does not draw complex arrays.
    """

    def __init_subclass__(cls, *, is_base: bool = False) -> None:
        for name in _COMPUTING & vars(cls).keys():
            if callable(method := getattr(cls, name)):  # std is a field of some
                setattr(cls, name, in_default_arithmetic(method))
        if "__repr__" not in vars(cls):  # the dataclass would add its own
            cls.__repr__ = Initializer.__repr__  # type: ignore[method-assign]
        if not is_base:
            Initializer._types[cls.__name__] = cls

    @abc.abstractmethod
    def templates(self, shape: tuple[int, ...], dtype: np.dtype[Any]) -> tuple[Template, ...]:
        """Return the templates for a whole array: first a fill, then what is written over it.

        Raises:
            ValueError: The initializer does not fit the shape, or the dtype cannot hold it.
        """

    def resolve(self, shape: tuple[int, ...]) -> Initializer:  # noqa: ARG002
        """Return an initializer that draws the same and does not depend on the shape."""
        return self

    @in_default_arithmetic
    def scaled(self, apply: Callable[[float], float]) -> Initializer:
        """Return an initializer whose values are these after ``apply``, a product with a number.

        Raises:
            ValueError: No field scales the values.
        """
        if not self.magnitudes:
            raise ValueError(
                f"scale= multiplies the values of an initializer, and {self} has no field "
                "for that; leave scale out"
            )
        changed = {field: apply(getattr(self, field)) for field in self.magnitudes}
        return dataclasses.replace(self, **changed)

    def with_part_scaled(self, label: str, apply: Callable[[float], float]) -> Initializer:  # noqa: ARG002
        """Return an initializer of which the values of one part are these after ``apply``.

        Raises:
            ValueError: It has no part with this label, or no field scales its values.
        """
        raise ValueError(f"part={label!r} is for a Split, and {self} has no parts; leave part out")

    def moments(self, shape: tuple[int, ...]) -> tuple[float, float] | None:  # noqa: ARG002
        """Return the (mean, standard deviation) of a whole array's values, or None if unknown."""
        return None

    @in_default_arithmetic
    def to_dict(self) -> dict[str, Any]:
        """Return plain data: the name of the class as ``type``, and the fields without defaults.

        A field is left out when its value is its default, with the same type and the same sign.

        Example:
            >>> import fastinit
            >>> fastinit.Normal(std=0.02).to_dict()
            {'type': 'Normal', 'std': 0.02}
        """
        data: dict[str, Any] = {"type": type(self).__name__}
        for name, value in self._given().items():
            data[name] = value.to_dict() if isinstance(value, Initializer) else value
        return data

    def _given(self) -> dict[str, Any]:
        """Return the fields whose values are not their defaults, by name."""
        values = {field: getattr(self, field.name) for field in dataclasses.fields(self)}
        return {  # == would take -0.0 for 0.0, and True for 1
            field.name: value
            for field, value in values.items()
            if repr(value) != repr(field.default)
        }

    def __repr__(self) -> str:
        fields = ", ".join(f"{name}={value!r}" for name, value in self._given().items())
        return f"{type(self).__name__}({fields})"

    @staticmethod
    def class_of(kind: str) -> type[Initializer] | None:
        """Return the class of a name, the ``type`` of ``to_dict``; None if there is none.

        Example:
            >>> import fastinit
            >>> fastinit.Initializer.class_of("Normal") is fastinit.Normal
            True
        """
        if kind in later.FILES:
            later.imported(kind)
        return Initializer._types.get(kind)

    @staticmethod
    def from_dict(data: dict[str, Any]) -> Initializer:
        """Return the initializer that ``to_dict`` described; fields left out have their defaults.

        Raises:
            TypeError: ``data`` is not a dict.
            ValueError: An unknown ``type``, or fields that it does not have.

        Example:
            >>> import fastinit
            >>> fastinit.Initializer.from_dict({"type": "Normal", "std": 0.02})
            Normal(std=0.02)
        """
        if not isinstance(data, Mapping):
            raise wrong_type(data, "data", "a dict, as to_dict returns it")
        fields = dict(data)
        cls = Initializer.class_of(str(fields.pop("type", None)))
        if cls is None:
            later.import_all()
            known = ", ".join(sorted(Initializer._types))
            raise ValueError(f"type={data.get('type')!r} is not an initializer; known are {known}")
        unknown = fields.keys() - {field.name for field in dataclasses.fields(cls)}
        if unknown:
            raise ValueError(f"{cls.__name__} has no field {', '.join(sorted(unknown))}")
        return cls(**fields)

    @plain_signature
    def __call__(
        self,
        shape: Shape,
        *extra: Never,
        seed: Seed | None = None,
        name: str | int | None = None,
        dtype: Any = None,
        device: Any = None,
        out: Out | None = None,
        index: Index | None = None,
        **unknown: Never,
    ) -> Out:
        """Draw an array, or the part of it that ``index`` names.

        Args:
            shape: The shape of the whole array, also where only a part is drawn.
            seed: An integer in [0, 2**64), or a ``Stream``; without it, the process-wide seed. The
                same seed and name give the same numbers, and so does a seed without a name.
            name: The stream of the seed: a string, or an integer in [0, 2**63). Without a name it
                is stream 0 of ``seed``, and without both the next automatic stream.
            dtype: A name or a dtype object; None means that of ``out``, else float32.
            device: "cpu", "cuda" (CuPy's current GPU), "cuda:1", or a device of torch, CuPy or JAX;
                None means that of ``out``, else the CPU.
            out: A writeable C-contiguous array of the part's shape, on the CPU or a GPU (of NumPy,
                CuPy, torch, or one with DLPack, an array interface or a buffer), which is filled
                and returned.
            index: The part of the whole array to draw, as written in square brackets
                (``np.s_[1024:2048, :]``). Integers drop their axis; steps and anything out of
                range are errors.

        Returns:
            ``out``, or a new C-contiguous array: of NumPy, which starts at a cache line, or of CuPy
            on a GPU. Calls do not wait for a GPU, whose work is on the current stream of the
            array's library.

        Raises:
            IndexError: ``index`` reaches beyond the shape.
            MemoryError: There is not enough memory.
            RuntimeError: CUDA cannot be used here (``fastinit.cuda_status`` says why), or failed.
            TypeError: An argument has the wrong type.
            ValueError: An argument is out of range, or ``out`` does not fit.
            KeyboardInterrupt: Ctrl-C was pressed; what ``out`` holds then is not specified.
        """
        if extra or unknown:
            title = f"{type(self).__name__}()"
            raise unexpected(Initializer.__call__, shape, extra, unknown, title)
        return self._draw(shape, seed, name, dtype, device, out, index)

    def _draw(
        self,
        shape: Shape,
        seed: Seed | None,
        name: str | int | None,
        dtype: Any,
        device: Any,
        out: Out | None,
        index: Index | None,
    ) -> Out:
        """Do what ``__call__`` does, with all options in order: the functions call this."""
        if type(dtype) is str and seed is None and name is None and is_called_by_keras():
            raise TypeError(f"{self}: {remedy('keras', type(self).__name__)}")
        sizes = shape_of(shape)
        box = whole(sizes) if index is None else part(sizes, index)
        output = destination(box.shape, dtype, out, device)
        # Nothing is drawn of an empty array, so whatever fits no weights is right for it.
        templates = () if 0 in sizes else templates_of(self, sizes, output.dtype)
        which, stream = streams.resolve(seed, name)
        if (
            not stream  # as for all seeds without a name, and few others
            and name is None
            and templates
            and not repeats(which, templates, output.array, out is None)
            and self.is_random
            and streams.lacks_name(seed, name)
        ):
            note(
                which,
                templates,
                output.array,
                self,
                sizes,
                is_new=out is None,
                is_part=index is not None,
            )
        requests: list[Request] = []
        for template in () if 0 in box.shape else templates:
            requests += template.requests(box, output.address, which, stream)
        output.device.fill(requests)
        drawn: Out = output.finish()
        return drawn


_IMMUTABLE = frozenset({bool, float, int, str, type(None)})


@functools.lru_cache(maxsize=1024, typed=True)  # typed: True is not a number, though it equals 1
def cached(cls: Callable[P, Kind], *args: P.args, **kwargs: P.kwargs) -> Kind:
    """Return an initializer, and keep it.

    Raises:
        TypeError: An argument is not immutable; the class itself may take it.
    """
    if not _IMMUTABLE.issuperset(map(type, (*args, *kwargs.values()))):
        raise TypeError("a tensor's value may change, so it cannot be a key of a cache")
    return cls(*args, **kwargs)


def made(cls: Callable[P, Kind], *args: P.args, **kwargs: P.kwargs) -> Kind:
    """Return an initializer, from a cache if all arguments are immutable.

    Example:
        >>> import fastinit
        >>> from fastinit.initializers.base import made
        >>> made(fastinit.Normal, 0.0, 0.02)
        Normal(std=0.02)
    """
    try:
        found: Kind = cached(cls, *args, **kwargs)  # type: ignore[arg-type]
        return found
    except TypeError:  # not cached, or a wrong argument, of which the class says what is wrong
        return cls(*args, **kwargs)


# Equal initializers draw equal bits, so the cache may go by value.
@functools.lru_cache(maxsize=1024)
def templates_of(
    initializer: Initializer, shape: tuple[int, ...], dtype: np.dtype[Any]
) -> tuple[Template, ...]:
    """Return the templates of an initializer for a whole array of any dtype, complex ones too.

    Raises:
        ValueError: The initializer does not fit the shape, or the dtype cannot hold it.
    """
    if dtype.kind == "c":
        # Its initializers have this base, and few draw complex arrays.
        module = importlib.import_module("fastinit.initializers.complex_values")
        found: tuple[Template, ...] = module.complex_templates(initializer, shape, dtype)
        return found
    return initializer.templates(shape, dtype)


class Distribution(Initializer, is_base=True):
    """An initializer whose elements are independent and the same for every shape."""

    def templates(self, shape: tuple[int, ...], dtype: np.dtype[Any]) -> tuple[Template, ...]:  # noqa: ARG002
        """Return one fill."""
        return (self.template(dtype),)

    def template(self, dtype: np.dtype[Any]) -> Fill:
        """Return what this distribution draws in ``dtype``.

        Raises:
            ValueError: The dtype cannot hold it.
        """
        return _template(self, dtype)

    @abc.abstractmethod
    def _template(self, dtype: np.dtype[Any]) -> Fill:
        """Work out what ``template`` returns."""


@functools.lru_cache(maxsize=1024)
def _template(distribution: Distribution, dtype: np.dtype[Any]) -> Fill:
    return distribution._template(dtype)
