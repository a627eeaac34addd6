"""The parameters of the model that a config of transformers describes; its weights are not made."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from fastinit import json_files
from fastinit.manifests import from_torch


def read(config: dict[str, Any], path: Path) -> dict[str, Any]:
    """Return the arguments of the manifest of a ``config.json``.

    Without ``architectures``, the model is the one that ``AutoModel`` makes of it.

    Raises:
        ModuleNotFoundError: transformers or torch is not installed.
        ValueError: transformers does not know the model, or cannot build it of this config.
    """
    made, type_of_model = model_of(config, path)
    import torch  # model_of has found it

    with torch.device("meta"):
        module = build(made, type_of_model)
    name = path.parent.name if path.stem == "config" else path.stem
    found = from_torch.read(module, name or config["model_type"])
    return found | {
        "architecture": config["model_type"],
        "config": config,
        "source": source(module),
    }


def model_of(config: dict[str, Any], path: Path) -> tuple[Any, Any]:
    """Return the configuration, and the class of the model, that a ``config.json`` describes.

    Raises:
        ModuleNotFoundError: transformers or torch is not installed.
        ValueError: transformers does not know the model, or the configuration.
    """
    try:
        import torch  # noqa: F401
        import transformers
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            f"{path} describes a model of transformers, and {error.name} is not installed: "
            "pip install transformers torch; or pass a manifest"
        ) from None
    model_type = config.get("model_type")
    if not isinstance(model_type, str) or model_type not in transformers.CONFIG_MAPPING:
        raise ValueError(
            f"model_type={model_type!r} is not known to transformers {transformers.__version__}; "
            "build the model yourself and use Manifest.from_torch"
        )
    type_of_config = transformers.CONFIG_MAPPING[model_type]
    type_of_model = _class_of(config, type_of_config, transformers)
    with _refused(type_of_model):
        return type_of_config.from_dict(json_files.decoded(config)), type_of_model


def build(config: Any, type_of_model: Any) -> Any:
    """Return the model of a configuration, with random weights, in the dtype that it names.

    Raises:
        ValueError: transformers cannot build it.
    """
    with _refused(type_of_model):
        return type_of_model._from_config(config, dtype=config.dtype)


def source(module: Any) -> str:
    """Return where the names and shapes of a model of transformers come from."""
    import transformers

    return f"transformers {transformers.__version__} {type(module).__name__}"


@contextlib.contextmanager
def _refused(type_of_model: Any) -> Iterator[None]:
    """Say which model transformers could not build."""
    try:
        yield
    except MemoryError:
        raise
    except Exception as error:  # whatever the code of a model raises about the config
        import transformers

        reason = " ".join(str(error).split())
        raise ValueError(
            f"transformers {transformers.__version__} cannot build {type_of_model.__name__} of "
            f"this config: {type(error).__name__}: {reason}; correct the config"
        ) from error


def _class_of(config: dict[str, Any], type_of_config: Any, transformers: Any) -> Any:
    """Return the class of the model, which must be one of transformers' own."""
    named = config.get("architectures")
    if named is None or named == []:
        found = transformers.MODEL_MAPPING.get(type_of_config, None)
        if found is None:
            raise ValueError(
                f"architectures is missing, and transformers {transformers.__version__} has no "
                f"AutoModel for model_type={config['model_type']!r}; write the class whose weights "
                'you want, as in ["LlamaForCausalLM"]'
            )
        return found[0] if isinstance(found, tuple) else found
    name = named[0] if isinstance(named, list) else None
    found = getattr(transformers, name, None) if isinstance(name, str) else None
    if found is None or not hasattr(found, "_from_config"):
        raise ValueError(
            f"architectures={named!r} names no class of transformers {transformers.__version__}; "
            'write the class whose weights you want, as in ["LlamaForCausalLM"]'
        )
    return found
