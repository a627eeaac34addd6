"""A random network, through which signals and gradients are sent."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import numpy.typing as npt

from fastinit import streams
from fastinit.guide.activations.activation import Activation, activation
from fastinit.guide.activations.elementwise import Array
from fastinit.guide.activations.quadrature import resolve
from fastinit.guide.propagation import theory
from fastinit.guide.propagation.profile import LayerSignal, Profile
from fastinit.guide.propagation.verdicts import verdicts_of
from fastinit.initializers import Constant, Initializer, Normal

_STEP = 1e-5  # of a difference, relative to the value
_SMALLEST_STEP = 1e-8  # relative to the root mean square of all values
_FLAT = 0.01  # a slope below this part of the largest is saturated
_DEAD = 1e-6  # and below this it is 0
_IDENTITY = activation("linear")  # before the first layer

Weights = npt.NDArray[np.float32]


class Network:
    """A network of random weights, which are drawn again whenever they are needed."""

    def __init__(
        self,
        act: Activation,
        initializer: Initializer,
        sizes: tuple[int, ...],
        sigma_b: float,
        seed: int | None,
    ) -> None:
        self._act, self._initializer, self._sizes = act, initializer, sizes
        self._sigma_b = sigma_b
        self._seed, _ = streams.resolve(seed, 0)
        self._steepest = float(np.abs(resolve(act.function, act.name).slopes).max())
        self._weights(1)  # an initializer that does not fit is an error before anything else

    def profile(self, inputs: Array, jacobian: bool) -> Profile:
        """Return the profile of these inputs."""
        layers, slopes = self._forward(inputs)
        values = self._singular_values(slopes) if jacobian else None
        layers = self._backward(layers, slopes)
        found = Profile(self._act, self._initializer, tuple(layers), values)
        return dataclasses.replace(found, verdicts=verdicts_of(found))

    def _weights(self, layer: int) -> Weights:
        shape = (self._sizes[layer], self._sizes[layer - 1])
        drawn: Weights = self._initializer(shape, seed=self._seed, name=f"layers.{layer}.weight")
        return drawn

    def _biases(self, layer: int) -> Array:
        drawn: Array = Normal(0.0, self._sigma_b)(
            (self._sizes[layer], 1), seed=self._seed, name=f"layers.{layer}.bias", dtype="float64"
        )
        return drawn

    def _variance(self, layer: int) -> float:
        """Return the variance of a layer's weights, NaN where it is not that of a random weight."""
        shape = (self._sizes[layer], self._sizes[layer - 1])
        drawn = self._initializer.resolve(shape)
        mean, std = drawn.moments(shape) or (math.nan, math.nan)
        is_random = mean == 0 and (std > 0 or drawn == Constant(0))
        return std * std if is_random else math.nan

    def _forward(self, inputs: Array) -> tuple[list[LayerSignal], list[Array]]:
        """Return the layers without gradients, and the slopes of each, (units, inputs)."""
        signal = inputs.T
        layers: list[LayerSignal] = []
        slopes: list[Array] = []
        before, q, c = _IDENTITY, float(np.mean(signal**2)), _correlation(signal)
        for layer in range(1, len(self._sizes)):
            z = _product(self._weights(layer), signal)
            if self._sigma_b:
                z = z + self._biases(layer)
            weights = self._variance(layer) * self._sizes[layer - 1]
            expected, expected_c = theory.forward(before, q, c, weights, self._sigma_b**2)
            before, q, c = self._act, float(np.mean(z**2)), _correlation(z)
            signal = self._applied(z)
            slopes.append(self._slopes(z))
            flat = np.abs(slopes[-1])
            layers.append(
                LayerSignal(
                    layer=layer,
                    q=q,
                    q_theory=expected,
                    correlation=c,
                    correlation_theory=expected_c,
                    mean=float(signal.mean()),
                    dead=float((flat <= _DEAD * self._steepest).all(axis=1).mean()),
                    saturated=float((flat < _FLAT * self._steepest).mean()),
                    gradient=1.0,
                    gradient_theory=1.0,
                )
            )
        return layers, slopes

    def _backward(self, layers: list[LayerSignal], slopes: list[Array]) -> list[LayerSignal]:
        """Return the layers with the gradients that reach them."""
        shape = slopes[-1].shape
        gradient: Array = Normal()(shape, seed=self._seed, name="gradient", dtype="float64")
        gradient /= math.sqrt(float(np.mean(gradient**2)))
        found = [layers[-1]]
        for number in range(len(layers), 1, -1):
            each = layers[number - 2]
            gradient = slopes[number - 2] * _product(self._weights(number).T, gradient)
            weights = self._variance(number) * self._sizes[number]
            found.append(
                dataclasses.replace(
                    each,
                    gradient=float(np.mean(gradient**2)),
                    gradient_theory=found[-1].gradient
                    * theory.backward(self._act, each.q, weights),
                )
            )
        return found[::-1]

    def _singular_values(self, slopes: list[Array]) -> tuple[float, ...]:
        """Return those of the Jacobian of the last pre-activations in the first, for one input."""
        jacobian = np.eye(self._sizes[1])
        for layer in range(2, len(self._sizes)):  # in float64: the product has many orders
            jacobian = self._weights(layer) @ (slopes[layer - 2][:, :1] * jacobian)
        found = np.linalg.svd(jacobian, compute_uv=False)
        found[found <= max(jacobian.shape) * np.finfo(np.float64).eps * found[0]] = 0  # rounding
        return tuple(map(float, found))

    def _applied(self, z: Array) -> Array:
        with np.errstate(all="ignore"):
            found = self._act.function(z.reshape(-1))
        return np.asarray(found, dtype=np.float64).reshape(z.shape)

    def _slopes(self, z: Array) -> Array:
        """Return the derivative of the activation, by differences."""
        rms = math.sqrt(float(np.mean(z**2))) or 1.0
        step = _STEP * np.abs(z) + _SMALLEST_STEP * rms
        found: Array = (self._applied(z + step) - self._applied(z - step)) / (2 * step)
        return found


def _product(weights: Weights, signal: Array) -> Array:
    """Return a product in float32 of values whose scale float32 may not hold."""
    scale = math.sqrt(float(np.mean(signal**2)))
    if not 0 < scale < math.inf:
        scale = 1.0
    product: Array = (weights @ (signal / scale).astype(np.float32)).astype(np.float64) * scale
    return product


def _correlation(signal: Array) -> float:
    """Return the mean cosine of columns 1 and 2, 3 and 4, ...; NaN where one is 0."""
    left, right = signal[:, ::2], signal[:, 1::2]
    scale = max(float(np.abs(signal).max()), 1e-300)
    left, right = left / scale, right / scale
    norms = np.sqrt(np.sum(left**2, axis=0) * np.sum(right**2, axis=0))
    products = np.sum(left * right, axis=0)
    return float(np.mean(products / norms)) if (norms > 0).all() else math.nan
