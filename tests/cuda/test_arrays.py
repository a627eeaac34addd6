"""Arrays on a GPU through the real module: emulated, and on a card with CuPy, torch and JAX."""

import sys
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import fastinit
from fastinit.arrays.destination import destination
from helpers.bits import check_bits
from helpers.cuda.devices import Card, Emulated
from helpers.cuda.fake_gpu import Cupy, CupyArray, machine
from helpers.dtypes import DTYPES, dtype_of
from helpers.records.initializers import RECORDS
from helpers.requests import requests_for

SHAPE = (7, 9)
ELSE = "or draw with device='cpu'"


class OnDevice(CupyArray):
    """An array in the emulated memory, as CuPy and CUDA's array interface describe it."""

    def __init__(self, gpu: Emulated, shape: tuple[int, ...], dtype: np.dtype[Any]) -> None:
        super().__init__(np.full(shape, 0, dtype))
        self.gpu = gpu
        content = np.full(max(self.nbytes, 1), 7, np.uint8)
        self.data = SimpleNamespace(ptr=gpu.put(content))

    def get(self) -> NDArray[Any]:
        """A copy on the host."""
        flat = self.gpu.get(self.data.ptr, self.nbytes)
        return flat.view(self.dtype).reshape(self.shape)


class Interface:
    """An object with CUDA's array interface only, over an array on the device or a host address."""

    def __init__(self, address: int, array: Any) -> None:
        self.array = array
        self.__cuda_array_interface__ = {
            "shape": array.shape,
            "typestr": array.dtype.str,
            "data": (address, False),
            "version": 3,
        }


@pytest.fixture
def gpu(emulation: Emulated, monkeypatch: pytest.MonkeyPatch) -> Iterator[Emulated]:
    """A machine whose only GPU is the emulated one, with CuPy over its memory."""
    cupy = Cupy()
    cupy.__dict__["empty"] = lambda shape, dtype: OnDevice(emulation, shape, np.dtype(dtype))
    monkeypatch.setitem(sys.modules, "cupy", cupy)
    with emulation.stand_in.fresh(), machine(monkeypatch, emulation.module):
        yield emulation
    emulation.clear()


@pytest.mark.parametrize("dtype", [*DTYPES[:4], "int32"])
def test_new_arrays(dtype: str, gpu: Emulated) -> None:
    """They hold what the CPU draws."""
    draw = fastinit.truncated_normal if dtype in DTYPES else fastinit.ones
    array: Any = draw(SHAPE, seed=3, name=0, dtype=dtype, device="cuda")
    check_bits(array.get(), draw(SHAPE, seed=3, name=0, dtype=dtype))
    assert len(gpu.stand_in.log) == 1


def drawn(name: str, **where: Any) -> Any:
    """The first array that fits an initializer's record."""
    shape, options = RECORDS[name].fits[0]
    return RECORDS[name].draw(shape, seed=3, name=0, **where, **options)


@pytest.mark.parametrize("name", [name for name, each in RECORDS.items() if not each.on_host])
def test_every_initializer(name: str, gpu: Emulated) -> None:  # noqa: ARG001
    """A new array holds what the CPU's does."""
    check_bits(drawn(name, device="cuda").get(), drawn(name))


@pytest.mark.parametrize("dtype", DTYPES[:3])
def test_out(dtype: str, gpu: Emulated) -> None:
    """A part of a larger array lies in memory of which only the interface is known."""
    array = OnDevice(gpu, (3, 4), dtype_of(dtype))
    out = Interface(array.data.ptr, array)
    index = np.s_[2:5, 1:5]
    assert fastinit.he_normal(SHAPE, seed=4, name=0, out=out, index=index) is out
    check_bits(array.get(), fastinit.he_normal(SHAPE, seed=4, name=0, dtype=dtype, index=index))


def test_plan(gpu: Emulated) -> None:
    """A whole model is one launch, since it has normals of one dtype only."""
    model = fastinit.Manifest.from_shapes(
        {"wte.weight": (20, 8), "h.0.ln_1.weight": 8, "h.0.mlp.c_fc.weight": (8, 32)}, "gpt2"
    )
    plan = fastinit.Plan(model, "gpt2", seed=1)
    drawn = plan.init(device="cuda")
    assert len(gpu.stand_in.log) == 1
    for name, expected in plan.init().items():
        check_bits(drawn[name].get(), expected, name)


