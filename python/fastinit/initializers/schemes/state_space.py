"""State space models and linear attention: HiPPO, S4D, LRU, Mamba, gated DeltaNet, RG-LRU."""

from __future__ import annotations

import dataclasses
import math
from typing import TYPE_CHECKING, Any

import numpy as np

from fastinit.checks import finite, positive_integer
from fastinit.initializers.base import Initializer
from fastinit.initializers.composites.mapping import Mapped
from fastinit.initializers.composites.parts import stream_name_of
from fastinit.initializers.computed import Computed, draw_bounds
from fastinit.initializers.distributions.uniform import LogUniform, Uniform
from fastinit.initializers.schemes.scheme import Scheme, set_numbers
from fastinit.initializers.tables.table import Arange, ClosedForm
from fastinit.native.box import Bounds
from fastinit.native.request import Template
from fastinit.streams import part_name, stream_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fastinit.initializers.tables.table import Array

__all__ = [
    "HippoLegS",
    "LruGamma",
    "LruNu",
    "LruTheta",
    "Mamba2ALog",
    "MambaALog",
    "MambaDtBias",
    "RgLru",
    "S4DImag",
]


def _one_of(value: Any, what: str, allowed: tuple[str, ...]) -> None:
    if value not in allowed:
        raise ValueError(f"{what}={value!r} is not known; use one of {', '.join(allowed)}")


@dataclasses.dataclass(frozen=True)
class HippoLegS(ClosedForm):
    """HiPPO-LegS: the state matrix that remembers by Legendre polynomials, and its vectors.

    A[n, k] is -sqrt((2n + 1)(2k + 1)) below the diagonal, -(n + 1) on it and 0 above; B[n] is
    sqrt(2n + 1); P[n], of the low-rank part of S4, is sqrt(n + 1/2) (Gu et al. 2020, arXiv
    2008.07669; Gu et al. 2021, arXiv 2111.00396).

    Args:
        part: "A" for the last two axes of a shape, "B" or "P" for the last one.

    Raises:
        ValueError: ``part`` is not known; when drawn, A is not square, or there are too few axes.

    Example:
        >>> import fastinit
        >>> fastinit.HippoLegS("A")((3, 3)).round(3)
        array([[-1.   ,  0.   ,  0.   ],
               [-1.732, -2.   ,  0.   ],
               [-2.236, -3.873, -3.   ]], dtype=float32)
    """

    part: str = "A"

    def __post_init__(self) -> None:
        _one_of(self.part, "part", ("A", "B", "P"))

    def check(self, shape: tuple[int, ...]) -> None:
        """Check that A is square."""
        if len(shape) < 1 + (self.part == "A") or (self.part == "A" and shape[-1] != shape[-2]):
            what = "a square matrix" if self.part == "A" else "an axis of states"
            raise ValueError(f"part={self.part!r} is {what}, not of shape {shape}")

    def values(self, shape: tuple[int, ...], index: tuple[Array, ...]) -> Array:  # noqa: ARG002
        """Return the matrix or the vector."""
        k = index[-1]
        if self.part != "A":
            vector: Array = np.sqrt(2 * k + 1) if self.part == "B" else np.sqrt(k + 0.5)
            return vector
        n = index[-2]
        below = np.where(n > k, -np.sqrt((2 * n + 1) * (2 * k + 1)), 0.0)
        return np.where(n == k, -(n + 1), below)


