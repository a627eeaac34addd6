"""The source of a call's numbers: a generator of torch, or a seed and a name."""

from __future__ import annotations

from typing import NamedTuple

import torch

from fastinit import streams
from fastinit.streams import Seed
from fastinit.torch.nn_init.state import state


class Source(NamedTuple):  # a frozen dataclass takes twice as long to make
    """The source of a call's numbers, as its arguments say."""

    generator: torch.Generator | None = None
    seed: Seed | None = None
    name: str | int | None = None

    def stream(self, tensor: torch.Tensor) -> tuple[int, int] | None:
        """Return the seed and the number of the stream, or None where they are not needed.

        They are not needed for a tensor without elements, nor where an ``accelerate`` context
        chooses them.

        Raises:
            TypeError: ``seed`` or ``name`` has the wrong type.
            ValueError: Both ``seed`` and ``generator`` are given, or a number is out of range.
        """
        if self.seed is not None:
            if self.generator is not None:
                raise ValueError("both seed= and generator= are given; pass one of them")
            return streams.resolve(self.seed, self.name)
        number = 0 if self.name is None else streams.stream_of(self.name)
        is_free = self.generator is None and self.name is None
        if (is_free and state.context is not None) or tensor.numel() == 0:
            return None
        return seed_from(self.generator), number


def seed_from(generator: torch.Generator | None) -> int:
    """Return 64 bits of a generator, which advances; None means torch's default CPU generator."""
    with torch._C.DisableTorchFunction():
        word = state.word
        if isinstance(generator, torch.Generator) and generator.device != word.device:
            word = torch.empty_like(word, device=generator.device)
        return int(word.random_(-(1 << 63), None, generator=generator)) & (1 << 64) - 1
