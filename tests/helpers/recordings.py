"""Recordings of models, and the bits that ``accelerate`` gives the same models."""

from collections.abc import Callable
from typing import Any

import fastinit
from fastinit.arrays.digest import to_numpy
from fastinit.torch import accelerate
from fastinit.torch.recording.record import recorded
from fastinit.torch.recording.recorder import LARGEST_READ

NO_MEMORY, ALL_MEMORY = 0, 1 << 40
"""Sizes from which tensors have no memory: all of them, and none."""


def check_recording(
    build: Callable[[], Any],
    *,
    seed: int = 3,
    smallest_virtual: int = NO_MEMORY,
    largest_read: int = LARGEST_READ,
) -> fastinit.Plan:
    """Fail unless the plan of a recording draws the state dict that ``accelerate`` gives."""
    plan = recorded(build, seed, None, smallest_virtual, largest_read)
    with accelerate(seed):
        model = build()
    drawn = plan.init()
    different = [
        name
        for name, tensor in model.state_dict().items()
        if to_numpy(tensor).tobytes() != drawn[plan.manifest.tied.get(name, name)].tobytes()
    ]
    assert different == [], [plan.tensor(name).initializer for name in different]
    return plan
