"""``fastinit propagate``: show what a start does to signals and gradients."""

from __future__ import annotations

from typing import Annotated

import typer

from fastinit.cli.options import Json, Seed
from fastinit.cli.pictures import HtmlOption, PlotOption, check_paths, write
from fastinit.cli.shared import FAILED, errors, print_json
from fastinit.cli.tables import print_report, print_table
from fastinit.guide.propagation.propagate import propagate as profiles_of


def propagate(
    activation: Annotated[
        str,
        typer.Option(
            metavar="NAMES", help="An activation, as relu, or several with commas between them."
        ),
    ],
    init: Annotated[
        str,
        typer.Option(
            metavar="NAMES",
            help="Names of initializers with commas between them, as he_normal,orthogonal,torch.",
        ),
    ],
    depth: Annotated[int, typer.Option(metavar="N", help="The number of layers.")] = 50,
    width: Annotated[
        int, typer.Option(metavar="N", help="The number of units of each layer.")
    ] = 512,
    sigma_b: Annotated[
        float, typer.Option(metavar="X", help="The standard deviation of biases.")
    ] = 0.0,
    layers: Annotated[bool, typer.Option("--layers", help="Show every layer as well.")] = False,
    seed: Seed = 0,
    plot: PlotOption = None,
    html: HtmlOption = None,
    as_json: Json = False,
) -> None:
    """Send signals forward and gradients backward through a random network.

    Growth is of mean squares per layer, with mean-field theory beside it.

    \b
    Examples:
      fastinit propagate --activation tanh --init he_normal,torch --depth 99
      fastinit propagate --activation relu --init torch --layers
      fastinit propagate --activation relu,tanh --init torch --html page.html
      fastinit propagate --activation gelu --init he_normal --json

    \b
    Exit codes: 0 nothing is wrong, 1 verdicts, 2 wrong usage or an error.
    """  # noqa: D301
    with errors():
        check_paths(plot, html)
        acts, inits = (_listed(text) for text in (activation, init))
        found = profiles_of(acts, inits, depth=depth, width=width, sigma_b=sigma_b, seed=seed)
        write(found, plot, html)
    if as_json:
        print_json(found.to_dict())
    else:
        if layers:
            for caption, table in found.details():
                typer.echo(f"{caption}:")
                print_table(table.columns(), table.rows)
        print_report(found)
    if any(profile.verdicts for profile in found.profiles):
        raise typer.Exit(FAILED)


def _listed(text: str) -> list[str]:
    return [each.strip() for each in text.split(",") if each.strip()]