def test_without_elements(gpu: Emulated) -> None:
    """Nothing is launched."""
    assert fastinit.normal((3, 0), device="cuda:0").shape == (3, 0)
    assert gpu.stand_in.log == []


def test_digest(gpu: Emulated) -> None:  # noqa: ARG001
    ours = fastinit.digest(fastinit.uniform(SHAPE, seed=2, name=0, device="cuda"))
    assert ours == fastinit.digest(fastinit.uniform(SHAPE, seed=2, name=0))


# ---- errors -------------------------------------------------------------------------------------


def test_usable(gpu: Emulated) -> None:
    with gpu.stand_in.fresh(architecture="sm_80"):
        assert fastinit.cuda_status() == "usable: cuda:0 emulated (compute capability 8.0)"
        assert fastinit.info()["cuda"] == fastinit.cuda_status()


def test_no_driver_and_no_device(gpu: Emulated) -> None:
    """CUDA's calls fail alike without a driver and with an old one; the versions tell."""
    for devices, driver, reason in (
        (1, 0, "there is no NVIDIA driver here; install one for CUDA 13.0"),
        (1, 12080, "the NVIDIA driver knows CUDA 12.8, fastinit was built with 13.0; update the"),
        (0, 13000, "there is a driver, but no GPU is visible"),
    ):
        gpu.stand_in.machine(devices, driver)
        assert fastinit.cuda_status().startswith(f"not usable: {reason}")
        with pytest.raises(RuntimeError, match=f"CUDA cannot be used: {reason}.*{ELSE}"):
            fastinit.normal(SHAPE, device="cuda")


def test_unsupported_card(gpu: Emulated) -> None:
    """The error names the card, its capability and the architectures there is code for."""
    with gpu.stand_in.fresh(architecture="sm_70"):
        with pytest.raises(RuntimeError, match=r"cuda:0 emulated \(compute capability 7.0\)") as e:
            fastinit.normal(SHAPE, device="cuda:0")
        assert ", ".join(gpu.module.architectures) in str(e.value)
        assert "CMAKE_CUDA_ARCHITECTURES=native" in str(e.value)


def test_missing_card(gpu: Emulated) -> None:  # noqa: ARG001
    with pytest.raises(ValueError, match="device='cuda:1' is not there: 1 found"):
        fastinit.normal(SHAPE, device="cuda:1")


def test_host_pointer(gpu: Emulated) -> None:  # noqa: ARG001
    """It is refused before CUDA would fault at it."""
    memory = np.full(SHAPE, 7, np.float32)
    with pytest.raises(ValueError, match="says that it lies on a GPU, but its address is the host"):
        fastinit.normal(SHAPE, out=Interface(memory.ctypes.data, memory))
    assert np.all(memory == 7)


def many(gpu: Emulated, count: int) -> list[Any]:
    """Outputs whose requests need more memory than any call before."""
    array = OnDevice(gpu, (count, 4), np.dtype("float32"))
    return [
        Interface(array.data.ptr + 16 * k, SimpleNamespace(shape=(4,), dtype=array.dtype))
        for k in range(count)
    ]


@pytest.mark.parametrize("call", ["cudaMalloc", "cudaHostAlloc"])
def test_out_of_memory(call: str, gpu: Emulated) -> None:
    """The error says how much was asked for; nothing is drawn or kept, and the next call works."""
    count = 20_000
    outs = many(gpu, count)
    places = [destination((4,), None, out, None) for out in outs]
    records = [
        record
        for each in places
        for record in requests_for(fastinit.Normal(), "float32", (4,), each.address)
    ]
    before = len(gpu.stand_in.device.starts)
    gpu.stand_in.fail(call, 2)
    message = rf"{count} requests need {sum(map(len, records))} bytes .*cuda:0.*{call}: out of mem"
    with pytest.raises(MemoryError, match=message):
        places[0].device.fill(records)
    assert len(gpu.stand_in.device.starts) == before
    assert gpu.stand_in.log == []
    drawn: Any = fastinit.normal(3, seed=0, name=0, device="cuda")
    check_bits(drawn.get(), fastinit.normal(3, seed=0, name=0))


