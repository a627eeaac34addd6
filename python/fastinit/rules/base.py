"""Recipes: the ordered rules by which a family of models is initialized, as data."""

from __future__ import annotations

import functools
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fastinit import json_files
from fastinit.dtypes import CODES, dtype_of
from fastinit.rules.model import Model
from fastinit.rules.patterns import has_layer
from fastinit.rules.rule import Rule

if TYPE_CHECKING:
    from fastinit.manifests import Manifest
    from fastinit.plan import Plan

RECIPES = Path(__file__).parent.parent / "recipes"
_LISTED = 10  # names in an error message
_OPTIONAL = ("serves", "dtype")


@dataclass(frozen=True)
class Recipe:
    """Ordered rules: the first that matches a parameter draws it.

    Args:
        name: its own.
        source: where the rules come from: a paper, a repository.
        rules: in order.
        serves: the architectures (transformers' ``model_type``) whose own recipe this is.
        dtype: of all floating-point tensors, where the plan is given none.

    Raises:
        TypeError: a field of the wrong type.
        ValueError: an empty name, no rules, or a dtype that is not drawn.

    Example:
        >>> import fastinit
        >>> from fastinit import Manifest, Recipe, Rule
        >>> small = Recipe("small", "an example", (Rule("**", fastinit.Normal(std=0.02)),))
        >>> small.plan(Manifest.from_shapes({"w": (2, 3)}), seed=0).init()["w"].shape
        (2, 3)
    """

    name: str
    source: str
    rules: tuple[Rule, ...]
    serves: tuple[str, ...] = ()
    dtype: str | None = None

    def __post_init__(self) -> None:
        """Check the fields."""
        for field in ("name", "source"):
            value = getattr(self, field)
            if not isinstance(value, str) or not value:
                raise ValueError(f"{field}={value!r} is no text; pass a string that is not empty")
        for field, kind in (("rules", Rule), ("serves", str)):
            value = getattr(self, field)
            if not isinstance(value, (tuple, list)) or any(not isinstance(v, kind) for v in value):
                raise TypeError(f"{field}={value!r} is no sequence of {kind.__name__}")
            object.__setattr__(self, field, tuple(value))
        if not self.rules:
            raise ValueError("rules is empty; a recipe has at least one")
        if self.dtype is not None:
            dtype = dtype_of(self.dtype)
            if dtype not in CODES:
                names = ", ".join(each.name for each in CODES)
                raise ValueError(f"dtype={self.dtype!r} holds no random values; use one of {names}")
            object.__setattr__(self, "dtype", dtype.name)

    def match(self, manifest: Manifest) -> dict[str, Rule]:
        """The rule of each parameter of a model.

        Raises:
            ValueError: no rule matches some of them; the message lists them.

        Example:
            >>> from fastinit import Manifest, recipe
            >>> recipe("gpt2").match(Manifest.load("gpt2"))["transformer.wte.weight"].pattern
            '**.weight'
        """
        rules: dict[str, Rule] = {}
        missing = []
        for each in manifest.parameters:
            facts = {"module": each.module, "ndim": len(each.shape)}
            rule = next((rule for rule in self.rules if rule.matches(each.name, **facts)), None)  # type: ignore[arg-type]
            if rule is None:
                missing.append(f"{each.name} {each.shape}")
            else:
                rules[each.name] = rule
        if missing:
            more = f" and {len(missing) - _LISTED} more" if len(missing) > _LISTED else ""
            raise ValueError(
                f"no rule of recipe {self.name!r} matches {', '.join(missing[:_LISTED])}{more}; "
                "add a rule that does, or pass another recipe"
            )
        return rules

    def model(self, manifest: Manifest) -> Model:
        """What the rules may ask about a model."""
        return Model(
            {each.name: each.shape for each in manifest.parameters},
            [rule.pattern for rule in self.rules if has_layer(rule.pattern)],
            manifest.tied,
            manifest.config,
        )

    def plan(self, manifest: Manifest, seed: int | None = 0, dtype: Any = None) -> Plan:
        """What this recipe draws for every tensor of a model; nothing is drawn yet.

        Args:
            manifest: the model.
            seed: an integer in [0, 2**64); None for the process-wide seed.
            dtype: of all floating-point tensors; None for the recipe's, else the manifest's, else
                float32.

        Raises:
            TypeError: an argument of the wrong type.
            ValueError: no rule matches a parameter, or a rule does not fit its shape or dtype.

        Example:
            >>> from fastinit import Manifest, recipe
            >>> len(recipe("gpt2").plan(Manifest.load("gpt2")).tensors)
            148
        """
        from fastinit.plan import Plan

        return Plan(manifest, self, seed=seed, dtype=dtype)

    def to_dict(self) -> dict[str, Any]:
        """Plain data, which ``from_dict`` turns into an equal recipe."""
        data: dict[str, Any] = {"name": self.name, "source": self.source}
        if self.serves:
            data["serves"] = list(self.serves)
        if self.dtype is not None:
            data["dtype"] = self.dtype
        return data | {"rules": [rule.to_dict() for rule in self.rules]}

    @staticmethod
    def from_dict(data: Any) -> Recipe:
        """The recipe that ``to_dict`` described.

        Raises:
            ValueError: a field is missing, not known or out of range; the message says where.
        """
        found = dict(json_files.fields(data, ("name", "source", "rules"), _OPTIONAL))
        rules = []
        for where, item in json_files.items(data, "rules"):
            with json_files.located(where):
                rules.append(Rule.from_dict(item))
        return Recipe(**{**found, "rules": tuple(rules)})

    def to_json(self) -> str:
        """A JSON text, a rule a line, which ``from_json`` turns into an equal recipe.

        Example:
            >>> from fastinit import Recipe, recipe
            >>> Recipe.from_json(recipe("gpt2").to_json()) == recipe("gpt2")
            True
        """
        return json_files.text(self.to_dict(), ("rules",))

    @staticmethod
    def from_json(text: str | bytes) -> Recipe:
        """The recipe of a JSON text.

        Raises:
            ValueError: the text is not JSON or no recipe; the message says where.
        """
        with json_files.located("recipe"):
            return Recipe.from_dict(json_files.parse(text))


