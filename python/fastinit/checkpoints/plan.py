"""The protocol of plans that checkpoints are written from and compared with."""

from __future__ import annotations

from typing import Any, Protocol

from fastinit.manifests.manifest import Manifest
from fastinit.tensors.tensor_plan import TensorPlan


class Plan(Protocol):
    """The tensors of a model, resolved, and data from which they can be resolved again."""

    @property
    def manifest(self) -> Manifest:
        """The manifest, whose config is written beside the tensors."""

    def select(self, only: Any = None) -> list[TensorPlan]:
        """Return the tensors whose names match a pattern."""

    def find(self, name: str) -> TensorPlan | None:
        """Return the tensor of a name, or None."""

    def to_dict(self) -> dict[str, Any]:
        """Return plain data."""
