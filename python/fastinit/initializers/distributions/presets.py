"""The named variance scalings: each class statement below is a row of the table ``PRESETS``.

A row has a scale (the square of its gain), a mode (the fan that counts), a distribution and a
paper. The functions, the aliases and the names that ``base=`` takes are made from the rows, and so
are the functions of the adapters to frameworks.
"""

from __future__ import annotations

import dataclasses
import functools
import inspect
import math
import sys
import types
from typing import Any, ClassVar, NoReturn, Protocol

from fastinit.checks import boolean, finite, not_negative
from fastinit.initializers import gains
from fastinit.initializers.base import Initializer, cached
from fastinit.initializers.distributions.variance_scaling import FanScaled
from fastinit.initializers.function_help import function_help
from fastinit.initializers.options import Out, unexpected
from fastinit.native.box import Index, Shape
from fastinit.streams import Seed

__all__ = [
    "FanInUniform",
    "GlorotNormal",
    "GlorotUniform",
    "HeNormal",
    "HeUniform",
    "LecunNormal",
    "LecunUniform",
    "SirenUniform",
    "fan_in_uniform",
    "glorot_normal",
    "glorot_uniform",
    "he_normal",
    "he_uniform",
    "kaiming_normal",
    "kaiming_uniform",
    "lecun_normal",
    "lecun_uniform",
    "siren_uniform",
    "xavier_normal",
    "xavier_uniform",
]

PRESETS: dict[str, type[Preset]] = {}
"""The presets by the names of their functions, aliases included."""

_OPTIONS = """

    Args:
        mode: The fan that the std is divided by the root of: "fan_in", "fan_out", "fan_avg" or
            "fan_geo_avg" (the arithmetic and geometric means of both).
        gain: The factor in std = gain / sqrt(fan), in place of the preset's own. A number, or the
            name of an activation, which is the same as ``nonlinearity``.
        nonlinearity: The name of an activation whose gain is meant, as for ``fastinit.gain``.
        a: The negative slope of ``nonlinearity="leaky_relu"``.
        truncated: Whether to truncate a normal at 2 sigmas and keep its std, as JAX and Keras do.
        layout: The role of each axis: "oi*", (out, in, *kernel), for torch and ``x @ w.T``; "*io"
            for JAX and Keras, and for ``x @ w`` in NumPy.
        groups: The number of groups of a grouped convolution.
        fan: A number that replaces the fan of shape, mode, layout and groups.{arguments}

    Raises:
        TypeError: An argument has the wrong type.
        ValueError: Options contradict each other or are out of range; when drawn, the shape does
            not fit the layout.

    Example:
        >>> import fastinit
        >>> fastinit.{name}(fan=100)((2, 3), seed=0).shape
        (2, 3)
"""


# Rows without fields of their own are not decorated again, which would take 0.2 ms of the import.
@dataclasses.dataclass(frozen=True, eq=False, kw_only=True)
class Preset(FanScaled, is_base=True):
    """A variance scaling under its own name, with a gain or a nonlinearity in place of a scale."""

    scale: ClassVar[float]
    distribution: ClassVar[str]
    paper: ClassVar[str]

    mode: str = "fan_in"
    gain: float | str | None = None
    nonlinearity: str | None = None
    a: float | None = None
    truncated: bool = False
    layout: str = "oi*"
    groups: int = 1
    fan: float | None = None

    def __init_subclass__(
        cls, *, scale: float, distribution: str, paper: str, arguments: str = ""
    ) -> None:
        super().__init_subclass__()
        cls.scale = scale
        cls.distribution = distribution
        cls.paper = paper
        sections = _OPTIONS.format(name=cls.__name__, arguments=arguments)
        cls.__doc__ = f"{cls.__doc__}\n\n    {paper}.{sections}"

    def __post_init__(self) -> None:
        object.__setattr__(self, "truncated", boolean(self.truncated, "truncated"))
        if self.truncated and self.distribution != "normal":
            raise ValueError("truncated=True is for normal distributions; this one is uniform")
        if self.gain is not None and self.nonlinearity is not None:
            raise ValueError(
                f"gain={self.gain!r} and nonlinearity={self.nonlinearity!r} say the same; pass one"
            )
        if isinstance(self.gain, str):
            gains.gain_of(self.gain)  # an error names gain=
            object.__setattr__(self, "nonlinearity", self.gain)
            object.__setattr__(self, "gain", None)
        if self.a is not None and self.nonlinearity is None:
            raise ValueError(
                f"a={self.a} is the slope of leaky_relu; pass nonlinearity='leaky_relu' with it"
            )
        self._check_fan()
        _ = self._scale  # checks the gain

    @functools.cached_property
    def _scale(self) -> float:
        gain: Any = self.gain
        if self.nonlinearity is not None:
            gain = gains.torch_gain(self.nonlinearity, self.a)
        return self.scale if gain is None else _square(gain)

    def std(self, fan: float) -> float:
        """Return gain / sqrt(fan)."""
        return math.sqrt(self._scale) / math.sqrt(fan)

    @property
    def family(self) -> str:
        """The distribution, truncated if that was asked for."""
        return "truncated_normal" if self.truncated else self.distribution

    @functools.cached_property
    def _meaning(self) -> tuple[Any, ...]:
        return (self.family, self._scale, self.mode, self.layout, self.groups, self.fan)


