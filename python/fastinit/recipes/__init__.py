"""Recipes: rules from the names of parameters to initializers, and the built-in ones as data."""

from fastinit.recipes.base import Recipe, recipe, recipe_of
from fastinit.recipes.rules import Rule, Scale

__all__ = ["Recipe", "Rule", "Scale", "recipe", "recipe_of"]
