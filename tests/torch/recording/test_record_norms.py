"""Weight normalization of tensors that are too large to be read is recorded, bit for bit."""

import warnings
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn
from torch.nn.utils import parametrizations
from torch.nn.utils import weight_norm as old_weight_norm

from fastinit.torch.recording import norms
from fastinit.torch.recording.record import recorded
from helpers.recordings import NO_MEMORY, check_recording

LARGEST_READ = 4096  # bytes


def old(layer: nn.Module, dim: int = 0) -> nn.Module:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # it is deprecated
        normed: nn.Module = old_weight_norm(layer, dim=dim)
    return normed


def new(layer: nn.Module, dim: int = 0) -> nn.Module:
    normed: nn.Module = parametrizations.weight_norm(layer, dim=dim)
    return normed


@pytest.mark.parametrize("weight_norm", [old, new])
@pytest.mark.parametrize("piece", [1, 1500, 4000, 1 << 30])
def test_pieces_have_the_bits_of_the_whole(
    weight_norm: Callable[..., nn.Module], piece: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(norms, "_PIECE", piece)

    def build() -> nn.Module:
        scaled = nn.Conv1d(16, 31, 5)
        nn.init.orthogonal_(scaled.weight, 0.3)
        return nn.Sequential(
            weight_norm(nn.Linear(70, 33)),
            weight_norm(nn.Conv2d(16, 8, 3, dtype=torch.float64)),
            weight_norm(nn.ConvTranspose1d(24, 18, 4), dim=1),
            weight_norm(scaled),
            weight_norm(nn.Linear(5, 3)),
        )

    plan = check_recording(build, largest_read=LARGEST_READ)
    rows = [each for each in plan.values() if "original0" in each.parameter.name]
    assert all(not each.initializer.is_random for each in rows)


@pytest.mark.parametrize("dim", [1, -1])
def test_norms_that_need_the_whole_are_refused(dim: int) -> None:
    """The last axis is summed in another order for other sizes, and -1 is the norm of all."""
    with pytest.raises(RuntimeError, match="reads its values, which a recording does not draw"):
        recorded(lambda: new(nn.Linear(70, 33), dim), 0, None, NO_MEMORY, LARGEST_READ)


def test_the_normalized_weight_has_no_values() -> None:
    def build() -> nn.Module:
        layer = new(nn.Linear(70, 33))
        weight: Any = layer.weight
        layer.register_buffer("copy", weight.detach() * 2)
        return layer

    with pytest.raises(RuntimeError, match="reads its values, which a recording does not draw"):
        recorded(build, 0, None, NO_MEMORY, LARGEST_READ)
