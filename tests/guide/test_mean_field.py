"""Kernels, fixed points and edges of chaos: closed forms, published figures, and consistency."""

import math
from collections.abc import Callable

import numpy as np
import pytest

import fastinit

CORRELATIONS = (-1.0, -0.999, -0.95, -0.4, 0.0, 0.3, 0.89, 0.91, 0.99, 0.9999, 1 - 1e-9, 1.0)


def angle(c: float) -> float:
    return math.acos(c)


# Name -> E f(x) f(y) for a correlation c (Cho and Saul 2009; Williams 1997; Rahimi and Recht 2007).
KERNELS: dict[str, Callable[[float], float]] = {
    "linear": lambda c: c,
    "relu": lambda c: (math.sqrt(1 - c * c) + c * (math.pi - angle(c))) / (2 * math.pi),
    "relu_squared": lambda c: (
        (3 * c * math.sqrt(1 - c * c) + (math.pi - angle(c)) * (1 + 2 * c * c)) / (2 * math.pi)
    ),
    "step": lambda c: (math.pi - angle(c)) / (2 * math.pi),
    "sign": lambda c: 2 / math.pi * math.asin(c),
    "abs": lambda c: 2 / math.pi * (math.sqrt(1 - c * c) + c * math.asin(c)),
    "erf": lambda c: 2 / math.pi * math.asin(2 * c / 3),
    "sin": lambda c: math.exp(-1) * math.sinh(c),
    "cos": lambda c: math.exp(-1) * math.cosh(c),
    "exp": lambda c: math.exp(1 + c),
    "reglu": lambda c: c * (math.sqrt(1 - c * c) + c * (math.pi - angle(c))) / (2 * math.pi),
    "bilinear": lambda c: c * c,
}


@pytest.mark.parametrize("name", KERNELS)
def test_kernels(name: str) -> None:
    """Without biases the map is the kernel over its value at 1."""
    found = fastinit.activation(name)
    kernel = KERNELS[name]
    for c in CORRELATIONS:
        assert found.correlation_map(c) == pytest.approx(kernel(c) / kernel(1), abs=2e-13)


def test_kernel_near_the_diagonal() -> None:
    """The series and the quadrature meet, for kinks and for steep functions."""
    steep = fastinit.activation(lambda x: np.tanh(8 * x))
    for activation in (fastinit.activation("hard_tanh"), fastinit.activation("elu"), steep):
        below, above = (activation.correlation_map(c) for c in (0.8999, 0.9001))
        slope = (activation.correlation_map(0.9003) - above) / 0.0002
        assert above - below == pytest.approx(slope * 0.0002, rel=1e-2)
        assert activation.correlation_map(1 - 1e-12) == pytest.approx(1, abs=1e-5)


@pytest.mark.parametrize("c", [0.3, 0.97])
def test_kernel_by_simulation(c: float) -> None:
    x, y = fastinit.normal((2, 1 << 20), seed=0, dtype="float64")
    y = c * x + math.sqrt(1 - c * c) * y
    found = fastinit.activation("silu")
    ours = found.correlation_map(c) * found.second_moment
    silu = x / (1 + np.exp(-x)) * y / (1 + np.exp(-y))
    assert ours == pytest.approx(float(silu.mean()), abs=4 * float(silu.std()) / 1024)


def test_he_is_critical_for_relu() -> None:
    """He et al. 2015: std sqrt(2 / fan_in) keeps any variance, and gradients."""
    relu = fastinit.activation("relu")
    assert relu.edge_of_chaos() == pytest.approx((math.sqrt(2), 0))
    assert relu.edge_of_chaos(9.0) == pytest.approx((math.sqrt(2), 0))
    assert relu.chi_1() == pytest.approx(1)
    assert relu.correlation_fixed_point() == 1
    assert relu.variance_map(7.0, math.sqrt(2)) == pytest.approx(7)
    assert relu.variance_fixed_point(1.0) == 0
    assert relu.variance_fixed_point(1.0, 0.5) == pytest.approx(0.5)  # q / 2 + 1 / 4
    with pytest.raises(ValueError, match="the variance of relu grows without bound"):
        relu.variance_fixed_point(1.5)
    with pytest.raises(ValueError, match="signals through relu die out"):
        relu.chi_1(1.0)


