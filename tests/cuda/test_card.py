"""Tests for a card alone, and tests that run them without one."""

import shutil
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import fastinit
from benchmarks.on_gpu import machine, session, steps
from fastinit import native
from helpers.cuda.build import NVCC
from helpers.cuda.cases import check, constants, fill_launches, mask_launches
from helpers.cuda.devices import Card, Emulated
from helpers.dtypes import DTYPES, dtype_of
from helpers.processes import environment
from helpers.records.initializers import KERNELS
from helpers.requests import fill

TOOLS = ("memcheck", "racecheck", "initcheck", "synccheck")
FINDING = 86  # the exit status of compute-sanitizer where a tool has found something


@pytest.fixture
def card_of_the_host(monkeypatch: pytest.MonkeyPatch) -> Card:
    """A card whose GPU is the CPU."""
    import torch

    def draw(requests: NDArray[np.void], device: int, stream: int) -> None:
        assert (device, stream) == (0, 7)
        fill(requests)

    module = SimpleNamespace(fill=draw)
    monkeypatch.setitem(sys.modules, "fastinit.native._cuda", module)
    monkeypatch.setattr(native, "_cuda", module, raising=False)
    monkeypatch.setattr(torch.Tensor, "cuda", torch.Tensor.clone)
    monkeypatch.setattr(torch.cuda, "current_device", lambda: 0)
    monkeypatch.setattr(torch.cuda, "current_stream", lambda: SimpleNamespace(cuda_stream=7))
    return Card()


@pytest.mark.parametrize("dtype", DTYPES)
def test_cases_of_a_card(card_of_the_host: Card, dtype: str) -> None:
    """All cases can be drawn, and their comparison works."""
    for kernel in KERNELS:
        for _, _, cases in fill_launches(kernel, dtype_of(dtype)):
            check(card_of_the_host, cases)
    for _, _, cases in mask_launches():
        check(card_of_the_host, cases)


def test_difference_is_seen(card_of_the_host: Card, monkeypatch: pytest.MonkeyPatch) -> None:
    """A card that draws nothing, or one byte too many, fails."""
    monkeypatch.setattr(card_of_the_host.module, "fill", lambda *_: None)
    with pytest.raises(AssertionError, match=r"bytes differ, the first is 0 of"):
        check(card_of_the_host, constants())

    card_of_the_host.clear()

    def overrun(requests: NDArray[np.void], *_: Any) -> None:
        fill(requests)
        for array in card_of_the_host._arrays.values():
            array[-1] = 0

    monkeypatch.setattr(card_of_the_host.module, "fill", overrun)
    with pytest.raises(AssertionError, match="1 bytes differ"):
        check(card_of_the_host, list(constants())[:1])


@pytest.mark.gpu
def test_calls_in_flight_on_a_card(card: Card) -> None:  # noqa: ARG001
    """Many calls queued after long ones, on two streams, do not share their tables."""
    import torch

    large = [torch.empty(1 << 28, dtype=torch.bfloat16, device="cuda") for _ in range(2)]
    small = [torch.empty(1000 + k, device="cuda") for k in range(64)]
    streams: list[Any] = [torch.cuda.Stream() for _ in range(2)]  # type: ignore[no-untyped-call]
    torch.cuda.synchronize()
    for k, tensor in enumerate(small):
        with torch.cuda.stream(streams[k % 2]):
            fastinit.normal(large[k % 2].shape, seed=k, name=0, out=large[k % 2])
            fastinit.normal(tensor.shape, seed=k, name=0, out=tensor)
    torch.cuda.synchronize()
    for k, tensor in enumerate(small):
        expected = fastinit.normal(tensor.shape, seed=k, name=0)
        assert fastinit.digest(tensor) == fastinit.digest(expected), k


def sanitizer() -> str | None:
    """The path of compute-sanitizer, on PATH or beside nvcc."""
    beside = None if NVCC is None else str(Path(NVCC).parent)
    return shutil.which("compute-sanitizer") or shutil.which("compute-sanitizer", path=beside)


def sanitized(program: str, tool: str, *arguments: str) -> str:
    """The output of the cases under a tool, which must find nothing."""
    script = Path(__file__).parent / "sanitized_cases.py"
    command = [program, "--tool", tool, "--error-exitcode", str(FINDING)]
    done = subprocess.run(
        [*command, sys.executable, str(script), *arguments],
        # One allocation for each tensor, so that the memory after it is not in use.
        env=environment(PYTORCH_NO_CUDA_MEMORY_CACHING="1"),
        capture_output=True,
        text=True,
        timeout=1800,
        check=False,
    )
    assert done.returncode == 0, f"exit status {done.returncode}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def test_way_to_the_sanitizer(emulation: Emulated, tmp_path: Path) -> None:  # noqa: ARG001
    """A program with compute-sanitizer's options runs the emulated cases, and its status counts."""
    program = tmp_path / "compute-sanitizer"
    for status in (0, FINDING):
        ended = "" if status == 0 else f"; exit {status}"
        program.write_text(f'#!/bin/sh\n[ "$1" = --tool ] || exit 1\nshift 4\n"$@"{ended}\n')
        program.chmod(0o755)
        if status == 0:
            assert "cases agree" in sanitized(str(program), "memcheck", "--emulated", "uniform")
        else:
            with pytest.raises(AssertionError, match=f"exit status {FINDING}"):
                sanitized(str(program), "memcheck", "--help")


@pytest.mark.slow
def test_step_of_the_sanitizer(
    emulation: Emulated,  # noqa: ARG001
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The step of ``benchmarks/on_gpu.sh``, with the emulator in place of the driver."""
    program = tmp_path / "compute-sanitizer"
    program.write_text('#!/bin/sh\nshift 4\nexec "$@" --emulated\n')
    program.chmod(0o755)
    monkeypatch.setattr(machine, "tool", lambda *_: str(program))
    monkeypatch.setattr(steps, "SELECTION", ("uniform",))
    gpu = session.Card("emulated", "80")
    run = session.Session(tmp_path, tmp_path, gpu, time.monotonic() + 600)
    assert steps.sanitizer(run) == f"{', '.join(TOOLS)} found nothing"


@pytest.mark.gpu
@pytest.mark.parametrize("tool", TOOLS)
def test_sanitizer_on_a_card(card: Card, tool: str) -> None:  # noqa: ARG001
    program = sanitizer()
    if program is None:
        pytest.skip("compute-sanitizer was not found on PATH or beside nvcc")
    assert "cases agree" in sanitized(program, tool)
