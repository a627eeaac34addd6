"""What holds for ``fastinit.keras`` on the JAX backend: layouts, and what JAX traces."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import jax
import keras
import numpy as np
import pytest
from keras import distribution, layers

import fastinit
import fastinit.keras as ours
from fastinit import repeated_streams
from fastinit.arrays import destination as destinations
from fastinit.initializers import base
from fastinit.native import xla
from helpers.bits import check_bits
from helpers.keras_cases.registry import array, case


@contextmanager
def drawn_elements() -> Iterator[list[int]]:
    """The sizes of all arrays that are drawn."""
    found: list[int] = []
    original = destinations.destination

    def counting(shape: tuple[int, ...], *options: Any) -> Any:
        found.append(int(np.prod(shape)))
        return original(shape, *options)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(base, "destination", counting)
        yield found


def model_parallel() -> Any:
    mesh = distribution.DeviceMesh((4, 2), axis_names=("batch", "model"))
    layout = distribution.LayoutMap(mesh)
    layout[".*kernel"] = distribution.TensorLayout(["batch", "model"])
    return distribution.ModelParallel(layout_map=layout)


@case
def each_device_draws_its_own_part() -> None:
    """A sharded variable has the bits of the whole, of which nobody draws more than he holds."""
    for initializer in (ours.HeNormal(seed=2), ours.Orthogonal(seed=2), ours.Zeros()):
        expected = initializer.resolve((8, 6))((8, 6), seed=2, name=0)
        with model_parallel().scope(), drawn_elements() as drawn:
            variable = keras.Variable(initializer, (8, 6), "float32", name="kernel")
        assert len(variable.value.sharding.device_set) == 8
        assert drawn == [6] * 8
        check_bits(array(variable), expected)
        repeated_streams.forget()


@case
def init_keeps_layouts() -> None:
    with model_parallel().scope():
        layer = layers.Dense(6, name="dense")
        layer.build((None, 8))
    before = layer.kernel.value.sharding
    whole = layers.Dense(6, name="dense")
    whole.build((None, 8))
    for each in (layer, whole):
        ours.init_(each, seed=5)
    assert layer.kernel.value.sharding.is_equivalent_to(before, 2)
    assert not before.is_fully_replicated
    check_bits(array(layer.kernel), array(whole.kernel))


@case
def nothing_is_assigned_where_drawing_fails() -> None:
    """The sharded kernel keeps its values where the bias cannot be drawn."""
    with model_parallel().scope():
        layer = layers.Dense(6)
        layer.build((None, 8))
    before = array(layer.kernel)
    negative = fastinit.Mapped(fastinit.Uniform(-2, -1), "log")
    with pytest.raises(ValueError, match="log"):
        ours.init_(layer, {"**kernel": ours.HeNormal(), "**bias": negative}, 0)
    check_bits(array(layer.kernel), before)


@case
def traced_calls_are_drawn_at_run_time() -> None:
    initializer = ours.HeNormal(seed=3)
    expected = initializer.resolve((4, 4))((4, 4), seed=3, name=0)
    for dtype in ("float32", "bfloat16"):
        compiled = jax.jit(lambda dtype=dtype: initializer((4, 4), dtype))
        check_bits(np.asarray(compiled(), np.float32), expected.astype(dtype).astype(np.float32))
        calls_python = "callback" in compiled.lower().as_text()
        assert calls_python == (xla.extension() is None)


@case
def shapes_alone_draw_nothing() -> None:
    with drawn_elements() as drawn:
        found = jax.eval_shape(lambda: ours.HeNormal()((4, 5)))
    assert (found.shape, drawn) == ((4, 5), [])


@case
def seed_generators_in_traced_code() -> None:
    """Their state is a value of the program there."""
    generator = keras.random.SeedGenerator(9)

    @jax.jit  # type: ignore[untyped-decorator]
    def draw(state: Any) -> Any:
        with keras.StatelessScope([(generator.state, state)]):
            initializer = ours.HeNormal(seed=generator)
            return initializer((3, 3)), initializer((3, 3))

    found = draw(generator.state.value)
    core = ours.HeNormal().resolve((3, 3))
    for count, values in enumerate(found):
        check_bits(np.asarray(values), core((3, 3), seed=9, name=count))


@case
def layers_that_are_built_while_their_shapes_are_inferred() -> None:
    class Model(keras.Model):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.dense = layers.Dense(3, kernel_initializer=ours.HeNormal())

        def call(self, x: Any) -> Any:
            return self.dense(x)

    model = Model()
    assert model(np.ones((2, 3), np.float32)).shape == (2, 3)
    outer = keras.Sequential([keras.Input((3,)), Model()])
    assert array(outer.layers[-1].dense.kernel).std() > 0
