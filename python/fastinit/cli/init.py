"""``fastinit init``: draw a model into files."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated

import typer

from fastinit.checkpoints import Saved
from fastinit.cli.shared import (
    DtypeOption,
    Json,
    Model,
    Only,
    RecipeOption,
    Seed,
    bytes_text,
    errors,
    print_json,
    print_table,
    progress,
)
from fastinit.plans.plan import Plan

_INTERRUPTED = "interrupted; whole files are kept: continue with --resume"


def init(
    model: Model,
    out: Annotated[
        Path,
        typer.Option(
            help="A file that ends in .safetensors, or else a folder.", show_default=False
        ),
    ],
    recipe: RecipeOption = None,
    seed: Seed = 0,
    dtype: DtypeOption = None,
    shard_size: Annotated[
        str, typer.Option(help="Most bytes of tensors per file of a folder, such as 5GB or 2GiB.")
    ] = "5GB",
    only: Only = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Keep whole files of the same plan, and draw the rest.")
    ] = False,
    force: Annotated[
        bool, typer.Option("--force", help="Replace an existing file or checkpoint.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Draw a model by its recipe into safetensors files.

    A folder gets shards, their index and the model's config.json, so that transformers'
    from_pretrained(folder) loads it.

    \b
    Examples:
      fastinit init gpt2 --out gpt2.safetensors
      fastinit init llama-3-8b --out llama --dtype bfloat16 --shard-size 2GB
      fastinit init llama-3-8b --out llama --dtype bfloat16 --shard-size 2GB --resume
      fastinit init path/to/config.json --out folder --seed 1 --json

    \b
    Exit codes: 0 done, 2 wrong usage or an error, 130 interrupted.
    """  # noqa: D301
    with errors(_INTERRUPTED):
        plan = Plan(model, recipe, seed=seed, dtype=dtype)
        began = time.perf_counter()
        with progress("drawing", sum(each.size for each in plan.select(only))) as advance:
            saved = plan.save(
                out,
                max_shard_size=shard_size,
                only=only,
                force=force,
                resume=resume,
                progress=advance,
            )
        seconds = time.perf_counter() - began
    if as_json:
        facts = {"model": plan.manifest.model, "recipe": plan.recipe.name, "seed": plan.seed}
        print_json(facts | {"rules": plan.explain().by_rule()} | saved.to_dict())
    else:
        _report(plan, saved, seconds)


def _report(plan: Plan, saved: Saved, seconds: float) -> None:
    """Print what was drawn by which rule, and where it is."""
    rows = plan.explain().by_rule()
    print_table(
        (("Pattern", False), ("Tensors", True), ("Elements", True), ("Distribution", False)),
        [
            [
                rows.cell(row, field)
                for field in ("pattern", "parameters", "elements", "distribution")
            ]
            for row in rows
        ],
    )
    files = f" in {len(saved.files)} files" if len(saved.files) > 1 else ""
    kept = f", {len(saved.kept)} kept" if saved.kept else ""
    rate = f"{bytes_text(saved.size)} in {seconds:.2f} s, {saved.size / seconds / 1e6:.0f} MB/s"
    typer.echo(f"{saved.path}: {len(saved.digests)} tensors{files}{kept}, {rate}")
    typer.echo(f"digest {saved.digest}")
