"""Names of devices, the errors where CUDA cannot be used, and where new arrays lie."""

from types import SimpleNamespace
from typing import Any
from unittest.mock import Mock

import jax
import numpy as np
import pytest
import torch

import fastinit
from fastinit.arrays import devices
from fastinit.native import cuda
from helpers.bits import check_bits
from helpers.cuda.fake_gpu import CudaError, Cupy, CupyDevice, Extension, machine
from helpers.dtypes import DTYPES
from helpers.ids import shortened
from helpers.processes import child
from helpers.records.initializers import RECORDS

SHAPE = (3, 5)
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
    ("gpu", "cuda"),
    ("gpu:1", "cuda:1"),
    (CupyDevice(1), "cuda:1"),
    (SimpleNamespace(platform="gpu", local_hardware_id=1), "cuda:1"),
]


@pytest.mark.parametrize(("device", "name"), NAMES, ids=shortened)
def test_names(device: Any, name: str | None) -> None:
    assert devices.name_of(device) == name


@pytest.mark.parametrize(
    "device", ["", "gpu:", "gpus", "cuda:", "cuda:-1", "cuda:x", "cuda0", 0, torch.device("meta")]
)
def test_unknown_names(device: Any) -> None:
    with pytest.raises(ValueError, match="is not known; use device='cpu', 'cuda' or 'cuda:1'"):
        fastinit.zeros(3, device=device)


@pytest.mark.parametrize("device", ["mps", "mps:0", torch.device("mps")])
def test_device_of_apple(device: Any) -> None:
    with pytest.raises(ValueError, match=r"device='mps(:0)?' is not drawn on: .*move the array"):
        fastinit.zeros(3, device=device)


# ---- where CUDA cannot be used ------------------------------------------------------------------

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
    "failing GPU": (
        Extension(device_properties=Mock(side_effect=CudaError("cudaGetDeviceProperties", 999))),
        ("cudaGetDeviceProperties: failed (999)",),
    ),
    "old GPUs": (
        Extension(capabilities=[(7, 0), (6, 1)]),
        ("cuda:0 Card 0 (compute capability 7.0)", "built for (75, 80, 90, 90-virtual)", "=native"),
    ),
}


