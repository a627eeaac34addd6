"""Options that several commands have, with what a shell completes for them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from fastinit.manifests import list_models
from fastinit.native.dtypes import CODES
from fastinit.recipes.recipe import list_recipes


def _starting(names: list[str], incomplete: str) -> list[str]:
    return [name for name in names if name.startswith(incomplete)]


def _models(incomplete: str) -> list[str]:
    return _starting(list_models(), incomplete)


def _recipes(incomplete: str) -> list[str]:
    return _starting(list_recipes(), incomplete)


def _dtypes(incomplete: str) -> list[str]:
    return _starting([dtype.name for dtype in CODES], incomplete)


def _devices(incomplete: str) -> list[str]:
    return _starting(["cpu", "cuda"], incomplete)


Model = Annotated[
    str,
    typer.Argument(
        metavar="MODEL",
        help="A built-in model, or the path of a manifest (JSON), a safetensors file, an index, a "
        "config.json of transformers, or a folder with one of the last three.",
        show_default=False,
        autocompletion=_models,
    ),
]
Against = Annotated[
    str | None,
    typer.Option(
        "--against",
        metavar="MODEL",
        help="Compare with this model, drawn by its own recipe with the same seed and dtype, or "
        "with the plan that this checkpoint carries.",
        show_default=False,
        autocompletion=_models,
    ),
]
RecipeOption = Annotated[
    str | None,
    typer.Option(
        "--recipe",
        metavar="RECIPE",
        help="A built-in recipe or a JSON file.  [default: the model's own]",
        show_default=False,
        autocompletion=_recipes,
    ),
]
RecordOption = Annotated[
    bool,
    typer.Option(
        "--record",
        help="Draw what the model's own code asks for: transformers builds it from its "
        "config.json without memory. Without a recipe for its type, that is the default.",
    ),
]
RecipeArgument = Annotated[
    str,
    typer.Argument(
        metavar="RECIPE",
        help="A built-in recipe or a JSON file.",
        show_default=False,
        autocompletion=_recipes,
    ),
]
Seed = Annotated[int, typer.Option(metavar="N", help="An integer from 0 to 2**64 - 1.")]
DtypeOption = Annotated[
    str | None,
    typer.Option(
        "--dtype",
        metavar="DTYPE",
        help="The dtype of all floating-point tensors.  [default: the recipe's, else the "
        "manifest's, else float32]",
        show_default=False,
        autocompletion=_dtypes,
    ),
]
Only = Annotated[
    str | None,
    typer.Option(
        "--only",
        metavar="PATTERN",
        help="Only tensors whose names match this pattern: * stands for anything without dots, "
        "** for anything.",
        show_default=False,
    ),
]
DeviceOption = Annotated[
    str,
    typer.Option(
        "--device",
        metavar="DEVICE",
        help="What draws: cpu, cuda or cuda:1. The bits are the same.",
        autocompletion=_devices,
    ),
]
Threads = Annotated[
    int | None,
    typer.Option(
        "--threads",
        metavar="N",
        help="The most threads that draw.  [default: OMP_NUM_THREADS, else the processors]",
        show_default=False,
        min=1,
        max=4096,
    ),
]
Every = Annotated[
    bool,
    typer.Option("--all", help="Show a line per tensor; without it, equal layers share one."),
]
Quiet = Annotated[
    bool,
    typer.Option("--quiet", "-q", help="Print errors only, and what --json asks for."),
]
Json = Annotated[bool, typer.Option("--json", help="Print one line of JSON instead of tables.")]
Checkpoint = Annotated[
    Path,
    typer.Argument(
        metavar="PATH", help="A safetensors file, an index or a folder.", show_default=False
    ),
]
