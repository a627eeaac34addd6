"""Checkpoints: safetensors files of any size, drawn in bounded memory, and what is in them."""

from fastinit.checkpoints.saving import Saved, save

__all__ = ["Saved", "save"]
