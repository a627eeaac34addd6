"""Mamba-3 against a transcription of its own code, without its kernels."""

import math
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from fastinit import Plan
from fastinit.torch import record
from helpers.bits import check_bits

D, HEADS, STATE, RANK, LAYERS = 16, 4, 8, 2, 3


class Norm(nn.Module):
    def __init__(self, size: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(size))


class Mamba3(nn.Module):
    """The parameters of ``mamba_ssm.modules.mamba3.Mamba3`` (0348a3d)."""

    def __init__(self) -> None:
        super().__init__()
        inner = 2 * D
        self.in_proj = nn.Linear(D, 2 * inner + 2 * STATE * RANK + 3 * HEADS + 2, bias=False)
        low, high = math.log(0.001), math.log(0.1)
        dt = torch.clamp(torch.exp(torch.rand(HEADS) * (high - low) + low), min=1e-4)
        self.dt_bias = nn.Parameter(dt + torch.log(-torch.expm1(-dt)))
        self.B_bias = nn.Parameter(torch.ones(HEADS, RANK, STATE))
        self.C_bias = nn.Parameter(torch.ones(HEADS, RANK, STATE))
        self.B_norm, self.C_norm = Norm(STATE), Norm(STATE)
        self.mimo_x = nn.Parameter(torch.ones(HEADS, RANK, inner // HEADS) / RANK)
        self.mimo_z = nn.Parameter(torch.ones(HEADS, RANK, inner // HEADS))
        self.mimo_o = nn.Parameter(torch.ones(HEADS, RANK, inner // HEADS) / RANK)
        self.D = nn.Parameter(torch.ones(HEADS))
        self.norm = Norm(inner)
        self.out_proj = nn.Linear(inner, D, bias=False)


class Block(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.norm, self.mixer = Norm(D), Mamba3()


class Backbone(nn.Module):
    def __init__(self, embedding: str) -> None:
        super().__init__()
        setattr(self, embedding, nn.Embedding(40, D))
        self.layers = nn.ModuleList([Block() for _ in range(LAYERS)])
        self.norm_f = Norm(D)


class Model(nn.Module):
    def __init__(self, embedding: str = "embedding") -> None:
        super().__init__()
        self.backbone = Backbone(embedding)
        self.lm_head = nn.Linear(D, 40, bias=False)


def own() -> Any:
    """As ``_init_weights`` of ``mixer_seq_simple`` (107eb60) leaves it, with one residual."""
    model: Any = Model()
    nn.init.normal_(model.backbone.embedding.weight, std=0.02)
    for block in model.backbone.layers:
        weight = block.mixer.out_proj.weight
        nn.init.kaiming_uniform_(weight, a=math.sqrt(5))
        with torch.no_grad():
            weight /= math.sqrt(LAYERS)
    return model


def ported() -> Any:
    """As ``Mamba3PreTrainedModel._init_weights`` of flash-linear-attention (23aad1b) leaves it."""
    model = Model("embeddings")
    for each in model.modules():
        if isinstance(each, (nn.Linear, nn.Embedding)):
            nn.init.normal_(each.weight, std=0.02)
    return model


@pytest.mark.parametrize(("name", "build"), [("mamba3", own), ("mamba3:fla", ported)])
def test_mamba3(name: str, build: Any) -> None:
    """Every tensor has the bits that the code asks for, and the steps their range."""
    recorded = record(build, seed=0)
    drawn = Plan(recorded.manifest, name, seed=0).init()
    for tensor, values in recorded.init().items():
        if tensor.endswith("dt_bias"):
            steps = np.log1p(np.exp(drawn[tensor].astype(float)))
            assert 0.001 < steps.min() < steps.max() < 0.1
            assert steps.std()
        elif tensor.endswith("out_proj.weight"):
            np.testing.assert_allclose(drawn[tensor], values, rtol=3e-7, err_msg=tensor)
        else:
            check_bits(drawn[tensor], values, tensor)
