"""What holds for ``fastinit.keras`` on every backend of Keras, which is one for a process.

The tests call these functions in their own process, and in a child process with another backend.
"""

import copy
import dataclasses
import gc
import json
import tempfile
import traceback
import warnings
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from keras import layers

import fastinit
import fastinit.keras as ours
from fastinit import repeated_streams
from fastinit.initializers.composite import Composite, Layer
from fastinit.keras.initializer import CLASSES, Random
from fastinit.keras.variables import weights_of
from helpers.bits import check_bits

Case = Callable[[], None]
CASES: dict[str, Case] = {}
ONCE: dict[str, Case] = {}
"""Cases for one backend, since they compare with Keras at length, or depend on no backend."""


def case(function: Case) -> Case:
    CASES[function.__name__] = function
    return function


def once(function: Case) -> Case:
    ONCE[function.__name__] = function
    return function


def array(tensor: Any) -> Any:
    return np.array(keras.ops.convert_to_numpy(tensor))  # a copy


def arrays(model: Any) -> list[Any]:
    return [array(each) for each in model.weights]


def same(model: Any, other: Any) -> bool:
    pairs = zip(arrays(model), arrays(other), strict=True)
    return all(np.array_equal(mine, theirs) for mine, theirs in pairs)


@contextmanager
def repeating() -> Iterator[None]:
    """Seeds may repeat here, as in Keras's own tests."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", fastinit.RepeatedStreamWarning)
        yield


def again(initializer: Any) -> Any:
    """What Keras makes of an initializer's config after JSON."""
    config = json.loads(json.dumps(keras.saving.serialize_keras_object(initializer)))
    return keras.saving.deserialize_keras_object(config)


