"""Activations: what they do to a normal signal, and to the correlation of two."""

from __future__ import annotations

import dataclasses
import functools
import itertools
import math
from typing import Any

import numpy as np

from fastinit.checks import boolean, finite, not_negative, shown, wrong_type
from fastinit.guide.activations import functions
from fastinit.guide.activations.elementwise import Function, elementwise
from fastinit.guide.activations.kernel import Kernel
from fastinit.guide.activations.quadrature import Resolved, resolve
from fastinit.guide.activations.roots import root
from fastinit.initializers import gains
from fastinit.native.arithmetic import in_default_arithmetic

MATCHES = ("torch", "forward", "centered", "backward")
_DIGITS = 12  # of a gain by quadrature: machines differ in the last digits of tanh and exp
_FIXED = 1e-12  # relative change of a variance that does not change
_EXTINCT, _EXPLODED = 1e-12, 1e12  # a variance that goes beyond has no other fixed point
_CRITICAL = 1e-9  # chi_1 above 1 that is rounding
_FAR = np.array([-1e3, 1e3])
_LEVEL = 0.1  # relative change of f from there to twice as far, of a function that levels off


@dataclasses.dataclass(frozen=True, eq=False)
class Activation:
    """An activation f, or a gated unit f(u) v, of wide random layers.

    A layer is z' = W f(z) + b with weights of variance ``sigma_w**2 / fan_in`` and biases of
    variance ``sigma_b**2``, so that in a wide layer z is normal with a variance q (Poole et al.
    2016, arXiv 1606.05340; Schoenholz et al. 2017, arXiv 1611.01232). A gated unit has two such
    weights, for independent u and v. Where ``sigma_w`` is left out it is the one that keeps q = 1.

    Attributes:
        name: the name, or the repr of a callable.
        a: the parameter of an activation that has one.
        is_gated: whether it is the product of f(u) and a linear branch v.
        function: f, of float64 arrays.
    """

    name: str
    a: float | None
    is_gated: bool
    function: Function = dataclasses.field(repr=False)

    @property
    def mean(self) -> float:
        """E f(z) of a standard normal z; 0 of a gated unit."""
        return 0.0 if self.is_gated else _at(self, 1.0).mean

    @property
    def second_moment(self) -> float:
        """E f(z)^2 of a standard normal z."""
        return second_moment(self, 1.0)

    @property
    def variance(self) -> float:
        """E f(z)^2 - (E f(z))^2 of a standard normal z."""
        return self.second_moment - self.mean**2

    @property
    def slope_second_moment(self) -> float:
        """E f'(z)^2 of a standard normal z, infinite where f jumps.

        Of a gated unit it is E f'^2 + E f^2, as the gradient flows back through both branches.
        """
        return slope_second_moment(self, 1.0)

    @property
    def kinks(self) -> tuple[float, ...]:
        """The points at which f or one of its first derivatives jumps, in order.

        They are found as exactly as moments need them: those to which a normal signal hardly comes,
        such as 6, to about 1e-5.

        Example:
            >>> import fastinit
            >>> fastinit.activation("hardtanh").kinks
            (-1.0, 1.0)
        """
        return tuple(round(float(each), _DIGITS) + 0.0 for each in _at(self, 1.0).kinks)

    @property
    def is_bounded(self) -> bool:
        """Whether f levels off on both sides, as tanh does."""
        near, far = self.function(_FAR), self.function(2 * _FAR)
        return bool(np.allclose(near, far, rtol=_LEVEL, atol=0.0))

    @in_default_arithmetic
    def gain(self, match: str = "forward") -> float:
        """Return the gain, see ``fastinit.gain``.

        Raises:
            ValueError: ``match`` is not known, or that gain does not exist.

        Example:
            >>> import fastinit
            >>> fastinit.activation("gelu").gain("forward")
            1.5335304412
        """
        check_match(match)
        if match == "torch":
            return gains.torch_gain(self.name, self.a)
        moment, what = {
            "forward": (self.second_moment, "E f^2"),
            "centered": (self.variance, "the variance of f"),
            "backward": (self.slope_second_moment, "E f'^2"),
        }[match]
        if math.isinf(moment):
            raise ValueError(
                f"{self.name} jumps, so {what} is infinite and no gain keeps gradients; pass "
                "match='forward', or the function whose slope the backward pass takes"
            )
        if moment <= _FIXED * max(self.second_moment, 1e-300):
            raise ValueError(
                f"{what} of {self.name} is 0, so no gain makes up for it; pass another function"
            )
        return float(f"{1 / math.sqrt(moment):.{_DIGITS}g}")

    @in_default_arithmetic
    def variance_map(self, q: float, sigma_w: float | None = None, sigma_b: float = 0.0) -> float:
        """Return the variance after a layer of the variance q before it.

        Raises:
            ValueError: q or a sigma is negative or not finite.

        Example:
            >>> import fastinit
            >>> round(fastinit.activation("relu").variance_map(3.0, sigma_w=2**0.5), 12)
            3.0
        """
        q, w, b = not_negative(q, "q"), *self._sigmas(sigma_w, sigma_b)
        return w * w * second_moment(self, q) + b * b

    @in_default_arithmetic
    def variance_fixed_point(self, sigma_w: float | None = None, sigma_b: float = 0.0) -> float:
        """Return the variance q* that layers keep, and approach from 1; 0 where signals die out.

        Raises:
            ValueError: the variance grows without bound.

        Example:
            >>> import fastinit
            >>> tanh = fastinit.activation("tanh")
            >>> round(tanh.variance_fixed_point(sigma_w=1.5, sigma_b=0.1), 4)
            0.8133
        """
        w, b = self._sigmas(sigma_w, sigma_b)

        def change(q: float) -> float:
            return (w * w * second_moment(self, q) + b * b) / q - 1.0

        q = other = 1.0
        first = change(q)
        if abs(first) <= _FIXED:
            return q
        factor = 2.0 if first > 0 else 0.5
        while (change(other) > 0) == (first > 0):
            q, other = other, other * factor
            if other < _EXTINCT:
                return 0.0
            if other > _EXPLODED:
                raise ValueError(
                    f"with sigma_w={w:.6g} and sigma_b={b:.6g} the variance of {self.name} grows "
                    "without bound; pass a smaller sigma_w"
                )
        return root(change, *sorted((q, other)))

    @in_default_arithmetic
    def correlation_map(
        self, c: float, sigma_w: float | None = None, sigma_b: float = 0.0
    ) -> float:
        """Return the correlation after a layer of two inputs whose correlation is c before it.

        Both have the variance q*.

        Raises:
            ValueError: c is not within [-1, 1], or there is no q*.

        Example:
            >>> import fastinit
            >>> round(fastinit.activation("relu").correlation_map(0.5), 4)
            0.609
        """
        if abs(finite(c, "c")) > 1:
            raise ValueError(f"c={c} is not a correlation; pass a number from -1 to 1")
        w, b = self._sigmas(sigma_w, sigma_b)
        q = self._positive_fixed_point(w, b)
        return (w * w * _kernel(self, q, c) + b * b) / q

    @in_default_arithmetic
    def correlation_fixed_point(self, sigma_w: float | None = None, sigma_b: float = 0.0) -> float:
        """Return the correlation c* that inputs approach, layer by layer.

        It is 1 where chi_1 is at most 1: all inputs become alike. Above, in the chaotic phase, the
        smallest differences grow, up to c*.

        Raises:
            ValueError: there is no variance q* that layers keep.

        Example:
            >>> import fastinit
            >>> tanh = fastinit.activation("tanh")
            >>> round(tanh.correlation_fixed_point(sigma_w=1.5, sigma_b=0.1), 4)
            0.1801
        """
        w, b = self._sigmas(sigma_w, sigma_b)
        if self.chi_1(w, b) <= 1 + _CRITICAL:
            return 1.0
        q = self._positive_fixed_point(w, b)

        def change(c: float) -> float:
            return (w * w * _kernel(self, q, c) + b * b) / q - c

        low, high = 0.0, 0.5
        if change(low) <= _FIXED:
            return 0.0
        while change(high) > 0:
            low, high = high, 0.5 * (1 + high)
            if high == 1:
                return 1.0
        return root(change, low, high)

    @in_default_arithmetic
    def chi_1(self, sigma_w: float | None = None, sigma_b: float = 0.0) -> float:
        """Return sigma_w^2 E f'(sqrt(q*) z)^2: by this, gradients and small differences grow.

        Raises:
            ValueError: there is no variance q* that layers keep.

        Example:
            >>> import fastinit
            >>> round(fastinit.activation("tanh").chi_1(sigma_w=1.5, sigma_b=0.1), 4)
            1.1291
        """
        w, b = self._sigmas(sigma_w, sigma_b)
        return w * w * slope_second_moment(self, self._positive_fixed_point(w, b))

    @in_default_arithmetic
    def edge_of_chaos(self, q: float = 1.0, *, sigma_b: float | None = None) -> tuple[float, float]:
        """Return the (sigma_w, sigma_b) with which layers keep the variance q, and chi_1 is 1.

        Args:
            q: the variance, positive.
            sigma_b: replaces q: the point of the edge that has it.

        Raises:
            ValueError: there is no such point, or a number is out of range.

        Example:
            >>> import fastinit
            >>> sigma_w, sigma_b = fastinit.activation("tanh").edge_of_chaos(sigma_b=0.05**0.5)
            >>> round(sigma_w**2, 2)
            1.76
        """
        if sigma_b is not None:
            wanted = not_negative(sigma_b, "sigma_b")
            q = self._edge_with(wanted)
        elif finite(q, "q") <= 0:
            raise ValueError(f"q={q} is not positive; pass a variance above 0")
        weights, biases = self._edge(q)
        if biases < -_FIXED * q:
            raise ValueError(
                f"{self.name} has no edge of chaos at q={q:.6g}: where chi_1 is 1, sigma_w = "
                f"{math.sqrt(weights):.6g} alone makes the variance larger than q; pass another q"
            )
        found = 0.0 if biases <= _FIXED * q else math.sqrt(biases)
        return math.sqrt(weights), found if sigma_b is None else wanted

    def _edge(self, q: float) -> tuple[float, float]:
        """Return the variances of weights and biases at which chi_1 is 1 and q is kept."""
        slope = slope_second_moment(self, q)
        if not 0 < slope < math.inf:
            raise ValueError(
                f"E f'^2 of {self.name} is {slope:.6g}, so there is no edge of chaos; pass another "
                "function"
            )
        return 1 / slope, q - second_moment(self, q) / slope

    def _edge_with(self, sigma_b: float) -> float:
        """Return the smallest q on the edge whose biases have a standard deviation."""

        def miss(q: float) -> float:
            return self._edge(q)[1] - sigma_b * sigma_b

        powers: list[float] = [10.0 ** (k / 2) for k in range(-28, 13)]
        for low, high in itertools.pairwise(powers):
            at_low = miss(low)
            if abs(at_low) <= _FIXED * low:
                return low
            if (at_low > 0) != (miss(high) > 0):
                return root(miss, low, high)
        raise ValueError(
            f"the edge of chaos of {self.name} has no point with sigma_b={sigma_b:.6g}; pass q "
            "instead"
        )

    def _sigmas(self, sigma_w: float | None, sigma_b: float) -> tuple[float, float]:
        b = not_negative(sigma_b, "sigma_b")
        if sigma_w is not None:
            return not_negative(sigma_w, "sigma_w"), b
        if b > 1:
            raise ValueError(f"sigma_b={b} alone exceeds the variance 1; pass sigma_w with it")
        if not self.second_moment:
            raise ValueError(f"E f^2 of {self.name} is 0: nothing keeps a signal; pass sigma_w")
        return math.sqrt((1 - b * b) / self.second_moment), b

    def _positive_fixed_point(self, w: float, b: float) -> float:
        q = self.variance_fixed_point(w, b)
        if q == 0:
            raise ValueError(
                f"with sigma_w={w:.6g} and sigma_b={b:.6g} signals through {self.name} die out; "
                "pass a larger sigma_w, or biases"
            )
        return q


