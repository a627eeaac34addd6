"""Variants of kernels, which ``benchmarks/on_gpu.sh`` builds and compares."""

import json
from pathlib import Path
from typing import Any

import pytest

from benchmarks import gpu
from benchmarks.on_gpu import sweep
from benchmarks.on_gpu.session import FAILED, Done, Session, StopError
from helpers.cuda.sessions import result_of

ROOT = Path(__file__).parents[3]


def test_variants() -> None:
    """Each is told apart by its name, and sets numbers that csrc/cuda/tuning.h has."""
    text = (ROOT / "csrc" / "cuda" / "tuning.h").read_text()
    names = [variant.name for variant in sweep.VARIANTS]
    assert len(set(names)) == len(names)
    for variant in sweep.VARIANTS:
        for number in variant.tuning:
            assert f"#ifndef FASTINIT_{number.partition('=')[0]}\n" in text


def test_tasks_of_variants() -> None:
    """They are tasks of the benchmark, so that something is measured."""
    names = {task.name for task in gpu.TASKS}
    assert set(sweep.TASKS.split(",")) <= names


def test_sweep(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    """A variant that cannot be built or measured does not hide the others."""

    def built(session: Session, name: str, _: Any) -> Path:
        if name == "unbuilt":
            raise StopError(FAILED, "no compiler")
        return session.work / f"{name}.so"

    def measured(_: Session, command: list[str], section: str, **__: Any) -> Done:
        path = Path(command[command.index("--json") + 1])
        entries = [
            {"task": "normal float32", "library": library, "values_per_second": 2e11}
            for library in ("cudaMemset", "fastinit")
        ]
        path.write_text(json.dumps({"results": entries}))
        return Done(1 if section == "sweep-wrong" else 0, "fastinit is wrong", section)

    monkeypatch.setattr(sweep, "build_variant", built)
    monkeypatch.setattr(Session, "run", measured)
    variants = [sweep.Variant(name, ("FILL_THREADS=1",)) for name in ("unbuilt", "wrong", "good")]
    with pytest.raises(StopError, match=r"not measured: unbuilt, wrong; sweep\.json says why"):
        sweep.sweep(session, variants)
    assert sweep.rates(session) == {"normal float32": {"default": 2e11, "good": 2e11}}
    found = {
        each["variant"]: each["problem"] for each in result_of(session, "sweep.json")["results"]
    }
    assert (found["unbuilt"], found["good"]) == ("no compiler", None)
    assert "fastinit is wrong" in found["wrong"]
    assert sweep.sweep(session, variants[2:]) == "2 variants"
