"""The application: ``fastinit init``, ``plan``, ``verify``, ``diff`` and ``info``."""

from __future__ import annotations

from typing import Annotated

import typer

from fastinit import distribution
from fastinit.cli.diff import diff
from fastinit.cli.info import info
from fastinit.cli.init import init
from fastinit.cli.plan import plan
from fastinit.cli.verify import verify

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    rich_markup_mode=None,  # plain help, whose examples keep their lines
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"{distribution.NAME} {distribution.version()}")
        raise typer.Exit


@app.callback()
def _fastinit(
    version: Annotated[
        bool,
        typer.Option(
            "--version", help="Show the version and exit.", callback=_print_version, is_eager=True
        ),
    ] = False,
) -> None:
    """Initialize the weights of neural networks, with the same bits on every machine.

    \b
    Examples:
      fastinit plan gpt2
      fastinit init gpt2 --out gpt2.safetensors
      fastinit verify gpt2.safetensors
    """  # noqa: D301  (\b is a character: click keeps the lines after it)


for command in (init, plan, verify, diff, info):
    app.command()(command)
