"""Manifests: the tensors of a model, by name and shape, and which of them are one."""

from __future__ import annotations

import math
import os
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fastinit import documents
from fastinit.boxes import shape_of
from fastinit.dtypes import dtype_of

MODELS = Path(__file__).parent / "models"


@dataclass(frozen=True, slots=True)
class Parameter:
    """One tensor of a model.

    Args:
        name: as in the model's state dict: printable, and not ``__metadata__``, which safetensors
            files keep for themselves.
        shape: its sizes.
        module: the type of the module that it belongs to.
        dtype: its own, where it has one.

    Raises:
        TypeError: a size that is no integer.
        ValueError: an empty or unprintable name, a size below 0 or an unknown dtype.

    Example:
        >>> from fastinit.manifest import Parameter
        >>> Parameter("wte.weight", (50257, 768), module="Embedding").elements
        38597376
    """

    name: str
    shape: tuple[int, ...]
    module: str | None = None
    dtype: str | None = None

    def __post_init__(self) -> None:
        """Check the fields."""
        name, module = self.name, self.module
        if (
            not isinstance(name, str)
            or not name
            or not name.isprintable()
            or name == "__metadata__"
        ):
            raise ValueError(
                f"name={name!r} names no tensor; pass printable characters, but not '__metadata__'"
            )
        if not isinstance(self.shape, (list, tuple)) or any(
            isinstance(n, bool) for n in self.shape
        ):
            raise TypeError(f"shape={self.shape!r} of {name!r} is no list of integers")
        object.__setattr__(self, "shape", shape_of(self.shape))
        if not isinstance(module, (str, type(None))):
            raise TypeError(
                f"module={module!r} of {name!r} is no string; pass a type's name, or None"
            )
        if self.dtype is not None:
            dtype_of(self.dtype)

    @property
    def elements(self) -> int:
        """How many elements it has."""
        return math.prod(self.shape)


@dataclass(frozen=True)
class Manifest:
    """The tensors of a model.

    Args:
        model: the model's name, which is also that of the recipe that serves it.
        parameters: what is drawn, in the order of the model.
        tied: name -> the name of the parameter that it shares; tied tensors are stored once.
        buffers: tensors that are stored, but not trained (running means).

    Raises:
        ValueError: no parameters, a name that occurs twice, or a tie to no parameter.

    Example:
        >>> from fastinit.manifest import Manifest
        >>> gpt2 = Manifest.load("gpt2")
        >>> sum(parameter.elements for parameter in gpt2.parameters)
        124439808
    """

    model: str
    parameters: tuple[Parameter, ...]
    tied: dict[str, str] = field(default_factory=dict)
    buffers: tuple[Parameter, ...] = ()

    def __post_init__(self) -> None:
        """Check what concerns more than one parameter."""
        if not isinstance(self.model, str) or not self.model:
            raise ValueError(f"model={self.model!r} is no name; pass a string that is not empty")
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
            source: the name of a built-in model, or the path of a JSON file: an object with
                ``model`` and ``parameters``, a list of objects with ``name``, ``shape`` and
                perhaps ``module`` and ``dtype``. It may have ``tied``, ``buffers`` (such a list
                too), ``source`` (where the names and shapes come from) and ``count`` (the
                elements of all parameters).

        Raises:
            FileNotFoundError: ``source`` is neither.
            OSError: the file cannot be read.
            ValueError: the file's content is no manifest; the message says where.

        Example:
            >>> from fastinit.manifest import Manifest
            >>> Manifest.load("gpt2").tied
            {'lm_head.weight': 'transformer.wte.weight'}
        """
        path = documents.find(source, MODELS, "model")
        with documents.located(str(path)):
            return _manifest(documents.parse(path.read_bytes()))


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


def _manifest(data: Any) -> Manifest:
    documents.fields(data, ("model", "parameters"), ("source", "count", "tied", "buffers"))
    manifest = Manifest(
        data["model"],
        _parameters(data, "parameters"),
        data.get("tied", {}),
        _parameters(data, "buffers"),
    )
    elements = sum(each.elements for each in manifest.parameters)
    if data.get("count", elements) != elements:
        raise ValueError(
            f"count={data['count']!r}, but the parameters have {elements} elements; correct what "
            "is wrong, or leave count out"
        )
    return manifest


def _parameters(data: dict[str, Any], field: str) -> tuple[Parameter, ...]:
    parameters = []
    for where, item in documents.items(data, field):
        with documents.located(where):
            documents.fields(item, ("name", "shape"), ("module", "dtype"))
            parameters.append(Parameter(**item))
    return tuple(parameters)
