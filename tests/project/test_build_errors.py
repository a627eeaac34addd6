"""What the build cannot do without is named in one sentence, with the remedy, by CMake."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from helpers.processes import TIMEOUT

ROOT = Path(__file__).parents[2]
GCC = shutil.which("g++")

pytestmark = pytest.mark.skipif(
    GCC is None or not (ROOT / "CMakeLists.txt").exists(),
    reason="g++ is not installed, or the sources are not beside the tests",
)


def configured(folder: Path, *options: str, **variables: str) -> str:
    """The output of a configuration that must fail, with single spaces."""
    done = subprocess.run(
        ["cmake", "-G", "Ninja", "-S", ROOT, "-B", folder, "-DFASTINIT_CUDA=OFF", *options],
        env={**os.environ, **variables},
        capture_output=True,
        text=True,
        timeout=TIMEOUT,
        check=False,
    )
    assert done.returncode != 0
    return " ".join((done.stdout + done.stderr).split())


@pytest.mark.parametrize("system", ["Windows", "Darwin"])
def test_other_system(system: str, tmp_path: Path) -> None:
    found = configured(tmp_path, f"-DCMAKE_SYSTEM_NAME={system}")
    assert f"fastinit builds on Linux only, not yet on {system}: on Windows use WSL" in found


def test_no_compiler(tmp_path: Path) -> None:
    found = configured(tmp_path, CXX="/bin/false")
    assert "fastinit needs a C++ compiler" in found
    assert "CXX='/bin/false'" in found
    assert "install g++ (apt install g++, or dnf install gcc-c++)" in found


def test_old_compiler(tmp_path: Path) -> None:
    found = configured(tmp_path, CXX=str(GCC), CXXFLAGS="-U__GNUC__ -D__GNUC__=7")
    assert "fastinit needs g++ 11 or newer, or clang++ 14 or newer" in found
    assert "the compiler is GNU 7." in found
    assert "set CXX to it" in found


def test_32_bits(tmp_path: Path) -> None:
    """Nothing is linked here: few machines have the libraries for it."""
    options = (
        "CXX_COMPILER=" + str(GCC),
        "CXX_FLAGS=-m32",
        "TRY_COMPILE_TARGET_TYPE=STATIC_LIBRARY",
    )
    found = configured(tmp_path, *(f"-DCMAKE_{option}" for option in options))
    assert "fastinit needs a 64-bit system" in found
    assert "compiles for 32 bits: use a 64-bit Python and compiler, without -m32" in found


def test_no_openmp(tmp_path: Path) -> None:
    found = configured(tmp_path, "-DCMAKE_DISABLE_FIND_PACKAGE_OpenMP=ON", CXX=str(GCC))
    assert "fastinit needs OpenMP, which GNU" in found
    assert "install it (for clang++, apt install libomp-dev), or set CXX=g++" in found


def test_next_try(tmp_path: Path) -> None:
    """What was wrong with the compiler is not remembered in the folder of the build."""
    assert "needs a C++ compiler" in configured(tmp_path, CXX="/bin/false")
    old = configured(tmp_path, CXX=str(GCC), CXXFLAGS="-U__GNUC__ -D__GNUC__=7")
    assert "the compiler is GNU 7." in old
    found = configured(tmp_path, "-DCMAKE_DISABLE_FIND_PACKAGE_OpenMP=ON", CXX=str(GCC))
    assert "fastinit needs OpenMP" in found
