"""``fastinit plan``: show what would be drawn, or in what two plans differ."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import typer

from fastinit.cli.groups import print_tensors
from fastinit.cli.options import (
    Against,
    DtypeOption,
    Every,
    Json,
    Model,
    Only,
    RecipeOption,
    RecordOption,
    Seed,
)
from fastinit.cli.resolving import facts_of, resolve
from fastinit.cli.rules import ASSUMES, explained
from fastinit.cli.shared import FAILED, MOST, errors, print_json
from fastinit.cli.tables import print_text
from fastinit.folding import Column
from fastinit.manifests import list_models
from fastinit.plans.difference import Difference
from fastinit.plans.explanation import Explanation
from fastinit.plans.files import find_plan
from fastinit.plans.plan import Plan as Resolved
from fastinit.tables import bytes_text


def plan(
    model: Model,
    recipe: RecipeOption = None,
    record: RecordOption = False,
    seed: Seed = 0,
    dtype: DtypeOption = None,
    only: Only = None,
    against: Against = None,
    every: Every = False,
    as_json: Json = False,
) -> None:
    """Show what would be drawn for every tensor of a model.

    With --against, show what another plan would draw differently.

    \b
    Examples:
      fastinit plan llama-3-8b --dtype bfloat16
      fastinit plan gpt2 --only "**.h.0.**" --all
      fastinit plan gpt2 --recipe torch --against gpt2
      fastinit plan path/to/config.json --record --against path/to/config.json
      fastinit plan my-model.json --recipe my-recipe.json --json

    Exit codes: 0 done, or the plans are equal; 1 they differ; 2 wrong usage or an error.
    """  # noqa: D301
    with errors():
        resolved = resolve(model, recipe, record=record, seed=seed, dtype=dtype)
        if against is None:
            _show(resolved, only, every, as_json)
        else:
            _compare(resolved, _other(against, seed, dtype), only, every, as_json)


def _other(against: str, seed: int, dtype: str | None) -> Resolved:
    """Return the plan that a checkpoint carries, or else the plan of a model by its own recipe."""
    if against not in list_models():
        carried = find_plan(Path(against))
        if carried is not None:
            return carried
    return resolve(against, None, record=False, seed=seed, dtype=dtype)


def _show(resolved: Resolved, only: str | None, every: bool, as_json: bool) -> None:
    drawn = resolved.select(only)
    rows = explained(resolved, only)
    totals = {
        "tensors": len(drawn),
        "elements": sum(each.parameter.elements for each in drawn),
        "bytes": sum(each.size for each in drawn),
    }
    facts = facts_of(resolved)
    if as_json:
        print_json(facts | totals | {"tied": resolved.manifest.tied, "parameters": rows})
        return
    _print_explanation(rows, every)
    for name, target in resolved.manifest.tied.items():
        typer.echo(f"{name} is {target}")
    dtypes = sorted({row["dtype"] for row in rows if row["distribution"] is not None})
    alone = len(rows) - len(drawn)
    left = f"; {alone:,} left alone, since values of their dtype are not drawn" if alone else ""
    print_text(
        f"{facts['model']} by recipe {facts['recipe']}, seed {facts['seed']}: "
        f"{totals['tensors']:,} tensors, {totals['elements']:,} elements, "
        f"{bytes_text(totals['bytes'])} ({', '.join(dtypes)}){left}"
    )


def _print_explanation(rows: list[dict[str, Any]], every: bool) -> None:
    """Print the rows of tensors; those of another dtype than most say so."""
    usual = Counter(row["dtype"] for row in rows).most_common(1)[0][0]
    columns = [Column("Shape"), Column("Distribution")]
    if has_assumptions := any(row["assumes"] for row in rows):
        columns.append(ASSUMES)

    def cells(row: dict[str, Any]) -> tuple[str, ...]:
        shape, distribution, assumes = (
            Explanation.cell(row, field) for field in ("shape", "distribution", "assumes")
        )
        if row["dtype"] != usual:
            shape += f", {row['dtype']}"
        return (shape, distribution, assumes) if has_assumptions else (shape, distribution)

    print_tensors(
        rows, columns, name=_name, key=cells, cells=lambda group: cells(group[0]), every=every
    )


def _compare(left: Resolved, right: Resolved, only: str | None, every: bool, as_json: bool) -> None:
    """Print the tensors that two plans draw differently; exit with 1 if there are any."""
    found = left.diff(right, only)
    first, second = facts_of(left), facts_of(right)
    if as_json:
        facts = {"first": first, "second": second, "equal": found.equal, "differences": found}
        print_json(facts)
    else:
        _print_differences(found, every)
        sides = (f"{x['model']} by recipe {x['recipe']}, seed {x['seed']}" for x in (first, second))
        print_text(f"first: {next(sides)}; second: {next(sides)}")
        print_text(f"{found.equal:,} tensors are drawn alike, {len(found):,} differently")
    if found:
        raise typer.Exit(FAILED)


def _print_differences(rows: list[dict[str, Any]], every: bool) -> None:
    def cells(row: dict[str, Any]) -> tuple[str, ...]:
        return tuple(Difference.cell(row, field) for field in ("differs", "left", "right"))

    print_tensors(
        rows,
        [Column("Differs"), Column("First"), Column("Second")],
        name=_name,
        key=cells,
        cells=lambda group: cells(group[0]),
        every=every,
        most=MOST,
    )


def _name(row: dict[str, Any]) -> str:
    name: str = row["name"]
    return name
