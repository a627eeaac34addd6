"""Composites: layers are executed in order, and parts equal the parts of the whole."""

import itertools
from typing import Any

import ml_dtypes
import numpy as np
import pytest

import fastinit
from fastinit import Arange, Constant, Initializer, Normal, Orthogonal, Uniform
from fastinit.arrays.devices import Cuda
from fastinit.initializers.composites.composite import Composite, Layer
from fastinit.initializers.existing.stored import Stored
from fastinit.initializers.existing.values import Values
from fastinit.native.box import whole
from helpers import floating_point
from helpers.bits import check_bits
from helpers.processes import child
from helpers.settings import arithmetic

SHAPE = (7, 5)
STEPS = Composite(
    (
        Layer(Normal(), stream="a"),
        Layer(Constant(0), start=(3, 0), stop=(4, 5)),
        Layer(operation="multiply", operand=0.5),
        Layer(operation="add", operand=0.25, start=(0, 2), stop=(7, 4)),
    )
)
TRANSPOSED = Composite(
    (
        Layer(Normal(), shape=(5, 7), strides=(1, 7), stream="t"),
        Layer(Uniform(), start=(0, 1), stop=(7, 3), stream=5, seed=9),
    )
)


def steps() -> Any:
    values = fastinit.normal(SHAPE, seed=3, name="a")
    values[3] = 0
    values *= np.float32(0.5)
    values[:, 2:4] += np.float32(0.25)
    return values


def transposed() -> Any:
    values = np.ascontiguousarray(fastinit.normal((5, 7), seed=3, name="t").T)
    values[:, 1:3] = fastinit.uniform((7, 2), seed=9, name=5)
    return values


EXPECTED = {"steps": (STEPS, steps), "transposed": (TRANSPOSED, transposed)}


@pytest.mark.parametrize("what", EXPECTED)
def test_the_whole_and_all_parts(what: str) -> None:
    composite, expected = EXPECTED[what]
    whole = composite(SHAPE, seed=3)
    check_bits(whole, expected())
    edges = itertools.combinations(range(8), 2)
    for (start, stop), (left, right) in itertools.product(edges, [(0, 5), (1, 4), (2, 3)]):
        index = np.s_[start:stop, left:right]
        check_bits(composite(SHAPE, seed=3, index=index), whole[index])


@pytest.mark.parametrize("what", EXPECTED)
def test_flat_pieces(what: str) -> None:
    """Checkpoints draw tensors in pieces that follow no axes."""
    composite, expected = EXPECTED[what]
    plan = fastinit.Plan(
        fastinit.Manifest.from_shapes({"w": SHAPE}),
        fastinit.Recipe("composite", "a test", (fastinit.Rule("**", composite),)),
        seed=3,
    )
    (tensor,) = plan.tensors
    for start, stop in itertools.combinations(range(36), 2):
        out = np.empty(stop - start, np.float32)
        fastinit.arrays.devices.CPU.fill(tensor.flat_requests(out.ctypes.data, start, stop - start))
        check_bits(out, expected().reshape(-1)[start:stop])


@pytest.mark.parametrize("what", EXPECTED)
def test_data_and_back(what: str) -> None:
    composite, _ = EXPECTED[what]
    assert Initializer.from_dict(composite.to_dict()) == composite
    assert hash(Initializer.from_dict(composite.to_dict())) == hash(composite)


