"""Which numbers, of what dtype and where: what all functions take."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypedDict

from fastinit.boxes import Index

Shape = int | Sequence[int]


class Placement(TypedDict, total=False):
    """Which numbers, of what dtype and where: see ``Initializer.__call__``."""

    seed: int | None
    name: str | int | None
    dtype: Any
    device: Any
    out: Any
    index: Index | None
