"""``fastinit propagate``: show what a start does to signals and gradients."""

from __future__ import annotations

from typing import Annotated

import typer

from fastinit.cli.options import Json, Seed
from fastinit.cli.shared import FAILED, errors, print_json
from fastinit.cli.tables import Column, print_table
from fastinit.guide.profile import Profile
from fastinit.guide.propagate import propagate as profiles_of


def propagate(
    activation: Annotated[
        str, typer.Option(metavar="NAME", help="An activation, as relu or tanh.")
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
    layers: Annotated[
        bool, typer.Option("--layers", help="Show every layer, instead of the growth per layer.")
    ] = False,
    seed: Seed = 0,
    as_json: Json = False,
) -> None:
    """Send signals forward and gradients backward through a random network.

    Growth is of mean squares per layer, with mean-field theory beside it.

    \b
    Examples:
      fastinit propagate --activation tanh --init he_normal,torch --depth 99
      fastinit propagate --activation relu --init torch --layers
      fastinit propagate --activation gelu --init he_normal --json

    \b
    Exit codes: 0 nothing is wrong, 1 verdicts, 2 wrong usage or an error.
    """  # noqa: D301
    with errors():
        names = [each.strip() for each in init.split(",")]
        found = profiles_of(activation, names, depth=depth, width=width, sigma_b=sigma_b, seed=seed)
    if as_json:
        print_json(found.to_dict())
    elif layers:
        for name, profile in zip(names, found.profiles, strict=True):
            typer.echo(f"{name}:")
            _print_layers(profile)
    else:
        typer.echo(str(found))
    if any(profile.verdicts for profile in found.profiles):
        raise typer.Exit(FAILED)


def _print_layers(profile: Profile) -> None:
    fields = ("q", "q_theory", "correlation", "dead", "saturated", "gradient", "gradient_theory")
    print_table(
        [Column(each.replace("_", " ").capitalize(), "number") for each in ("layer", *fields)],
        [
            [str(each.layer), *(f"{getattr(each, field):.3g}" for field in fields)]
            for each in profile.layers
        ],
    )
    for said in profile.verdicts:
        typer.echo(said)