def test_published_edge_of_tanh() -> None:
    """Schoenholz et al. 2017, figure 1: sigma_w^2 = 1.76 for sigma_b^2 = 0.05; 1 without biases."""
    tanh = fastinit.activation("tanh")
    sigma_w, sigma_b = tanh.edge_of_chaos(sigma_b=math.sqrt(0.05))
    assert (round(sigma_w**2, 2), sigma_b) == (1.76, math.sqrt(0.05))
    assert tanh.chi_1(sigma_w, sigma_b) == pytest.approx(1, abs=1e-9)
    assert tanh.edge_of_chaos(sigma_b=0.0) == pytest.approx((1, 0), abs=1e-12)


@pytest.mark.parametrize("name", ["tanh", "erf", "gelu", "silu", "softsign"])
def test_edge_keeps_variance_and_gradients(name: str) -> None:
    found = fastinit.activation(name)
    sigma_w, sigma_b = found.edge_of_chaos(0.8)
    assert found.variance_map(0.8, sigma_w, sigma_b) == pytest.approx(0.8, rel=1e-12)
    assert sigma_w == pytest.approx(1 / math.sqrt(slope(name)), rel=1e-11)


def slope(name: str) -> float:
    """E f'(sqrt(0.8) z)^2."""
    function = fastinit.activation(name).function
    scaled = fastinit.activation(lambda x: function(np.sqrt(0.8) * x) / np.sqrt(0.8))
    return scaled.slope_second_moment


@pytest.mark.parametrize(("sigma_w", "sigma_b"), [(1.2, 0.3), (1.7, 0.2), (3.0, 0.0)])
def test_fixed_points_of_tanh(sigma_w: float, sigma_b: float) -> None:
    """They are where iterated maps arrive."""
    tanh = fastinit.activation("tanh")
    q, c = 1.0, 0.2
    for _ in range(300):
        q = tanh.variance_map(q, sigma_w, sigma_b)
    assert tanh.variance_fixed_point(sigma_w, sigma_b) == pytest.approx(q, rel=1e-10)
    for _ in range(300):
        c = tanh.correlation_map(c, sigma_w, sigma_b)
    assert tanh.correlation_fixed_point(sigma_w, sigma_b) == pytest.approx(c, abs=1e-7)


def test_chi_is_the_slope_of_the_map() -> None:
    """At c = 1, of a gated unit too."""
    for name in ("tanh", "swiglu", "gelu"):
        found = fastinit.activation(name)
        rise = (1 - found.correlation_map(1 - 1e-6)) / 1e-6
        assert found.chi_1() == pytest.approx(rise, rel=1e-5)


def test_wrong_arguments() -> None:
    tanh = fastinit.activation("tanh")
    with pytest.raises(ValueError, match=r"c=1.5 is not a correlation"):
        tanh.correlation_map(1.5)
    with pytest.raises(ValueError, match=r"sigma_b=2.0 alone exceeds the variance 1"):
        tanh.chi_1(sigma_b=2.0)
    with pytest.raises(ValueError, match="sigma_w=-1 is negative"):
        tanh.chi_1(-1)
    with pytest.raises(ValueError, match="q=0 is not positive"):
        tanh.edge_of_chaos(0)
    with pytest.raises(ValueError, match="sigmoid has no edge of chaos at q=1"):
        fastinit.activation("sigmoid").edge_of_chaos()
    with pytest.raises(ValueError, match=r"relu has no point with sigma_b=0.5; pass q instead"):
        fastinit.activation("relu").edge_of_chaos(sigma_b=0.5)
    with pytest.raises(ValueError, match=r"E f'.2 of step is inf"):
        fastinit.activation("step").edge_of_chaos()
