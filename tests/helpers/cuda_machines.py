"""Where CUDA's part is tried: an emulated device, or a card where there is one."""

from __future__ import annotations

import functools
import hashlib
import importlib.util
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from cuda_emulator.standin import StandIn
from fastinit.requests import requests_of

ROOT = Path(__file__).parents[2]
# Whose PTX is the same but for the target. Those that were found so; tests assert it, and run what
# differs for any architecture.
CLASSES = (("75",), ("80", "90"), ("100", "110", "120"))
VIRTUAL = tuple(each[0] for each in CLASSES)
NVCC = os.environ.get("CUDACXX") or shutil.which("nvcc")
# What the emulator may run although PTX does not fix its bits; csrc/lanes/cuda.h says why.
ALLOWED = ("rsqrt.approx.ftz.f32", "rsqrt.approx.ftz.f64")


class Machine(Protocol):
    """A device with memory of bytes and the module's fill."""

    def put(self, data: NDArray[np.uint8]) -> int:
        """The address of a copy of the bytes, which no other memory touches."""

    def get(self, address: int, size: int) -> NDArray[np.uint8]:
        """The bytes that are there now."""

    def fill(self, records: Sequence[bytes]) -> None:
        """Draw."""

    def clear(self) -> None:
        """Free all memory."""


class Emulated:
    """The stand-in's device."""

    def __init__(self, module: ModuleType, stand_in: StandIn) -> None:
        """Over a module and what stands in for its runtime library."""
        self.module = module
        self.stand_in = stand_in
        self._addresses: list[int] = []

    def put(self, data: NDArray[np.uint8]) -> int:
        """See Machine."""
        address: int = self.stand_in.device.put(data)
        self._addresses.append(address)
        return address

    def get(self, address: int, size: int) -> NDArray[np.uint8]:
        """See Machine."""
        data: NDArray[np.uint8] = self.stand_in.device.read(address, np.uint8, size)
        return data

    def fill(self, records: Sequence[bytes]) -> None:
        """See Machine; the finding behind a failed launch is raised."""
        try:
            self.module.fill(requests_of(records), 0, 0)
        except self.module.CudaError as error:
            raise self.stand_in.error or error from None

    def clear(self) -> None:
        """See Machine."""
        while self._addresses:
            self.stand_in.device.free(self._addresses.pop())


class Card:
    """A GPU, with memory from torch or CuPy."""

    def __init__(self) -> None:
        """Over the module as it was installed."""
        from fastinit import _cuda

        self.module = _cuda
        self._arrays: dict[int, Any] = {}

    def put(self, data: NDArray[np.uint8]) -> int:
        """See Machine."""
        import torch

        array = torch.from_numpy(data).cuda()
        address: int = array.data_ptr()
        self._arrays[address] = array
        return address

    def get(self, address: int, size: int) -> NDArray[np.uint8]:
        """See Machine."""
        data: NDArray[np.uint8] = self._arrays[address].cpu().numpy()
        assert data.size == size
        return data

    def fill(self, records: Sequence[bytes]) -> None:
        """See Machine."""
        import torch

        stream = torch.cuda.current_stream().cuda_stream
        self.module.fill(requests_of(records), torch.cuda.current_device(), stream)

    def clear(self) -> None:
        """See Machine."""
        self._arrays.clear()


def card_is_missing() -> str | None:
    """Why there is no card to try, or None."""
    import torch

    import fastinit

    if not torch.cuda.is_available():
        return "torch finds no GPU"
    status = fastinit.cuda_status()
    return None if status.startswith("usable") else status


@functools.cache
def emulated() -> Emulated:
    """The module built for emulation, loaded beside the installed one."""
    building().wait()
    path = build()  # again where that failed, which says why
    stand_in = StandIn(path, allow=ALLOWED)
    # Under a name of its own: pybind11 gives the installed module again once that is loaded.
    spec = importlib.util.spec_from_file_location("emulated._cuda", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return Emulated(module, stand_in)


@functools.cache
def building() -> subprocess.Popen[bytes]:
    """A process that builds the module, while this one does something else."""
    code = "from helpers import cuda_machines; cuda_machines.build()"
    silent = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    return subprocess.Popen([sys.executable, "-c", code], cwd=ROOT / "tests", **silent)


def build() -> Path:
    """The module with PTX as text and the stand-in linked, built once for each state of csrc/."""
    folder = Path(tempfile.gettempdir()) / f"fastinit-emulated-{os.getuid()}-{_state()}"
    if not folder.exists():
        with tempfile.TemporaryDirectory(dir=tempfile.gettempdir()) as work:
            _cmake(Path(work))
            finished = Path(work) / "finished"
            finished.mkdir()
            module = next((Path(work) / "csrc" / "cuda").glob("_cuda.*"))
            shutil.copy(module, finished)
            try:
                finished.rename(folder)  # whole, whoever else is building
            except OSError:
                if not folder.exists():
                    raise
    return next(folder.iterdir())


def _state() -> str:
    """What the module is made of, as a digest."""
    state = hashlib.sha256(f"{sys.version} {NVCC}".encode())
    files = [*(ROOT / "csrc").rglob("*.*"), ROOT / "CMakeLists.txt", _runtime(), Path(__file__)]
    for file in sorted(files):
        state.update(str(file.relative_to(ROOT)).encode() + file.read_bytes())
    return state.hexdigest()[:16]


def _runtime() -> Path:
    return ROOT / "tests" / "cuda_emulator" / "runtime.c"


def _all_major() -> list[str]:
    """What nvcc compiles for by default: the first architecture of each generation."""
    assert NVCC is not None
    listed = subprocess.run([NVCC, "--list-gpu-arch"], capture_output=True, text=True, check=True)
    first: dict[int, int] = {}
    for number in sorted(int(name.removeprefix("compute_")) for name in listed.stdout.split()):
        first.setdefault(number // 10, number)
    return [str(number) for number in first.values()]


def _cmake(folder: Path) -> None:
    import pybind11

    settings = {
        "FASTINIT_CUDA": "ON",
        "FASTINIT_CUDA_STAND_IN": _runtime(),
        "CMAKE_CUDA_ARCHITECTURES": ";".join(f"{number}-virtual" for number in _all_major()),
        "CMAKE_CXX_FLAGS_RELEASE": "-O0",  # nothing here decides how fast a test is
        "Python_EXECUTABLE": sys.executable,
        "pybind11_DIR": pybind11.get_cmake_dir(),
    }
    options = [f"-D{name}={value}" for name, value in settings.items()]
    for command in (
        ["cmake", "-G", "Ninja", "-S", str(ROOT), "-B", str(folder), *options],
        ["cmake", "--build", str(folder), "--target", "_cuda"],
    ):
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
