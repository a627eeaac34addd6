"""Checkpoints: a plan's tensors in safetensors files, written, resumed, verified and compared."""

from fastinit.checkpoints.diff import Comparison, diff
from fastinit.checkpoints.read import load_plan
from fastinit.checkpoints.verify import Verification, verify, verify_plan
from fastinit.checkpoints.write import Saved, save

__all__ = [
    "Comparison",
    "Saved",
    "Verification",
    "diff",
    "load_plan",
    "save",
    "verify",
    "verify_plan",
]
