"""Advice for whole models, by their graphs and the names of their parameters."""
