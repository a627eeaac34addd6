"""Scales per channel: products of what the base draws, on any part, in any dtype."""

import json

import numpy as np
import pytest

import fastinit
from fastinit import Initializer
from fastinit.initializers.composites.channel_scaled import ChannelScaled

BASE = fastinit.Normal(std=0.5)


@pytest.mark.parametrize("axis", [0, 1, -1])
def test_products(axis: int) -> None:
    """Each value is the base's times the factor of its index, rounded once."""
    shape = (6, 5, 4)
    factors = np.linspace(-1, 2, shape[axis]).astype(np.float32).tolist()
    found = ChannelScaled(BASE, factors, axis)(shape, seed=3, name="w")
    places = [1, 1, 1]
    places[axis] = -1
    base = BASE(shape, seed=3, name="w")
    assert np.array_equal(found, base * np.float32(factors).reshape(places))


@pytest.mark.parametrize("dtype", ["float64", "bfloat16", "float16"])
@pytest.mark.parametrize("index", [np.s_[2:5], np.s_[:, 1:3], np.s_[3:6, 2:4]])
def test_parts(dtype: str, index: tuple[slice, ...]) -> None:
    """A part of the array is that part of the whole."""
    drawn = ChannelScaled(BASE, (1, 2, 3, 4), axis=1)
    whole = drawn((6, 4), seed=0, name="w", dtype=dtype)
    assert np.array_equal(drawn((6, 4), seed=0, name="w", dtype=dtype, index=index), whole[index])


def test_large_arrays() -> None:
    """Pieces of memory meet where they should, and files draw flat pieces."""
    shape = (1000, 700)
    drawn = ChannelScaled(BASE, np.arange(700.0).tolist(), axis=1)
    expected = BASE(shape, seed=0, name="w") * np.arange(700, dtype=np.float32)
    assert np.array_equal(drawn(shape, seed=0, name="w"), expected)
    plan = fastinit.Plan({"w": shape}, {"w": drawn}, seed=0)
    flat = np.empty(30, np.float32)
    requests = plan.tensors[0].flat_requests(flat.ctypes.data, 690, 30)
    from fastinit.arrays.devices import CPU

    CPU.fill(requests)
    assert np.array_equal(flat, expected.reshape(-1)[690:720])


def test_data_and_moments() -> None:
    drawn = ChannelScaled(fastinit.HeNormal(), (1, 3), axis=0)
    assert Initializer.from_dict(json.loads(json.dumps(drawn.to_dict()))) == drawn
    assert drawn.resolve((2, 8)) == ChannelScaled(fastinit.HeNormal().resolve((2, 8)), (1, 3))
    found = ChannelScaled(fastinit.Normal(mean=1.0, std=2.0), (1, 3)).moments((2, 8))
    assert found is not None
    assert found == pytest.approx((2.0, (25 - 4) ** 0.5))


def test_errors() -> None:
    with pytest.raises(ValueError, match="3 factors are given for axis 0 of shape"):
        ChannelScaled(BASE, (1, 2, 3))((2, 3))
    with pytest.raises(ValueError, match="axis=2 is not one of shape"):
        ChannelScaled(BASE, (1, 2), axis=2)((2, 3))
    with pytest.raises(ValueError, match="factors is empty"):
        ChannelScaled(BASE, ())
    with pytest.raises(TypeError, match="base=3 is an int; pass an initializer object, or a name"):
        ChannelScaled(3, (1,))  # type: ignore[arg-type]


def test_bases_by_name() -> None:
    """A name is made an initializer, as by all initializers over others."""
    assert ChannelScaled("normal", (1,)) == ChannelScaled(fastinit.Normal(), (1,))  # type: ignore[arg-type]
