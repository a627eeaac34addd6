"""Tiny configurations of all model types of transformers.

Sizes that many configurations have under the same names are set first, in a few ways that are
tried in turn. ``data/tiny_transformers.json`` has, by type, what else is needed: attributes of a
configuration, and of those in it by their path ("vision_config.depth").
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import torch
from transformers import CONFIG_MAPPING, AutoConfig, AutoModel
from transformers.models.auto.modeling_auto import MODEL_MAPPING_NAMES

MOST_ELEMENTS = 70_000_000
"""Elements from which a model is not tiny."""

TYPES = sorted(CONFIG_MAPPING.keys() & MODEL_MAPPING_NAMES.keys())
"""The types of configurations for which ``AutoModel`` has a class."""

_HEADS: dict[str, Any] = {
    **dict.fromkeys(("num_attention_heads", "n_head", "num_heads", "n_heads"), 4),
    **dict.fromkeys(("encoder_attention_heads", "decoder_attention_heads"), 4),
    "num_key_value_heads": 2,
    **dict.fromkeys(("head_dim", "d_kv", "embedding_size"), 8),
}
_WITHOUT_HEADS: dict[str, Any] = {
    **dict.fromkeys(("hidden_size", "d_model", "n_embd", "dim", "embed_dim", "encoder_dim"), 32),
    **dict.fromkeys(("intermediate_size", "d_ff", "ffn_dim", "d_inner"), 48),
    **dict.fromkeys(("encoder_ffn_dim", "decoder_ffn_dim", "moe_intermediate_size"), 48),
    **dict.fromkeys(("num_hidden_layers", "n_layer", "num_layers", "n_layers"), 2),
    **dict.fromkeys(("encoder_layers", "decoder_layers"), 1),
    **dict.fromkeys(("num_local_experts", "num_experts"), 2),
    **dict.fromkeys(("n_routed_experts", "num_experts_per_tok"), 2),
    "vocab_size": 64,
    "max_position_embeddings": 64,
    "image_size": 32,
    "patch_size": 8,
}
SIZES = _WITHOUT_HEADS | _HEADS
"""Sizes under the names that configurations have for them."""

_NAMED: dict[str, Mapping[str, Any]] = {"all": SIZES, "without heads": _WITHOUT_HEADS, "none": {}}
_ATTEMPTS = [(sizes, deep) for deep in (False, True) for sizes in (SIZES, _WITHOUT_HEADS)]
_LISTS = {"depths": 1, "num_heads": 2, "num_attention_heads": 2}
_TOKENS = ("pad_token_id", "bos_token_id", "eos_token_id")
_PARTS = ("text_config", "vision_config", "audio_config", "encoder_config", "decoder_config")
_OVERRIDES: dict[str, dict[str, Any]] = json.loads(
    (Path(__file__).parent / "data" / "tiny_transformers.json").read_text()
)


def model(kind: str) -> Any:
    """Return a tiny model of a type, as ``AutoModel`` builds it."""
    return AutoModel.from_config(config(kind))


def config(kind: str) -> Any:
    """Return a configuration with which a tiny model of a type can be built.

    Raises:
        ValueError: There is none; the message says why.
    """
    reasons: list[str] = []
    for candidate in _candidates(kind, reasons):
        try:
            with torch.device("meta"):
                made = AutoModel.from_config(candidate)
        except (Exception, SystemExit) as error:
            reasons.append(f"{type(error).__name__}: {error}")
            continue
        elements = sum(each.numel() for each in made.parameters())
        if elements <= MOST_ELEMENTS:
            return candidate
        reasons.append(f"{elements} parameters")
    raise ValueError(reasons[-1])


def _candidates(kind: str, reasons: list[str]) -> Iterator[Any]:
    """Yield configurations; reasons why one cannot be made are appended to a list."""
    given = _OVERRIDES.get(kind)
    for sizes, deep in _ATTEMPTS if given is None else [(_NAMED[given.get("sizes", "all")], True)]:
        overrides = given or {}
        try:
            made = AutoConfig.for_model(kind, **overrides.get("arguments", {}))
            shrink(made, sizes, deep=deep)
            for path, value in overrides.get("attributes", {}).items():
                _set(made, path, value)
        except Exception as error:
            reasons.append(f"{type(error).__name__}: {error}")
            continue
        yield made


def shrink(config: Any, sizes: Mapping[str, Any] = SIZES, *, deep: bool = False) -> Any:
    """Give a configuration, and those in it, small sizes; in lists, too, and everywhere."""
    for name, size in sizes.items():
        if isinstance(getattr(config, name, None), int):
            with contextlib.suppress(Exception):  # some check their sizes
                setattr(config, name, size)
    for name in _TOKENS if sizes else ():
        if isinstance(getattr(config, name, None), int):
            setattr(config, name, 1)
    if deep and sizes:
        for name, size in _LISTS.items():
            values = getattr(config, name, None)
            if isinstance(values, (list, tuple)):
                setattr(config, name, [size] * len(values))
    for name in list(vars(config)) if deep else _PARTS:
        if hasattr(getattr(config, name, None), "to_dict"):
            shrink(getattr(config, name), sizes, deep=deep)
    return config


def _set(config: Any, path: str, value: Any) -> None:
    *parents, name = path.split(".")
    for each in parents:
        config = getattr(config, each)
    setattr(config, name, value)
