"""``init_`` of quantized layers: scales of weights that are drawn are 1, those of others stay."""

from typing import Any

import torch
from torch import nn

from fastinit.torch import init_


def test_scales_of_packed_weights() -> None:
    """GPTQ's tables keep their values, and so do the scales that give them a meaning."""
    layer = nn.Linear(4, 4)
    del layer.weight
    layer.register_buffer("qweight", torch.full((4, 4), 7, dtype=torch.int32))
    layer.register_buffer("qzeros", torch.full((1, 4), 3, dtype=torch.int32))
    layer.register_buffer("scales", torch.full((1, 4), 0.25, dtype=torch.float16))
    init_(layer, "default", seed=0)
    state = layer.state_dict()
    assert (state["qweight"] == 7).all()
    assert (state["scales"] == 0.25).all()
    assert not state["bias"].any()


def test_scales_of_drawn_weights() -> None:
    """FP8 weights are drawn, so that an old scale would not belong to them; as parameters, too."""
    layer: Any = nn.Linear(4, 4, bias=False)
    layer.weight = nn.Parameter(torch.ones(4, 4).to(torch.float8_e4m3fn), requires_grad=False)
    layer.weight_scale_inv = nn.Parameter(torch.full((1, 1), 0.25))
    layer.register_buffer("input_scale", torch.tensor(0.5))
    layer.register_buffer("input_zero_point", torch.tensor(3, dtype=torch.int8))
    init_(layer, "default", seed=0)
    assert (layer.weight_scale_inv == 1).all()
    assert layer.input_scale == 1
    assert layer.input_zero_point == 0
    assert layer.weight.float().std() < 0.1


def test_routers() -> None:
    """The correction of a router starts at 0, as a parameter and as a buffer."""
    gate: Any = nn.Linear(4, 4, bias=False)
    gate.e_score_correction_bias = nn.Parameter(torch.ones(4))
    gate.register_buffer("expert_bias", torch.ones(4))
    for recipe in ("default", "torch", "mixtral"):
        init_(gate, recipe, seed=0)
        assert not gate.e_score_correction_bias.any()
        assert not gate.expert_bias.any()