# One of each class, with a seed where it takes one, and a shape that it draws.
INSTANCES: dict[str, tuple[Any, tuple[int, ...]]] = {
    "adapted": (ours.Adapted(fastinit.TruncatedNormal(lower=-3.0), seed=7), (6, 8)),
    "bernoulli": (ours.Bernoulli(0.3, base="lecun_uniform", seed=7), (6, 8)),
    "constant": (ours.Constant(0.3), (6, 8)),
    "delta_orthogonal": (ours.DeltaOrthogonal(2.0, seed=7), (3, 3, 4, 6)),
    "dirac": (ours.Dirac(2, 0.5), (3, 2, 4)),
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


# ---- Keras's own tests, written anew ------------------------------------------------------------


@case
@repeating()
def random_classes_as_keras_tests_them() -> None:
    for made in (
        lambda seed: ours.RandomNormal(mean=0.0, stddev=1.0, seed=seed),
        lambda seed: ours.RandomUniform(minval=-1.0, maxval=1.0, seed=seed),
        lambda seed: ours.TruncatedNormal(mean=0.0, stddev=1.0, seed=seed),
        lambda seed: ours.VarianceScaling(scale=2.0, mode="fan_out", seed=seed),
        lambda seed: ours.Orthogonal(gain=2.0, seed=seed),
    ):
        initializer = made(1234)
        assert initializer.seed == 1234
        values = array(initializer(shape=(25, 20)))
        assert values.shape == (25, 20)
        assert np.array_equal(values, array(initializer(shape=(25, 20))))
        assert np.array_equal(values, array(again(initializer)((25, 20))))
        generator = made(keras.random.SeedGenerator(1337))
        first, second = array(generator((25, 20))), array(generator((25, 20)))
        assert not np.allclose(first, second)
        assert isinstance(again(generator).seed, keras.random.SeedGenerator)
        unseeded = made(None)
        values = array(unseeded((25, 20)))
        assert not np.allclose(values, array(again(unseeded)((25, 20))))


@case
@repeating()
def moments_as_keras_tests_them() -> None:
    def std(initializer: Any, shape: tuple[int, ...]) -> float:
        return float(array(initializer(shape=shape)).std())

    assert std(ours.RandomNormal(stddev=1.0, seed=1), (250, 200)) == pytest.approx(1, abs=0.02)
    for mode, fan in (("fan_in", 250), ("fan_out", 200), ("fan_avg", 225)):
        scaled = ours.VarianceScaling(scale=2.0, seed=2, mode=mode)
        assert std(scaled, (250, 200)) == pytest.approx((2 / fan) ** 0.5, rel=0.02)
    axes = ours.VarianceScaling(scale=2.0, seed=3, input_axes=[0], output_axes=[1, 2])
    assert std(axes, (32, 40, 16)) == pytest.approx((2 / 32) ** 0.5, rel=0.02)
    plain = ours.VarianceScaling(scale=2.0, seed=4)
    assert std(plain, (32, 40, 16)) == pytest.approx((2 / 1280) ** 0.5, rel=0.02)
    uniform = array(ours.RandomUniform(-1.0, 1.0, seed=5)((50, 50)))
    assert -1 < uniform.min() < -0.99
    assert 0.99 < uniform.max() < 1


@case
def orthogonal_as_keras_tests_it() -> None:
    values = array(ours.Orthogonal(gain=2.0, seed=1234)((5, 5))).astype(np.float64)
    np.testing.assert_allclose(values.T @ values, 4 * np.eye(5), atol=1e-5)
    kernel = array(ours.Orthogonal(seed=1)((3, 3, 4, 8))).reshape(36, 8).astype(np.float64)
    np.testing.assert_allclose(kernel.T @ kernel, np.eye(8), atol=1e-5)
    with pytest.raises(ValueError, match="axes"):
        ours.Orthogonal()((5,))


@case
def constants_as_keras_tests_them() -> None:
    values = np.arange(9, dtype=np.float32).reshape(3, 3)
    assert np.array_equal(array(ours.Constant(value=6.0)(shape=(3, 3))), np.full((3, 3), 6))
    assert np.array_equal(array(ours.Constant(value=values)(shape=(3, 3))), values)
    assert np.array_equal(array(again(ours.Constant(values))((3, 3))), values)
    assert np.array_equal(array(ours.Identity(gain=2.0)(shape=(3, 3))), 2 * np.eye(3))
    with pytest.raises(ValueError, match=r"value has shape \(3, 3\)"):
        ours.Constant(values)((2, 3))


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
            ours.plan(small_model(), 0, {"**kernel": nested, "**": "zeros"})
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


# ---- against Keras ------------------------------------------------------------------------------

SHARED = {
    name: cls
    for name, cls in CLASSES.items()
    if hasattr(keras.initializers, name) and issubclass(cls, Random)
}


@once
def distributions_are_those_of_keras() -> None:
    """Equal quantiles of 60,000 values, for all fans; the largest differ only by chance."""
    probabilities = np.linspace(0.01, 0.99, 99)
    for name, cls in SHARED.items():
        theirs = getattr(keras.initializers, cls.__name__)
        for shape in ((200, 300), (3, 5, 40, 100)):
            mine = array(cls(seed=11)(shape)).ravel()
            other = array(theirs(seed=12)(shape)).ravel()
            scale = other.std()
            apart = np.abs(np.quantile(mine, probabilities) - np.quantile(other, probabilities))
            assert apart.max() < 0.05 * scale, name
            if name not in ("orthogonal", "random_normal"):
                assert np.abs(mine).max() == pytest.approx(np.abs(other).max(), rel=2e-3), name
            repeated_streams.forget()


@once
def vectors_have_the_fans_of_keras() -> None:
    for name in ("he_uniform", "glorot_uniform", "lecun_uniform"):
        cls = CLASSES[name]
        mine, theirs = cls(seed=1), getattr(keras.initializers, cls.__name__)(seed=1)
        largest = [np.abs(array(each((3000,)))).max() for each in (mine, theirs)]
        assert largest[0] == pytest.approx(largest[1], rel=1e-2)
        repeated_streams.forget()


@case
def attention_gives_its_axes() -> None:
    """Layers tell an initializer that scales by a fan which axes of their kernels are inputs."""
    layer = layers.MultiHeadAttention(8, 64, kernel_initializer=ours.LecunNormal())
    layer.build((None, 10, 32), (None, 10, 32))
    values = array(layer.query_dense.kernel)
    assert values.shape == (32, 8, 64)
    assert values.std() == pytest.approx(32**-0.5, rel=0.03)
    kernels = [array(each.kernel) for each in (layer.query_dense, layer.key_dense)]
    assert not np.array_equal(*kernels)  # though both are clones of one initializer


# ---- streams ------------------------------------------------------------------------------------


@case
def unseeded_calls_never_repeat() -> None:
    shared = ours.HeNormal()
    drawn = [shared((4, 4)), shared((4, 4)), shared.clone()((4, 4)), copy.copy(shared)((4, 4))]
    drawn += [copy.deepcopy(shared)((4, 4)), ours.HeNormal()((4, 4)), again(shared)((4, 4))]
    assert len({array(each).tobytes() for each in drawn}) == len(drawn)


@case
def the_random_seed_of_keras_makes_models_equal() -> None:
    def build() -> Any:
        keras.utils.set_random_seed(3)
        return small_model()

    with ours.accelerate():
        models = build(), build()
    assert same(*models)
    with ours.accelerate():
        assert not same(models[0], small_model())


@case
def seeds_that_repeat_warn_with_a_remedy() -> None:
    initializer = ours.HeNormal(seed=5)
    kept = [initializer((4, 4))]
    with pytest.warns(fastinit.RepeatedStreamWarning, match="init_") as caught:
        kept.append(initializer((4, 2)))
    assert caught[0].filename == __file__
    with pytest.warns(fastinit.RepeatedStreamWarning, match="in use"):
        kept.append(initializer((4, 2)))


@case
def clones_with_a_seed_warn() -> None:
    """The layers of attention have clones of one initializer, so a seed gives them equal values."""
    for seed in (6, keras.random.SeedGenerator(6)):
        repeated_streams.forget()
        layer = layers.MultiHeadAttention(2, 4, kernel_initializer=ours.HeNormal(seed=seed))
        with pytest.warns(fastinit.RepeatedStreamWarning, match="in use") as caught:
            layer.build((None, 5, 8), (None, 5, 8))
        found = [each for each in caught if each.category is fastinit.RepeatedStreamWarning]
        assert found[0].filename == __file__  # and not a line of Keras


@once
def equal_models_one_after_the_other_do_not_warn() -> None:
    for _ in range(2):
        layers.Dense(4, kernel_initializer=ours.HeNormal(seed=8)).build((None, 3))
        gc.collect()  # layers are in cycles of references


# ---- models -------------------------------------------------------------------------------------


def small_model(**options: Any) -> Any:
    """A model without names of its own, whose layers have Keras's defaults."""
    return keras.Sequential(
        [
            keras.Input((5, 8)),
            layers.LSTM(6, return_sequences=True),
            layers.EinsumDense("abc,cde->abde", (None, 2, 3)),
            layers.Reshape((5, 6)),
            layers.BatchNormalization(),
            layers.Dense(4, **options),
            layers.Dense(4),
        ]
    )


@case
def accelerate_changes_strings_only() -> None:
    with ours.accelerate():
        model = small_model(kernel_initializer="he_uniform")
        kept = layers.Dense(3, kernel_initializer=keras.initializers.HeNormal())
        again_in_scope = layers.Dense.from_config(kept.get_config())
        aliases = [keras.initializers.get(name) for name in ("normal", "uniform", "zero", "one")]
    classes = [type(each) for each in aliases]
    assert classes == [ours.RandomNormal, ours.RandomUniform, ours.Zeros, ours.Ones]
    assert isinstance(model.layers[-2].kernel_initializer, ours.HeUniform)
    assert isinstance(model.layers[-1].kernel_initializer, ours.GlorotUniform)
    for layer in (kept, again_in_scope):
        assert type(layer.kernel_initializer) is keras.initializers.HeNormal
    outside = layers.Dense(3).kernel_initializer
    assert type(outside) is keras.initializers.GlorotUniform


@case
def models_are_saved_and_loaded() -> None:
    with ours.accelerate():
        model = small_model(kernel_initializer=ours.Sparse(0.5, base=ours.HeNormal()))
    with tempfile.TemporaryDirectory() as folder:
        path = str(Path(folder) / "model.keras")
        model.save(path)
        loaded = keras.models.load_model(path)
        assert same(model, loaded)
        weights = str(Path(folder) / "model.weights.h5")
        model.save_weights(weights)
        other = small_model()
        other.load_weights(weights)
        assert same(model, other)
    assert repr(loaded.layers[-2].kernel_initializer) == repr(model.layers[-2].kernel_initializer)
    cloned = keras.models.clone_model(model)
    assert isinstance(cloned.layers[-1].kernel_initializer, ours.GlorotUniform)
    assert not np.array_equal(array(cloned.layers[-1].kernel), array(model.layers[-1].kernel))


@once
def names_depend_on_the_model_alone() -> None:
    """Other models of the process, which count Keras's automatic names on, change nothing."""
    names = [[each.name for each in weights_of(small_model())] for _ in range(2)]
    assert names[0] == names[1]
    assert names[0][:2] == ["lstm/lstm_cell/kernel", "lstm/lstm_cell/recurrent_kernel"]
    assert names[0][-4:] == ["dense/kernel", "dense/bias", "dense_1/kernel", "dense_1/bias"]
    model = keras.Sequential([layers.Bidirectional(layers.LSTM(2)), layers.Dense(2, name="dense")])
    model.build((None, 3, 4))
    expected = ["bidirectional/forward_lstm/lstm_cell/kernel", "dense/bias"]
    found = [each.name for each in weights_of(model)]
    assert [found[0], found[-1]] == expected


@once
def names_of_shared_and_nested_layers() -> None:
    shared = layers.Dense(8)
    inputs = keras.Input((8,))
    inner = keras.Sequential([keras.Input((8,)), layers.Dense(8), layers.Dense(8)], name="inner")
    model = keras.Model(inputs, inner(shared(shared(inputs))))
    found = {each.name: each.variable for each in weights_of(model)}
    kernels = ["dense/kernel", "inner/dense/kernel", "inner/dense_1/kernel"]
    assert [name for name in found if name.endswith("kernel")] == kernels
    assert len(found) == len(model.weights)
    assert found["dense/kernel"] is shared.kernel


@case
def init_draws_by_name() -> None:
    """One digest for the tree that NumPy draws and the weights of the model."""
    models = small_model(), small_model()
    for model in models:
        assert ours.init_(model, seed=7) is model
    assert same(*models)
    drawn = ours.plan(models[0], seed=7).init()
    for each in weights_of(models[0]):
        assert fastinit.digest(array(each.variable)) == fastinit.digest(drawn[each.name])
    expected = fastinit.glorot_uniform((4, 4), layout="*io", seed=7, name="dense_1/kernel")
    check_bits(drawn["dense_1/kernel"], expected)
    assert not same(ours.init_(small_model(), seed=8), models[0])


@once
def init_draws_what_layers_draw() -> None:
    """Constants are equal, and random values have the spread that the layers give them."""
    for name, (layer, shape) in LAYERS.items():
        model = keras.Sequential([layer()])
        model.build(shape)
        before = arrays(model)
        for variable in model.weights:
            variable.assign(keras.ops.full(variable.shape, 3, variable.dtype))
        ours.init_(model, seed=1)
        for each, start in zip(weights_of(model), before, strict=True):
            now = array(each.variable)
            if np.unique(start).size <= 2:
                assert np.array_equal(now, start), (name, each.name)
                continue
            allowed = 5 / np.sqrt(now.size)
            assert now.std() == pytest.approx(start.std(), rel=allowed), (name, each.name)
            assert not np.array_equal(now, start)


IMAGE, SEQUENCE = (None, 8, 8, 16), (None, 6, 32)
LAYERS: dict[str, tuple[Callable[[], Any], tuple[int | None, ...]]] = {
    "BatchNormalization": (layers.BatchNormalization, (None, 4)),
    "Conv1D": (lambda: layers.Conv1D(16, 3), SEQUENCE),
    "Conv2D": (lambda: layers.Conv2D(16, 3, kernel_initializer="he_normal"), IMAGE),
    "Conv2DTranspose": (lambda: layers.Conv2DTranspose(16, 3), IMAGE),
    "ConvLSTM2D": (lambda: layers.ConvLSTM2D(8, 3), (None, 3, 8, 8, 4)),
    "Dense": (lambda: layers.Dense(32, kernel_initializer="lecun_normal"), (None, 16)),
    "DepthwiseConv2D": (lambda: layers.DepthwiseConv2D(5, depth_multiplier=2), IMAGE),
    "EinsumDense": (lambda: layers.EinsumDense("abc,cde->abde", (None, 8, 4)), SEQUENCE),
    "Embedding": (lambda: layers.Embedding(50, 16), (None, 6)),
    "GRU": (lambda: layers.GRU(16), SEQUENCE),
    "GroupNormalization": (lambda: layers.GroupNormalization(4), IMAGE),
    "LSTM": (lambda: layers.LSTM(16), SEQUENCE),
    "LSTM without": (lambda: layers.LSTM(16, unit_forget_bias=False), SEQUENCE),
    "LayerNormalization": (layers.LayerNormalization, (None, 4)),
    "PReLU": (layers.PReLU, (None, 4)),
    "RMSNormalization": (layers.RMSNormalization, (None, 4)),
    "SeparableConv2D": (lambda: layers.SeparableConv2D(16, 3), IMAGE),
    "SimpleRNN": (lambda: layers.SimpleRNN(16), SEQUENCE),
}


@once
def init_draws_the_vector_of_a_spectral_norm() -> None:
    """Building the layer changes its weights already, so they cannot be compared."""
    model = keras.Sequential([layers.SpectralNormalization(layers.Dense(64))])
    model.build((None, 32))
    drawn = ours.plan(model, 0)["spectral_normalization/vector_u"].initializer
    assert drawn == fastinit.TruncatedNormal(std=0.02)


@case
def init_by_a_recipe() -> None:
    model = small_model()
    kernel = model.layers[-1].kernel
    ours.init_(model, 3, {"dense_1/kernel": "he_normal", "**": ours.RandomNormal(stddev=0.5)})
    named: Any = {"seed": 3, "name": "dense_1/kernel"}
    expected = fastinit.he_normal((4, 4), truncated=True, layout="*io", **named)
    check_bits(array(kernel), expected)
    assert array(model.layers[-1].bias).std() > 0.1
    ours.init_(model, 3, "he_normal")  # norms and biases as in the recipe "default"
    check_bits(array(kernel), expected)
    assert not array(model.layers[-1].bias).any()
    ours.init_(model, 3, ours.plan(model, 4))
    check_bits(array(kernel), ours.plan(model, 3)["dense_1/kernel"].initializer((4, 4), **named))
    before = arrays(model)
    ours.init_(model, 9, only="dense/*")
    changed = [not np.array_equal(a, b) for a, b in zip(before, arrays(model), strict=True)]
    assert [
        each.name for each, is_new in zip(weights_of(model), changed, strict=True) if is_new
    ] == ["dense/kernel"]


@case
def weights_keep_their_dtypes() -> None:
    """A recipe or a plan in another dtype draws the bits of the weight's own dtype."""
    rules = fastinit.Recipe("normal", "none", (fastinit.Rule("**", fastinit.Normal()),))
    drawn = fastinit.normal((300, 200), seed=3, name="dense/kernel", dtype="bfloat16")
    expected = drawn.astype(np.float32)

    def dense(dtype: str) -> Any:
        return keras.Sequential([keras.Input((300,)), layers.Dense(200, dtype=dtype)])

    given = (
        dataclasses.replace(rules, dtype="float64"),
        ours.plan(dense("float32"), 3, rules),
        fastinit.Plan({"dense/kernel": (300, 200), "dense/bias": 200}, rules, dtype="float64"),
    )
    for recipe in given:
        model = dense("bfloat16")
        assert {each.dtype.name for each in ours.plan(model, 3, recipe).tensors} == {"bfloat16"}
        ours.init_(model, 3, recipe)
        check_bits(array(keras.ops.cast(model.layers[0].kernel, "float32")), expected)


@case
def rules_have_the_shape_of_each_weight() -> None:
    model = keras.Sequential([keras.Input((3,)), layers.Dense(4, name="head"), layers.Dense(2)])
    values = np.arange(4.0)
    rules = {"head/bias": ours.Constant(values), "**": ours.HeUniform()}
    ours.init_(model, 0, rules)
    assert array(model.layers[0].bias).tolist() == values.tolist()
    kernel = fastinit.he_uniform((4, 2), layout="*io", seed=0, name="dense/kernel")
    check_bits(array(model.layers[1].kernel), kernel)
    largest = np.abs(array(model.layers[1].bias)).max()
    assert 0 < largest <= np.sqrt(6 / 2)  # a fan of 2, the size of the bias
    again_of_data = fastinit.Plan.from_dict(ours.plan(model, 0, rules).to_dict()).init()
    check_bits(again_of_data["head/bias"], array(model.layers[0].bias))


@case
def only_leaves_out_weights_of_unknown_layers() -> None:
    own = layers.Dense(3, kernel_initializer=lambda shape, dtype=None: keras.ops.ones(shape, dtype))
    model = keras.Sequential([keras.Input((3,)), own, layers.Dense(3)])
    ours.init_(model, 0, only="dense_1/*")
    expected = fastinit.glorot_uniform((3, 3), layout="*io", seed=0, name="dense_1/kernel")
    check_bits(array(model.layers[1].kernel), expected)
    assert (array(own.kernel) == 1).all()
    with pytest.raises(ValueError, match="matches no tensor"):
        ours.init_(model, 0, only="nothing")


@case
def init_refuses_before_it_writes() -> None:
    class Custom(layers.Layer):  # type: ignore[misc]
        def build(self, _: Any) -> None:
            self.scale = self.add_weight((3,), initializer="ones", name="scale")

    own = layers.Dense(3, kernel_initializer=lambda shape, dtype=None: keras.ops.ones(shape, dtype))
    model = keras.Sequential([keras.Input((3,)), own, Custom(name="custom")])
    before = arrays(model)
    with pytest.raises(ValueError, match=r"'dense/kernel' .*'custom/scale' \(its layer has no"):
        ours.init_(model, 0)
    with pytest.raises(ValueError, match="the layout 'oi\\*' of HeNormal"):
        ours.init_(model, 0, {"**kernel": fastinit.HeNormal(), "**": "zeros"})
    with pytest.raises(
        ValueError,
        match="is in the plan, and in the model it is not there; pass a plan of the same",
    ):
        ours.init_(model, 0, ours.plan(small_model(), 0))
    with pytest.raises(ValueError, match="matches no tensor"):
        ours.init_(model, 0, "zeros", only="nothing")
    with pytest.raises(ValueError, match="has no weights; build it first"):
        ours.init_(keras.Sequential([layers.Dense(3)]), 0)
    with pytest.raises(TypeError, match="pass a model or layer"):
        ours.init_(np.ones(3), 0)
    assert all(np.array_equal(a, b) for a, b in zip(before, arrays(model), strict=True))
    ours.init_(model, 0, {"**": "zeros"})
    assert not any(each.any() for each in arrays(model))


@case
def statistics_that_layers_learned_stay() -> None:
    statistics = layers.Normalization()
    statistics.adapt(np.random.default_rng(0).normal(3, 2, (100, 4)))
    model = keras.Sequential([keras.Input((4,)), statistics, layers.Dense(2)])
    before = array(statistics.adapt_mean)
    ours.init_(model, 0)
    ours.init_(model, 0, "he_normal")
    check_bits(array(statistics.adapt_mean), before)


@once
def the_code_of_tutorials() -> None:
    """It runs with these initializers in the place of Keras's, and trains."""

    def tutorial(initializers: Any) -> Any:
        return keras.Sequential(
            [
                keras.Input((8,)),
                layers.Dense(64, activation="relu", kernel_initializer=initializers.HeUniform()),
                layers.Dense(
                    64, kernel_initializer=initializers.RandomUniform(minval=-0.1, maxval=0.1)
                ),
                layers.Dense(1, kernel_initializer="glorot_uniform", bias_initializer="zeros"),
            ]
        )

    theirs = tutorial(keras.initializers)
    with ours.accelerate():
        mine = tutorial(ours)
    for a, b in zip(arrays(mine), arrays(theirs), strict=True):
        assert a.dtype == b.dtype
        assert np.abs(a).max() == pytest.approx(np.abs(b).max(), rel=0.1)
    mine.compile("sgd", "mse")
    x = np.random.default_rng(0).normal(size=(32, 8)).astype(np.float32)
    first, *_, last = mine.fit(x, x[:, :1], epochs=4, verbose=0).history["loss"]
    assert last < first


def failures(names: Iterable[str]) -> dict[str, str]:
    """The cases that fail, with their tracebacks."""
    found = {}
    for name in names:
        repeated_streams.forget()
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("error", fastinit.RepeatedStreamWarning)
                warnings.filterwarnings("ignore", "__array__ implementation", DeprecationWarning)
                (CASES | ONCE)[name]()
        except Exception:
            found[name] = traceback.format_exc()
    return found
