"""``fastinit plan``: show what would be drawn."""

from __future__ import annotations

import re
from typing import Annotated, Any

import typer

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
)
from fastinit.plans.explanation import Explanation
from fastinit.plans.plan import Plan as Resolved


def plan(
    model: Model,
    recipe: RecipeOption = None,
    seed: Seed = 0,
    dtype: DtypeOption = None,
    only: Only = None,
    every: Annotated[
        bool,
        typer.Option("--all", help="Show a line per tensor; without it, equal layers share one."),
    ] = False,
    as_json: Json = False,
) -> None:
    """Show what would be drawn for every tensor of a model.

    \b
    Examples:
      fastinit plan llama-3-8b --dtype bfloat16
      fastinit plan gpt2 --only "**.h.0.**" --all
      fastinit plan my-model.json --recipe my-recipe.json --json

    \b
    Exit codes: 0 done, 2 wrong usage or an error.
    """  # noqa: D301
    with errors():
        resolved = Resolved(model, recipe, seed=seed, dtype=dtype)
        chosen = resolved.select(only)
    names = {each.parameter.name for each in chosen}
    rows = [row for row in resolved.explain() if row["name"] in names]
    totals = {
        "tensors": len(chosen),
        "elements": sum(each.parameter.elements for each in chosen),
        "bytes": sum(each.size for each in chosen),
    }
    facts = {"model": resolved.manifest.model, "recipe": resolved.recipe.name, "seed": seed}
    if as_json:
        print_json(facts | totals | {"tied": resolved.manifest.tied, "parameters": rows})
        return
    groups = [[row] for row in rows] if every else _grouped(rows)
    dtypes = {row["dtype"] for row in rows}
    fields = ["shape", *(["dtype"] if len(dtypes) > 1 else []), "distribution"]
    print_table(
        [("Parameter", False), ("Tensors", True), *((each.capitalize(), False) for each in fields)],
        [[_name(g), f"{len(g):,}", *(Explanation.cell(g[0], f) for f in fields)] for g in groups],
    )
    for name, target in resolved.manifest.tied.items():
        typer.echo(f"{name} is {target}")
    typer.echo(
        f"{facts['model']} by recipe {facts['recipe']}, seed {seed}: {totals['tensors']:,} "
        f"tensors, {totals['elements']:,} elements, {bytes_text(totals['bytes'])} "
        f"({', '.join(sorted(dtypes))})"
    )


def _grouped(rows: list[dict[str, Any]]) -> list[list[dict[str, Any]]]:
    """Group rows that are drawn alike and whose names differ only in numbers."""
    groups: dict[str, list[dict[str, Any]]] = {}
    for row in rows:
        name = re.sub(r"(?<![^.])\d+(?![^.])", "*", row["name"])
        key = repr((name, row["shape"], row["dtype"], row["distribution"]))
        groups.setdefault(key, []).append(row)
    return list(groups.values())


def _name(group: list[dict[str, Any]]) -> str:
    """Return one name for a group; numbers in which its names differ become ranges."""
    parts = zip(*(row["name"].split(".") for row in group), strict=True)
    return ".".join(map(_merged, parts))


def _merged(part: tuple[str, ...]) -> str:
    values = sorted(set(part), key=lambda text: (len(text), text))
    return values[0] if len(values) == 1 else f"{values[0]}-{values[-1]}"
