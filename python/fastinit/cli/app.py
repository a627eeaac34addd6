"""The application: its commands, and the help that names models and recipes."""

from __future__ import annotations

import textwrap
from typing import Annotated

import typer

from fastinit import package
from fastinit.cli.diff import diff
from fastinit.cli.info import info
from fastinit.cli.init import init
from fastinit.cli.models import models
from fastinit.cli.plan import plan
from fastinit.cli.probe import probe
from fastinit.cli.propagate import propagate
from fastinit.cli.recipes import recipe, recipes
from fastinit.cli.recommend import recommend
from fastinit.cli.verify import verify
from fastinit.manifests import list_models
from fastinit.recipes.recipe import list_recipes

_RECIPES = textwrap.fill(  # click would break names at their hyphens
    f"Recipes: {', '.join(list_recipes())}; or a file of your own. A model's own is the default.",
    width=76,
    break_on_hyphens=False,
)
_HELP = f"""Initialize the weights of neural networks, with the same bits on every machine.

A recipe says how the tensors of a model are drawn, and a seed which random numbers they get.

Models: {", ".join(list_models())}; or a config.json, safetensors files, or a manifest of your own.

\b
{_RECIPES}

\b
Examples:
  fastinit plan gpt2
  fastinit init gpt2 --out gpt2
  fastinit verify gpt2
"""

app = typer.Typer(
    rich_markup_mode=None,  # plain help, whose examples keep their lines
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 120},
)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"{package.NAME} {package.version()}")
        raise typer.Exit


@app.callback(help=_HELP, invoke_without_command=True)
def _fastinit(
    context: typer.Context,
    version: Annotated[  # noqa: ARG001  (its callback acts)
        bool,
        typer.Option(
            "--version", help="Show the version and exit.", callback=_print_version, is_eager=True
        ),
    ] = False,
) -> None:
    if context.invoked_subcommand is None:
        typer.echo(context.get_help(), err=True)
        raise typer.Exit(2)  # as click 8.2 does by itself, and 8.1 does not


for command in (
    init,
    plan,
    verify,
    diff,
    models,
    recipes,
    recipe,
    recommend,
    propagate,
    probe,
    info,
):
    app.command()(command)