def activation(activation: Any, a: float | None = None, *, gated: bool = False) -> Activation:
    """Return what an activation does to the signals and gradients of wide random layers.

    Moments are computed by adaptive Gauss quadrature, which finds the kinks of f and splits there,
    to about 1e-13.

    Args:
        activation: a name, such as "relu", "gelu" or "swiglu", or a function f of one number or of
            arrays: NumPy's, torch's (a module too) or JAX's. It is smooth in pieces.
        a: the parameter of leaky_relu, prelu, rrelu (the negative slope), elu and celu (alpha).
        gated: whether it is the activation of a gated unit f(u) v. Names of such units say it
            themselves.

    Returns:
        An object with ``mean``, ``second_moment``, ``variance``, ``slope_second_moment``,
        ``kinks``, ``gain(match)``, ``variance_map``, ``variance_fixed_point``, ``correlation_map``,
        ``correlation_fixed_point``, ``chi_1`` and ``edge_of_chaos``.

    Raises:
        TypeError: ``activation`` is neither, or does not return one real number for each.
        ValueError: the name is not known; f is not elementwise, not finite for some number, too
            irregular, or of infinite variance; ``a`` is not allowed.

    Example:
        >>> import fastinit, math
        >>> relu = fastinit.activation("relu")
        >>> math.isclose(relu.correlation_map(0), 1 / math.pi)
        True
        >>> round(fastinit.activation(lambda x: max(x, 0) - 0.5).gain("centered"), 6)
        1.712859
    """
    is_gated = boolean(gated, "gated")
    if isinstance(activation, Activation):
        if a is not None or is_gated:
            raise ValueError("a and gated belong to a name or a function; this is an Activation")
        return activation
    if isinstance(activation, str):
        name = functions.canonical(activation)
        is_gated |= name in functions.GATED
        function, number = functions.function_of(name, a)
        return Activation(name, number, is_gated, function)
    if isinstance(activation, type):
        name = activation.__name__
        raise TypeError(f"activation is the class {name}; pass an object of it, {name}()")
    if not callable(activation):
        raise wrong_type(activation, "activation", "a name or a function")
    if a is not None:
        raise ValueError(f"a={shown(a)} is for names; bind it in the function instead")
    return Activation(_described(activation), None, is_gated, elementwise(activation))


