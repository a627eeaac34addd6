"""``fastinit info``: show what is installed."""

from __future__ import annotations

from fastinit.cli.options import Json
from fastinit.cli.shared import print_json
from fastinit.cli.tables import print_table
from fastinit.folding import Column
from fastinit.native import info as installation


def info(as_json: Json = False) -> None:
    """Show the version, instruction sets, threads and CUDA support.

    \b
    Examples:
      fastinit info
      fastinit info --json
    """  # noqa: D301
    facts = installation.info()
    if as_json:
        print_json(facts)
        return
    rows = [
        [key, ", ".join(value) if isinstance(value, list) else str(value)]
        for key, value in facts.items()
    ]
    print_table((Column("What"), Column("Here")), rows)
