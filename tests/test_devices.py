"""Devices: which are known, what is said where CUDA cannot be used, which memory and stream."""

import sys
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import jax
import numpy as np
import pytest
import torch
from numpy.typing import NDArray

import fastinit
from fastinit import arrays, cuda, devices
from fastinit.dtypes import dtype_of
from standins import CudaError, Cupy, CupyArray, CupyDevice, Extension, machine
from support import DTYPES, check_bits, child

SHAPE = (3, 5)


@pytest.fixture
def extension(monkeypatch: pytest.MonkeyPatch) -> Iterator[Extension]:
    """A machine with two GPUs, without CuPy."""
    made = Extension()
    monkeypatch.setitem(sys.modules, "cupy", None)
    with machine(monkeypatch, made):
        yield made


@pytest.fixture
def cupy(extension: Extension, monkeypatch: pytest.MonkeyPatch) -> Cupy:  # noqa: ARG001
    """CuPy on that machine."""
    made = Cupy()
    monkeypatch.setitem(sys.modules, "cupy", made)
    return made


NAMES: list[tuple[Any, str | None]] = [
    (None, None),
    ("cpu", "cpu"),
    ("cpu:0", "cpu"),
    (torch.device("cpu"), "cpu"),
    (torch.device("cpu", 0), "cpu"),
    (jax.devices("cpu")[0], "cpu"),
    ("cuda", "cuda"),
    ("cuda:12", "cuda:12"),
    (torch.device("cuda"), "cuda"),
    (torch.device("cuda", 1), "cuda:1"),
    (CupyDevice(1), "cuda:1"),
    (SimpleNamespace(platform="gpu", local_hardware_id=1), "cuda:1"),
]


@pytest.mark.parametrize(("device", "name"), NAMES, ids=str)
def test_names(device: Any, name: str | None) -> None:
    """Those of fastinit, torch, JAX and CuPy."""
    assert devices.name_of(device) == name


@pytest.mark.parametrize(
    "device", ["", "gpu", "cuda:", "cuda:-1", "cuda:x", "cuda0", "mps", 0, torch.device("meta")]
)
def test_unknown_names(device: Any) -> None:
    """The message has what was given and what is known."""
    with pytest.raises(ValueError, match="is not known; use device='cpu', 'cuda' or 'cuda:1'"):
        fastinit.zeros(3, device=device)


# ---- why not ------------------------------------------------------------------------------------

ELSE = "or draw with device='cpu'"
UNUSABLE: dict[str, tuple[Extension | None, tuple[str, ...]]] = {
    "not built": (None, ("built without CUDA", "build it where nvcc is", "FASTINIT_CUDA=ON")),
    "no driver": (Extension(driver=0), ("no NVIDIA driver", "install one for CUDA 13.0")),
    "old driver": (
        Extension(driver=12080),
        ("driver knows CUDA 12.8", "built with 13.0", "update the driver"),
    ),
    "no GPU": (
        Extension(error=CudaError("cudaGetDeviceCount", 100)),
        ("no GPU is visible", "CUDA_VISIBLE_DEVICES"),
    ),
    "failure": (
        Extension(error=CudaError("cudaGetDeviceCount", 999)),
        ("cudaGetDeviceCount: failed (999)",),
    ),
    "old GPUs": (
        Extension(capabilities=[(7, 0), (6, 1)]),
        ("cuda:0 Card 0 (compute capability 7.0)", "built for (75, 80, 90, 90-virtual)", "=native"),
    ),
}