@pytest.mark.parametrize("name", UNUSABLE)
def test_unusable(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The status, `info` and the error of a call give the same reason and remedy."""
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
    """Drivers and runtimes of one major version of CUDA mix."""
    with machine(monkeypatch, Extension(driver=13000, runtime=13020)):
        assert fastinit.cuda_status().startswith("usable")


def test_broken_extension(monkeypatch: pytest.MonkeyPatch) -> None:
    """An extension that cannot be loaded is not taken for one that was not built."""

    def load() -> None:
        raise ImportError("libfoo.so: cannot open shared object file")

    with machine(monkeypatch, Extension()):
        monkeypatch.setattr("fastinit.native.cuda._load", load)
        assert "libfoo.so" in fastinit.cuda_status()
        assert "install fastinit again" in fastinit.cuda_status()


@pytest.mark.usefixtures("extension")
def test_usable_without_cupy() -> None:
    """GPU arrays can be filled, and a new one is an error that says what is missing."""
    status = fastinit.cuda_status()
    assert status.startswith(
        "usable with out= only: cuda:0 Card 0 (compute capability 9.0), cuda:1"
    )
    assert "pip install 'fastinit-nn[cuda]'" in status
    with pytest.raises(RuntimeError, match=r"are CuPy's, which cannot be imported.*pip install"):
        fastinit.normal(SHAPE, device="cuda")


@pytest.mark.usefixtures("cupy")
def test_usable() -> None:
    cards = "cuda:0 Card 0 (compute capability 9.0), cuda:1 Card 1 (compute capability 8.6)"
    assert fastinit.cuda_status() == f"usable: {cards}"


@pytest.mark.usefixtures("cupy")
def test_one_unsupported_gpu(extension: Extension) -> None:
    """The other GPU can be used."""
    extension.capabilities[1] = 7, 0
    fastinit.normal(SHAPE, device="cuda:0")
    with pytest.raises(RuntimeError, match=r"cuda:1 Card 1.*is not among what this fastinit was"):
        fastinit.normal(SHAPE, device="cuda:1")


def test_import_needs_no_gpu() -> None:
    """Without the extension and CuPy, everything except CUDA works."""
    code = (
        "import sys; sys.modules['cupy'] = None; sys.modules['fastinit.native._cuda'] = None\n"
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
    """Machine code runs within its major version, PTX on everything newer."""
    assert cuda._runs(code, *capability) == runs


# ---- new arrays ---------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", [*DTYPES[:4], "bool", "int64"])
def test_new_arrays(dtype: str, cupy: Cupy, extension: Extension) -> None:
    """They are CuPy's, on its current GPU and stream, with the CPU's values."""
    draw = fastinit.normal if dtype in DTYPES else fastinit.ones
    array: Any = draw(SHAPE, seed=3, dtype=dtype, device="cuda")
    assert type(array) is cupy.ndarray
    check_bits(array.get(), draw(SHAPE, seed=3, name=0, dtype=dtype))
    assert extension.calls == [(1, 0, 70)]


@pytest.mark.parametrize("name", [name for name, record in RECORDS.items() if not record.on_host])
def test_new_arrays_of_every_initializer(name: str, cupy: Cupy) -> None:
    record = RECORDS[name]
    for shape, options in record.fits:
        array = record.draw(shape, seed=3, dtype="float32", device="cuda", **options)
        assert type(array) is cupy.ndarray
        check_bits(array.get(), record.draw(shape, seed=3, dtype="float32", **options))


@pytest.mark.parametrize("device", ["cuda:1", torch.device("cuda", 1), CupyDevice(1)])
@pytest.mark.usefixtures("cupy")
def test_new_arrays_elsewhere(device: Any, extension: Extension) -> None:
    """They lie on the GPU that was named; the current one stays."""
    array: Any = fastinit.normal(SHAPE, device=device)
    assert array.device.id == 1
    assert extension.calls == [(1, 1, 71)]
    assert CupyDevice().id == 0


@pytest.mark.usefixtures("cupy")
def test_part() -> None:
    part: Any = fastinit.normal((8, 6), seed=1, index=np.s_[2:5, 1:3], device="cuda")
    check_bits(part.get(), fastinit.normal((8, 6), seed=1)[2:5, 1:3])


@pytest.mark.usefixtures("cupy")
def test_without_elements(extension: Extension) -> None:
    """Nothing is launched."""
    assert fastinit.normal((3, 0), device="cuda").shape == (3, 0)
    assert extension.calls == []


@pytest.mark.usefixtures("cupy")
def test_missing_gpu() -> None:
    with pytest.raises(ValueError, match="device='cuda:2' is not there: 2 found, numbered from"):
        fastinit.normal(SHAPE, device="cuda:2")


@pytest.mark.usefixtures("cupy")
def test_out_of_memory(extension: Extension) -> None:
    """The error says how much was asked for and where, and nothing is drawn."""
    message = r"\(513, 512\) of float32 takes 1050624 bytes on cuda:1: Out of memory"
    with pytest.raises(MemoryError, match=message):
        fastinit.normal((513, 512), device="cuda:1")
    assert extension.calls == []


@pytest.mark.usefixtures("cupy")
def test_model_out_of_memory(extension: Extension) -> None:
    """The error says how much the whole model takes too; nothing is drawn."""
    model = fastinit.Manifest.from_shapes({"wpe.weight": (10, 8), "wte.weight": (512, 513)}, "gpt2")
    message = (
        "all 2 tensors take 1050944 bytes, of which 320 could be had: .*1050624 bytes on cuda:0"
    )
    with pytest.raises(MemoryError, match=message):
        fastinit.Plan(model, "gpt2").init(device="cuda")
    assert extension.calls == []


@pytest.mark.usefixtures("cupy")
def test_model(extension: Extension) -> None:
    """There is one call, whatever the number of tensors."""
    model = fastinit.Manifest.from_shapes({"wpe.weight": (10, 8), "h.0.ln_1.bias": 8}, "gpt2")
    plan = fastinit.Plan(model, "gpt2", seed=0)
    drawn = plan.init(device="cuda:1")
    for name, array in plan.init().items():
        check_bits(drawn[name].get(), array, name)
    assert extension.calls == [(2, 1, 71)]


@pytest.mark.usefixtures("cupy")
def test_masks_of_a_model(extension: Extension) -> None:
    rules = [("b", fastinit.Constant(0)), ("**", fastinit.Sparse(0.5, per="tensor"))]
    plan = fastinit.Plan({"a": (4, 6), "b": 6, "c": (6, 8)}, rules, seed=0)
    drawn = plan.masks(device="cuda:1")
    for name, array in plan.masks().items():
        check_bits(drawn[name].get(), array, name)
    assert len(extension.calls) == 1


@pytest.mark.usefixtures("cupy")
def test_dtype_that_cupy_lacks() -> None:
    with pytest.raises(ValueError, match=r"CuPy makes no array of float8_e5m2.*pass out="):
        fastinit.normal(SHAPE, dtype="float8_e5m2", device="cuda")


@pytest.mark.usefixtures("cupy")
def test_digest() -> None:
    """The digest of an array on a GPU can be compared with another machine's."""
    on_gpu = fastinit.normal(SHAPE, seed=0, device="cuda")
    assert fastinit.digest(on_gpu) == fastinit.digest(fastinit.normal(SHAPE, seed=0, name=0))
