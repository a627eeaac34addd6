"""Recipes: the ordered rules by which a family of models is initialized, as data."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fastinit import documents
from fastinit.recipes.patterns import compiled, has_layer
from fastinit.recipes.rules import Rule

RECIPES = Path(__file__).parent
_LISTED = 10  # names in an error message


@dataclass(frozen=True)
class Recipe:
    """Ordered rules: the first whose pattern matches a parameter's name draws it.

    Args:
        name: its own; a recipe that is named like a model serves that model.
        source: where the rules come from: a paper, a repository.
        rules: in order.

    Raises:
        ValueError: an empty name, or no rules.

    Example:
        >>> import fastinit
        >>> from fastinit.recipes import Recipe, Rule
        >>> Recipe("small", "an example", (Rule("**", fastinit.Normal(std=0.02)),)).rules[0].pattern
        '**'
    """

    name: str
    source: str
    rules: tuple[Rule, ...]

    def __post_init__(self) -> None:
        """Check the fields."""
        for field in ("name", "source"):
            value = getattr(self, field)
            if not isinstance(value, str) or not value:
                raise ValueError(f"{field}={value!r} is no text; pass a string that is not empty")
        object.__setattr__(self, "rules", tuple(self.rules))
        if not self.rules:
            raise ValueError("rules is empty; a recipe has at least one")

    def match(self, names: Iterable[str]) -> tuple[dict[str, Rule], int]:
        """The rule of each name, and the number of layers: of distinct values of ``{layer}``.

        Raises:
            ValueError: no rule matches some of the names; the message lists them.

        Example:
            >>> from fastinit.recipes import recipe
            >>> rules, layers = recipe("gpt2").match(["h.0.mlp.c_proj.weight", "wte.weight"])
            >>> rules["wte.weight"].pattern, layers
            ('**.weight', 1)
        """
        rules: dict[str, Rule] = {}
        missing = []
        layers: set[int] = set()
        numbered = [compiled(rule.pattern) for rule in self.rules if has_layer(rule.pattern)]
        for name in names:
            rule = next(
                (rule for rule in self.rules if compiled(rule.pattern).fullmatch(name)), None
            )
            if rule is None:
                missing.append(name)
            else:
                rules[name] = rule
            layers.update(
                int(found["layer"]) for each in numbered if (found := each.fullmatch(name))
            )
        if missing:
            more = f" and {len(missing) - _LISTED} more" if len(missing) > _LISTED else ""
            raise ValueError(
                f"no rule of recipe {self.name!r} matches {', '.join(missing[:_LISTED])}{more}; "
                "add a rule whose pattern does, or pass another recipe"
            )
        return rules, len(layers)

    def to_dict(self) -> dict[str, Any]:
        """Plain data, which ``from_dict`` turns into an equal recipe."""
        return {
            "name": self.name,
            "source": self.source,
            "rules": [rule.to_dict() for rule in self.rules],
        }

    @staticmethod
    def from_dict(data: Any) -> Recipe:
        """The recipe that ``to_dict`` described.

        Raises:
            ValueError: a field is missing, not known or out of range; the message says where.
        """
        documents.fields(data, ("name", "source", "rules"))
        rules = []
        for where, item in documents.items(data, "rules"):
            with documents.located(where):
                rules.append(Rule.from_dict(item))
        return Recipe(data["name"], data["source"], tuple(rules))

    def to_json(self) -> str:
        """A JSON text, which ``from_json`` turns into an equal recipe.

        Example:
            >>> from fastinit.recipes import Recipe, recipe
            >>> Recipe.from_json(recipe("gpt2").to_json()) == recipe("gpt2")
            True
        """
        return json.dumps(self.to_dict(), indent=2, ensure_ascii=False) + "\n"

    @staticmethod
    def from_json(text: str | bytes) -> Recipe:
        """The recipe of a JSON text.

        Raises:
            ValueError: the text is not JSON or no recipe; the message says where.
        """
        return Recipe.from_dict(documents.parse(text))


def recipe(source: str | os.PathLike[str]) -> Recipe:
    """A built-in recipe, or that of a JSON file.

    Args:
        source: the name of a built-in recipe, or the path of what ``Recipe.to_json`` wrote.

    Raises:
        FileNotFoundError: ``source`` is neither.
        OSError: the file cannot be read.
        ValueError: the file's content is no recipe; the message says where.

    Example:
        >>> from fastinit.recipes import recipe
        >>> recipe("gpt2").rules[-1].initializer
        Normal(mean=0.0, std=0.02)
    """
    path = documents.find(source, RECIPES, "recipe")
    with documents.located(str(path)):
        return Recipe.from_json(path.read_bytes())


def recipe_of(model: str) -> Recipe:
    """The built-in recipe that is named like a model.

    Raises:
        ValueError: there is none.
    """
    built_in = documents.names(RECIPES)
    if model not in built_in:
        raise ValueError(
            f"no recipe is named like the model {model!r}; built in: {', '.join(built_in)}; "
            "pass one of them, or the path of a JSON file, as recipe (--recipe)"
        )
    return recipe(model)
