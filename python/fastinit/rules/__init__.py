"""Rules from the names of parameters to initializers, and the recipes made of them.

The built-in recipes are data: the JSON files in ``fastinit/recipes``.
"""

from fastinit.rules.base import Recipe, recipe, recipe_of, recipes
from fastinit.rules.patterns import Regex
from fastinit.rules.rule import Rule
from fastinit.rules.scale import Axis, Layers, Scale, Setting

__all__ = [
    "Axis",
    "Layers",
    "Recipe",
    "Regex",
    "Rule",
    "Scale",
    "Setting",
    "recipe",
    "recipe_of",
    "recipes",
]
