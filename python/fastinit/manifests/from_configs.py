"""The parameters of the model that a config of transformers describes; its weights are not made."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from fastinit.manifests import from_torch


def read(config: dict[str, Any], path: Path) -> dict[str, Any]:
    """Return the arguments of the manifest of a ``config.json``.

    Raises:
        ModuleNotFoundError: transformers or torch is not installed.
        ValueError: transformers does not know the model.
    """
    try:
        import torch
        import transformers
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            f"{path} describes a model of transformers, and {error.name} is not installed: "
            "pip install transformers torch; or pass a manifest"
        ) from None
    model_type: Any = config.get("model_type")
    if model_type not in transformers.CONFIG_MAPPING:
        raise ValueError(
            f"model_type={model_type!r} is not known to transformers {transformers.__version__}; "
            "build the model yourself and use Manifest.from_torch"
        )
    made = transformers.CONFIG_MAPPING[model_type].from_dict(config)
    with torch.device("meta"):
        module = _class_of(config, transformers)._from_config(made, dtype=made.dtype)
    name = path.parent.name if path.stem == "config" else path.stem
    source = f"transformers {transformers.__version__} {type(module).__name__}"
    found = from_torch.read(module, name or model_type)
    return found | {"architecture": model_type, "config": config, "source": source}


def _class_of(config: dict[str, Any], transformers: Any) -> Any:
    """Return the class of the model, which must be one of transformers' own."""
    named = config.get("architectures")
    name = named[0] if isinstance(named, list) and named else None
    found = getattr(transformers, name, None) if isinstance(name, str) else None
    if found is None or not hasattr(found, "_from_config"):
        raise ValueError(
            f"architectures={named!r} names no class of transformers {transformers.__version__}; "
            'write the class whose weights you want, as in ["LlamaForCausalLM"]'
        )
    return found
