"""Rows that follow each other in depth, and the growth of signals and gradients along them."""

from __future__ import annotations

import math
from collections.abc import Iterator

from fastinit.guide.propagation.profile import growth
from fastinit.probes.rows import ProbeRow, ProbeStack

FEWEST = 4  # blocks, layers or siblings that are compared

LAYERS = "the layers"
"""The title of the layers of a network without blocks and norms."""


def stacks_of(rows: list[ProbeRow]) -> Iterator[ProbeStack]:
    """Yield the blocks of each list, else all weighted layers of a network without norms."""
    groups: dict[tuple[str, str, tuple[int, ...]], list[ProbeRow]] = {}
    for row in rows:
        if row.is_block:
            parent = row.name.rpartition(".")[0]
            groups.setdefault((parent, row.kind, row.shape), []).append(row)
    large = {key: group for key, group in groups.items() if len(group) >= FEWEST}
    for key, group in large.items():
        yield _stack(key[0] or "the blocks", group)
    if large:
        return
    weighted = [row for row in rows if row.weight_rms > 0 and "Norm" not in row.kind]
    hidden = [row for row in weighted[:-1] if row.kind == weighted[-2].kind] if weighted[1:] else []
    if len(hidden) >= FEWEST and not any("Norm" in row.kind for row in rows):
        yield _stack(LAYERS, hidden)


def _stack(title: str, stack: list[ProbeRow]) -> ProbeStack:
    late = stack[(len(stack) - 1) // 2 :]
    return ProbeStack(
        title,
        tuple(row.name for row in stack),
        _growth([row.output_rms for row in late]),
        _growth([row.gradient_rms for row in reversed(late)]),
    )


def _growth(values: list[float]) -> float:
    return growth(values) if all(map(math.isfinite, values)) else math.nan