def check_match(match: Any) -> None:
    """Check which definition of the gain is asked for.

    Raises:
        ValueError: it is not one of ``MATCHES``.
    """
    if match not in MATCHES:
        raise ValueError(
            f"match={shown(match)} is not known; pass one of {', '.join(map(repr, MATCHES))}"
        )


def _described(f: Any) -> str:
    name = getattr(f, "__name__", None)
    return name if isinstance(name, str) else shown(f)


@functools.lru_cache(maxsize=512)
def _at(act: Activation, q: float) -> Resolved:
    """Return z -> f(sqrt(q) z), resolved."""
    return resolve(_stretched(act, q), act.name)


@functools.lru_cache(maxsize=64)
def _kernel_at(act: Activation, q: float) -> Kernel:
    return Kernel(_stretched(act, q), _at(act, q), act.name)


def _stretched(act: Activation, q: float) -> Function:
    root_of_q = math.sqrt(q)
    if root_of_q == 1:
        return act.function
    return lambda points: act.function(root_of_q * points)


def second_moment(act: Activation, q: float) -> float:
    """Return E f(sqrt(q) z)^2, and of a gated unit this times q."""
    found = _at(act, q).second_moment
    return q * found if act.is_gated else found


def slope_second_moment(act: Activation, q: float) -> float:
    """Return E f'(sqrt(q) z)^2, and of a gated unit the sum over both branches."""
    slopes = _at(act, q).slope_second_moment
    return slopes + _at(act, q).second_moment if act.is_gated else slopes / q


def _kernel(act: Activation, q: float, c: float) -> float:
    """Return E of the product for two inputs of variance q and correlation c."""
    found = _kernel_at(act, q)(c)
    return q * c * found if act.is_gated else found


def kernel_series(act: Activation, q: float, c: float) -> float:
    """Return what the kernel is, to about 1e-5 where f has kinks, faster."""
    found = _kernel_at(act, q).series(c)
    return q * c * found if act.is_gated else found