@pytest.mark.parametrize("narrow", ["bfloat16", "float16", "float8_e4m3fn"])
def test_rounding_from_another_dtype(narrow: str) -> None:
    """It is what ``astype`` does to the values of the wider dtype, in pieces too."""
    composite = Composite((Layer(Uniform(-2, 2)),), dtype="float32")
    expected = fastinit.uniform((3000, 1500), -2, 2, seed=1).astype(narrow)
    check_bits(composite((3000, 1500), seed=1, name=0, dtype=narrow), expected)
    part = composite((3000, 1500), seed=1, name=0, dtype=narrow, index=np.s_[7:9, 3:])
    check_bits(part, expected[7:9, 3:])


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.float16, ml_dtypes.bfloat16])
@pytest.mark.parametrize(
    ("operation", "compute"),
    [
        ("multiply", lambda x, s: x * s),
        ("add", lambda x, s: x + s),
        ("divide", lambda x, s: x / s),
        ("subtract_from", lambda x, s: s - x),
        ("divide_into", lambda x, s: s / x),
        ("at_least", np.maximum),
        ("at_most", np.minimum),
    ],
)
def test_arithmetic(operation: str, compute: Any, dtype: Any) -> None:
    """Narrow dtypes are computed in float32 and rounded once."""
    composite = Composite((Layer(Normal()), Layer(operation=operation, operand=0.3)))
    precision = np.float64 if dtype is np.float64 else np.float32
    values = fastinit.normal(1000, seed=0, dtype=dtype).astype(precision)
    expected = compute(values, precision(0.3)).astype(dtype)
    check_bits(composite(1000, seed=0, name=0, dtype=dtype), expected)


def test_matrices_in_parts_of_a_tensor() -> None:
    """A part of a tensor may cut them."""
    halves = Composite(
        (
            Layer(Orthogonal(), start=(0, 0), stop=(4, 8), stream=1),
            Layer(Orthogonal(), start=(4, 0), stop=(8, 8), stream=2),
        )
    )
    whole = halves((8, 8), seed=0, name=0)
    check_bits(whole[4:], fastinit.orthogonal((4, 8), seed=0, name=2))
    check_bits(halves((8, 8), seed=0, name=0, index=np.s_[4:]), whole[4:])
    check_bits(halves((8, 8), seed=0, name=0, index=np.s_[3:6]), whole[3:6])
    flat = Composite((Layer(Orthogonal(), shape=(8, 12)),))
    kernel = flat((8, 3, 2, 2), seed=0, name=0)
    check_bits(kernel.reshape(8, 12), fastinit.orthogonal((8, 12), seed=0, name=0))
    with pytest.raises(ValueError, match="draw the whole tensor"):
        flat((8, 3, 2, 2), seed=0, name=0, index=np.s_[5:])


def test_nested_composites_in_parts() -> None:
    """Composites draw into parts, too, and parts of these parts are the same."""
    nested = Composite((Layer(Constant(9)), Layer(STEPS, start=(2, 1), stop=(9, 6))))
    expected = np.full((10, 8), 9, np.float32)
    expected[2:9, 1:6] = steps()
    check_bits(nested((10, 8), seed=3), expected)
    for start, stop in itertools.combinations(range(11), 2):
        part = nested((10, 8), seed=3, index=np.s_[start:stop, 2:5])
        check_bits(part, np.ascontiguousarray(expected[start:stop, 2:5]))
    with pytest.raises(ValueError, match="is not drawn in another order of elements"):
        Composite((Layer(STEPS, shape=SHAPE, strides=(1, 5)),))((5, 7), seed=0)


