"""Operations between native calls, on a GPU too: there, bfloat16 is the integers of its bits."""

from typing import Any

import ml_dtypes
import numpy as np
import pytest

import fastinit
from fastinit import Linspace, Mapped, Normal, Plan, Uniform
from fastinit.arrays import memory
from fastinit.arrays.devices import CPU, Cuda
from fastinit.arrays.operations import Arithmetic
from fastinit.initializers.composites.composite import Composite, Layer
from fastinit.initializers.existing.stored import Stored
from helpers.bits import check_bits
from helpers.cuda import fake_gpu

STEPS = Composite((Layer(Normal()), Layer(operation="multiply", operand=0.3)))
ROUNDED = Composite((Layer(Uniform()), Layer(operation="add", operand=1.0)), dtype="float32")
MAPPED = Mapped(Uniform(0.5, 2.0), ["log", "exp"])
STORED = Stored.of(np.linspace(0, 1, 300, dtype=np.float32))


def view(address: int, count: int, dtype: np.dtype[Any], _: int) -> Any:
    """Return memory as CuPy would, of the fake GPU, whose memory is the host's."""
    found = CPU.view(address, count, dtype)
    return found if dtype.isbuiltin == 1 else found.view(f"u{dtype.itemsize}")


@pytest.fixture
def gpu(cupy: fake_gpu.Cupy, monkeypatch: pytest.MonkeyPatch) -> fake_gpu.Cupy:
    """A fake GPU whose arrays can be computed with."""
    monkeypatch.setattr(memory, "view_on_gpu", view)
    monkeypatch.setattr(Cuda, "empty", lambda _, count, dtype: CPU.empty(count, dtype))
    monkeypatch.setattr(fake_gpu.Cupy, "ExternalStream", None, raising=False)
    monkeypatch.setattr(cupy.cuda, "ExternalStream", lambda *_: fake_gpu.CupyDevice(0), False)
    return cupy


@pytest.mark.usefixtures("gpu")
@pytest.mark.parametrize("dtype", ["float32", "float64", "float16", "bfloat16"])
@pytest.mark.parametrize("initializer", [STEPS, ROUNDED, STORED, MAPPED, Linspace(0, 1)])
def test_the_same_bits_on_a_gpu(initializer: fastinit.Initializer, dtype: str) -> None:
    shape = (300,)
    expected = initializer(shape, seed=3, name=0, dtype=dtype)
    found: Any = initializer(shape, seed=3, name=0, dtype=dtype, device="cuda")
    check_bits(found.get().view(expected.dtype), expected)


@pytest.mark.usefixtures("gpu")
def test_what_a_gpu_does_not_compute() -> None:
    plan = Plan(
        fastinit.Manifest.from_shapes({"w": (4,)}),
        fastinit.Recipe("r", "a test", (fastinit.Rule("**", STEPS),)),
        dtype="float8_e5m2",
    )
    out = fake_gpu.CupyArray(np.zeros(4, ml_dtypes.float8_e5m2))
    with pytest.raises(ValueError, match="float8_e5m2 is not available on a GPU; draw on the CPU"):
        plan.draw("w", out=out)


@pytest.mark.usefixtures("gpu")
@pytest.mark.parametrize("axis", [0, -1])
def test_what_a_gpu_does_not_compute_of_parts(axis: int) -> None:
    """Nothing is written of the other parts, nor on another device."""
    fused = fastinit.Split([Normal(), STEPS], axis)
    on_gpu = fake_gpu.CupyArray(np.full((4, 4), 7, ml_dtypes.float8_e5m2))
    on_host = np.full((4, 4), 7, ml_dtypes.float8_e5m2)
    with pytest.raises(ValueError, match="float8_e5m2 is not available on a GPU; draw on the CPU"):
        fused((4, 4), seed=0, name="w", out=on_gpu)
    rules = [fastinit.Rule("a", Normal()), fastinit.Rule("w", fused)]
    plan = Plan({"a": (4, 4), "w": (4, 4)}, rules, dtype="float8_e5m2", seed=0)
    with pytest.raises(ValueError, match="float8_e5m2 is not available on a GPU; draw on the CPU"):
        plan.init_into({"a": on_host, "w": on_gpu})
    assert (on_gpu.memory == 7).all()
    assert (on_host == 7).all()


def test_rounding_of_special_values() -> None:
    """Infinities, NaN and ties are rounded as ``astype`` does."""
    special = np.array([np.inf, -np.inf, 0.0, -0.0, 1.00390625, 3.3e38, 1e-40], np.float32)
    narrow = special.astype(ml_dtypes.bfloat16)
    CPU.fill([Arithmetic(narrow.ctypes.data, narrow.size, narrow.dtype, "multiply", 1.5)])
    with np.errstate(over="ignore"):
        product = special.astype(ml_dtypes.bfloat16).astype(np.float32) * np.float32(1.5)
    expected = product.astype(ml_dtypes.bfloat16)
    check_bits(narrow, expected)