def _refuse(_: Preset, name: str, *__: object) -> NoReturn:
    raise dataclasses.FrozenInstanceError(f"cannot assign to field {name!r}")


# A dataclass refuses new attributes on instances of its own class, which rows' are not.
Preset.__setattr__ = Preset.__delattr__ = _refuse  # type: ignore[assignment,method-assign]


def _square(gain: float) -> float:
    """Return the scale of a gain, whose square root is the gain again, exactly."""
    number = not_negative(gain, "gain")
    square = number * number
    if number and not sys.float_info.min <= square <= sys.float_info.max:
        raise ValueError(f"gain={gain} is out of range; pass 0, or 1.5e-154 to 1.3e154")
    return square


class PresetFunction(Protocol):
    """The signature of a preset's function; the default of ``mode`` is the preset's."""

    def __call__(
        self,
        shape: Shape,
        *,
        mode: str = ...,
        gain: float | str | None = None,
        nonlinearity: str | None = None,
        a: float | None = None,
        truncated: bool = False,
        layout: str = "oi*",
        groups: int = 1,
        fan: float | None = None,
        seed: Seed | None = None,
        name: str | int | None = None,
        dtype: Any = None,
        device: Any = None,
        out: Out | None = None,
        index: Index | None = None,
    ) -> Out:
        """Draw an array."""


def function_of(preset: type[Preset], *names: str) -> Any:
    """Make the function of a preset, and enter the preset in the table under these names."""
    if "__init__" not in vars(preset):
        preset.__init__ = _renamed(preset.__init__, f"{preset.__name__}.__init__")  # type: ignore[method-assign]
    default = preset()
    fields = [field.name for field in dataclasses.fields(preset)]

    def function(
        shape: Shape,
        *extra: Any,
        seed: Seed | None = None,
        name: str | int | None = None,
        dtype: Any = None,
        device: Any = None,
        out: Any = None,
        index: Index | None = None,
        **options: Any,
    ) -> Any:
        if extra:
            raise unexpected(function, shape, extra, ())
        initializer = default
        if options:
            try:
                initializer = cached(preset, **options)
            except (
                TypeError
            ):  # not cached, or a wrong option, of which the class says what is wrong
                unknown = [option for option in options if option not in fields]
                if unknown:
                    raise unexpected(function, shape, (), unknown) from None
                initializer = preset(**options)
        return initializer._draw(shape, seed, name, dtype, device, out, index)

    function.__name__ = function.__qualname__ = names[0]
    also = f", also named ``{names[1]}``" if names[1:] else ""
    own = f"""Draw from ``{preset.__name__}``{also}.

    Example:
        >>> import fastinit
        >>> fastinit.{names[0]}((64, 32), seed=0).shape
        (64, 32)
    """
    function.__doc__ = function_help(own, preset, fields)
    shape, *where = list(inspect.signature(Initializer.__call__).parameters.values())[1:]
    options = inspect.signature(preset).parameters.values()
    signature = inspect.Signature([shape, *options, *where], return_annotation="Out")
    function.__signature__ = signature  # type: ignore[attr-defined]
    PRESETS.update(dict.fromkeys(names, preset))
    return function


def _renamed(function: Any, name: str) -> Any:
    """Return a copy of a function under another name, with which its errors begin."""
    code, names, closure = function.__code__, function.__globals__, function.__closure__
    copy = types.FunctionType(code, names, name, function.__defaults__, closure)
    copy.__kwdefaults__, copy.__annotations__ = function.__kwdefaults__, function.__annotations__
    copy.__qualname__ = name
    return copy


# ---- the table


class HeNormal(Preset, scale=2.0, distribution="normal", paper="He et al. 2015, arXiv 1502.01852"):
    """Normal distribution, std = gain / sqrt(fan_in), gain sqrt(2)."""


