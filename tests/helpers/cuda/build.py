"""The build of ``_cuda`` for the emulated device: PTX as text, and the stand-in runtime linked."""

import fcntl
import functools
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).parents[3]
NVCC = os.environ.get("CUDACXX") or shutil.which("nvcc")


@functools.cache
def building() -> subprocess.Popen[bytes]:
    """Start a process that builds the module while this one runs other tests."""
    return subprocess.Popen(
        [sys.executable, "-c", "from helpers.cuda import build; build.build()"],
        cwd=ROOT / "tests",
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def build() -> Path:
    """Build the module unless that was done since csrc/ changed; return its path."""
    folder = Path(tempfile.gettempdir()) / f"fastinit-emulated-{os.getuid()}-{_state()}"
    # Of processes that test at the same time, one builds and the others wait.
    with folder.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not folder.exists():
            with tempfile.TemporaryDirectory(dir=tempfile.gettempdir()) as work:
                finished = Path(work) / "finished"
                finished.mkdir()
                shutil.copy(compiled(Path(work), _all_major()), finished)
                finished.rename(folder)  # whole
    return next(folder.iterdir())


def _state() -> str:
    """A digest of everything that the module is made of."""
    state = hashlib.sha256(f"{sys.version} {NVCC}".encode())
    files = [*(ROOT / "csrc").rglob("*.*"), ROOT / "CMakeLists.txt", _runtime(), Path(__file__)]
    for file in sorted(files):
        state.update(str(file.relative_to(ROOT)).encode() + file.read_bytes())
    return state.hexdigest()[:16]


def _runtime() -> Path:
    return ROOT / "tests" / "cuda_emulator" / "runtime.c"


def _all_major() -> list[str]:
    """The architectures nvcc compiles for by default: the first of each generation."""
    assert NVCC is not None
    listed = subprocess.run([NVCC, "--list-gpu-arch"], capture_output=True, text=True, check=True)
    first: dict[int, int] = {}
    for number in sorted(int(name.removeprefix("compute_")) for name in listed.stdout.split()):
        first.setdefault(number // 10, number)
    return [str(number) for number in first.values()]


def compiled(folder: Path, architectures: Sequence[str], tuning: Sequence[str] = ()) -> Path:
    """Compile the module in a folder, with numbers of csrc/cuda/tuning.h; return its path."""
    import pybind11

    settings = {
        "FASTINIT_CUDA": "ON",
        "FASTINIT_CUDA_STAND_IN": _runtime(),
        "FASTINIT_CUDA_TUNING": ";".join(tuning),
        "CMAKE_CUDA_ARCHITECTURES": ";".join(f"{number}-virtual" for number in architectures),
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
    return next((folder / "csrc" / "cuda").glob("_cuda.*"))
