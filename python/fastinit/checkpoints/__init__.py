"""Checkpoints: safetensors files of any size, drawn in bounded memory, and what is in them."""

from fastinit.checkpoints.comparing import Comparison
from fastinit.checkpoints.functions import diff, load_plan, verify
from fastinit.checkpoints.saving import Saved, save
from fastinit.checkpoints.verifying import Verification

__all__ = ["Comparison", "Saved", "Verification", "diff", "load_plan", "save", "verify"]
