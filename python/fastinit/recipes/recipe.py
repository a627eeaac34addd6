"""Recipes: the ordered rules by which a family of models is initialized, as data."""

from __future__ import annotations

import functools
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fastinit import json_files
from fastinit.checks import boolean
from fastinit.native.dtypes import CODES, dtype_of
from fastinit.recipes import matching, parametrizations
from fastinit.recipes.context import Context, Model, checked_model
from fastinit.recipes.patterns.pattern import Pattern, has_layer
from fastinit.recipes.rule import Rule
from fastinit.tables import listed, plural

RECIPES = Path(__file__).parent / "data"
_OPTIONAL = ("serves", "dtype", "complete")


@dataclass(frozen=True)
class Recipe:
    """Ordered rules, of which the first that matches a parameter draws it.

    Args:
        name: The name of the recipe.
        source: Where the rules come from, such as a paper or a repository.
        rules: The rules, in order.
        serves: The architectures (transformers' ``model_type``) whose own recipe this is.
        dtype: The dtype of all floating-point tensors where the plan is given none.
        complete: Whether the rules alone decide what every tensor holds, buffers included, and
            nothing is concluded from names: so it is in the recipe of a recorded plan.

    Raises:
        TypeError: A field has the wrong type.
        ValueError: The name is empty, there are no rules, or values of the dtype are not drawn.

    Example:
        >>> import fastinit
        >>> from fastinit import Manifest, Plan, Recipe, Rule
        >>> small = Recipe("small", "an example", (Rule("**", fastinit.Normal(std=0.02)),))
        >>> Plan(Manifest.from_shapes({"w": (2, 3)}), small, seed=0).init()["w"].shape
        (2, 3)
    """

    name: str
    source: str
    rules: tuple[Rule, ...]
    serves: tuple[str, ...] = ()
    dtype: str | None = None
    complete: bool = False

    def __post_init__(self) -> None:
        """Check the fields."""
        for field in ("name", "source"):
            value = getattr(self, field)
            if not isinstance(value, str) or not value:
                raise ValueError(f"{field}={value!r} is not text; pass a string that is not empty")
        for field, kind in (("rules", Rule), ("serves", str)):
            value = getattr(self, field)
            if not isinstance(value, (tuple, list)) or any(not isinstance(v, kind) for v in value):
                raise TypeError(
                    f"{field}={value!r} is not a sequence of {kind.__name__}; pass a tuple of them"
                )
            object.__setattr__(self, field, tuple(value))
        if not self.rules:
            raise ValueError("rules is empty; pass at least one rule")
        if self.dtype is not None:
            dtype = dtype_of(self.dtype)
            if dtype not in CODES:
                names = ", ".join(each.name for each in CODES)
                raise ValueError(
                    f"dtype={self.dtype!r} does not hold random values; use one of {names}"
                )
            object.__setattr__(self, "dtype", dtype.name)
        boolean(self.complete, "complete")

    def __repr__(self) -> str:
        dtype = "" if self.dtype is None else f", {self.dtype}"
        return f"Recipe({self.name}: {plural(len(self.rules), 'rule')}{dtype})"

    def match(self, model: Model) -> dict[str, Rule]:
        """Return the rule of each parameter of a model that is drawn; of buffers too, if complete.

        The value in the manifest comes first. The names of some parameters say what they start
        with, as LoRA's B; a rule draws these only if its pattern contains that part of the name.

        Args:
            model: A manifest.

        Raises:
            ValueError: No rule matches some of the parameters, or only a general one although their
                names say that they are not weights; the message lists them.

        Example:
            >>> from fastinit import Manifest, recipe
            >>> recipe("gpt2").match(Manifest.load("gpt2"))["transformer.wte.weight"].pattern
            '**.weight'
        """
        checked_model(model, "model")
        return matching.matched(self.name, self.rules, model, complete=self.complete)

    def check_work(self, model: Model) -> None:
        """Check that the rules can be matched in seconds, since both may be of unknown origin.

        Raises:
            ValueError: There are too many rules and scales, or too many for the model's tensors.
        """
        matching.check_work(self.rules, model)

    def context(self, model: Model) -> Context:
        """Return what the rules may ask of a model."""
        return Context(model, [rule.pattern for rule in self.rules if has_layer(rule.pattern)])

    def multipliers(
        self, model: Model, rules: Mapping[str, Rule] | None = None
    ) -> dict[str, dict[str, float]]:
        """Return the factors on how each parameter of a model is trained and used.

        Args:
            model: A manifest.
            rules: The result of ``match`` for it; None to match again.

        Returns:
            By name, the ``learning_rate``, ``weight_decay``, ``epsilon`` and ``forward`` of each
            parameter, 1.0 where its rule has none. A tied name has those of the parameter that it
            shares, except for ``forward``.

        Raises:
            ValueError: No rule matches some of the parameters, or the model lacks what a scale is
                of.
        """
        found = self.match(model) if rules is None else rules
        return matching.factors(self.rules, model, found, self.context(model))

    @staticmethod
    def mup(
        model: Model,
        base: Model,
        optimizer: str = "adam",
        *,
        start: Recipe | str | None = None,
        layouts: Mapping[Pattern, str] | None = None,
    ) -> Recipe:
        """Return the maximal update parametrization (muP) of a model, from a base model.

        At the sizes of ``base`` it draws what ``start`` draws. Matrices whose inputs and outputs
        grow are scaled by (fan_in / fan_in of the base)^-1/2. ``multipliers`` has the factors on
        learning rates and on the forward pass: the output weight multiplies by 1 / width. The model
        itself must divide the logits of attention by the size of a head instead of its root (Yang
        et al. 2022, arXiv 2203.03466, table 8).

        Args:
            model: A manifest.
            base: The manifest of the model of another width whose hyperparameters are known.
            optimizer: "adam", "sgd" or "muon" (orthogonal updates of norm 1 for hidden matrices,
                Adam for all others).
            start: The recipe of the base model, or its name; None for the model's own.
            layouts: Pattern -> layout (``fastinit.initializers.fans``, or "table" for weights that
                are looked up) for weights whose inputs and outputs are not told by their names.

        Raises:
            ValueError: Parameters have no counterpart in the base model, or no rule in ``start``.

        Example:
            >>> from fastinit import Manifest, Plan, Recipe
            >>> def sizes(d):
            ...     return {"embed.weight": (9, d), "fc.weight": (d, d), "head.weight": (9, d)}
            >>> model, base = (Manifest.from_shapes(sizes(d)) for d in (512, 128))
            >>> plan = Plan(model, Recipe.mup(model, base), seed=0)
            >>> print(plan.tensor("fc.weight").initializer)
            Normal(std=0.01)
            >>> plan.multipliers()["fc.weight"]["learning_rate"]
            0.25
            >>> plan.multipliers()["head.weight"]["forward"]
            0.25
        """
        first = _started(start, model)
        found = parametrizations.mup(model, base, optimizer, first, layouts)
        return _parametrized(found, first)

    @staticmethod
    def completep(
        model: Model,
        base: Model,
        alpha: float = 1.0,
        *,
        start: Recipe | str | None = None,
        layouts: Mapping[Pattern, str] | None = None,
        branches: Pattern | None = None,
    ) -> Recipe:
        """Return CompleteP: muP for AdamW whose hyperparameters also hold for another depth.

        Dey et al. 2025, arXiv 2505.01618.

        Args:
            model: A manifest.
            base: The manifest of the model of another width and depth.
            alpha: Residual branches are multiplied by (layers / layers of the base)^-alpha.
            start: The recipe of the base model, as for ``mup``.
            layouts: The roles of axes, as for ``mup``.
            branches: A pattern for the parameters of the last layer of each residual branch, whose
                ``forward`` is that factor; None for the usual names (``o_proj``, ``c_proj``, ...).

        Raises:
            ValueError: As for ``mup``, or ``branches`` matches nothing.

        Example:
            >>> from fastinit import Manifest, Recipe
            >>> shapes = {f"h.{k}.mlp.c_proj.weight": (8, 8) for k in range(8)}
            >>> model = Manifest.from_shapes(shapes)
            >>> base = Manifest.from_shapes(dict(list(shapes.items())[:2]))
            >>> recipe = Recipe.completep(model, base)
            >>> recipe.multipliers(model)["h.0.mlp.c_proj.weight"]["forward"]
            0.25
        """
        first = _started(start, model)
        found = parametrizations.completep(model, base, alpha, first, layouts, branches)
        return _parametrized(found, first)

    @staticmethod
    def u_mup(
        model: Model,
        base: Model,
        *,
        start: Recipe | str | None = None,
        layouts: Mapping[Pattern, str] | None = None,
        branches: Pattern | None = None,
    ) -> Recipe:
        """Return the unit-scaled maximal update parametrization (u-muP), for Adam.

        All weights are N(0, 1). The factors on the forward pass are 1 / sqrt(fan_in) for hidden and
        1 / fan_in for output weights, times 1 / sqrt(layers) at the end of residual branches (Blake
        et al. 2024, arXiv 2407.17465).

        Args:
            model: A manifest.
            base: The manifest of the model of another width, which says which axes grow.
            start: The recipe of the base model, as for ``mup``; what is not random, as norms,
                biases and tables, stays.
            layouts: The roles of axes, as for ``mup``.
            branches: The last layers of residual branches, as for ``completep``.

        Raises:
            ValueError: As for ``completep``.

        Example:
            >>> from fastinit import Manifest, Recipe
            >>> model, base = (Manifest.from_shapes({"fc.weight": (d, d)}) for d in (64, 8))
            >>> Recipe.u_mup(model, base).multipliers(model)["fc.weight"]["forward"]
            0.125
        """
        first = _started(start, model)
        found = parametrizations.u_mup(model, base, first, layouts, branches)
        return _parametrized(found, first)

    @staticmethod
    def spectral(
        model: Model,
        optimizer: str = "adam",
        *,
        gain: float = 1.0,
        start: Recipe | str | None = None,
        layouts: Mapping[Pattern, str] | None = None,
    ) -> Recipe:
        """Return the spectral parametrization: all matrices keep norms of sqrt(fan_out / fan_in).

        Weights are N(0, std) with std = gain min(1, sqrt(fan_out / fan_in)) / sqrt(fan_in); tables
        that are looked up have fan_in 1. The factors on learning rates are fan_out / fan_in for
        "sgd", 1 / fan_in for "adam", and sqrt(fan_out / fan_in) for "muon" (1 for what is not a
        matrix). Yang et al. 2023, arXiv 2310.17813.

        Args:
            model: A manifest.
            optimizer: "adam", "sgd" or "muon".
            gain: A factor on all standard deviations.
            start: The recipe of the base model, as for ``mup``; what is not random, as norms,
                biases and tables, stays.
            layouts: The roles of axes, as for ``mup``.

        Raises:
            ValueError: ``optimizer`` is not known, a layout does not fit, or no rule of ``start``
                matches.

        Example:
            >>> from fastinit import Manifest, Plan, Recipe
            >>> model = Manifest.from_shapes({"fc.weight": (64, 256)})
            >>> Plan(model, Recipe.spectral(model), seed=0).tensor("fc.weight").initializer
            Normal(std=0.03125)
        """
        first = _started(start, model)
        found = parametrizations.spectral(model, optimizer, gain, first, layouts)
        return _parametrized(found, first)

    def to_dict(self) -> dict[str, Any]:
        """Return plain data, which ``from_dict`` turns into an equal recipe."""
        data: dict[str, Any] = {"name": self.name, "source": self.source}
        if self.complete:
            data["complete"] = True
        if self.serves:
            data["serves"] = list(self.serves)
        if self.dtype is not None:
            data["dtype"] = self.dtype
        return data | {"rules": [rule.to_dict() for rule in self.rules]}

    @staticmethod
    def from_dict(data: Any) -> Recipe:
        """Return the recipe that ``to_dict`` described.

        Raises:
            ValueError: A field is missing, unknown or out of range; the message says where.
        """
        found = dict(json_files.fields(data, ("name", "source", "rules"), _OPTIONAL))
        rules = []
        for where, item in json_files.items(data, "rules"):
            with json_files.located(where):
                rules.append(Rule.from_dict(item))
        return Recipe(**{**found, "rules": tuple(rules)})

    def to_json(self) -> str:
        """Return JSON text with one line per rule, which ``from_json`` turns into an equal recipe.

        Example:
            >>> from fastinit import Recipe, recipe
            >>> Recipe.from_json(recipe("gpt2").to_json()) == recipe("gpt2")
            True
        """
        return json_files.text(self.to_dict(), ("rules",))

    @staticmethod
    def from_json(text: str | bytes) -> Recipe:
        """Return the recipe of a JSON text.

        Raises:
            ValueError: The text is not JSON, or not a recipe; the message says where.
        """
        with json_files.located("recipe"):
            return Recipe.from_dict(json_files.parse(text))


