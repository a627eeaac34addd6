"""The public functions over checkpoints that are there."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from fastinit.checkpoints.diff import Comparison
from fastinit.checkpoints.diff import diff as _diff
from fastinit.checkpoints.read import opened, plan_in
from fastinit.checkpoints.verify import Progress, Verification
from fastinit.checkpoints.verify import verify as _verify

if TYPE_CHECKING:
    from fastinit.plan import Plan


def load_plan(path: str | os.PathLike[str]) -> Plan:
    """The plan that a checkpoint carries in its metadata.

    Args:
        path: of a ``.safetensors`` file, of an index, or of a folder that holds one of them.

    Returns:
        A plan that draws the same values.

    Raises:
        OSError: a file is missing or cannot be read.
        ValueError: the checkpoint carries no plan, several, or one of another version.

    Example:
        >>> import fastinit, pathlib, tempfile
        >>> plan = fastinit.Plan(fastinit.Manifest.from_shapes({"ln_f.weight": 3}), "gpt2", seed=7)
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     _ = plan.save(folder)
        ...     fastinit.load_plan(folder).seed
        7
    """
    files = opened(Path(path)).files
    if len({header.metadata.get("fastinit.plan") for header in files}) > 1:
        raise ValueError(f"the files of {path} carry different plans; pass the path of one file")
    plan = plan_in(files[0])
    if plan is None:
        raise ValueError(f"{path} carries no plan: fastinit did not write it")
    return plan


def verify(path: str | os.PathLike[str], *, progress: Progress | None = None) -> Verification:
    """Draw again what a checkpoint should hold, and compare every bit.

    The plan comes from the files' metadata; the digests there are not trusted. Memory is bounded,
    as it is when a checkpoint is written.

    Args:
        path: of a ``.safetensors`` file, of an index, or of a folder that holds one of them.
        progress: called with a number of bytes whenever so many more are compared.

    Returns:
        What was found of every tensor: ``ok``, ``counts``, ``tensors``, ``problems``.

    Raises:
        OSError: a file is missing or cannot be read.
        ValueError: a file is no whole safetensors file, or its plan is of another version.

    Example:
        >>> import fastinit, tempfile
        >>> plan = fastinit.Plan(fastinit.Manifest.from_shapes({"ln_f.weight": 3}), "gpt2")
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     _ = plan.save(folder)
        ...     fastinit.verify(folder).counts
        {'as drawn': 1, 'differs': 0, 'missing': 0, 'unknown': 0}
    """
    return _verify(Path(path), None, progress)


def diff(
    left: str | os.PathLike[str],
    right: str | os.PathLike[str],
    *,
    progress: Progress | None = None,
) -> Comparison:
    """Compare two checkpoints, whoever wrote them, tensor by tensor and bit by bit.

    Args:
        left: the first: a ``.safetensors`` file, an index, or a folder that holds one of them.
        right: the second.
        progress: called with a number of bytes whenever so many more are compared.

    Returns:
        ``ok``, how many tensors are ``equal``, and the ``differences``.

    Raises:
        OSError: a file is missing or cannot be read.
        ValueError: a file is no whole safetensors file, or has a dtype that is not known.

    Example:
        >>> import fastinit, tempfile
        >>> model = fastinit.Manifest.from_shapes({"ln_f.weight": 3, "wte.weight": (2, 2)})
        >>> with tempfile.TemporaryDirectory() as one, tempfile.TemporaryDirectory() as other:
        ...     _ = fastinit.Plan(model, "gpt2", seed=0).save(one)
        ...     _ = fastinit.Plan(model, "gpt2", seed=1).save(other)
        ...     [each.name for each in fastinit.diff(one, other).differences]
        ['wte.weight']
    """
    return _diff(Path(left), Path(right), progress)
