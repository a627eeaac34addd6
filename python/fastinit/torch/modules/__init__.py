"""Whole modules, initialized in place by a recipe, or from the meta device."""
