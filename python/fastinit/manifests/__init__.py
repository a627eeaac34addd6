"""Manifests: the parameters of a model, and the readers that find them in files, modules, trees."""

from fastinit.manifests.manifest import MODELS, Manifest
from fastinit.recipes.parameter import Parameter

__all__ = ["MODELS", "Manifest", "Parameter"]