@pytest.mark.parametrize(
    ("layers", "message"),
    [
        ((), "is not a list of layers"),
        ((Layer(Normal(), start=(0, 0), stop=(7, 4)),), "leave elements of shape"),
        ((Layer(Normal()), Layer(Normal(), start=(0,), stop=(3,))), "have 1 axes"),
        ((Layer(Normal()), Layer(Normal(), start=(0, 0), stop=(8, 5))), "do not fit shape"),
        ((Layer(Normal(), shape=(5, 5)),), "reaches element 34 of an array of shape"),
    ],
)
def test_layers_that_do_not_fit(layers: tuple[Layer, ...], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Composite(layers)(SHAPE, seed=0)


def test_parts_that_cut_too_much() -> None:
    """Files of unknown origin may have such layers; the answer does not take minutes."""
    slabs = []
    for axis in range(3):
        for k in range(0, 200, 2):
            start, stop = [0, 0, 0], [200, 200, 200]
            start[axis], stop[axis] = k, k + 1
            slabs.append(Layer(Normal(), start=tuple(start), stop=tuple(stop)))
    with pytest.raises(ValueError, match="into more than 10000 pieces"):
        Composite(tuple(slabs)).templates((200, 200, 200), np.dtype(np.float32))


def test_data_in_a_new_process() -> None:
    """Plans name initializers that nothing there has imported, and need no torch."""
    kinds = [STEPS, Stored.of(np.array([1, 2], np.float32)), Values((1, 2)), Arange()]
    data = [each.to_dict() for each in kinds]
    code = f"""
import sys
from fastinit import Initializer
made = [Initializer.from_dict(each) for each in {data!r}]
print([type(each).__name__ for each in made], "torch" in sys.modules)
"""
    assert child(code).strip() == "['Composite', 'Stored', 'Values', 'Arange'] False"


@pytest.mark.usefixtures("extension")
def test_steps_without_arithmetic_need_no_cupy() -> None:
    """A barrier only divides the native calls."""
    halves = Composite((Layer(Constant(1)), Layer(Constant(2), start=(1,), stop=(3,))))
    out = np.empty(4, np.float32)
    (template,) = halves.templates((4,), out.dtype)
    Cuda(0, 0).fill(template.requests(whole((4,)), out.ctypes.data, 0, 0))
    check_bits(out, np.array([1, 2, 2, 1], np.float32))


@pytest.mark.parametrize(
    ("fields", "error", "message"),
    [
        ({}, ValueError, "an initializer or an operation"),
        ({"initializer": 3}, TypeError, "initializer=3 is an int; pass an initializer object"),
        ({"operation": "exp"}, ValueError, "known are multiply"),
        ({"operation": "add", "operand": "1"}, TypeError, "operand"),
        ({"initializer": Normal(), "start": (0,)}, ValueError, "belong together"),
        ({"initializer": Normal(), "offset": -1}, ValueError, "negative"),
        ({"initializer": Normal(), "strides": (-1,)}, ValueError, "negative"),
        ({"initializer": Normal(), "stream": 1 << 64}, ValueError, "out of range"),
    ],
)
def test_wrong_layers(fields: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        Layer(**fields)


def test_stored_values() -> None:
    values = np.arange(12, dtype=np.float32).reshape(3, 4)
    stored = Stored.of(values)
    check_bits(stored((3, 4)), values)
    check_bits(stored((3, 4), index=np.s_[1:, 1:3]), np.ascontiguousarray(values[1:, 1:3]))
    check_bits(stored((3, 4), dtype="bfloat16"), values.astype(ml_dtypes.bfloat16))
    assert Initializer.from_dict(stored.to_dict()) == stored
    with pytest.raises(ValueError, match="12 values are stored for shape"):
        stored((3, 5))
    with pytest.raises(ValueError, match="is not the base64 of an array"):
        Stored("float32", "AAA")
    with pytest.raises(ValueError, match="have the digest"):
        Stored("float32", "AAAAAA==", "0" * 64)
    with pytest.raises(ValueError, match="are not in this plan"):
        Stored("float32", digest="0" * 64)((1,))


def test_stored_values_are_rounded_in_the_default_arithmetic() -> None:
    stored = Stored.of(np.array([0.1, 0.3], np.float64))
    expected = stored((2,), dtype="float32")
    for mode in floating_point.MODES:
        with arithmetic(mode):
            found = stored((2,), dtype="float32")
        check_bits(found, expected, mode)


def test_what_depends_on_the_seed() -> None:
    """Composites of constants and stored values do not, so that no warning is for them."""
    assert STEPS.is_random
    assert not Composite((Layer(Constant(1)),)).is_random
    assert not Stored.of(np.zeros(2)).is_random


def test_arithmetic_in_integers_is_refused() -> None:
    with pytest.raises(ValueError, match="dtype=int64 does not hold computed values"):
        Composite((Layer(Constant(3)), Layer(operation="add", operand=0.5)))((2,), dtype="int64")


def test_a_rounded_column_as_a_row() -> None:
    rounded = Composite((Layer(Normal()),), dtype="float64")
    row = Composite((Layer(rounded, shape=(4, 1), strides=(4, 1)),))
    expected = rounded((4, 1), seed=3, name="w").reshape(1, 4)
    check_bits(row((1, 4), seed=3, name="w"), expected)
