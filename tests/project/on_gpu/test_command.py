"""``benchmarks/on_gpu.sh`` with and without a card, and the card that it finds."""

import ctypes
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from benchmarks.on_gpu import __main__ as command
from benchmarks.on_gpu import machine, steps
from benchmarks.on_gpu.session import (
    Card,
)

ROOT = Path(__file__).parents[3]


def test_without_a_card(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """It says so in one line, builds nothing, and does not fail."""
    why = machine.card("no-such-library.so")
    assert why == "there is no NVIDIA driver (libcuda.so.1)"
    monkeypatch.setattr(machine, "card", lambda: why)
    paths = [tmp_path / "out", tmp_path / "work"]
    assert command.main([str(paths[0]), "--work", str(paths[1])]) == 0
    assert capsys.readouterr().out == f"Nothing is built or measured, because {why}.\n"
    assert not any(path.exists() for path in paths)


def test_script() -> None:
    """It runs the command from any folder, with the Python that it is given."""
    done = subprocess.run(
        ["sh", ROOT / "benchmarks" / "on_gpu.sh", "--list"],
        cwd="/",
        env={"PYTHON": sys.executable, "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=True,
    )
    names = [line.split()[0] for line in done.stdout.splitlines()]
    assert names == [
        "build",
        "suite",
        "figures",
        "jax",
        "sweep",
        "sanitizer",
        "counters",
        "threads",
    ]


def test_standard_library_alone() -> None:
    """Until fastinit is built, nothing else is imported."""
    code = "import sys, benchmarks.on_gpu.__main__; print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-S", "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    roots = {name.partition(".")[0] for name in done.stdout.split()}
    assert roots - sys.stdlib_module_names <= {"__main__", "benchmarks"}


def test_time_of_all_steps() -> None:
    """Even if each takes all of its time, only the last three may be left out."""
    assert sum(step.limit for step in steps.STEPS[:-3]) <= 8 * 60
    assert [step.name for step in steps.STEPS if not step.needs_build] == ["build"]


class Driver:
    """A driver with one GPU, or a failing one."""

    def __init__(self, status: int = 0, count: int = 1) -> None:
        self.status, self.count = status, count

    def cuInit(self, _: int) -> int:  # noqa: N802
        return self.status

    def cuDeviceGetCount(self, count: Any) -> int:  # noqa: N802
        count._obj.value = self.count
        return 0

    def cuDeviceGet(self, *_: Any) -> int:  # noqa: N802
        return 0

    def cuDeviceGetName(self, name: Any, *_: Any) -> int:  # noqa: N802
        name.value = b"Driver's card"
        return 0

    def cuDeviceGetAttribute(self, value: Any, attribute: int, _: Any) -> int:  # noqa: N802
        value._obj.value = {75: 12, 76: 0}[attribute]
        return 0


@pytest.mark.parametrize(
    ("driver", "found"),
    [
        (Driver(), Card("Driver's card", "120")),
        (Driver(status=999), "the driver sees no GPU (cuInit: 999)"),
        (Driver(count=0), "the driver sees no GPU"),
    ],
)
def test_card(driver: Driver, found: Card | str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ctypes, "CDLL", lambda _: driver)
    assert machine.card() == found
