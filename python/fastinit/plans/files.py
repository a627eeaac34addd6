"""The plans that checkpoints carry: loaded, and compared with what the files hold."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from fastinit import checks, json_files, safetensors
from fastinit.checkpoints import values
from fastinit.checkpoints.pipeline import Progress
from fastinit.checkpoints.read import open_checkpoint, plan_text
from fastinit.checkpoints.verify import Verification, compare
from fastinit.plans.plan import Plan
from fastinit.safetensors import INDEX, SUFFIX, Header


def load_plan(path: str | os.PathLike[str]) -> Plan:
    """Return the plan that a checkpoint carries in its metadata, or that ``write_json`` wrote.

    Args:
        path: A ``.safetensors`` file, an index, or a folder that holds one of them; or the JSON
            file of a plan.

    Returns:
        A plan that draws the same values.

    Raises:
        OSError: A file is missing or cannot be read, that of the plan's stored values included.
        ValueError: The checkpoint carries no plan, several, or one of another version; or a folder
            holds a file and an index that contradict each other.

    Example:
        >>> import fastinit, pathlib, tempfile
        >>> plan = fastinit.Plan(fastinit.Manifest.from_shapes({"ln_f.weight": 3}), "gpt2", seed=7)
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     _ = plan.save(folder)
        ...     fastinit.load_plan(folder).seed
        7
    """
    path = checks.path(path, "path")
    if path.suffix == ".json" and not path.name.endswith(INDEX) and path.is_file():
        with json_files.located(str(path)):
            return _plan(json_files.read(path), path.parent)
    files = open_checkpoint(path).files
    if len({header.metadata.get("fastinit.plan") for header in files}) > 1:
        raise ValueError(f"the files of {path} carry different plans; pass the path of one file")
    plan = _plan_in(files[0])
    if plan is None:
        raise ValueError(f"{path} carries no plan: fastinit did not write it")
    return plan


def find_plan(path: Path) -> Plan | None:
    """Return the plan that a checkpoint carries, or None where the path is not of one with a plan.

    Raises:
        OSError: A file is missing or cannot be read.
        ValueError: The checkpoint is not whole, or carries several plans.
    """
    found = safetensors.find(path) if path.is_dir() else path
    if found is None or not (found.suffix == SUFFIX or found.name.endswith(INDEX)):
        return None
    has_plan = any(plan_text(header) for header in open_checkpoint(found).files)
    return load_plan(found) if has_plan else None


def verify(
    path: str | os.PathLike[str], *, device: Any = None, progress: Progress | None = None
) -> Verification:
    """Draw again what a checkpoint should hold, and compare every bit.

    The plan comes from the metadata of the files; the digests there are not trusted. Memory is
    bounded, as it is when a checkpoint is written.

    Args:
        path: A ``.safetensors`` file, an index, or a folder that holds one of them.
        device: What draws: "cpu" (the default), "cuda" or "cuda:1".
        progress: Called with a number of bytes, each time that many more are compared.

    Returns:
        The result for every tensor: ``ok``, ``verdict``, ``counts``, ``tensors``, ``problems``.

    Raises:
        OSError: A file is missing or cannot be read.
        RuntimeError: CUDA cannot be used here (``fastinit.cuda_status`` says why), or failed.
        ValueError: A file is not a whole safetensors file, or its plan is of another version; or a
            folder holds a file and an index that contradict each other.

    Example:
        >>> import fastinit, tempfile
        >>> plan = fastinit.Plan(fastinit.Manifest.from_shapes({"ln_f.weight": 3}), "gpt2")
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     _ = plan.save(folder)
        ...     fastinit.verify(folder).counts
        {'as drawn': 1, 'differs': 0, 'missing': 0, 'unknown': 0}
    """
    known: dict[str, Plan | None] = {}

    def plan_in(header: Header) -> Plan | None:  # all files of a checkpoint carry the same text
        text = header.metadata.get("fastinit.plan", "")
        if text not in known:
            known[text] = _plan_in(header)
        return known[text]

    return compare(checks.path(path, "path"), plan_in, True, device, progress)


def _plan_in(header: Header) -> Plan | None:
    text = plan_text(header)
    if text is None:
        return None
    with json_files.located(str(header.path)):
        return _plan(json_files.parse(text), header.path.parent)


def _plan(data: Any, folder: Path) -> Plan:
    """Return the plan of what a file in a folder states."""
    return Plan.from_dict(values.join(json_files.mapping(data), folder))
