"""Tiny configurations of all model types of transformers.

``data/tiny_transformers.json`` has, by type, what differs from ``SIZES`` in the usual parts of a
configuration: ``sizes`` (a name in ``NAMED_SIZES``), ``everywhere`` (whether lists, and the
configurations in all attributes, get small sizes, too), the ``arguments`` of the configuration, and
``attributes`` that are set at the end, by their path ("vision_config.depth").
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

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

NAMED_SIZES: dict[str, Mapping[str, Any]] = {
    "all": SIZES,
    "without heads": _WITHOUT_HEADS,
    "none": {},
}
"""Sizes to choose from in the data."""

_LISTS = {"depths": 1, "num_heads": 2, "num_attention_heads": 2}
_TOKENS = ("pad_token_id", "bos_token_id", "eos_token_id")
_PARTS = ("text_config", "vision_config", "audio_config", "encoder_config", "decoder_config")
_SPECIAL: dict[str, dict[str, Any]] = json.loads(
    (Path(__file__).parent / "data" / "tiny_transformers.json").read_text()
)


def model(kind: str) -> Any:
    """Return a tiny model of a type, as ``AutoModel`` builds it."""
    return AutoModel.from_config(config(kind))


def config(kind: str) -> Any:
    """Return the configuration of a tiny model of a type."""
    special = _SPECIAL.get(kind, {})
    made = AutoConfig.for_model(kind, **special.get("arguments", {}))
    sizes = NAMED_SIZES[special.get("sizes", "all")]
    shrink(made, sizes, everywhere=special.get("everywhere", False))
    for path, value in special.get("attributes", {}).items():
        _set(made, path, value)
    return made


def shrink(config: Any, sizes: Mapping[str, Any] = SIZES, *, everywhere: bool = False) -> Any:
    """Give a configuration, and those in it, small sizes.

    Args:
        config: The configuration of transformers.
        sizes: The sizes, by the names of attributes.
        everywhere: Also change lists, and the configurations in all attributes.

    Returns:
        The configuration.
    """
    for name, size in sizes.items():
        if isinstance(getattr(config, name, None), int):
            with contextlib.suppress(Exception):  # some check their sizes
                setattr(config, name, size)
    for name in _TOKENS if sizes else ():
        if isinstance(getattr(config, name, None), int):
            setattr(config, name, 1)
    if everywhere and sizes:
        for name, size in _LISTS.items():
            values = getattr(config, name, None)
            if isinstance(values, (list, tuple)):
                setattr(config, name, [size] * len(values))
    for name in list(vars(config)) if everywhere else _PARTS:
        if hasattr(getattr(config, name, None), "to_dict"):
            shrink(getattr(config, name), sizes, everywhere=everywhere)
    return config


def _set(config: Any, path: str, value: Any) -> None:
    *parents, name = path.split(".")
    for each in parents:
        config = getattr(config, each)
    setattr(config, name, value)
