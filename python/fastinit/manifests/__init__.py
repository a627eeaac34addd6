"""Manifests: the parameters of a model, and the readers that find them in files, modules, trees."""

from fastinit.manifests.manifest import MODELS, Manifest, list_models
from fastinit.recipes.parameter import Parameter

__all__ = ["MODELS", "Manifest", "Parameter", "list_models"]
