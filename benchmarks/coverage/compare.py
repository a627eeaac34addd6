"""A model's recorded plan compared with ``accelerate``, and with torch's own construction."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from benchmarks.common import LeftOutError
from benchmarks.coverage.distributions import faults_of
from fastinit import Plan
from fastinit.arrays.digest import to_numpy
from fastinit.torch import accelerate
from fastinit.torch.recording.record import recorded
from fastinit.torch.recording.recorder import LARGEST_READ, SMALLEST_VIRTUAL

SEEDS = 3, 4
SIZES = {"no memory": 0, "default": SMALLEST_VIRTUAL}
"""The bytes from which tensors have no memory in the two recordings that are compared."""

Arrays = dict[str, NDArray[Any]]
Build = Callable[[], torch.nn.Module]


def compare(build: Build) -> dict[str, Any]:
    """Return what a comparison of the model that a function builds has found.

    Raises:
        Exception: The model cannot be recorded.
        LeftOutError: It cannot be built, or has no parameters.
    """
    theirs = arrays(_built(build))
    start = time.perf_counter()
    plans = {what: _recorded(build, size) for what, size in SIZES.items()}
    seconds = (time.perf_counter() - start) / len(plans)
    ours, again = (arrays(accelerated(build, seed)) for seed in SEEDS)
    different = {what: differing(plan, ours) for what, plan in plans.items()}
    theirs_again = arrays(plain(build, SEEDS[1]))
    pools = _pools(plans["default"], ours)
    found = faults_of((ours, again), (theirs, theirs_again), pools)
    return {
        "tensors": len(ours),
        "elements": sum(array.size for array in ours.values()),
        "seconds": seconds,
        "different": {what: names for what, names in different.items() if names},
        **found,
    }


def differing(plan: Plan, arrays: Mapping[str, NDArray[Any]]) -> list[str]:
    """Return the names of the arrays of which a plan does not draw the bits."""
    drawn = plan.init()
    tied = plan.manifest.tied
    return [
        name
        for name, array in arrays.items()
        if tied.get(name, name) not in drawn
        or array.tobytes() != drawn[tied.get(name, name)].tobytes()
    ]


def arrays(module: torch.nn.Module) -> Arrays:
    """Return the tensors of a module's state dict."""
    state = module.state_dict()
    return {name: to_numpy(each) for name, each in state.items() if isinstance(each, torch.Tensor)}


def accelerated(build: Build, seed: int) -> torch.nn.Module:
    """Return the model that a function builds in ``accelerate``."""
    _seed_others(0)
    with accelerate(seed):
        return build()


def plain(build: Build, seed: int) -> torch.nn.Module:
    """Return the model that a function builds, drawn by torch."""
    _seed_others(0)
    torch.manual_seed(seed)
    return build()


def _built(build: Build) -> torch.nn.Module:
    try:
        module = plain(build, SEEDS[0])
    except (Exception, SystemExit) as error:
        raise LeftOutError(f"{type(error).__name__}: {error}") from None
    if not any(True for _ in module.parameters()):
        raise LeftOutError("it has no parameters")
    return module


def _recorded(build: Build, smallest_virtual: int) -> Plan:
    _seed_others(0)
    return recorded(build, SEEDS[0], None, smallest_virtual, LARGEST_READ)


def _seed_others(seed: int) -> None:
    """Seed the generators that some models use beside torch's."""
    random.seed(seed)
    np.random.seed(seed)


def _pools(plan: Plan, ours: Arrays) -> dict[str, str]:
    """Return the pattern of the rule that draws each tensor, by name."""
    found = {}
    for name in ours:
        planned = plan.find(plan.manifest.tied.get(name, name))
        rule = None if planned is None else planned.rule
        found[name] = name if rule is None else str(rule.pattern)
    return found
