"""Checkpoints: safetensors files of any size, drawn in bounded memory, and what is in them."""

from fastinit.checkpoints.diff import Comparison
from fastinit.checkpoints.functions import diff, load_plan, verify
from fastinit.checkpoints.verify import Verification
from fastinit.checkpoints.write import Saved, save

__all__ = ["Comparison", "Saved", "Verification", "diff", "load_plan", "save", "verify"]
