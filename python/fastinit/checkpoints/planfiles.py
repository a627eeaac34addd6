"""The files of a plan: what ``Plan`` can do with checkpoints."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from fastinit.checkpoints import write
from fastinit.checkpoints.verify import Verification, verify
from fastinit.checkpoints.write import Saved

if TYPE_CHECKING:
    from fastinit.plan import Plan


class PlanFiles:
    """The part of ``Plan`` that writes and verifies files."""

    def save(
        self,
        path: str | os.PathLike[str],
        *,
        max_shard_size: int | str = "5GB",
        only: Any = None,
        force: bool = False,
        resume: bool = False,
        progress: Callable[[int], None] | None = None,
    ) -> Saved:
        """Draw every tensor into safetensors files, through a few buffers of bounded size.

        The same arguments give the same bytes. Every file appears whole, under its name, or not at
        all, and the index last. Whole shards stay after an error or a kill, for ``resume``.

        Args:
            path: of one file, which ends in ``.safetensors``; else of a folder in the form of
                Hugging Face: ``model.safetensors``, or where that would be too large shards with
                their index, and the ``config.json`` that the manifest came from.
            max_shard_size: of the tensors of a file in a folder: bytes, or "5GB" (10**9), "2GiB"
                (2**30). A tensor that is larger has a file of its own.
            only: a pattern, as rules have it; tensors whose names it does not match are left out.
            force: replace what is there. In a folder, the checkpoint before goes first.
            resume: keep whole files of the same plan, whose digests match, and draw the rest.
            progress: called with a number of bytes whenever so many more are there.

        Returns:
            The paths, sizes and digests.

        Raises:
            FileExistsError: something is in the way, and ``force`` is not set.
            KeyboardInterrupt: on Ctrl-C.
            OSError: the folder is missing or not writeable, or the disk is full.
            TypeError: a size or pattern of the wrong type.
            ValueError: a size that is not understood; ``only`` matches nothing.

        Example:
            >>> import fastinit, pathlib, tempfile
            >>> plan = fastinit.Plan(fastinit.Manifest.from_shapes({"ln_f.weight": 3}), "gpt2")
            >>> with tempfile.TemporaryDirectory() as folder:
            ...     list(plan.save(pathlib.Path(folder, "model.safetensors")).digests)
            ['ln_f.weight']
        """
        return write.save(
            cast("Plan", self),
            Path(path),
            max_shard_size=max_shard_size,
            only=only,
            force=force,
            resume=resume,
            progress=progress,
        )

    def verify(
        self,
        path: str | os.PathLike[str],
        *,
        progress: Callable[[int], None] | None = None,
    ) -> Verification:
        """Draw this plan again and compare a checkpoint with it, bit by bit, whoever wrote it.

        ``fastinit.verify`` does the same with the plan that the files carry.

        Args:
            path: of a ``.safetensors`` file, of an index, or of a folder that holds one of them.
            progress: called with a number of bytes whenever so many more are compared.

        Returns:
            What was found of every tensor: ``ok``, ``counts``, ``tensors``, ``problems``.

        Raises:
            OSError: a file is missing or cannot be read.
            ValueError: a file is no whole safetensors file.

        Example:
            >>> import fastinit, tempfile
            >>> model = fastinit.Manifest.from_shapes({"wte.weight": (2, 2)})
            >>> with tempfile.TemporaryDirectory() as folder:
            ...     _ = fastinit.Plan(model, "gpt2", seed=0).save(folder)
            ...     fastinit.Plan(model, "gpt2", seed=1).verify(folder).ok
            False
        """
        return verify(Path(path), cast("Plan", self), progress)
