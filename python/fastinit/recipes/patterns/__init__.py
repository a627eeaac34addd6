"""Patterns over names and shapes, which match in linear time."""