@pytest.mark.parametrize("name", UNUSABLE)
def test_unusable(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The status, `info` and the error of a call say the same: why, and what to do."""
    extension, fragments = UNUSABLE[name]
    with machine(monkeypatch, extension):
        status = fastinit.cuda_status()
        assert fastinit.info()["cuda"] == status
        with pytest.raises(RuntimeError) as caught:
            fastinit.normal(SHAPE, device="cuda")
    assert status.startswith("not usable: ")
    assert [part for part in (*fragments, ELSE) if part not in status] == []
    assert str(caught.value) == f"CUDA cannot be used: {status.removeprefix('not usable: ')}"


def test_newer_minor_version(monkeypatch: pytest.MonkeyPatch) -> None:
    """Within a major version CUDA's drivers and runtimes mix."""
    with machine(monkeypatch, Extension(driver=13000, runtime=13020)):
        assert fastinit.cuda_status().startswith("usable")


def test_broken_extension(monkeypatch: pytest.MonkeyPatch) -> None:
    """One that cannot be loaded is not one that was not built."""

    def load() -> None:
        raise ImportError("libfoo.so: cannot open shared object file")

    with machine(monkeypatch, Extension()):
        monkeypatch.setattr("fastinit.cuda._load", load)
        assert "libfoo.so" in fastinit.cuda_status()
        assert "install fastinit again" in fastinit.cuda_status()


def test_usable_without_cupy(extension: Extension) -> None:  # noqa: ARG001
    """GPU arrays can be filled, and new ones say what is missing."""
    status = fastinit.cuda_status()
    assert status.startswith(
        "usable with out= only: cuda:0 Card 0 (compute capability 9.0), cuda:1"
    )
    assert "pip install 'fastinit[cuda]'" in status
    with pytest.raises(RuntimeError, match=r"are CuPy's, which cannot be imported.*pip install"):
        fastinit.normal(SHAPE, device="cuda")


def test_usable(cupy: Cupy) -> None:  # noqa: ARG001
    """The GPUs are listed."""
    cards = "cuda:0 Card 0 (compute capability 9.0), cuda:1 Card 1 (compute capability 8.6)"
    assert fastinit.cuda_status() == f"usable: {cards}"


def test_one_unsupported_gpu(cupy: Cupy, extension: Extension) -> None:  # noqa: ARG001
    """The other can be used."""
    extension.capabilities[1] = 7, 0
    fastinit.normal(SHAPE, device="cuda:0")
    with pytest.raises(RuntimeError, match=r"cuda:1 Card 1.*is not among what this fastinit was"):
        fastinit.normal(SHAPE, device="cuda:1")


def test_import_needs_no_gpu() -> None:
    """Where neither extension nor CuPy is, all but CUDA works."""
    code = (
        "import sys; sys.modules['cupy'] = None; sys.modules['fastinit._cuda'] = None\n"
        "import fastinit; fastinit.normal(3); print(fastinit.cuda_status())"
    )
    printed = child(code, CUDA_VISIBLE_DEVICES="")
    assert printed.startswith("not usable: this fastinit was built without CUDA; ")


RUNS = [
    ("75", (7, 5), True),
    ("75", (8, 0), False),
    ("80", (8, 9), True),
    ("89", (8, 6), False),
    ("90a", (9, 0), True),
    ("100", (10, 3), True),
    ("120-virtual", (12, 1), True),
    ("80-virtual", (12, 0), True),
    ("90-virtual", (8, 9), False),
]


@pytest.mark.parametrize(("code", "capability", "runs"), RUNS)
def test_which_code_runs_where(code: str, capability: tuple[int, int], runs: bool) -> None:
    """Machine code within its major version, PTX on everything newer."""
    assert cuda._runs(code, *capability) == runs


# ---- new arrays ---------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", [*DTYPES[:4], "bool", "int64"])
def test_new_arrays(dtype: str, cupy: Cupy, extension: Extension) -> None:
    """CuPy's, on its current GPU and that GPU's current stream, with the CPU's values."""
    draw = fastinit.normal if dtype in DTYPES else fastinit.ones
    array = draw(SHAPE, seed=3, dtype=dtype, device="cuda")
    assert type(array) is cupy.ndarray
    check_bits(array.get(), draw(SHAPE, seed=3, dtype=dtype))
    assert extension.calls == [(1, 0, 70)]


@pytest.mark.parametrize("device", ["cuda:1", torch.device("cuda", 1), CupyDevice(1)])
def test_new_arrays_elsewhere(device: Any, cupy: Cupy, extension: Extension) -> None:  # noqa: ARG001
    """On the GPU that was named; the current one stays."""
    assert fastinit.normal(SHAPE, device=device).device.id == 1
    assert extension.calls == [(1, 1, 71)]
    assert CupyDevice().id == 0


def test_part(cupy: Cupy) -> None:  # noqa: ARG001
    """A part has its own shape and the whole's values."""
    part = fastinit.normal((8, 6), seed=1, index=np.s_[2:5, 1:3], device="cuda")
    check_bits(part.get(), fastinit.normal((8, 6), seed=1)[2:5, 1:3])


def test_without_elements(cupy: Cupy, extension: Extension) -> None:  # noqa: ARG001
    """Nothing is launched."""
    assert fastinit.normal((3, 0), device="cuda").shape == (3, 0)
    assert extension.calls == []


def test_missing_gpu(cupy: Cupy) -> None:  # noqa: ARG001
    """Its number, and those that are there."""
    with pytest.raises(ValueError, match="device='cuda:2' is not there: 2 found, numbered from"):
        fastinit.normal(SHAPE, device="cuda:2")


def test_out_of_memory(cupy: Cupy, extension: Extension) -> None:  # noqa: ARG001
    """How much was asked for and where, and nothing is drawn."""
    message = r"\(513, 512\) of float32 takes 1050624 bytes on cuda:1: Out of memory"
    with pytest.raises(MemoryError, match=message):
        fastinit.normal((513, 512), device="cuda:1")
    assert extension.calls == []


def test_model_out_of_memory(cupy: Cupy, extension: Extension) -> None:  # noqa: ARG001
    """How much all of it takes too; nothing is drawn."""
    model = fastinit.Manifest.from_shapes({"wpe.weight": (10, 8), "wte.weight": (512, 513)}, "gpt2")
    message = "all 2 tensors take 1050944 bytes, of which 320 were there: .*1050624 bytes on cuda:0"
    with pytest.raises(MemoryError, match=message):
        fastinit.Plan(model, "gpt2").init(device="cuda")
    assert extension.calls == []


def test_model(cupy: Cupy, extension: Extension) -> None:  # noqa: ARG001
    """One call, whatever the number of tensors."""
    model = fastinit.Manifest.from_shapes({"wpe.weight": (10, 8), "h.0.ln_1.bias": 8}, "gpt2")
    plan = fastinit.Plan(model, "gpt2", seed=0)
    drawn = plan.init(device="cuda:1")
    for name, array in plan.init().items():
        check_bits(drawn[name].get(), array, name)
    assert extension.calls == [(2, 1, 71)]


def test_dtype_that_cupy_lacks(cupy: Cupy) -> None:  # noqa: ARG001
    """What to pass instead."""
    with pytest.raises(ValueError, match=r"CuPy makes no array of float8_e5m2.*pass out="):
        fastinit.normal(SHAPE, dtype="float8_e5m2", device="cuda")


def test_digest(cupy: Cupy) -> None:  # noqa: ARG001
    """Of an array on a GPU, to compare with another machine's."""
    on_gpu = fastinit.normal(SHAPE, seed=0, device="cuda")
    assert fastinit.digest(on_gpu) == fastinit.digest(fastinit.normal(SHAPE, seed=0))


# ---- out= ---------------------------------------------------------------------------------------


class Interface:
    """Only CUDA's array interface, over a NumPy array."""

    def __init__(self, array: NDArray[Any], **changes: Any) -> None:
        """Of `array`, with other items than its own; None removes one."""
        self.array = array
        own = array.__array_interface__
        items = {
            **{key: own[key] for key in ("shape", "typestr", "data", "strides")},
            **{"version": 3, "stream": None},
            **changes,
        }
        self.__cuda_array_interface__ = items


class Exporter:
    """Only DLPack's two methods, as if a CPU tensor lay on a GPU."""

    def __init__(self, array: Any, device: tuple[int, int] = (2, 1)) -> None:
        """Of `array`, exported as if on `device`."""
        self.array, self.device = array, device
        self.stream: Any = None

    def __dlpack_device__(self) -> tuple[int, int]:
        """The device that was given."""
        return self.device

    def __dlpack__(self, *, stream: Any = None, **options: Any) -> Any:
        """The array's."""
        self.stream = stream
        return self.array.__dlpack__(**options)


def of_torch(array: NDArray[Any]) -> torch.Tensor:
    """A tensor of any dtype over the same memory."""
    flat = torch.from_numpy(array.reshape(-1).view(np.uint8))
    return flat.view(getattr(torch, array.dtype.name)).reshape(array.shape)


class NamelessInterface(Interface, Exporter):
    """An interface without a name for its dtype, and DLPack, which has one."""

    def __init__(self, array: NDArray[Any]) -> None:
        """Of `array`."""
        Interface.__init__(self, array, typestr=f"<V{array.itemsize}")
        Exporter.__init__(self, of_torch(array))


# What wraps memory, for which dtypes, and the (device, stream) that its filling ends at.
WRAPPERS: dict[str, tuple[Callable[[NDArray[Any]], Any], tuple[str, ...], tuple[int, int]]] = {
    "cupy": (lambda m: CupyArray(m, 1), DTYPES, (1, 71)),
    "interface": (Interface, DTYPES[:3], (1, 1)),
    "interface with strides": (lambda m: Interface(m, strides=m.strides), DTYPES[:3], (1, 1)),
    "interface with stream": (lambda m: Interface(m, stream=2), DTYPES[:3], (1, 2)),
    "interface of version 2": (lambda m: Interface(m, version=2), DTYPES[:3], (1, 1)),
    "nameless interface": (NamelessInterface, DTYPES[3:], (1, 1)),
    "dlpack": (lambda m: Exporter(of_torch(m)), DTYPES, (1, 1)),
    "dlpack managed": (lambda m: Exporter(of_torch(m), (13, 0)), DTYPES, (0, 1)),
}
FITS = [(kind, dtype) for kind, (_, dtypes, _) in WRAPPERS.items() for dtype in dtypes]


@pytest.mark.parametrize(("kind", "dtype"), FITS)
def test_out(kind: str, dtype: str, cupy: Cupy, extension: Extension) -> None:  # noqa: ARG001
    """`out` itself comes back, filled on its own device and its library's stream."""
    wrap, _, (number, stream) = WRAPPERS[kind]
    memory = np.zeros((6, 5), dtype_of(dtype))
    out = wrap(memory)
    assert fastinit.normal((6, 5), seed=3, out=out) is out
    check_bits(memory, fastinit.normal((6, 5), seed=3, dtype=dtype))
    assert extension.calls == [(1, number, stream)]


@pytest.mark.parametrize("device", ["cuda", "cuda:1", CupyDevice(1)])
def test_out_on_the_device(device: Any, cupy: Cupy) -> None:  # noqa: ARG001
    """A device that agrees may be named too."""
    out = CupyArray(np.zeros(SHAPE, np.float32), 1)
    assert fastinit.normal(SHAPE, out=out, device=device) is out


def test_out_needs_no_cupy(extension: Extension) -> None:
    """Nor any other library than the one that made it."""
    fastinit.normal(SHAPE, out=Interface(np.zeros(SHAPE, np.float32)))
    assert extension.calls == [(1, 1, 1)]


def test_pinned_memory(extension: Extension) -> None:
    """The host's, although CUDA knows it: the CPU draws, and no stream is asked for."""
    memory = np.zeros(SHAPE, np.float32)
    out = Exporter(of_torch(memory), (3, 0))
    check_bits(fastinit.normal(SHAPE, seed=2, out=out) and memory, fastinit.normal(SHAPE, seed=2))
    assert (out.stream, extension.calls) == (None, [])


REMEDY = "pass a writeable C-contiguous array on the CPU or a CUDA GPU"
# From 8 x 8 elements of float32 to an `out` for 3 x 5, options, and what its refusal says.
MISFITS: dict[str, tuple[Callable[[NDArray[Any]], Any], dict[str, Any], tuple[str, ...]]] = {
    "device": (
        lambda m: CupyArray(m[:3, :5].copy()),
        {"device": "cuda:1"},
        ("device='cuda:1' but out= lies on cuda:0", "leave device out"),
    ),
    "on a GPU": (
        lambda m: CupyArray(m[:3, :5].copy()),
        {"device": "cpu"},
        ("device='cpu' but out= lies on cuda:0", "leave device out"),
    ),
    "on the host": (
        lambda m: m[:3, :5].copy(),
        {"device": "cuda"},
        ("device='cuda' but out= lies on cpu", "leave device out"),
    ),
    "dtype": (lambda m: CupyArray(m[:3, :5].copy()), {"dtype": "float16"}, ("leave dtype out",)),
    "shape": (lambda m: CupyArray(m), {}, ("shape (8, 8)", "(3, 5) is drawn")),
    "part": (lambda m: Interface(m[:3, :5], strides=m.strides), {}, ("not C-contiguous", REMEDY)),
    "cupy part": (lambda m: CupyArray(m[:3, :5]), {}, ("not C-contiguous", REMEDY)),
    "dlpack part": (lambda m: Exporter(of_torch(m)[:3, :5]), {}, ("not C-contiguous", REMEDY)),
    "read-only": (
        lambda m: Interface(m, shape=SHAPE, data=(m.ctypes.data, True)),
        {},
        ("read-only", REMEDY),
    ),
    "masked": (lambda m: Interface(m, shape=SHAPE, mask=m), {}, ("masked", REMEDY)),
    "complex": (lambda m: Interface(m, typestr="<c8"), {}, ("complex64", "known are float64")),
    "nameless": (lambda m: Interface(m, typestr="<V4"), {}, ("known are float64",)),
    "opencl": (lambda m: Exporter(of_torch(m), (4, 0)), {}, ("DLPack device (4, 0)", REMEDY)),
}


@pytest.mark.parametrize("kind", MISFITS)
def test_refused(kind: str, cupy: Cupy, extension: Extension) -> None:  # noqa: ARG001
    """What was given, what is allowed, what to do; and nothing was written."""
    make, options, fragments = MISFITS[kind]
    memory = np.full((8, 8), 7, np.float32)
    with pytest.raises(ValueError, match="out=") as caught:
        fastinit.normal(SHAPE, out=make(memory), **options)
    assert [part for part in fragments if part not in str(caught.value)] == []
    assert extension.calls == []
    assert np.all(memory == 7)


def test_host_pointer(extension: Extension) -> None:
    """An array that claims to lie on a GPU and does not is refused."""
    memory = np.full(SHAPE, 7, np.float32)
    extension.on_host.add(memory.ctypes.data)
    message = f"says that it lies on a GPU, but its address is the host's; {REMEDY}"
    with pytest.raises(ValueError, match=message):
        fastinit.normal(SHAPE, out=Interface(memory))
    assert np.all(memory == 7)


def test_out_where_cuda_is_not_built(monkeypatch: pytest.MonkeyPatch) -> None:
    """The sentence of the status."""
    with (
        machine(monkeypatch, None),
        pytest.raises(RuntimeError, match="CUDA cannot be used: this fastinit was built without"),
    ):
        fastinit.normal(SHAPE, out=Interface(np.zeros(SHAPE, np.float32)))


def test_several_devices_at_once(cupy: Cupy, extension: Extension) -> None:  # noqa: ARG001
    """One call for each device and stream, whatever the order of the outputs."""
    outs = [CupyArray(np.zeros(4, np.float32), number % 2) for number in range(5)]
    outs.append(np.zeros(4, np.float32))  # type: ignore[arg-type]
    expected = fastinit.normal(4, seed=9)
    what = fastinit.Normal().draw(dtype_of("float32"))
    places = [arrays.destination((4,), None, out, None) for out in outs]
    box = fastinit.boxes.whole((4,))
    arrays.fill((place, what.place(box, place.address, 9, 0)) for place in places)
    assert extension.calls == [(3, 0, 70), (2, 1, 71)]
    for out in outs:
        check_bits(getattr(out, "memory", out), expected)
