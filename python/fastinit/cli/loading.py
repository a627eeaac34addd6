"""The lines of Python that load a checkpoint."""

from __future__ import annotations

from fastinit.checkpoints import Saved
from fastinit.plans.plan import Plan
from fastinit.safetensors import SUFFIX, WHOLE


def python_lines(saved: Saved, plan: Plan, only: str | None) -> list[str]:
    """Return two lines of Python that load what was written: with transformers where that can."""
    path, config = saved.path, plan.manifest.config or {}
    is_folder = path.suffix != SUFFIX
    if only is None and "model_type" in config and (is_folder or path.name == WHOLE):
        named = config.get("architectures") or ["AutoModel"]
        folder = path if is_folder else path.parent
        return [
            f"from transformers import {named[0]}",
            f"model = {named[0]}.from_pretrained({str(folder)!r})",
        ]
    if len(saved.files) == 1:
        return [
            "from safetensors.torch import load_file",
            f"tensors = load_file({str(saved.files[0])!r})",
        ]
    return [
        "import glob, safetensors.torch",
        f"tensors = {{name: tensor for file in glob.glob({str(path / ('*' + SUFFIX))!r}) "
        "for name, tensor in safetensors.torch.load_file(file).items()}",
    ]
