"""Recommended starts beside those of AnyInit, on the models of benchmarks/guide.py."""

from __future__ import annotations

import statistics
from argparse import Namespace
from typing import Any

import pytest

from benchmarks import guide
from benchmarks.guide_models import TASKS, Task

pytest.importorskip("anyinit")

FAILS = ("GPT-2",)  # by AnyInit 0.4.0
COMPARED = {task.name: task for task in TASKS if task.name not in FAILS}
QUICK = ("GPT", "LSTM", "SIREN")  # of which one seed tells


def error(task: Task, start: guide.Start) -> float:
    """The growth error of a start, of one seed."""
    model = guide.built(task, 0)
    start(model, 0)
    return guide.growth_error(*guide.growth(task, model))


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", QUICK)
def test_growth(name: str) -> None:
    """Signals and gradients keep their scale better."""
    task = COMPARED[name]
    assert error(task, guide.fastinits) < error(task, guide.anyinits)


@pytest.mark.parametrize("name", FAILS)
def test_models_on_which_anyinit_fails(name: str) -> None:
    (task,) = (each for each in TASKS if each.name == name)
    assert guide.failure(task, guide.anyinits) is not None
    assert guide.failure(task, guide.fastinits) is None


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", COMPARED)
def test_training(name: str) -> None:
    """The loss after 200 steps is smaller, a mean over 5 seeds, and so are growth errors."""
    pytest.importorskip("sklearn")
    options = Namespace(steps=200, seeds=5, repeats=1)
    found: dict[str, dict[str, Any]] = guide.measured(COMPARED[name], options)
    ours, theirs = found["fastinit"], found["anyinit"]
    assert statistics.mean(ours["losses"]) < statistics.mean(theirs["losses"])
    assert ours["error"] < theirs["error"]
