"""``fastinit models``: list the built-in models."""

from __future__ import annotations

from fastinit.cli.options import Json
from fastinit.cli.shared import print_json
from fastinit.cli.tables import print_table
from fastinit.folding import Column
from fastinit.manifests import Manifest, list_models
from fastinit.recipes.recipe import recipe_of


def models(as_json: Json = False) -> None:
    """List the built-in models.

    \b
    Examples:
      fastinit models
      fastinit models --json
    """  # noqa: D301
    facts = []
    for name in list_models():
        manifest = Manifest.load(name)
        facts.append(
            {
                "model": name,
                "model_type": manifest.architecture,
                "tensors": len(manifest.tensors),
                "elements": sum(each.elements for each in manifest.parameters),
                "recipe": recipe_of(manifest).name,
                "class": (manifest.config or {})["architectures"][0],
            }
        )
    if as_json:
        print_json(facts)
        return
    columns = (
        Column("Model"),
        Column("Tensors", "number"),
        Column("Parameters", "number"),
        Column("Recipe"),
        Column("Class of transformers"),
    )
    fields = ("model", "tensors", "elements", "recipe", "class")
    shown = [[each[field] for field in fields] for each in facts]
    print_table(columns, [[f"{x:,}" if isinstance(x, int) else str(x) for x in r] for r in shown])