@dataclasses.dataclass(frozen=True)
class S4DImag(ClosedForm):
    """Imaginary parts of the diagonal state matrices S4D-Lin and S4D-Inv.

    A_n = -1/2 + i Im_n along the last axis, of size N. S4D-Lin has Im_n = pi n, and S4D-Inv has
    Im_n = (M / pi) (M / (2n + 1) - 1), where M is the number of states (Gu et al. 2022, arXiv
    2206.11893). The real part is ``Constant(-0.5)``; where its logarithm is a parameter, as
    log(1/2), ``Mapped(Constant(0.5), "log")``.

    Args:
        form: "lin" or "inv".
        states: M, the number of states of S4D-Inv; None means N. Models that keep one of each pair
            of conjugates have M = 2 N.

    Raises:
        TypeError: ``states`` is not an integer.
        ValueError: ``form`` is not known, or ``states`` is below 1.

    Example:
        >>> import fastinit
        >>> fastinit.S4DImag()((2, 3)).round(4)
        array([[0.    , 3.1416, 6.2832],
               [0.    , 3.1416, 6.2832]], dtype=float32)
        >>> fastinit.S4DImag("inv")((4,)).round(4)
        array([ 3.8197,  0.4244, -0.2546, -0.5457], dtype=float32)
    """

    form: str = "lin"
    states: int | None = None

    def __post_init__(self) -> None:
        _one_of(self.form, "form", ("lin", "inv"))
        if self.states is not None:
            object.__setattr__(self, "states", positive_integer(self.states, "states"))

    def check(self, shape: tuple[int, ...]) -> None:
        """Check that there is an axis of states."""
        if not shape:
            raise ValueError("S4DImag needs an axis of states, and the shape () has none")

    def values(self, shape: tuple[int, ...], index: tuple[Array, ...]) -> Array:
        """Return the imaginary parts."""
        n = index[-1]
        if self.form == "lin":
            return n * math.pi
        states = float(shape[-1] if self.states is None else self.states)
        return (states / (2 * n + 1) - 1) * states / math.pi


@dataclasses.dataclass(frozen=True)
class MambaALog(Scheme):
    """Mamba's A_log: log(1), log(2), ..., log(N) along the last axis, in every row.

    A = -exp(A_log) is S4D-Real (Gu and Dao 2023, arXiv 2312.00752; ``MambaMixer`` of transformers).

    Example:
        >>> import fastinit
        >>> fastinit.MambaALog()((1, 4)).round(4)
        array([[0.    , 0.6931, 1.0986, 1.3863]], dtype=float32)
    """

    is_random = False

    def inner(self, shape: tuple[int, ...]) -> Initializer:  # noqa: ARG002
        """Return the logarithms of positions, counted from 1."""
        return Mapped(Arange(1), "log")


@dataclasses.dataclass(frozen=True)
class Mamba2ALog(Scheme):
    """Logarithm of a uniform decay rate: A_log = log(u), u ~ U(low, high), one for each head.

    | model | low | high |
    | --- | --- | --- |
    | Mamba-2 (Dao and Gu 2024, arXiv 2405.21060), Kimi Delta Attention | 1 | 16 |
    | gated DeltaNet (arXiv 2412.06464) in flash-linear-attention | 0 | 16 |
    | gated DeltaNet in transformers (Qwen3-Next) | 0.01 | 16 |
    | gated DeltaNet in Megatron-LM | 1 | 16 |

    Args:
        low: The smallest rate, 0 or more; u is never 0.
        high: The largest rate, above ``low``.

    Raises:
        TypeError: An argument is not a number.
        ValueError: A number is out of range.

    Example:
        >>> import fastinit, numpy as np
        >>> rates = np.exp(fastinit.Mamba2ALog()((1000,), seed=0, name="A_log"))
        >>> bool((rates >= 1).all() and (rates <= 16).all())
        True
    """

    low: float = 1.0
    high: float = 16.0

    def __post_init__(self) -> None:
        set_numbers(self, "low", "high")
        if self.low < 0:
            raise ValueError(f"low={self.low} is negative; pass 0 or more")

    def inner(self, shape: tuple[int, ...]) -> Initializer:  # noqa: ARG002
        """Return the logarithm of a uniform distribution."""
        return Mapped(Uniform(self.low, self.high), "log")


