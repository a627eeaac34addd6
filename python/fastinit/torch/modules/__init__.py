"""Whole modules, initialized in place by a recipe."""
