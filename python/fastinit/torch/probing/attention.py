"""The probabilities of an attention: how sure each query is of a key."""

from __future__ import annotations

import inspect
import math
from typing import Any

import torch
from torch.nn import functional as F  # noqa: N812

from fastinit.probes.attention import HIDDEN, INPUTS, QUERIES
from fastinit.probes.rows import ProbeAttention

_NAMES = ("attention", "attn")  # in the types of modules whose softmax is that of an attention
_SIGNATURE = inspect.signature(F.multi_head_attention_forward)


def attention_of(
    function: str, owner: str, name: str, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> ProbeAttention | None:
    """Return what a call of a function of torch shows, or None if it is not an attention.

    Args:
        function: the name of the function.
        owner: the type of the module that calls it.
        name: the name of that module.
        args: the arguments of the call.
        kwargs: the keyword arguments of the call.
    """
    if function == "scaled_dot_product_attention":
        logits = _scaled_dot_product(*args, **kwargs)
    elif function == "multi_head_attention_forward":
        logits = _multi_head(_SIGNATURE.bind(*args, **kwargs).arguments)
    elif function == "softmax" and _is_attention(owner, args, kwargs):
        given = args[0] if args else kwargs["input"]
        logits = given[:INPUTS].index_select(-2, _sampled(given.shape[-2], given.device))
    else:
        return None
    heads = logits.shape[-3] if logits.ndim > 3 else 1
    return ProbeAttention(name, *_moments(logits.float()), heads, logits.shape[-1])


def _is_attention(owner: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> bool:
    """Whether a softmax is over keys: over the last axis, in a module of such a name."""
    given = args[0] if args else kwargs.get("input")
    axis = kwargs.get("dim", args[1] if len(args) > 1 else None)
    if not isinstance(given, torch.Tensor) or axis not in (-1, given.ndim - 1):
        return False
    return given.ndim >= 3 and any(each in owner.casefold() for each in _NAMES)


def _scaled_dot_product(
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor | None = None,  # noqa: ARG001
    attn_mask: torch.Tensor | None = None,
    dropout_p: float = 0.0,  # noqa: ARG001
    is_causal: bool = False,
    scale: float | None = None,
    enable_gqa: bool = False,
) -> torch.Tensor:
    """Return the logits of some queries, -inf at keys that they do not see."""
    size, queries = query.shape[-1], query.shape[-2]
    rows = _sampled(queries, query.device)
    inputs = slice(INPUTS) if query.ndim > 3 else slice(None)
    if enable_gqa and key.shape[-3] != query.shape[-3]:
        key = key.repeat_interleave(query.shape[-3] // key.shape[-3], -3)
    picked = query[inputs].index_select(-2, rows).float()
    factor = 1 / math.sqrt(size) if scale is None else scale
    logits = factor * picked @ key[inputs].float().transpose(-2, -1)
    if is_causal:
        seen = torch.arange(key.shape[-2], device=query.device) <= rows[:, None]
        logits = logits.masked_fill(~seen, -math.inf)
    if attn_mask is not None:
        mask = attn_mask.expand(*attn_mask.shape[:-2], queries, attn_mask.shape[-1])
        mask = mask.index_select(-2, rows)
        mask = mask[inputs] if mask.ndim == query.ndim and len(mask) > 1 else mask
        hides = ~mask if mask.dtype == torch.bool else mask
        is_bool = mask.dtype == torch.bool
        logits = logits.masked_fill(hides, -math.inf) if is_bool else logits + hides.float()
    return logits


def _multi_head(given: dict[str, Any]) -> torch.Tensor:
    """Return the logits of some queries of ``nn.MultiheadAttention``, (inputs, heads, L, S)."""
    query, key, heads = given["query"], given["key"], given["num_heads"]
    width = query.shape[-1]
    weights: Any = (given.get("q_proj_weight"), given.get("k_proj_weight"))
    if not given.get("use_separate_proj_weight"):
        weights = given["in_proj_weight"].split(width)[:2]
    biases: Any = (None, None)
    if given["in_proj_bias"] is not None:
        biases = given["in_proj_bias"].split(width)[:2]
    projected = []
    for x, weight, bias in zip((query, key), weights, biases, strict=True):
        batched = x if x.ndim == 3 else x[:, None]  # (L, N, E)
        split = F.linear(batched, weight, bias)
        split = split.reshape(*split.shape[:-1], heads, -1)
        projected.append(split.permute(1, 2, 0, 3))
    mask, padding = given.get("attn_mask"), given.get("key_padding_mask")
    logits = _scaled_dot_product(projected[0], projected[1], attn_mask=_of_heads(mask, heads))
    if padding is not None:
        hidden = padding[:INPUTS, None, None] if padding.ndim > 1 else padding
        is_bool = hidden.dtype == torch.bool
        logits = logits.masked_fill(hidden, -math.inf) if is_bool else logits + hidden
    return logits


def _of_heads(mask: torch.Tensor | None, heads: int) -> torch.Tensor | None:
    """Return a mask as scaled_dot_product_attention takes it: True where a key is seen."""
    if mask is None:
        return None
    if mask.ndim == 3:
        mask = mask.reshape(-1, heads, *mask.shape[1:])
    return ~mask if mask.dtype == torch.bool else mask


def _sampled(count: int, device: torch.device) -> torch.Tensor:
    """Return the numbers of queries that are evenly spread, the last one among them."""
    return torch.linspace(count - 1, 0, min(count, QUERIES), device=device).long().flip(0)


def _moments(logits: torch.Tensor) -> tuple[float, float]:
    """Return the mean relative entropy and the standard deviation of logits over keys."""
    seen = logits > torch.finfo(torch.bfloat16).min / 2  # masks hold -inf, or a dtype's least value
    seen &= logits > logits.amax(-1, keepdim=True) - HIDDEN
    count = seen.sum(-1)
    logits, seen, count = logits[count > 1], seen[count > 1], count[count > 1]
    if not len(count):
        return math.nan, math.nan
    logits = logits.masked_fill(~seen, -math.inf)
    logarithms = logits.log_softmax(-1).masked_fill(~seen, 0.0)
    entropy = -(logarithms.exp() * logarithms * seen).sum(-1) / count.log()
    mean = logits.masked_fill(~seen, 0.0).sum(-1, keepdim=True) / count[:, None]
    variance = ((logits - mean).masked_fill(~seen, 0.0) ** 2).sum(-1) / count
    return float(entropy.mean()), math.sqrt(float(variance.mean()))
