"""Inputs for a model where there is no data: normal numbers and uniform tokens, always the same."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import nn

from fastinit.initializers import Normal, Uniform

_INPUTS, _ROWS = 16, 256  # images and texts; rows of numbers
_TOKENS = 32  # of a text where nothing says how many fit
_ALL_TOKENS, _LONGEST = 512, 128  # of texts where a config says how many fit, which are longer
_PIXELS, _LARGE = 32, 224  # along an axis of an image; of models that reduce it 32 times


def synthetic_batch(model: nn.Module) -> tuple[Any, str]:
    """Return what a model can be called with, and what it is in words.

    Models of transformers say what they take in their config; of others the first layer with
    weights does.

    Raises:
        ValueError: Neither says it.
    """
    config: Any = getattr(model, "config", None)
    name = getattr(model, "main_input_name", None)
    if name == "pixel_values" and hasattr(config, "num_channels"):
        size = getattr(config, "image_size", _LARGE)
        sides = tuple(size) if isinstance(size, (tuple, list)) else (size, size)
        shape = (_INPUTS, config.num_channels, *sides)
        return {name: _normal(shape)}, f"{name}: normal {shape}"
    if name == "input_ids" and hasattr(config, "vocab_size"):
        longest = min(getattr(config, "max_position_embeddings", None) or _LONGEST, _LONGEST)
        shape = (_ALL_TOKENS // longest, longest)
        tokens = _tokens(shape, config.vocab_size)
        found = {name: tokens}
        if getattr(config, "is_encoder_decoder", False):
            found["decoder_input_ids"] = tokens
        return found, f"{name}: uniform tokens {shape}"
    if name == "input_values" and hasattr(config, "conv_stride"):  # sound, for convolutions
        samples = _TOKENS * math.prod(config.conv_stride)
        return {name: _normal((_INPUTS, samples))}, f"{name}: normal {(_INPUTS, samples)}"
    return _of_layer(model)


def _of_layer(model: nn.Module) -> tuple[torch.Tensor, str]:
    """Return the input of the first layer."""
    for module in model.modules():
        if isinstance(module, (nn.Embedding, nn.EmbeddingBag)):
            shape = (_INPUTS, _TOKENS)
            return _tokens(shape, module.num_embeddings), f"uniform tokens {shape}"
        numbers: tuple[int, ...] | None = None
        if isinstance(module, nn.Linear):
            numbers = (_ROWS, module.in_features)
        elif isinstance(module, nn.modules.conv._ConvNd):
            is_stem = min(module.kernel_size) >= 7 or min(module.stride) >= 4  # as for ImageNet
            sides = [_LARGE if is_stem else _PIXELS] * len(module.kernel_size)
            numbers = (_INPUTS, module.in_channels, *sides)
        elif isinstance(module, nn.RNNBase):
            numbers = (_INPUTS, _INPUTS, module.input_size)
        if numbers is not None:
            return _normal(numbers), f"normal {numbers}"
    raise ValueError("no layer says what the model is called with; pass a batch")


def _normal(shape: tuple[int, ...]) -> torch.Tensor:
    return torch.from_numpy(Normal()(shape, seed=0, name="synthetic inputs"))


def _tokens(shape: tuple[int, ...], count: int) -> torch.Tensor:
    drawn = Uniform(0.0, 1.0)(shape, seed=0, name="synthetic inputs", dtype="float64")
    return torch.from_numpy(drawn * count).long().clamp(max=count - 1)
