"""The initializer that a layer has for each of its weights."""

from __future__ import annotations

import inspect
from typing import Any

import keras

from fastinit import initializers
from fastinit.initializers.composites.composite import Composite, Layer
from fastinit.keras.distributions import TruncatedNormal
from fastinit.keras.fan_scaled import FanScaled
from fastinit.keras.initializer import made
from fastinit.keras.variables import Weight

# The attribute of a layer, where it is not "kernel_initializer" for the weight "kernel".
_ATTRIBUTES = {
    "depthwise_kernel": "depthwise_initializer",
    "kernel": "depthwise_initializer",
    "pointwise_kernel": "pointwise_initializer",
    "recurrent_kernel": "recurrent_initializer",
    "reverse_embeddings": "embeddings_initializer",
}
# The weights of Keras's layers that take no initializer.
_WITHOUT_ARGUMENT = {
    ("AdditiveAttention", "scale"): "glorot_uniform",
    ("Attention", "concat_score_weight"): "ones",
    ("Attention", "scale"): "ones",
    ("RMSNormalization", "scale"): "ones",
    ("SpectralNormalization", "vector_u"): TruncatedNormal(stddev=0.02),
}
# As of Keras 3.15, fans of this layer's kernel are those of its equation.
_EINSUM_HAS_AXES = "input_axes" in inspect.signature(keras.initializers.VarianceScaling).parameters


def own_initializer(weight: Weight) -> initializers.Initializer | None:
    """Return what draws a weight as its layer does, or None where the layer does not say.

    Raises:
        TypeError: The layer has an initializer that is neither this package's nor Keras's.
    """
    name, layer = weight.variable.name, weight.layer
    found = getattr(layer, f"{name}_initializer", None)
    if found is None:
        found = getattr(layer, _ATTRIBUTES.get(name, ""), None)
    if found is None:
        found = _WITHOUT_ARGUMENT.get((type(layer).__name__, name))
    if found is None:
        return None
    initializer = made(found, f"{name}_initializer")
    if name == "kernel" and isinstance(layer, keras.layers.EinsumDense):
        initializer = _of_equation(initializer, layer.equation)
    shape = tuple(weight.variable.shape)
    if name == "bias" and getattr(layer, "unit_forget_bias", False):
        return _with_forget_bias(initializer.resolve(shape), shape[0] // 4)
    return initializer.resolve(shape)


def has_no_argument(weight: Weight) -> bool:
    """Return whether no argument of the layer says how a weight starts: Keras's code does."""
    return (type(weight.layer).__name__, weight.variable.name) in _WITHOUT_ARGUMENT


def _of_equation(initializer: Any, equation: str) -> Any:
    """Return an initializer whose fans are those of the kernel in an equation "ab,bc->ac"."""
    if not isinstance(initializer, FanScaled) or not _EINSUM_HAS_AXES:
        return initializer
    if initializer.input_axes is not None:
        return initializer
    operands, _, result = equation.replace(" ", "").partition("->")
    kernel = operands.partition(",")[2]
    axes = {
        "input_axes": [k for k, letter in enumerate(kernel) if letter not in result],
        "output_axes": [k for k, letter in enumerate(kernel) if letter in result],
    }
    return type(initializer).from_config(initializer.get_config() | axes)


def _with_forget_bias(bias: initializers.Initializer, units: int) -> initializers.Initializer:
    """Return a bias whose second quarter, that of the forget gates, is 1."""
    ones = Layer(initializers.Constant(1), start=(units,), stop=(2 * units,))
    return Composite((Layer(bias), ones))
