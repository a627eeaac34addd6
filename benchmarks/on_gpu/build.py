"""The build for one architecture in a folder of its own, which nothing is installed from."""

from __future__ import annotations

import os
import shutil
import sys
import tomllib
from collections.abc import Sequence
from pathlib import Path

from benchmarks.on_gpu import machine
from benchmarks.on_gpu.session import FAILED, ROOT, Session, StopError

_USABLE = """
import sys, fastinit
print(fastinit.__version__)
status = fastinit.cuda_status()
print(status)
sys.exit(not status.startswith("usable"))
"""


def build(session: Session) -> str:
    """Build both extension modules and put fastinit into ``session.site``."""
    folder = session.work / "build"
    shutil.rmtree(session.site, ignore_errors=True)  # whatever happens, no step uses an old build
    _configure(session, folder, ())
    cmake = machine.tool("cmake", "configures the build")
    command = [cmake, "--build", str(folder), "--parallel", _processors()]
    session.run(command, "build").needed()
    session.run([cmake, "--install", folder, "--prefix", session.site], "install").needed()
    shutil.copytree(ROOT / "python" / "fastinit", session.site / "fastinit", dirs_exist_ok=True)
    _describe(session.site)
    status = session.run([sys.executable, "-c", _USABLE], "status")
    if status.status != 0:
        shutil.rmtree(session.site)
        raise StopError(FAILED, f"what was built cannot be used: {status.last_line}")
    return f"for sm_{session.card.architecture}: {status.last_line}"


def build_variant(session: Session, name: str, tuning: Sequence[str]) -> Path:
    """Build the CUDA module alone, with numbers of csrc/cuda/tuning.h; return its path."""
    folder = session.work / "variants" / name
    _configure(session, folder, tuning)
    cmake = machine.tool("cmake", "configures the build")
    command = [cmake, "--build", str(folder), "--target", "_cuda", "--parallel", "4"]
    session.run(command, f"build-{name}").needed()
    return next((folder / "csrc" / "cuda").glob("_cuda.*"))


def _configure(session: Session, folder: Path, tuning: Sequence[str]) -> None:
    settings = {
        "FASTINIT_CUDA": "ON",
        "FASTINIT_CUDA_TUNING": ";".join(tuning),
        "CMAKE_CUDA_ARCHITECTURES": f"{session.card.architecture}-real",
        "CMAKE_CUDA_COMPILER": machine.nvcc(),
        "Python_EXECUTABLE": sys.executable,
        **machine.pybind11(),
    }
    command = [machine.tool("cmake", "configures the build"), "-S", str(ROOT), "-B", str(folder)]
    machine.tool("c++", "compiles fastinit")
    if shutil.which("ninja"):
        command += ["-G", "Ninja"]
    command += [f"-D{name}={value}" for name, value in settings.items()]
    session.run(command, f"configure-{folder.name}").needed()


def _describe(site: Path) -> None:
    """Write what importlib.metadata reads: the name and the version."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    name, version = project["name"], project["version"]
    folder = site / f"{name.replace('-', '_')}-{version}.dist-info"
    folder.mkdir(exist_ok=True)
    text = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
    (folder / "METADATA").write_text(text)


def _processors() -> str:
    return str(len(os.sched_getaffinity(0)))
