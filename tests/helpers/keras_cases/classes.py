"""The classes: their values, dtypes, configs, names and errors."""

from typing import Any

import keras
import numpy as np
import pytest
from keras import layers

import fastinit
import fastinit.keras as ours
from fastinit import other_frameworks, repeated_streams
from fastinit.initializers.composites.composite import Composite, Layer
from fastinit.keras.initializer import CLASSES
from helpers.bits import check_bits
from helpers.keras_cases.registry import again, array, case, once, small_model

# One of each class, with a seed where it takes one, and a shape that it draws.
INSTANCES: dict[str, tuple[Any, tuple[int, ...]]] = {
    "adapted": (ours.Adapted(fastinit.TruncatedNormal(lower=-3.0), seed=7), (6, 8)),
    "bernoulli": (ours.Bernoulli(0.3, base="lecun_uniform", seed=7), (6, 8)),
    "constant": (ours.Constant(0.3), (6, 8)),
    "delta_orthogonal": (ours.DeltaOrthogonal(2.0, seed=7), (3, 3, 4, 6)),
    "dirac": (ours.Dirac(2, 0.5), (3, 2, 4)),
    "fan_in_uniform": (ours.FanInUniform(seed=7), (6, 8)),
    "glorot_normal": (ours.GlorotNormal(seed=7), (3, 3, 4, 6)),
    "glorot_uniform": (ours.GlorotUniform(seed=7, input_axes=[0], output_axes=[1, 2]), (8, 2, 4)),
    "he_normal": (ours.HeNormal(7, nonlinearity="leaky_relu", a=0.2), (6, 8)),
    "he_uniform": (ours.HeUniform(7, mode="fan_out", groups=2), (6, 8)),
    "identity": (ours.Identity(0.5), (6, 8)),
    "lecun_normal": (ours.LecunNormal(7, truncated=False), (6, 8)),
    "lecun_uniform": (ours.LecunUniform(7, fan=100.0), (8,)),
    "log_uniform": (ours.LogUniform(1e-3, 0.1, seed=7), (6, 8)),
    "n_m": (ours.NM(1, 2, base=ours.HeNormal(), seed=7), (6, 8)),
    "ones": (ours.Ones(), (6, 8)),
    "orthogonal": (ours.Orthogonal("relu", seed=7), (2, 3, 8)),
    "random_normal": (ours.RandomNormal(0.5, 0.02, seed=7), (6, 8)),
    "random_uniform": (ours.RandomUniform(-1.0, 2.0, seed=7), (6, 8)),
    "siren_uniform": (ours.SirenUniform(7, omega=10.0, first=True), (6, 8)),
    "sparse": (ours.Sparse(0.5, base=ours.HeNormal(mode="fan_out"), per="out", seed=7), (6, 8)),
    "truncated_normal": (ours.TruncatedNormal(0.5, 0.02, seed=7, lower=-3.0), (6, 8)),
    "variance_scaling": (ours.VarianceScaling(2.0, "fan_avg", "untruncated_normal", 7), (6, 8)),
    "zeros": (ours.Zeros(), (6, 8)),
}


@case
def every_class_has_an_instance() -> None:
    assert INSTANCES.keys() == CLASSES.keys()


@case
def values_are_those_of_the_functions() -> None:
    """The tensor has the bits that fastinit draws without Keras, in every dtype."""
    for name, (initializer, shape) in INSTANCES.items():
        found = initializer.resolve(shape)
        for dtype in ("float32", "bfloat16", "float16"):
            repeated_streams.forget()
            expected = found(shape, seed=7, name=0, dtype=dtype)
            tensor = initializer(shape, dtype)
            assert keras.backend.standardize_dtype(tensor.dtype) == dtype
            check_bits(array(tensor).astype(expected.dtype), expected, (name, dtype))


@case
def narrow_dtypes_are_rounded_once() -> None:
    for dtype in ("float8_e4m3fn", "float8_e5m2"):
        tensor = keras.ops.cast(ours.RandomNormal(stddev=1.0, seed=7)((6, 8), dtype), "float32")
        expected = fastinit.normal((6, 8), seed=7, name=0, dtype=dtype).astype(np.float32)
        check_bits(array(tensor), expected, dtype)
        repeated_streams.forget()


@case
def integers_and_booleans() -> None:
    assert array(ours.Ones()((2, 2), "int32")).tolist() == [[1, 1], [1, 1]]
    assert array(ours.Zeros()((2,), "bool")).tolist() == [False, False]
    with pytest.raises(ValueError, match="dtype=int32 does not hold truncated normal values"):
        ours.HeNormal()((2, 2), "int32")


@case
def shapes_without_axes_or_elements() -> None:
    assert array(ours.HeNormal()(())).shape == ()
    assert array(ours.GlorotUniform()((0, 4))).shape == (0, 4)
    assert array(ours.RandomNormal()((5,))).shape == (5,)