def test_no_working_memory(gpu: Emulated) -> None:
    """A large orthogonal matrix lacks it: the error says how much, and nothing is drawn."""
    array = OnDevice(gpu, (20, 20), np.dtype("float32"))
    message = (
        r"cuda:0, orthogonal .* cudaMallocAsync of \d+ bytes of working memory .*: out of memory"
    )
    with gpu.stand_in.fresh(shared_memory=8 << 10) as stand_in:
        stand_in.fail("cudaMallocAsync", 2)
        with pytest.raises(MemoryError, match=message):
            fastinit.orthogonal((20, 20), out=array)
    assert np.all(array.get().view(np.uint8) == 7)


CALLS = (
    *("cudaGetDevice", "cudaDeviceGetAttribute", "cudaMemcpyAsync", "cudaLaunchKernel"),
    "cudaOccupancyMaxActiveBlocksPerMultiprocessor",
)


@pytest.mark.parametrize("call", CALLS)
def test_failing_calls(call: str, gpu: Emulated) -> None:
    """Each call is checked: the error has the call and CUDA's text, and does not remain."""
    fastinit.normal(SHAPE, seed=0, name=0, device="cuda")
    array = OnDevice(gpu, SHAPE, np.dtype("float32"))
    gpu.stand_in.fail(call, 999)
    with pytest.raises(RuntimeError, match=rf"{call}: a planned failure \(cudaErrorOther, 999\)"):
        fastinit.normal(SHAPE, seed=0, name=0, out=array)
    assert np.all(array.get().view(np.uint8) == 7)
    fastinit.normal(SHAPE, seed=0, name=0, out=array)
    check_bits(array.get(), fastinit.normal(SHAPE, seed=0, name=0))


# ---- on a card ----------------------------------------------------------------------------------

LARGE = (3000, 4099)


@pytest.mark.gpu
@pytest.mark.parametrize("dtype", DTYPES[:4])
def test_cupy_on_a_card(dtype: str, card: Card) -> None:  # noqa: ARG001
    """New arrays come from CuPy's pool, on its current stream, and hold the CPU's values."""
    cupy = pytest.importorskip("cupy")
    stream = cupy.cuda.Stream(non_blocking=True)
    with stream:
        array: Any = fastinit.normal(LARGE, seed=3, name=0, dtype=dtype, device="cuda")
        copy = array.copy()  # after it on the same stream, without waiting
    stream.synchronize()
    assert isinstance(array, cupy.ndarray)
    check_bits(copy.get(), fastinit.normal(LARGE, seed=3, name=0, dtype=dtype))
    with pytest.raises(MemoryError, match="takes 4398046511104 bytes on cuda:0"):
        fastinit.zeros(1 << 40, device="cuda")


@pytest.mark.gpu
@pytest.mark.parametrize("name", RECORDS)
def test_every_initializer_on_a_card(name: str, card: Card) -> None:  # noqa: ARG001
    pytest.importorskip("cupy")
    check_bits(drawn(name, device="cuda").get(), drawn(name))


@pytest.mark.gpu
@pytest.mark.parametrize("dtype", DTYPES)
def test_torch_on_a_card(dtype: str, card: Card) -> None:  # noqa: ARG001
    """Tensors of torch are filled on torch's current stream, and autograd sees it."""
    import torch

    tensor = torch.zeros(LARGE, dtype=getattr(torch, dtype), device="cuda")
    stream: Any = torch.cuda.Stream()  # type: ignore[no-untyped-call]
    stream.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(stream):
        assert fastinit.normal(LARGE, seed=3, name=0, out=tensor) is tensor
        copy = tensor.clone()
    stream.synchronize()
    assert tensor._version == 1
    drawn = fastinit.normal(LARGE, seed=3, name=0, dtype=dtype)
    assert fastinit.digest(copy) == fastinit.digest(drawn)


@pytest.mark.gpu
def test_jax_on_a_card(card: Card) -> None:  # noqa: ARG001
    """JAX adopts new arrays without a copy, and its own are immutable."""
    cupy = pytest.importorskip("cupy")
    jax = pytest.importorskip("jax")
    if jax.default_backend() != "gpu":
        pytest.skip("this JAX sees no GPU")
    array: Any = fastinit.normal(LARGE, seed=3, name=0, device="cuda")
    taken = jax.numpy.from_dlpack(array)
    check_bits(np.asarray(taken), fastinit.normal(LARGE, seed=3, name=0))
    assert taken.unsafe_buffer_pointer() == array.data.ptr
    assert isinstance(array, cupy.ndarray)
    with pytest.raises(ValueError, match="immutable"):
        fastinit.normal(LARGE, out=taken)