@dataclasses.dataclass(frozen=True)
class MambaDtBias(Scheme):
    """Bias of the time step: the inverse softplus of a log-uniform step.

    bias = dt + log(1 - exp(-dt)) = log(exp(dt) - 1), with log(dt) ~ U(log(low), log(high)) and
    dt >= floor, so that softplus(bias) = dt (Gu and Dao 2023, arXiv 2312.00752). Mamba-1 has one
    per channel, Mamba-2, Mamba-3 and gated DeltaNet (flash-linear-attention) one per head, Kimi
    Delta Attention one per head and key dimension.

    Args:
        low: The smallest step, positive.
        high: The largest step, above ``low``.
        floor: The least step after the draw, positive.

    Raises:
        TypeError: An argument is not a number.
        ValueError: A number is out of range.

    Example:
        >>> import fastinit, numpy as np
        >>> dt = np.log1p(np.exp(fastinit.MambaDtBias()((1000,), seed=0, name="dt").astype(float)))
        >>> bool((dt > 0.00099).all() and (dt < 0.101).all()), round(float((dt < 0.01).mean()), 1)
        (True, 0.5)
    """

    low: float = 1e-3
    high: float = 0.1
    floor: float = 1e-4

    def __post_init__(self) -> None:
        set_numbers(self, "low", "high", above=0.0)
        set_numbers(self, "floor", above=0.0)

    def inner(self, shape: tuple[int, ...]) -> Initializer:  # noqa: ARG002
        """Return a log-uniform distribution after a clip and the inverse softplus."""
        return Mapped(
            LogUniform(self.low, self.high), [("clip", self.floor, None), "inverse_softplus"]
        )


@dataclasses.dataclass(frozen=True)
class RgLru(Scheme):
    """Recurrent parameter x of RG-LRU: the square of a = exp(-softplus(x)) is uniform.

    x = log(exp(-log(u) / 2) - 1) with u ~ U(r_min^2 + epsilon, r_max^2 + epsilon), so that a^2 = u.
    The formula and the defaults are those of ``RecurrentGemmaPreTrainedModel`` of transformers; the
    layer is that of Griffin (De et al. 2024, arXiv 2402.19427).

    Args:
        r_min: The smallest radius, 0 or more.
        r_max: The largest radius, above ``r_min``.
        epsilon: A number that is added to both squares, which stay in [0, 1].

    Raises:
        TypeError: An argument is not a number.
        ValueError: A number is out of range.

    Example:
        >>> import fastinit, numpy as np
        >>> x = fastinit.RgLru()((1000,), seed=0, name="recurrent_param").astype(float)
        >>> a = np.exp(-np.log1p(np.exp(x)))
        >>> bool((a > 0.9).all() and (a < 0.9991).all())
        True
    """

    r_min: float = 0.9
    r_max: float = 0.999
    epsilon: float = 1e-8

    def __post_init__(self) -> None:
        _check_ring(self)
        object.__setattr__(self, "epsilon", finite(self.epsilon, "epsilon"))
        low, high = (radius**2 + self.epsilon for radius in (self.r_min, self.r_max))
        if low < 0 or high > 1:
            raise ValueError(
                f"r_min={self.r_min}, r_max={self.r_max} and epsilon={self.epsilon} give squares "
                f"from {low} to {high}, which are not in [0, 1]; correct them"
            )

    def inner(self, shape: tuple[int, ...]) -> Initializer:  # noqa: ARG002
        """Return maps of a uniform distribution."""
        ring = Uniform(self.r_min**2 + self.epsilon, self.r_max**2 + self.epsilon)
        return Mapped(ring, ["log", ("affine", -0.5, 0.0), "inverse_softplus"])


def _check_ring(scheme: Initializer) -> None:
    set_numbers(scheme, "r_min", "r_max")
    low, high = (getattr(scheme, field) for field in ("r_min", "r_max"))
    if low < 0 or high > 1:
        raise ValueError(f"r_min={low} and r_max={high} are not radii in [0, 1]; correct them")


@dataclasses.dataclass(frozen=True)
class LruNu(Scheme):
    """Logarithm of the decay of a linear recurrent unit, whose eigenvalues fill a ring.

    |lambda| = exp(-exp(nu)) with |lambda|^2 ~ U(r_min^2, r_max^2), so nu = log(-log(u) / 2)
    (Orvieto et al. 2023, arXiv 2303.06349, Appendix A).

    Args:
        r_min: The smallest radius, 0 or more.
        r_max: The largest radius, above ``r_min``, 1 or less; the radius itself is never 1.

    Raises:
        TypeError: An argument is not a number.
        ValueError: A number is out of range.

    Example:
        >>> import fastinit, numpy as np
        >>> nu = fastinit.LruNu(0.9, 0.999)((1000,), seed=0, name="ring")
        >>> radius = np.exp(-np.exp(nu))
        >>> bool((radius > 0.899).all() and (radius < 1).all())
        True
    """

    r_min: float = 0.0
    r_max: float = 0.99

    def __post_init__(self) -> None:
        _check_ring(self)

    def inner(self, shape: tuple[int, ...]) -> Initializer:  # noqa: ARG002
        """Return maps of a uniform distribution."""
        ring = Uniform(self.r_min**2, self.r_max**2)
        return Mapped(ring, ["log", ("affine", -0.5, 0.0), "log"])