def recipes() -> list[str]:
    """The names of the built-in recipes.

    Example:
        >>> import fastinit
        >>> "gpt2" in fastinit.recipes()
        True
    """
    return json_files.names(RECIPES)


def recipe(source: str | os.PathLike[str]) -> Recipe:
    """A built-in recipe, or that of a JSON file.

    Args:
        source: the name of a built-in recipe, or the path of what ``Recipe.to_json`` wrote.

    Raises:
        FileNotFoundError: ``source`` is neither.
        OSError: the file cannot be read.
        ValueError: the file's content is no recipe; the message says where.

    Example:
        >>> from fastinit import recipe
        >>> recipe("gpt2").rules[0].pattern
        '**.h.{layer}.*.c_proj.weight'
    """
    path = json_files.find(source, RECIPES, "recipe")
    with json_files.located(str(path)):
        return Recipe.from_dict(json_files.parse(path.read_bytes()))


def recipe_of(manifest: Manifest) -> Recipe:
    """A model's own recipe: that which serves its architecture or bears its name, else "default".

    Example:
        >>> from fastinit import Manifest
        >>> from fastinit.rules import recipe_of
        >>> recipe_of(Manifest.load("gpt2")).name
        'gpt2'
    """
    wanted = manifest.architecture or manifest.model
    names = recipes()
    if wanted in names:
        return recipe(wanted)
    return recipe(next((name for name in names if wanted in _serves(name)), "default"))


@functools.cache
def _serves(name: str) -> list[str]:
    serves: list[str] = json_files.parse((RECIPES / f"{name}.json").read_bytes()).get("serves", [])
    return serves
