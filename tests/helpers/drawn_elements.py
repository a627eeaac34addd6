"""A count of what is drawn into torch tensors."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from fastinit.torch.memory.batch import FillBatch


@contextmanager
def drawn_elements() -> Iterator[list[int]]:
    """The numbers of elements of all fills of torch tensors in this context."""
    found: list[int] = []
    original = FillBatch.add

    def counting(batch: FillBatch, tensor: Any, *options: Any) -> None:
        found.append(tensor.numel())
        original(batch, tensor, *options)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(FillBatch, "add", counting)
        yield found