@dataclasses.dataclass(frozen=True)
class LruTheta(Scheme):
    """Logarithm of the phase of a linear recurrent unit's eigenvalues: log(u), u ~ U(0, max_phase).

    lambda = exp(-exp(nu) + i exp(theta)) (Orvieto et al. 2023, arXiv 2303.06349, Appendix A).

    Args:
        max_phase: The largest phase, in radians; 2 pi is the whole ring.

    Raises:
        TypeError: ``max_phase`` is not a number.
        ValueError: ``max_phase`` is not positive.

    Example:
        >>> import fastinit, numpy as np
        >>> theta = fastinit.LruTheta(np.pi / 10)((1000,), seed=0, name="phase")
        >>> bool((np.exp(theta) <= np.pi / 10).all())
        True
    """

    max_phase: float = 2 * math.pi

    def __post_init__(self) -> None:
        set_numbers(self, "max_phase", above=0.0)

    def inner(self, shape: tuple[int, ...]) -> Initializer:  # noqa: ARG002
        """Return the logarithm of a uniform distribution."""
        return Mapped(Uniform(0.0, self.max_phase), "log")


@dataclasses.dataclass(frozen=True)
class LruGamma(Scheme):
    """Logarithm of the input scale of a linear recurrent unit: log(sqrt(1 - |lambda|^2)).

    It draws from the stream of the layer's ``LruNu``, and so has the |lambda| of that (Orvieto et
    al. 2023, arXiv 2303.06349, Appendix A).

    Args:
        r_min: The smallest radius of ``LruNu``.
        r_max: The largest radius of ``LruNu``.
        nu: The name of the stream of ``LruNu``. It may contain ``{name}``, which is the name of
            this array, ``{parent}`` and ``{grandparent}``.

    Raises:
        TypeError: An argument has the wrong type.
        ValueError: A number is out of range, or ``nu`` has other fields.

    Example:
        >>> import fastinit, numpy as np
        >>> gamma_log = fastinit.LruGamma(nu="{parent}.nu_log")
        >>> rules = [("**.nu_log", fastinit.LruNu()), ("**.gamma_log", gamma_log)]
        >>> plan = fastinit.Plan({"lru.nu_log": 8, "lru.gamma_log": 8}, rules, seed=0)
        >>> nu, gamma = plan.init().values()
        >>> bool(np.allclose(np.exp(gamma) ** 2, 1 - np.exp(-np.exp(nu)) ** 2))
        True
    """

    r_min: float = 0.0
    r_max: float = 0.99
    nu: str = "{name}"

    def __post_init__(self) -> None:
        _check_ring(self)
        object.__setattr__(self, "nu", stream_name_of(self.nu, "nu"))

    def resolve(self, shape: tuple[int, ...]) -> Initializer:  # noqa: ARG002
        """Return this object, which knows the stream."""
        return self

    def templates(self, shape: tuple[int, ...], dtype: np.dtype[Any]) -> tuple[Template, ...]:
        """Return one template, which draws from the stream of ``LruNu``."""
        own = self.inner(shape).templates(shape, dtype)

        def compute(bounds: Bounds, seed: int, stream: int) -> NDArray[Any]:
            number = stream_of(part_name(self.nu, stream, ""))
            return draw_bounds(own, shape, dtype, bounds, seed, number)

        if self.nu == "{name}":
            return own

        def before(_: int, stream: int) -> None:
            part_name(self.nu, stream, "")

        return (Computed(shape, dtype, compute, True, own, before),)

    def inner(self, shape: tuple[int, ...]) -> Initializer:  # noqa: ARG002
        """Return maps of the uniform distribution of ``LruNu``."""
        ring = Uniform(self.r_min**2, self.r_max**2)
        return Mapped(ring, [("affine", -1.0, 1.0), "log", ("affine", 0.5, 0.0)])
