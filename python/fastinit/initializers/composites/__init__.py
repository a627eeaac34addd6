"""Initializers that are made of others."""
