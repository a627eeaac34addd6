"""``fastinit init``: draw a model into files."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated, Any

import typer

from fastinit.checkpoints import Saved
from fastinit.checkpoints.write import check
from fastinit.cli.options import (
    DeviceOption,
    DtypeOption,
    Json,
    Model,
    Only,
    Quiet,
    RecipeOption,
    RecordOption,
    Seed,
    Threads,
)
from fastinit.cli.resolving import facts_of, resolve
from fastinit.cli.rules import explained, print_rules
from fastinit.cli.shared import errors, limited, print_json, progress
from fastinit.plans.plan import Plan
from fastinit.safetensors import SUFFIX, WHOLE
from fastinit.tables import bytes_text, plural

_INTERRUPTED = "interrupted; whole files are kept: continue with --resume"
_TIMED = 0.5  # seconds, below which starting takes a good part of the time


def init(
    model: Model,
    out: Annotated[
        Path,
        typer.Option(
            metavar="PATH",
            help="A file that ends in .safetensors, or else a folder.",
            show_default=False,
        ),
    ],
    recipe: RecipeOption = None,
    record: RecordOption = False,
    seed: Seed = 0,
    dtype: DtypeOption = None,
    shard_size: Annotated[
        str,
        typer.Option(
            metavar="SIZE", help="Most bytes of tensors per file of a folder, such as 5GB or 2GiB."
        ),
    ] = "5GB",
    only: Only = None,
    device: DeviceOption = "cpu",
    threads: Threads = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Keep whole files of the same plan, and draw the rest.")
    ] = False,
    force: Annotated[
        bool, typer.Option("--force", help="Replace an existing file or checkpoint.")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Check everything, and write nothing.")
    ] = False,
    quiet: Quiet = False,
    as_json: Json = False,
) -> None:
    """Draw a model by its recipe, or by its own code, into safetensors files.

    A folder gets shards, their index and the model's config.json, so that transformers'
    from_pretrained(folder) loads it.

    \b
    Examples:
      fastinit init gpt2 --out gpt2
      fastinit init gpt2 --out gpt2.safetensors --seed 1
      fastinit init llama-3-8b --out llama --dtype bfloat16
      fastinit init llama-3-8b --out llama --dtype bfloat16 --resume
      fastinit init path/to/config.json --out folder --dry-run
      fastinit init path/to/config.json --out folder --record

    \b
    Exit codes: 0 done, 2 wrong usage or an error, 130 interrupted.
    """  # noqa: D301
    options: dict[str, Any] = {
        "max_shard_size": shard_size,
        "only": only,
        "force": force,
        "resume": resume,
        "device": device,
    }
    with errors(_INTERRUPTED), limited(threads):
        plan = resolve(model, recipe, record=record, seed=seed, dtype=dtype)
        size = sum(each.size for each in plan.select(only))
        if dry_run:
            _print_dry_run(plan, out, options, quiet, as_json)
            return
        began = time.perf_counter()
        with progress("drawing", size, quiet) as advance:
            saved = plan.save(out, progress=advance, **options)
        seconds = time.perf_counter() - began
    lines = _python_lines(saved, plan, only)
    if as_json:
        print_json(_facts(plan, only) | saved.to_dict() | {"load": lines})
    elif not quiet:
        print_rules(plan.recipe, explained(plan, only).by_rule())
        _print_saved(saved, seconds)
        typer.echo("\n" + "\n".join(lines))


def _facts(plan: Plan, only: str | None) -> dict[str, Any]:
    return facts_of(plan) | {"rules": explained(plan, only).by_rule()}


def _print_dry_run(
    plan: Plan, out: Path, options: dict[str, Any], quiet: bool, as_json: bool
) -> None:
    files, kept = check(plan, out, progress=lambda _: None, **options)
    paths = [shard.path for shard in files.shards]
    size = sum(shard.size for shard in files.shards if shard.path not in kept)
    only = options["only"]
    if as_json:
        listed = {"files": [str(p) for p in paths], "kept": [str(p) for p in paths if p in kept]}
        print_json(_facts(plan, only) | {"path": str(files.path)} | listed | {"size": size})
    elif not quiet:
        print_rules(plan.recipe, explained(plan, only).by_rule())
        for path in paths:
            typer.echo(f"{path}{' (whole, would be kept)' if path in kept else ''}")
        typer.echo(f"{bytes_text(size)} would be written; nothing was")


def _print_saved(saved: Saved, seconds: float) -> None:
    """Print where the files are; their rate where all were drawn, and drawing took the time."""
    files = f" in {len(saved.files)} files" if len(saved.files) > 1 else ""
    kept = f", {len(saved.kept)} kept" if saved.kept else ""
    rate = ""
    if seconds >= _TIMED and not saved.kept:
        rate = f" in {seconds:.1f} s, {bytes_text(round(saved.size / seconds))}/s"
    tensors = plural(len(saved.digests), "tensor")
    typer.echo(f"{saved.path}: {tensors}{files}{kept}, {bytes_text(saved.size)}{rate}")
    typer.echo(f"digest {saved.digest}")


def _python_lines(saved: Saved, plan: Plan, only: str | None) -> list[str]:
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
