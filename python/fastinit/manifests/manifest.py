"""Manifests: the tensors of a model, by name and shape, and which of them are one."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fastinit import json_files
from fastinit.parameters import Parameter

__all__ = ["MODELS", "Manifest", "Parameter"]

MODELS = Path(__file__).parent / "data"
_OPTIONAL = ("architecture", "source", "count", "tied", "buffers", "config")


@dataclass(frozen=True)
class Manifest:
    """The tensors of a model.

    Args:
        model: the model's name.
        parameters: what is drawn, in the order of the model.
        tied: name -> the name of the parameter that it shares; tied tensors are stored once.
        buffers: tensors that are stored, but not trained (running means); they get constants.
        architecture: the family (transformers' ``model_type``), which says whose recipe serves it.
        source: where the names and shapes come from.
        config: the content of the model's ``config.json``, which is saved beside its weights.

    Raises:
        ValueError: no parameters, a name that occurs twice, or a tie to no parameter.

    Example:
        >>> from fastinit import Manifest
        >>> gpt2 = Manifest.load("gpt2")
        >>> sum(parameter.elements for parameter in gpt2.parameters)
        124439808
    """

    model: str
    parameters: tuple[Parameter, ...]
    tied: dict[str, str] = field(default_factory=dict)
    buffers: tuple[Parameter, ...] = ()
    architecture: str | None = None
    source: str | None = None
    config: dict[str, Any] | None = None

    def __post_init__(self) -> None:
        """Check what concerns more than one parameter."""
        if not isinstance(self.model, str) or not self.model:
            raise ValueError(f"model={self.model!r} is no name; pass a string that is not empty")
        for text in ("architecture", "source"):
            value = getattr(self, text)
            if not isinstance(value, (str, type(None))):
                raise ValueError(f"{text}={value!r} is no text; pass a string, or None")
        if not isinstance(self.config, (dict, type(None))):
            raise ValueError(f"config={self.config!r} is no object; pass that of a config.json")
        for listed in ("parameters", "buffers"):
            object.__setattr__(self, listed, tuple(getattr(self, listed)))
        if not self.parameters:
            raise ValueError("parameters is empty; a model has at least one")
        counts = Counter(each.name for each in self.tensors)
        if twice := [name for name, count in counts.items() if count > 1]:
            raise ValueError(
                f"the name {twice[0]!r} occurs {counts[twice[0]]} times; make names unique"
            )
        _check_tied(self.tied, counts)

    @property
    def tensors(self) -> tuple[Parameter, ...]:
        """All that a checkpoint of the model holds: the parameters, then the buffers."""
        return self.parameters + self.buffers

    @staticmethod
    def load(source: str | os.PathLike[str]) -> Manifest:
        """Read a manifest.

        Args:
            source: the name of a built-in model, or a path: of a manifest's JSON file (as
                ``to_json`` writes it), of a ``.safetensors`` file (its header is read, and the
                ``config.json`` beside it), of an index of such files
                (``model.safetensors.index.json``), of a ``config.json`` of transformers (which is
                needed then; the model is built without its weights), or of a folder that holds one
                of these.

        Raises:
            FileNotFoundError: ``source`` is none of these.
            ModuleNotFoundError: a ``config.json`` without transformers and torch.
            OSError: the file cannot be read.
            ValueError: the file's content is none of these; the message says where.

        Example:
            >>> from fastinit import Manifest
            >>> Manifest.load("gpt2").tied
            {'lm_head.weight': 'transformer.wte.weight'}
        """
        from fastinit.manifests import from_files

        return from_files.load(json_files.find(source, MODELS, "model"))

    @staticmethod
    def from_torch(module: Any, model: str | None = None) -> Manifest:
        """The parameters of a torch module and its buffers that are saved.

        Tied parameters are found as such. A module of transformers also gives its architecture and
        config. Nothing is read of the weights, which may lie on the meta device; of buffers that
        hold no known constant the values are kept, so these may not.

        Args:
            module: a ``torch.nn.Module``.
            model: the model's name; None for the type of ``module``.

        Raises:
            TypeError: ``module`` is no torch module.
            ValueError: it has no parameters, or one of a dtype that is not known.
        """
        from fastinit.manifests import from_torch

        return from_torch.manifest(module, model)

    @staticmethod
    def from_tree(tree: Any, model: str = "model", *, separator: str = ".") -> Manifest:
        """The leaves of a tree of arrays or of shapes, such as the parameters of a flax module.

        Args:
            tree: nested mappings and sequences whose leaves have ``shape`` and ``dtype``: arrays,
                ``jax.ShapeDtypeStruct`` (of ``jax.eval_shape``), any pytree that jax knows.
            model: the model's name.
            separator: what joins the keys on the way to a leaf to its name.

        Raises:
            TypeError: a leaf without a shape.
            ValueError: no leaves, or a name that occurs twice.

        Example:
            >>> import numpy as np
            >>> from fastinit import Manifest
            >>> tree = {"params": {"dense": {"kernel": np.zeros((3, 4)), "bias": np.zeros(4)}}}
            >>> [each.name for each in Manifest.from_tree(tree).parameters]
            ['params.dense.kernel', 'params.dense.bias']
        """
        from fastinit.manifests import from_trees

        return from_trees.of_tree(tree, model, separator)

    @staticmethod
    def from_shapes(
        shapes: Mapping[str, Any], model: str = "model", *, tied: Mapping[str, str] | None = None
    ) -> Manifest:
        """A model from a plain mapping.

        Args:
            shapes: name -> shape, or anything with ``shape`` and ``dtype`` (an array).
            model: the model's name.
            tied: name -> the name of the parameter that it shares.

        Raises:
            TypeError: something that is no shape.
            ValueError: no parameters, a name that is not allowed, or a negative size.

        Example:
            >>> from fastinit import Manifest
            >>> Manifest.from_shapes({"w": (3, 4), "b": 4}).parameters[1].shape
            (4,)
        """
        from fastinit.manifests import from_trees

        return from_trees.of_shapes(shapes, model, tied)

    def to_dict(self) -> dict[str, Any]:
        """Plain data, which ``from_dict`` turns into an equal manifest."""
        data: dict[str, Any] = {"model": self.model}
        for optional in ("architecture", "source"):
            if (value := getattr(self, optional)) is not None:
                data[optional] = value
        data["count"] = sum(each.elements for each in self.parameters)
        data["parameters"] = [each.to_dict() for each in self.parameters]
        data["tied"] = dict(self.tied)
        data["buffers"] = [each.to_dict() for each in self.buffers]
        return data if self.config is None else data | {"config": self.config}

    @staticmethod
    def from_dict(data: Any) -> Manifest:
        """The manifest that ``to_dict`` described.

        Raises:
            ValueError: a field is missing, not known or wrong; the message says where.
        """
        found = dict(json_files.fields(data, ("model", "parameters"), _OPTIONAL))
        for listed in ("parameters", "buffers"):
            parameters = []
            for where, item in json_files.items(data, listed):
                with json_files.located(where):
                    parameters.append(Parameter.from_dict(item))
            found[listed] = tuple(parameters)
        count = found.pop("count", None)
        manifest = Manifest(**found)
        elements = sum(each.elements for each in manifest.parameters)
        if count not in (None, elements):
            raise ValueError(
                f"count={count!r}, but the parameters have {elements} elements; correct what "
                "is wrong, or leave count out"
            )
        return manifest

    def to_json(self) -> str:
        """A JSON text, a tensor a line, which ``load`` reads from a file.

        Example:
            >>> from fastinit import Manifest
            >>> Manifest.from_shapes({"w": (3, 4)}).to_json().splitlines()[4]
            '  {"name": "w", "shape": [3, 4]}'
        """
        return json_files.text(self.to_dict(), ("parameters", "buffers"))


def _check_tied(tied: Any, names: Counter[str]) -> None:
    if not isinstance(tied, dict):
        raise ValueError(
            f"tied={tied!r} is no object; write {{name: name of the parameter that it shares}}"
        )
    for name, target in tied.items():
        if not isinstance(target, str) or target not in names:
            raise ValueError(
                f"tied: {name!r} is tied to {target!r}, which is not in parameters; tie it to one "
                "of them, or leave it out"
            )
        if name in names:
            raise ValueError(
                f"tied: {name!r} is also in parameters; leave it out of the one or the other (tied "
                f"tensors are stored once, here as {target!r})"
            )
