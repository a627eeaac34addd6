"""``fastinit recipes`` and ``fastinit recipe``: list the recipes, and show the rules of one."""

from __future__ import annotations

from fastinit.cli.options import Json, RecipeArgument
from fastinit.cli.rules import condition, text_of
from fastinit.cli.shared import errors, print_json
from fastinit.cli.tables import print_table, print_text
from fastinit.folding import Column
from fastinit.plans.explanation import short
from fastinit.recipes.model_numbers import described
from fastinit.recipes.recipe import list_recipes
from fastinit.recipes.recipe import recipe as find
from fastinit.recipes.rule import Rule
from fastinit.recipes.scale import Scale


def recipes(as_json: Json = False) -> None:
    """List the built-in recipes, and which model types each serves.

    A model type is that of transformers' config.json. Recipes that serve none are for any model.

    \b
    Examples:
      fastinit recipes
      fastinit recipes --json
    """  # noqa: D301
    found = [find(name) for name in list_recipes()]
    if as_json:
        facts = ("name", "serves", "source")
        print_json([{key: getattr(each, key) for key in facts} for each in found])
        return
    columns = (Column("Recipe"), Column("Rules", "number"), Column("Serves model types"))
    rows = [[each.name, str(len(each.rules)), ", ".join(each.serves) or "-"] for each in found]
    print_table(columns, rows)
    print_text(
        "fastinit recipe NAME shows the rules of one, and their source. NAME:VARIANT is what "
        "another framework or paper does for the same architecture."
    )


def recipe(name: RecipeArgument, as_json: Json = False) -> None:
    """Show the rules of a recipe.

    The first rule that matches a tensor draws it. With --json, the output is a recipe file, from
    which to make one of your own.

    \b
    Examples:
      fastinit recipe gpt2
      fastinit recipe gpt2 --json > mine.json
    """  # noqa: D301
    with errors():
        found = find(name)
    if as_json:
        print_json(found.to_dict())
        return
    columns = (Column("Pattern", "name"), Column("Initializer"), Column("With"))
    rows = []
    for rule in found.rules:
        pattern = f"{text_of(rule.pattern)} {condition(rule)}".rstrip()
        rows.append([pattern, short(rule.initializer.to_dict()), _also(rule)])
    print_table(columns, rows)
    print_text(f"{found.name}: {found.source}")
    if found.serves:
        print_text(f"It serves the model types {', '.join(found.serves)}.")


def _also(rule: Rule) -> str:
    """Return what changes the values of an initializer, and what the rule assumes, in words."""
    words = [f"{field} from {key.replace('|', ' or ')}" for field, key in rule.settings.items()]
    words += [f"{field} = {described(of)}" for field, of in rule.numbers.items()]
    words += [f"times {_factor(each)}" for each in rule.scale]
    if rule.fan_of is not None:
        words.append(f"fan of {rule.fan_of}")
    if rule.zero_row is not None:
        words.append(f"row {rule.zero_row} zero")
    if rule.assumes is not None:
        words.append(f"assumed to be {rule.assumes}")
    return ", ".join(words)


def _factor(scale: Scale) -> str:
    times = "" if scale.times == 1 else f"{scale.times:g} x "
    part = "" if scale.part is None else f" in part {scale.part}"
    return f"({times}{described(scale.of)})^{scale.power}{part}"
