"""Checkpoints: tensors in safetensors files, written, resumed, verified and compared."""

from fastinit.checkpoints.diff import Comparison, diff
from fastinit.checkpoints.verify import Verification, compare
from fastinit.checkpoints.write import Saved, save

__all__ = ["Comparison", "Saved", "Verification", "compare", "diff", "save"]
