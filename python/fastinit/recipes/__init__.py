"""Recipes: rules from the names of parameters to initializers.

The built-in recipes are data: the JSON files in ``fastinit/recipes/data``.
"""
