"""Tiny models of all types of transformers, in memory of NaN, and what stays uninitialized."""

import contextlib
import warnings
from collections.abc import Iterator, Mapping
from typing import Any

import torch
from transformers import AutoConfig, AutoModel
from transformers.models.auto.modeling_auto import MODEL_MAPPING_NAMES

# Small sizes under the names that configurations have for them.
SIZES: dict[str, Any] = {
    **dict.fromkeys(("hidden_size", "d_model", "n_embd", "dim", "embed_dim", "encoder_dim"), 32),
    **dict.fromkeys(("intermediate_size", "d_ff", "ffn_dim", "d_inner"), 48),
    **dict.fromkeys(("encoder_ffn_dim", "decoder_ffn_dim", "moe_intermediate_size"), 48),
    **dict.fromkeys(("num_hidden_layers", "n_layer", "num_layers", "n_layers"), 2),
    **dict.fromkeys(("encoder_layers", "decoder_layers"), 1),
    **dict.fromkeys(("num_attention_heads", "n_head", "num_heads", "n_heads"), 4),
    **dict.fromkeys(("encoder_attention_heads", "decoder_attention_heads"), 4),
    **dict.fromkeys(("num_key_value_heads", "num_local_experts", "num_experts"), 2),
    **dict.fromkeys(("n_routed_experts", "num_experts_per_tok"), 2),
    **dict.fromkeys(("head_dim", "d_kv", "embedding_size"), 8),
    "vocab_size": 64,
    "max_position_embeddings": 64,
    "image_size": 32,
    "patch_size": 8,
}  # fmt: skip
# In some configurations the sizes of heads follow from other numbers.
_WITHOUT_HEADS = {
    name: size
    for name, size in SIZES.items()
    if "head" not in name and name not in ("d_kv", "embedding_size")
}
_PARTS = ("text_config", "vision_config", "audio_config", "encoder_config", "decoder_config")
_MOST_ELEMENTS = 20_000_000

TYPES = sorted(MODEL_MAPPING_NAMES)


def shrink(config: Any, sizes: Mapping[str, Any] = SIZES) -> Any:
    """Give a configuration, and those in it, small sizes."""
    for name, size in sizes.items():
        if isinstance(getattr(config, name, None), int):
            with contextlib.suppress(Exception):  # some check their sizes
                setattr(config, name, size)
    for name in ("pad_token_id", "bos_token_id", "eos_token_id"):
        if isinstance(getattr(config, name, None), int):
            setattr(config, name, 1)
    for name in _PARTS:
        if hasattr(getattr(config, name, None), "to_dict"):
            shrink(getattr(config, name), sizes)
    return config


def build(kind: str) -> Any:
    """Return a tiny model of a type."""
    try:
        return AutoModel.from_config(shrink(AutoConfig.for_model(kind)))
    except Exception:  # the sizes do not fit together
        return AutoModel.from_config(shrink(AutoConfig.for_model(kind), _WITHOUT_HEADS))


def on_meta(kind: str) -> Any:
    """Return a tiny model of a type on the meta device.

    Raises:
        ValueError: It is not tiny.
    """
    with torch.device("meta"):
        model = build(kind)
    if sum(each.numel() for each in model.parameters()) > _MOST_ELEMENTS:
        raise ValueError(f"a {kind} of these sizes has too many parameters")
    return model


@contextlib.contextmanager
def memory_of_nan() -> Iterator[None]:
    """Fresh memory of torch is NaN in this context."""
    before = torch.are_deterministic_algorithms_enabled()
    torch.use_deterministic_algorithms(True, warn_only=True)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        torch.use_deterministic_algorithms(before)


def undrawn(model: Any) -> list[str]:
    """Return the names of parameters and buffers that hold a NaN, or the integers that stand in."""
    tensors = [*model.named_parameters(), *model.named_buffers()]
    return [name for name, tensor in tensors if _is_undrawn(tensor)]


def _is_undrawn(tensor: torch.Tensor) -> bool:
    if tensor.numel() == 0:
        return False
    if tensor.is_floating_point():
        return bool(tensor.isnan().any())
    return tensor.dtype == torch.int64 and bool((tensor == torch.iinfo(torch.int64).max).any())
