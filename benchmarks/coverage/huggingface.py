"""The model types of transformers, and the models of diffusers, in tiny sizes."""

from __future__ import annotations

import contextlib
import inspect
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch

from benchmarks.common import LeftOutError, required

MOST_ELEMENTS = 170_000_000
"""Elements from which a model of diffusers is too large to be compared."""

_DATA = Path(__file__).parent / "data"


class Transformers:
    """The model of each type that ``AutoModel`` makes."""

    package = "transformers"

    def names(self) -> list[str]:
        """Return the types."""
        required(self.package)
        from benchmarks.coverage import tiny_transformers

        return tiny_transformers.TYPES

    def build(self, name: str) -> Any:
        """Return a function that builds the model of a type.

        Raises:
            LeftOutError: It cannot be built.
        """
        from benchmarks.coverage import tiny_transformers

        def make() -> Any:
            return self._model(tiny_transformers.config(name))

        return checked(make, tiny_transformers.MOST_ELEMENTS)

    def _model(self, config: Any) -> Any:
        from transformers import AutoModel

        return AutoModel.from_config(config)


class CausalModels(Transformers):
    """The causal language model of each type that has one."""

    def names(self) -> list[str]:
        """Return the types."""
        from transformers.models.auto.modeling_auto import MODEL_FOR_CAUSAL_LM_MAPPING_NAMES

        return [name for name in super().names() if name in MODEL_FOR_CAUSAL_LM_MAPPING_NAMES]

    def _model(self, config: Any) -> Any:
        from transformers import AutoModelForCausalLM

        return AutoModelForCausalLM.from_config(config)


class Diffusers:
    """The models of diffusers, with the arguments of ``data/diffusers.json``."""

    package = "diffusers"

    def names(self) -> list[str]:
        """Return the names of the classes."""
        return sorted(self._classes())

    def build(self, name: str) -> Any:
        """Return a function that builds a model.

        Raises:
            LeftOutError: It cannot be built.
        """
        kind = self._classes()[name]
        options = _small(kind, json.loads((_DATA / "diffusers.json").read_text()))
        return checked(lambda: kind(**options), MOST_ELEMENTS)

    def _classes(self) -> dict[str, Any]:
        models = required("diffusers.models")
        base = required("diffusers").ModelMixin
        found = {}
        for name in dir(models):
            with contextlib.suppress(ImportError, RuntimeError):
                kind = getattr(models, name)
                if isinstance(kind, type) and issubclass(kind, base) and kind is not base:
                    found[name] = kind
        return found


def checked(make: Callable[[], Any], most: int) -> Callable[[], Any]:
    """Return a function that builds a model, after building it on the meta device.

    Raises:
        LeftOutError: It cannot be built, or has too many elements to be compared.
    """
    try:
        with torch.device("meta"):
            model = make()
    except (Exception, SystemExit) as error:
        raise LeftOutError(f"{type(error).__name__}: {str(error).strip()}") from None
    if sum(each.numel() for each in model.parameters()) > most:
        raise LeftOutError("with the sizes that are known it is too large to be compared")
    return make


def _small(kind: Any, sizes: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """Return small arguments of a class: those of its name, and those of all by their names."""
    own = dict(sizes.get(kind.__name__, {}))
    for name, parameter in inspect.signature(kind).parameters.items():
        default = parameter.default
        if name in own or name not in sizes["*"]:
            continue
        size = sizes["*"][name]
        if isinstance(default, (list, tuple)):
            own[name] = type(default)(size for _ in default)
        elif isinstance(default, int) or default is inspect.Parameter.empty:
            own[name] = size
    return own
