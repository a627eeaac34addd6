"""Recipes: ordered rules from the names of parameters to initializers, as data."""

from fastinit.recipes.model_numbers import Axis, Layers, Setting
from fastinit.recipes.multipliers import Multipliers
from fastinit.recipes.parameter import Parameter
from fastinit.recipes.patterns.pattern import Regex
from fastinit.recipes.recipe import Recipe, list_recipes, recipe
from fastinit.recipes.rule import Rule
from fastinit.recipes.scale import Scale

__all__ = [
    "Axis",
    "Layers",
    "Multipliers",
    "Parameter",
    "Recipe",
    "Regex",
    "Rule",
    "Scale",
    "Setting",
    "list_recipes",
    "recipe",
]
