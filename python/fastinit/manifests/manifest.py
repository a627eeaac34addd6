"""Manifests: the names and shapes of a model's tensors, and which of them share memory."""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fastinit import json_files
from fastinit.checks import wrong_type
from fastinit.manifests import from_files, from_torch, from_trees
from fastinit.recipes.parameter import Parameter
from fastinit.tables import count_text, plural

MODELS = Path(__file__).parent / "data"
_HUB = re.compile(r"[\w.-]+/[\w.-]+(?<!\.json)(?<!\.safetensors)")  # owner/model


@dataclass(frozen=True)
class Manifest:
    """The tensors of a model.

    Args:
        model: The name of the model.
        parameters: The trained tensors, in the order of the model.
        tied: Name -> the name of the tensor that it shares; tied tensors are stored once.
        buffers: Tensors that are stored but not trained (running means). They hold what their
            names or their ``value`` say.
        architecture: The family (transformers' ``model_type``), which decides the default recipe.
        source: Where the names and shapes come from.
        config: The content of the model's ``config.json``, which is saved beside its weights.

    Raises:
        ValueError: The list of parameters is empty, a name occurs twice, or a tie names no tensor.

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
        if not isinstance(self.model, str) or not self.model:
            raise ValueError(f"model={self.model!r} is not a name; pass a string that is not empty")
        for text in ("architecture", "source"):
            value = getattr(self, text)
            if not isinstance(value, (str, type(None))):
                raise ValueError(f"{text}={value!r} is not a string; pass a string, or None")
        if not isinstance(self.config, (dict, type(None))):
            raise ValueError(f"config={self.config!r} is not an object; pass that of a config.json")
        object.__setattr__(self, "config", json_files.encoded(self.config))  # plain JSON
        for listed in ("parameters", "buffers"):
            object.__setattr__(self, listed, _parameters(getattr(self, listed), listed))
        if not self.parameters:
            raise ValueError("parameters is empty; a model has at least one")
        counts = Counter(each.name for each in self.tensors)
        if twice := [name for name, count in counts.items() if count > 1]:
            raise ValueError(
                f"the name {twice[0]!r} occurs {counts[twice[0]]} times; make names unique"
            )
        _check_tied(self.tied, counts)

    def __repr__(self) -> str:
        counts = [plural(len(self.parameters), "parameter")]
        counts += [plural(len(self.buffers), "buffer")] if self.buffers else []
        counts += [f"{len(self.tied):,} tied"] if self.tied else []
        elements = count_text(sum(each.elements for each in self.tensors))
        return f"Manifest({self.model}: {', '.join(counts)}, {elements} values)"

    @property
    def tensors(self) -> tuple[Parameter, ...]:
        """All tensors that a checkpoint of the model holds: the parameters, then the buffers."""
        return self.parameters + self.buffers

    @staticmethod
    def load(source: str | os.PathLike[str]) -> Manifest:
        """Read a manifest.

        Args:
            source: The name of a built-in model, or the path of one of these: a manifest's JSON
                file (as ``to_json`` writes it); a ``.safetensors`` file (its header is read, and
                the ``config.json`` beside it); an index of such files
                (``model.safetensors.index.json``); a ``config.json`` of transformers (which must
                be installed; the model is built without its weights); or a folder. Of a folder,
                ``model.safetensors`` or its index is read, else diffusers' or peft's files
                (``diffusion_pytorch_model.safetensors``, ``adapter_model.safetensors`` or an
                index), else ``config.json``, else its only ``.safetensors`` file.

        Raises:
            FileNotFoundError: ``source`` is none of these.
            ModuleNotFoundError: A ``config.json``, without transformers and torch.
            OSError: The file cannot be read.
            ValueError: The content of the file is none of these, or a folder holds a
                ``model.safetensors`` and an index that contradict each other; the message says
                where.

        Example:
            >>> from fastinit import Manifest
            >>> Manifest.load("gpt2").tied
            {'lm_head.weight': 'transformer.wte.weight'}
        """
        if isinstance(source, str) and _HUB.fullmatch(source) and not Path(source).exists():
            raise FileNotFoundError(
                f"{source!r} is not a file; if it is a model of the Hugging Face Hub, save its "
                f"config.json, transformers.AutoConfig.from_pretrained({source!r})"
                ".save_pretrained(folder), and pass the folder"
            )
        path, found = from_files.read(json_files.find(source, MODELS, "model"))
        with json_files.located(str(path)):
            return _manifest(found)

    @staticmethod
    def from_torch(module: Any, model: str | None = None) -> Manifest:
        """Return the manifest of a torch module: its parameters and the buffers it saves.

        Tied parameters are found as such. A module of transformers also gives its architecture and
        config. Weights are not read and may lie on the meta device. Buffers must not, unless their
        name says which constant they hold: the values of the others are kept in the manifest.

        Args:
            module: A ``torch.nn.Module``.
            model: The name of the model; None for the type of ``module``.

        Raises:
            TypeError: ``module`` is not a torch module.
            ValueError: It has no parameters, or one of a dtype that is not known.
        """
        return Manifest(**from_torch.read(module, model))

    @staticmethod
    def from_tree(tree: Any, model: str = "model", *, separator: str = ".") -> Manifest:
        """Return the manifest of a tree of arrays or shapes, such as a flax module's variables.

        Functions, random keys of jax and None are left out. Tensors that are not trained are
        buffers: those with names such as flax's ``batch_stats.*.mean``, and integers, whose values
        the manifest keeps where the tree has them.

        Args:
            tree: Nested mappings and sequences whose leaves have ``shape`` and ``dtype``: arrays,
                ``jax.ShapeDtypeStruct`` (of ``jax.eval_shape``), any pytree that jax knows. A tuple
                of integers is a shape.
            model: The name of the model.
            separator: What joins the keys on the way to a leaf into its name.

        Raises:
            TypeError: Another leaf has no shape, such as a number.
            ValueError: The tree has no tensors, or a name occurs twice.

        Example:
            >>> import numpy as np
            >>> from fastinit import Manifest
            >>> tree = {"params": {"dense": {"kernel": np.zeros((3, 4)), "bias": np.zeros(4)}}}
            >>> [each.name for each in Manifest.from_tree(tree).parameters]
            ['params.dense.kernel', 'params.dense.bias']
        """
        parameters, buffers = from_trees.of_tree(tree, separator)
        return Manifest(model, parameters, buffers=buffers)

    @staticmethod
    def from_shapes(
        shapes: Mapping[str, Any], model: str = "model", *, tied: Mapping[str, str] | None = None
    ) -> Manifest:
        """Return the manifest of a plain mapping from names to shapes.

        Parameters and buffers are told apart as by ``from_tree``.

        Args:
            shapes: Name -> shape, or anything with ``shape`` and ``dtype`` (an array).
            model: The name of the model.
            tied: Name -> the name of the parameter that it shares.

        Raises:
            TypeError: A value is not a shape.
            ValueError: The mapping is empty, a name is not allowed, or a size is negative.

        Example:
            >>> from fastinit import Manifest
            >>> Manifest.from_shapes({"w": (3, 4), "b": 4}).parameters[1].shape
            (4,)
        """
        parameters, buffers = from_trees.of_shapes(shapes)
        return Manifest(model, parameters, dict(tied or {}), buffers)

    def to_dict(self) -> dict[str, Any]:
        """Return plain data, which ``from_dict`` turns into an equal manifest."""
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
        """Return the manifest that ``to_dict`` described.

        Raises:
            ValueError: A field is missing, not known or wrong; the message says where.
        """
        return _manifest(from_files.of_data(data))

    def to_json(self) -> str:
        """Return JSON with a line per tensor, which ``load`` reads from a file.

        Example:
            >>> from fastinit import Manifest
            >>> Manifest.from_shapes({"w": (3, 4)}).to_json().splitlines()[4]
            '  {"name": "w", "shape": [3, 4]}'
        """
        return json_files.text(self.to_dict(), ("parameters", "buffers"))


def list_models() -> list[str]:
    """Return the names of the built-in models.

    Example:
        >>> import fastinit
        >>> fastinit.list_models()
        ['gpt2', 'llama-3-8b', 'llama-3.2-1b', 'resnet-50', 'vit-base']
    """
    return json_files.names(MODELS)


def _manifest(fields: dict[str, Any]) -> Manifest:
    """Return a manifest of its arguments and the number of elements, which is checked if given."""
    count = fields.pop("count", None)
    manifest = Manifest(**fields)
    elements = sum(each.elements for each in manifest.parameters)
    if count not in (None, elements):
        raise ValueError(
            f"count={count!r}, but the parameters have {elements} elements; correct the one that "
            "is wrong, or leave count out"
        )
    return manifest


def _parameters(given: Any, what: str) -> tuple[Parameter, ...]:
    if isinstance(given, (str, bytes)) or not isinstance(given, Iterable):
        raise wrong_type(given, what, "a tuple of Parameter")
    found = tuple(given)
    for k, each in enumerate(found):
        if not isinstance(each, Parameter):
            raise wrong_type(each, f"{what}[{k}]", "a Parameter")
    return found


def _check_tied(tied: Any, names: Counter[str]) -> None:
    if not isinstance(tied, dict):
        raise ValueError(
            f"tied={tied!r} is not an object; write {{name: name of the parameter that it shares}}"
        )
    for name, target in tied.items():
        if not isinstance(target, str) or target not in names:
            raise ValueError(
                f"tied: {name!r} is tied to {target!r}, which is not in parameters; tie it to one "
                "of those, or leave it out"
            )
        if name in names:
            raise ValueError(
                f"tied: {name!r} is also in parameters; remove one of the two (tied "
                f"tensors are stored once, here as {target!r})"
            )
