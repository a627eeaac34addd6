"""What cannot be recorded: the message names the tensor, the line and what to do."""

import pytest
import torch
from torch import nn

from fastinit.torch import record
from fastinit.torch.recording import tensors

LARGE = (1 << 13, 1 << 12)  # 128 MiB


class Reading(nn.Module):
    """A module whose code reads a large weight."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(LARGE))
        nn.init.normal_(self.weight)
        self.norm = self.weight.detach().norm()


def test_a_large_tensor_that_is_read() -> None:
    pattern = (
        rf"'weight' \({LARGE[0]}, {LARGE[1]}\) has 134217728 bytes, and "
        rf"{__name__}\.Reading\.__init__, line \d+ reads its values, .*; initialize it by functions"
    )
    with pytest.raises(RuntimeError, match=pattern):
        record(Reading)


@pytest.mark.parametrize("shape", [(5, 3), LARGE])
def test_a_tensor_that_nothing_writes(shape: tuple[int, ...]) -> None:
    def build() -> nn.Module:
        module = nn.Linear(2, 2)
        module.extra = nn.Parameter(torch.empty(shape))
        return module

    with pytest.raises(ValueError, match="nothing writes extra: they hold what their memory held"):
        record(build)


def test_a_tensor_of_which_a_part_is_written() -> None:
    def build() -> nn.Module:
        module = nn.Module()
        part = torch.empty(5, 3)
        part[1:].normal_()
        module.w = nn.Parameter(torch.cat([part, torch.zeros(2, 3)]).exp().log())
        module.v = nn.Parameter(part)
        return module

    with pytest.raises(ValueError, match="nothing writes v: they hold what their memory held"):
        record(build)


def test_a_large_tensor_that_is_written_in_part() -> None:
    def build() -> nn.Module:
        module = nn.Module()
        module.w = nn.Parameter(torch.empty(LARGE))
        with torch.no_grad():
            module.w[1:].normal_()
        return module

    with pytest.raises(ValueError, match="it is not known what writes w: they are too large"):
        record(build)


def test_computed_values_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tensors, "LARGEST_STORED", 1000)

    def build() -> nn.Module:
        module = nn.Module()
        module.table = nn.Parameter(torch.arange(300.0).sin())
        return module

    with pytest.raises(
        ValueError, match="code computes 1200 bytes of values, among them table; at"
    ):
        record(build)