@case
def configs_round_trip() -> None:
    for name, (initializer, shape) in INSTANCES.items():
        for copied in (again(initializer), type(initializer).from_config(initializer.get_config())):
            repeated_streams.forget()
            assert type(copied) is type(initializer)
            assert repr(copied) == repr(initializer)
            first = initializer(shape)
            repeated_streams.forget()
            check_bits(array(copied(shape)), array(first), name)


@once
def strings_by_registration() -> None:
    for name, cls in CLASSES.items():
        if name in ("adapted", "log_uniform", "sparse"):  # which need arguments
            continue
        for spelled in (name, cls.__name__):
            assert type(keras.initializers.get(f"fastinit>{spelled}")) is cls
    assert keras.saving.get_registered_name(ours.HeNormal) == "fastinit>HeNormal"
    layer = layers.Dense(3, kernel_initializer="fastinit>he_normal")
    assert isinstance(layer.kernel_initializer, ours.HeNormal)
    with pytest.raises(ValueError, match="fastinit>he_normale"):
        keras.initializers.get("fastinit>he_normale")


@case
def constants_are_broadcast_and_converted() -> None:
    """What Keras's own ``Constant`` takes gives the same tensor."""
    for value in ([1, 2, 3], np.array([1.0, 2, 3]), np.array([[1], [2]]), [True, False, True]):
        for dtype in ("float32", "bfloat16", "int32"):
            found = ours.Constant(value)((2, 3), dtype)
            theirs = keras.initializers.Constant(value)((2, 3), dtype)
            assert keras.backend.standardize_dtype(found.dtype) == dtype
            one, other = (array(keras.ops.cast(each, "float32")) for each in (found, theirs))
            assert np.array_equal(one, other), (value, dtype)
    with pytest.raises(ValueError, match="float64 are not written as int32, which lacks some"):
        ours.Constant([1.5])((1,), "int32")


@case
def layouts_of_torch_are_refused_within_others() -> None:
    """Their fans would be those of the kernel's own axes, which are not torch's."""
    he: Any = fastinit.HeNormal()
    for nested in (
        fastinit.Mapped(he, [("affine", 1, 0)]),
        fastinit.Split([he, "zeros"]),
        fastinit.Split([fastinit.Mapped(he, "tanh"), "zeros"]),
        Composite((Layer(he),)),
    ):
        with pytest.raises(ValueError, match=r"the layout 'oi\*' of HeNormal"):
            ours.Adapted(nested)((10, 6))
        with pytest.raises(ValueError, match=r"/kernel': the layout 'oi\*' of HeNormal"):
            ours.plan(small_model(), {"**kernel": nested, "**": "zeros"}, 0)
    for right in (
        fastinit.Mapped(fastinit.HeNormal(layout="*io"), [("affine", 1, 0)]),
        fastinit.Mapped(fastinit.HeNormal(fan=10), [("affine", 1, 0)]),
        fastinit.Transposed(he),
    ):
        ours.Adapted(right)((10, 6))


@once
def wrong_arguments() -> None:
    for wrong in (
        lambda: ours.VarianceScaling(scale=-1.0),
        lambda: ours.VarianceScaling(scale=0.0),
        lambda: ours.VarianceScaling(mode="invalid_mode"),
        lambda: ours.VarianceScaling(distribution="invalid_dist"),
        lambda: ours.HeNormal(mode="fan"),
        lambda: ours.HeNormal(input_axes=[0]),
        lambda: ours.HeNormal(input_axes=[0], output_axes=[2])((3, 4)),
        lambda: ours.HeNormal(input_axes=[0, 0], output_axes=[1])((3, 4)),
        lambda: ours.RandomUniform(1.0, 0.0),
        lambda: ours.RandomNormal(seed=-1),
        lambda: ours.Sparse(base="he_normale", sparsity=0.5),
    ):
        with pytest.raises(ValueError, match=r"pass|use one of|is above|seeds lie"):
            wrong()
    for mistaken in (
        lambda: ours.RandomNormal(seed="1"),
        lambda: ours.RandomNormal(seed=fastinit.Stream(0)),
        lambda: ours.Sparse(base=3, sparsity=0.5),  # type: ignore[arg-type]
    ):
        with pytest.raises(TypeError, match="pass"):
            mistaken()


@case
def initializers_of_other_frameworks_are_refused() -> None:
    """Keras would call them, and their fans would be those of torch's axes."""
    import fastinit.jax as of_jax

    for wrong in (fastinit.HeNormal(), fastinit.HeNormal, fastinit.he_normal, of_jax.he_normal):
        with pytest.raises(TypeError, match=r"take fastinit\.keras\.HeNormal\(\)"):
            layers.Dense(3, kernel_initializer=wrong).build((None, 2))
    with pytest.raises(TypeError, match=r"take fastinit\.keras\.Adapted\(fastinit\.Sparse"):
        keras.Variable(fastinit.Sparse(0.5, layout="*io"), (4, 4), "float32")
    own = layers.Dense(
        3,
        kernel_initializer=lambda shape, dtype: fastinit.he_normal(
            shape, layout="*io", dtype=dtype
        ),
    )
    own.build((None, 2))  # a program's own call
    for name in other_frameworks._CLASSES.values():
        assert hasattr(ours, name)