def _started(start: Recipe | str | None, model: Model) -> Recipe:
    """Return the recipe that a parametrization starts from."""
    checked_model(model, "model")
    if start is None:
        return recipe_of(model)
    return start if isinstance(start, Recipe) else recipe(start)


def _parametrized(found: parametrizations.Parametrization, first: Recipe) -> Recipe:
    """Return the recipe of a parametrization; a complete recipe still says what buffers hold."""
    rest = first.rules if first.complete else ()
    return Recipe(
        found.name, found.source, (*found.rules, *rest), dtype=first.dtype, complete=first.complete
    )


def list_recipes() -> list[str]:
    """Return the names of the built-in recipes.

    Example:
        >>> import fastinit
        >>> "gpt2" in fastinit.list_recipes()
        True
    """
    return json_files.names(RECIPES)


def recipe(source: str | os.PathLike[str]) -> Recipe:
    """Return a built-in recipe, or the recipe of a JSON file.

    Args:
        source: The name of a built-in recipe; or a type of transformers' models that one serves, as
            "mistral"; or the path of a file that holds what ``Recipe.to_json`` returns.

    Raises:
        FileNotFoundError: ``source`` is none of these.
        OSError: The file cannot be read.
        ValueError: The file does not hold a recipe; the message says where.

    Example:
        >>> from fastinit import recipe
        >>> recipe("gpt2").rules[0].pattern
        '**.h.{layer}.*.c_proj.weight'
        >>> recipe("mistral").name
        'llama'
    """
    own = _serving(source) if isinstance(source, str) else None
    path = json_files.find(own or source, RECIPES, "recipe")
    with json_files.located(str(path)):
        return Recipe.from_dict(json_files.read(path))


