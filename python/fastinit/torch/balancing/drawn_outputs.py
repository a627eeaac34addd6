"""Outputs of layers that are drawn in place of their weights.

Given its inputs X, one row per place, the output of a layer with independent normal weights of std
s is normal: the values of one unit have the covariance s^2 X X^T, and units are independent. With
X X^T = L L^T that of s L Z is the same, for standard normal numbers Z: one per row and unit.
"""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import nn

from fastinit.initializers import Normal
from fastinit.torch.balancing.layers import Layer

_CONVOLUTIONS = (nn.Conv1d, nn.Conv2d, nn.Conv3d)
_TRANSPOSED = (nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d)
_KINDS = (nn.Linear, nn.Embedding, *_CONVOLUTIONS, *_TRANSPOSED)

Drawn = tuple[Any, torch.Tensor]
"""The inputs of a layer, and the output that it drew, without its factor and bias."""


def is_drawn(layer: Layer) -> bool:
    """Return whether the output of a layer can be drawn: whether its module's forward is known."""
    module = layer.module
    if not layer.is_result or "forward" in vars(module):
        return False
    if type(module).__name__ == "Conv1D":  # transformers' linear layer
        return True
    is_known = any(type(module).forward is each.forward for each in _KINDS)
    return is_known and getattr(module, "max_norm", None) is None


class DrawnOutput:
    """The forward of a layer that draws its output, which has the variance that is expected.

    Args:
        layer: the layer, whose weight is not read.
        std: that of its weights, of mean 0.
        factor: what scales them.
        last: what the last call of any layer drew, which it needs again with another factor.
    """

    def __init__(
        self, layer: Layer, std: float, factor: torch.Tensor, last: dict[Layer, Drawn]
    ) -> None:
        self._layer, self._std, self._factor, self._last = layer, std, factor, last

    def __call__(self, *args: Any, **kwargs: Any) -> torch.Tensor:
        """Return an output for the arguments of the module."""
        inputs = args[0] if args else next(iter(kwargs.values()))
        last = self._last.get(self._layer)
        if last is None or last[0] is not inputs:
            drawn, variance = self._draw(inputs, args, kwargs)
            realized = float(drawn.var(correction=0))
            drawn *= self._std * math.sqrt(variance / realized) if realized else 0.0
            self._last.clear()
            self._last[self._layer] = last = inputs, drawn
        output = last[1] * float(self._factor)
        bias, module = self._layer.bias, self._layer.module
        if bias is not None:
            output = output + bias.reshape(-1, *(1 for _ in getattr(module, "kernel_size", ())))
        return output.to(self._layer.weight.dtype)

    def _draw(self, inputs: torch.Tensor, args: Any, kwargs: Any) -> tuple[torch.Tensor, float]:
        """Return an output for weights of std 1, and the variance that is expected."""
        if isinstance(self._layer.module, nn.Embedding):
            return self._embedded(inputs, self._layer.module)
        if isinstance(self._layer.module, (*_CONVOLUTIONS, *_TRANSPOSED)):
            return self._convolved(inputs, args, kwargs)
        return self._multiplied(inputs)

    def _embedded(self, tokens: torch.Tensor, module: nn.Embedding) -> tuple[torch.Tensor, float]:
        found, places = torch.unique(tokens, return_inverse=True)
        if len(found) and not 0 <= int(found[0]) <= int(found[-1]) < module.num_embeddings:
            raise IndexError(f"{self._layer.name!r} has no row {int(found[-1])}")
        rows = self._normal((len(found), module.embedding_dim), tokens)
        if module.padding_idx is not None:
            rows[found == module.padding_idx] = 0.0
        is_read = tokens != (-1 if module.padding_idx is None else module.padding_idx)
        return rows[places], float(is_read.double().mean())

    def _multiplied(self, inputs: torch.Tensor) -> tuple[torch.Tensor, float]:
        """Return what a linear layer gives; E var = mean of |x|^2 - |mean of x|^2 / units."""
        is_transposed = self._layer.layout == "io"  # transformers' linear layer
        units, taken = self._layer.weight.shape[:: -1 if is_transposed else 1]
        if inputs.shape[-1] != taken:
            raise RuntimeError(
                f"{self._layer.name!r} takes {taken} inputs, and gets {inputs.shape[-1]}"
            )
        rows = inputs.reshape(-1, inputs.shape[-1]).float()
        root = rows if len(rows) >= taken else _root(rows @ rows.T)
        output = root @ self._normal((root.shape[1], units), inputs)
        variance = rows.square().sum(1).mean() - rows.mean(0).square().sum() / units
        return output.reshape(*inputs.shape[:-1], units), max(float(variance), 0.0)

    def _convolved(
        self, inputs: torch.Tensor, args: Any, kwargs: Any
    ) -> tuple[torch.Tensor, float]:
        """Return what weights give; E var is as that of linear layers, of the places' windows."""
        weight = self._layer.weight
        module: Any = self._layer.module
        ones = list(weight.shape)
        ones[isinstance(module, _TRANSPOSED)] = (
            1 if isinstance(module, _TRANSPOSED) else module.groups
        )
        rest = args[1:], {key: value for key, value in kwargs.items() if key != "input"}
        with torch.enable_grad():
            probe = inputs.new_ones(ones).float().requires_grad_()  # a unit per group
            sums = self._applied(probe, inputs, *rest)
            (windows,) = torch.autograd.grad(sums.sum(), probe)
        mean = windows * (module.groups / sums.numel())
        squares = self._applied(probe.detach(), inputs.square(), *rest)
        shared = mean.square().sum() / module.groups / module.out_channels
        output = self._applied(self._normal(tuple(weight.shape), inputs), inputs, *rest)
        return output, max(float(squares.mean() - shared), 0.0)

    def _applied(
        self, weight: torch.Tensor, inputs: torch.Tensor, args: Any, kwargs: Any
    ) -> torch.Tensor:
        """Return the output of the module with another weight and without a bias."""
        module = self._layer.module
        kept = module._parameters
        module._parameters = {**kept, "weight": weight.float(), "bias": None}  # type: ignore[dict-item]
        try:
            output: torch.Tensor = type(module).forward(module, inputs.float(), *args, **kwargs)
        finally:
            module._parameters = kept
        return output

    def _normal(self, shape: tuple[int, ...], like: torch.Tensor) -> torch.Tensor:
        drawn = Normal()(shape, seed=0, name=f"{self._layer.stream} in expectation")
        return torch.from_numpy(drawn).to(like.device)


def _root(covariance: torch.Tensor) -> torch.Tensor:
    """Return L of L L^T, up to 1e-4 of the variances, since rows may be equal."""
    variances = covariance.diagonal()
    noise = 1e-4 * variances.mean() + torch.finfo(variances.dtype).tiny
    root: torch.Tensor = torch.linalg.cholesky(
        covariance + noise * torch.eye(len(covariance)).to(covariance)
    )
    return root
