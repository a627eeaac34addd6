"""Layers as LSUV sees them: a weight that can be rescaled, and the output that follows it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from fastinit.torch.balancing.recurrent import gates

_CONVOLUTIONS = (nn.Conv1d, nn.Conv2d, nn.Conv3d)
_TRANSPOSED = (nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d)
_EMBEDDINGS = (nn.Embedding, nn.EmbeddingBag)


@dataclass(frozen=True, slots=True, eq=False)
class Layer:
    """One weight, and how to compute the output that it scales in a call of its module."""

    name: str
    module: nn.Module
    weight: torch.Tensor
    """The parameter, or a view of the rows that this layer uses."""

    bias: torch.Tensor | None
    layout: str
    compute: Callable[..., Any]
    """Computes the output from the module's positional and keyword arguments."""

    is_result: bool
    """True if ``compute`` is the module's own forward."""

    stream: str
    """The name of the weight's stream: its qualified name, or for some of its rows the layer's."""

    parameter: str
    """The qualified name of the whole parameter."""

    rows: int = 0
    """The index in the parameter of the first row of ``weight``."""

    axes: tuple[int, int] | None = (0, -1)
    """The axes of the output channels in the weight and in the output; None if there is no such."""

    bias_parameter: str = ""
    """The qualified name of the whole parameter whose part ``bias`` is; "" without a bias."""

    @property
    def memory(self) -> tuple[int, int]:
        """A key that is equal for layers that share one weight."""
        return self.weight.data_ptr(), self.weight.numel()


def layers_of(model: nn.Module, recurrent: bool = False) -> tuple[list[Layer], dict[str, str]]:
    """Return the layers of a model, and the reasons why others cannot be rescaled, by name.

    Args:
        model: the model.
        recurrent: whether the input weights of recurrent layers are among them.
    """
    layers: list[Layer] = []
    refused: dict[str, str] = {}
    inside: set[nn.Module] = set()  # modules whose weights another one uses without calling them
    for name, module in model.named_modules():
        if module in inside:
            continue
        if isinstance(module, nn.MultiheadAttention):
            inside.update(module.modules())
            layers += _attention(name, module)
        elif isinstance(module, nn.RNNBase) and recurrent:
            layers += _recurrent(name, module)
            refused |= _hidden_weights(name, module)
        elif (layout := _layout(module)) is not None:
            if "weight" in module._parameters:
                layers.append(_own(name, module, module._parameters["weight"], layout))
            else:
                refused[name] = "its weight is computed from other parameters"
    return layers, refused


def _layout(module: nn.Module) -> str | None:
    """Return the layout of a layer's weight, or None for a module that is not a layer."""
    if isinstance(module, _TRANSPOSED):
        return "io*"
    if isinstance(module, (nn.Linear, *_CONVOLUTIONS, *_EMBEDDINGS)):
        return "oi*"
    return "io" if type(module).__name__ == "Conv1D" else None  # transformers' linear layer


def _own(name: str, module: nn.Module, weight: Any, layout: str) -> Layer:
    bias = getattr(module, "bias", None)
    stream = f"{name}.weight" if name else "weight"
    return Layer(
        *(name, module, weight, bias, layout, module.forward, True, stream, stream),
        axes=_channels(module),
        bias_parameter="" if bias is None else f"{name}.bias".removeprefix("."),
    )


def _channels(module: nn.Module) -> tuple[int, int] | None:
    """Return the axes of output channels in the weight and the output of a module."""
    if isinstance(module, _TRANSPOSED):
        return (1, -1 - len(module.kernel_size)) if module.groups == 1 else None
    if isinstance(module, _CONVOLUTIONS):
        return 0, -1 - len(module.kernel_size)
    return (0, -1) if isinstance(module, nn.Linear) else (1, -1)


def _attention(name: str, module: nn.MultiheadAttention) -> Iterator[Layer]:
    prefix = f"{name}." if name else ""
    for k, letter in enumerate("qkv"):
        weight, bias = _projection(module, k, letter)
        compute = _projected(k, weight, bias)
        own = prefix + letter
        is_fused = module.in_proj_weight is not None
        parameter = prefix + ("in_proj_weight" if is_fused else f"{letter}_proj_weight")
        rows = k * module.embed_dim if is_fused else 0
        shared = "" if bias is None else f"{prefix}in_proj_bias"
        yield Layer(
            *(own, module, weight, bias, "oi", compute, False, own, parameter, rows),
            bias_parameter=shared,
        )
    weight, bias = module.out_proj.weight, module.out_proj.bias
    own = f"{prefix}out_proj"
    stream = f"{own}.weight"
    yield Layer(
        *(own, module, weight, bias, "oi", module.forward, True, stream, stream),
        bias_parameter="" if bias is None else f"{own}.bias",
    )


def _projection(
    module: nn.MultiheadAttention, k: int, letter: str
) -> tuple[torch.Tensor, torch.Tensor | None]:
    """Return the rows of an attention's input projection that make queries, keys or values."""
    bias = module.in_proj_bias
    size = module.embed_dim
    own_bias = None if bias is None else bias.narrow(0, k * size, size)
    if module.in_proj_weight is None:  # the sizes of queries, keys and values differ
        return getattr(module, f"{letter}_proj_weight"), own_bias
    return module.in_proj_weight.narrow(0, k * size, size), own_bias


def _projected(
    k: int, weight: torch.Tensor, bias: torch.Tensor | None
) -> Callable[..., torch.Tensor]:
    def compute(*args: Any, **kwargs: Any) -> torch.Tensor:
        given = args[k] if k < len(args) else kwargs[("query", "key", "value")[k]]
        return nn.functional.linear(given, weight, bias)

    return compute


def _recurrent(name: str, module: nn.RNNBase) -> Iterator[Layer]:
    """Yield the input weights of a recurrent layer; their outputs are the gates' inputs."""
    prefix = f"{name}." if name else ""
    for k in range(module.num_layers):
        for reverse in range(1 + module.bidirectional):
            suffix = f"l{k}{'_reverse' * reverse}"
            weight, bias = f"weight_ih_{suffix}", f"bias_ih_{suffix}"
            compute = _gates(module, k, bool(reverse))
            tensors = getattr(module, weight), getattr(module, bias, None)
            own = prefix + weight
            yield Layer(
                *(prefix + suffix, module, *tensors, "oi", compute, False, own, own),
                axes=None,
                bias_parameter=prefix + bias if module.bias else "",
            )


def _hidden_weights(name: str, module: nn.RNNBase) -> dict[str, str]:
    prefix = f"{name}." if name else ""
    hidden = (each for each, _ in module.named_parameters() if each.startswith("weight_hh"))
    why = "it is applied at every step, so that another scale makes the state grow or vanish"
    return {prefix + each: why for each in hidden}


def _gates(module: nn.RNNBase, layer: int, is_reverse: bool) -> Callable[..., torch.Tensor]:
    def compute(given: Any, *_: Any) -> torch.Tensor:
        return gates(module, given, layer, is_reverse)

    return compute