class HeUniform(
    Preset, scale=2.0, distribution="uniform", paper="He et al. 2015, arXiv 1502.01852"
):
    """Uniform distribution within sqrt(3) gain / sqrt(fan_in), gain sqrt(2)."""


@dataclasses.dataclass(frozen=True, eq=False, kw_only=True)
class GlorotNormal(
    Preset, scale=1.0, distribution="normal", paper="Glorot and Bengio, AISTATS 2010"
):
    """Normal distribution, std = gain / sqrt(fan_avg), gain 1."""

    mode: str = "fan_avg"


@dataclasses.dataclass(frozen=True, eq=False, kw_only=True)
class GlorotUniform(
    Preset, scale=1.0, distribution="uniform", paper="Glorot and Bengio, AISTATS 2010"
):
    """Uniform distribution within sqrt(3) gain / sqrt(fan_avg), gain 1."""

    mode: str = "fan_avg"


class LecunNormal(
    Preset, scale=1.0, distribution="normal", paper='LeCun et al. 1998, "Efficient BackProp"'
):
    """Normal distribution, std = gain / sqrt(fan_in), gain 1."""


class LecunUniform(
    Preset, scale=1.0, distribution="uniform", paper='LeCun et al. 1998, "Efficient BackProp"'
):
    """Uniform distribution within sqrt(3) gain / sqrt(fan_in), gain 1."""


class FanInUniform(
    Preset, scale=1 / 3, distribution="uniform", paper="Glorot and Bengio, AISTATS 2010, equation 1"
):
    """Uniform distribution within 1 / sqrt(fan_in), the older rule and that of torch's layers."""


@dataclasses.dataclass(frozen=True, eq=False, kw_only=True)
class SirenUniform(
    Preset,
    scale=2.0,
    distribution="uniform",
    paper="Sitzmann et al. 2020, arXiv 2006.09661, section 3.2",
    arguments="""
        omega: The factor inside the sine, sin(omega (W x + b)), finite and positive.
        first: Whether this is the first layer, whose bound is 1 / fan_in.""",
):
    """Uniform distribution within sqrt(3) gain / sqrt(fan_in) / omega, gain sqrt(2)."""

    omega: float = 30.0
    first: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "omega", finite(self.omega, "omega"))
        if self.omega <= 0:
            raise ValueError(f"omega={self.omega} is not positive; pass a positive number")
        object.__setattr__(self, "first", boolean(self.first, "first"))

    def std(self, fan: float) -> float:
        """Return gain / sqrt(fan) / omega, or in the first layer the std of U(-1/fan, 1/fan)."""
        return 1.0 / fan / math.sqrt(3.0) if self.first else super().std(fan) / self.omega

    @functools.cached_property
    def _meaning(self) -> tuple[Any, ...]:
        return (*super()._meaning, self.omega, self.first)


class SirenFunction(Protocol):
    """The signature of ``siren_uniform``: a preset's, with ``omega`` and ``first``."""

    def __call__(
        self,
        shape: Shape,
        *,
        mode: str = "fan_in",
        gain: float | str | None = None,
        nonlinearity: str | None = None,
        a: float | None = None,
        truncated: bool = False,
        layout: str = "oi*",
        groups: int = 1,
        fan: float | None = None,
        omega: float = 30.0,
        first: bool = False,
        seed: Seed | None = None,
        name: str | int | None = None,
        dtype: Any = None,
        device: Any = None,
        out: Out | None = None,
        index: Index | None = None,
    ) -> Out:
        """Draw an array."""


he_normal: PresetFunction = function_of(HeNormal, "he_normal", "kaiming_normal")
he_uniform: PresetFunction = function_of(HeUniform, "he_uniform", "kaiming_uniform")
glorot_normal: PresetFunction = function_of(GlorotNormal, "glorot_normal", "xavier_normal")
glorot_uniform: PresetFunction = function_of(GlorotUniform, "glorot_uniform", "xavier_uniform")
lecun_normal: PresetFunction = function_of(LecunNormal, "lecun_normal")
lecun_uniform: PresetFunction = function_of(LecunUniform, "lecun_uniform")
fan_in_uniform: PresetFunction = function_of(FanInUniform, "fan_in_uniform")
siren_uniform: SirenFunction = function_of(SirenUniform, "siren_uniform")
kaiming_normal, kaiming_uniform = he_normal, he_uniform
xavier_normal, xavier_uniform = glorot_normal, glorot_uniform