def recipe_of(model: Model) -> Recipe:
    """Return a model's own recipe, or "default" for a model that does not say what it is.

    Args:
        model: A manifest.

    Raises:
        ValueError: The model has an architecture that no recipe serves; the message lists what
            "default" would draw.

    Example:
        >>> from fastinit import Manifest
        >>> from fastinit.recipes.recipe import recipe_of
        >>> recipe_of(Manifest.load("gpt2")).name
        'gpt2'
    """
    checked_model(model, "model")
    own = find_recipe(model.architecture or model.model)
    if own is not None:
        return own
    default = recipe("default")
    if model.architecture is not None:
        try:
            summary = _summary(default, model)
        except ValueError as error:
            raise ValueError(
                f"no recipe serves model_type={model.architecture!r}, not even 'default': {error}"
            ) from None
        raise ValueError(
            f"no recipe serves model_type={model.architecture!r}; recipe 'default' would draw "
            f"{summary}; if that is right, pass recipe='default' (--recipe "
            "default), or else a recipe of your own, or record what the model's own code draws: "
            "Plan.record (--record)"
        )
    return default


def find_recipe(wanted: str) -> Recipe | None:
    """Return the built-in recipe that has a name or serves an architecture, or None.

    Example:
        >>> from fastinit.recipes.recipe import find_recipe
        >>> find_recipe("mistral").name, find_recipe("zamba")
        ('llama', None)
    """
    name = _serving(wanted)
    return None if name is None else recipe(name)


def _serving(wanted: str) -> str | None:
    """Return the name of the built-in recipe that has a name or serves an architecture, or None."""
    names = list_recipes()
    return wanted if wanted in names else next((n for n in names if wanted in _serves(n)), None)


def _summary(chosen: Recipe, model: Model) -> str:
    """Return what a recipe would draw for a model, by what it assumes the tensors to be."""
    rules, context = chosen.match(model), chosen.context(model)
    groups: dict[tuple[str | None, str], list[str]] = {}
    for each in model.parameters:
        if (rule := rules.get(each.name)) is not None:
            key = rule.assumes, str(rule.resolve(each, context))
            groups.setdefault(key, []).append(each.name)
    drawn_as = []
    for (assumed, drawn), names in groups.items():
        more = ", ..." if len(names) > 1 else ""
        drawn_as.append(f"{len(names):,} as {assumed} ({drawn}: {names[0]!r}{more})")
    return listed(drawn_as)


@functools.cache
def _serves(name: str) -> list[str]:
    serves: list[str] = json_files.read(json_files.find(name, RECIPES, "recipe")).get("serves", [])
    return serves
