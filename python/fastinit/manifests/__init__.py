"""Manifests: the tensors of a model, by name and shape, and where they are read from."""

from fastinit.manifests.manifest import MODELS, Manifest
from fastinit.parameters import Parameter

__all__ = ["MODELS", "Manifest", "Parameter"]
