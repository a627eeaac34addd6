"""Recipes of schemes: what they draw for models in the names that they know."""

import math
from typing import Any

import numpy as np
import pytest
import torch

import fastinit
from fastinit import Plan
from fastinit.torch import record
from helpers.bits import check_bits


class Block(torch.nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.attn = torch.nn.Linear(8, 24)
        self.adaLN_modulation = torch.nn.Sequential(torch.nn.SiLU(), torch.nn.Linear(8, 48))


class Embedder(torch.nn.Module):
    def __init__(self, **parts: torch.nn.Module) -> None:
        super().__init__()
        for name, part in parts.items():
            setattr(self, name, part)


class DiT(torch.nn.Module):
    """The modules of DiT that its initialization tells apart, and that initialization."""

    def __init__(self) -> None:
        super().__init__()
        silu = torch.nn.SiLU()
        self.x_embedder = Embedder(proj=torch.nn.Conv2d(4, 8, 2, 2))
        mlp = torch.nn.Sequential(torch.nn.Linear(16, 8), silu, torch.nn.Linear(8, 8))
        self.t_embedder = Embedder(mlp=mlp)
        self.y_embedder = Embedder(embedding_table=torch.nn.Embedding(11, 8))
        self.blocks = torch.nn.ModuleList([Block(), Block()])
        modulation = torch.nn.Sequential(silu, torch.nn.Linear(8, 16))
        self.final_layer = Embedder(linear=torch.nn.Linear(8, 32), adaLN_modulation=modulation)
        self.initialize_weights()

    def initialize_weights(self) -> None:
        init = torch.nn.init
        for module in self.modules():
            if isinstance(module, torch.nn.Linear):
                init.xavier_uniform_(module.weight)
                init.constant_(module.bias, 0)
        projection: Any = self.x_embedder.proj
        init.xavier_uniform_(projection.weight.data.view([8, -1]))
        init.constant_(projection.bias, 0)
        table: Any = self.y_embedder.embedding_table
        init.normal_(table.weight, std=0.02)
        mlp: Any = self.t_embedder.mlp
        for k in (0, 2):
            init.normal_(mlp[k].weight, std=0.02)
        last: Any = self.final_layer
        blocks: Any = self.blocks
        for each in (*blocks, last):
            init.constant_(each.adaLN_modulation[-1].weight, 0)
            init.constant_(each.adaLN_modulation[-1].bias, 0)
        init.constant_(last.linear.weight, 0)
        init.constant_(last.linear.bias, 0)


def test_dit() -> None:
    recorded = record(DiT, seed=0)
    drawn = Plan(recorded.manifest, "dit", seed=0).init()
    for name, values in recorded.init().items():
        check_bits(drawn[name], values, name)


def test_lstm() -> None:
    model = torch.nn.LSTM(6, 8, 2, bidirectional=True)
    drawn = Plan(model, "lstm", seed=0).init()
    for name, values in drawn.items():
        gates = np.split(values, 4)
        if "weight_hh" in name:
            for each in gates:
                np.testing.assert_allclose(each @ each.T, np.eye(8), atol=1e-6)
        elif "weight_ih" in name:
            assert max(abs(each).max() for each in gates) < math.sqrt(6 / (8 + values.shape[1]))
            assert abs(values).max() > 0.9 * math.sqrt(6 / (8 + values.shape[1]))
        else:
            means = [float(each.mean()) for each in gates]
            assert means == ([0, 1, 0, 0] if "bias_ih" in name else [0, 0, 0, 0])


def test_siren() -> None:
    layers = [torch.nn.Linear(2, 64), torch.nn.Linear(64, 64), torch.nn.Linear(64, 1)]
    model = torch.nn.ModuleDict({"net": torch.nn.ModuleList(layers)})
    found = {name: each.initializer for name, each in Plan(model, "siren", seed=0).items()}
    assert found["net.0.weight"] == fastinit.Uniform(-0.5, 0.5)
    bound = math.sqrt(6 / 64) / 30
    for name in ("net.1.weight", "net.2.weight"):
        high = found[name].high  # type: ignore[attr-defined]
        assert abs(high / bound - 1) < 1e-14
    assert abs(found["net.1.bias"].high * 8 - 1) < 1e-14  # type: ignore[attr-defined]


D, N, M = 16, 3, 5


def encoder_decoder() -> dict[str, tuple[int, ...]]:
    shapes: dict[str, tuple[int, ...]] = {"shared.weight": (50, D)}
    for side, count in {"encoder": N, "decoder": M}.items():
        for k in range(count):
            for part in ("q_proj", "k_proj", "v_proj", "out_proj"):
                shapes[f"{side}.layers.{k}.self_attn.{part}.weight"] = (D, D)
            shapes[f"{side}.layers.{k}.fc1.weight"] = (4 * D, D)
            shapes[f"{side}.layers.{k}.fc1.bias"] = (4 * D,)
            shapes[f"{side}.layers.{k}.fc2.weight"] = (D, 4 * D)
    return shapes


@pytest.mark.parametrize(
    ("recipe", "encoder", "decoder", "table"),
    [
        ("t-fixup", 0.67 * N**-0.25, (9 * M) ** -0.25, (9 * M) ** -0.25),
        ("deepnorm-encoder-decoder", 0.87 * (N**4 * M) ** (-1 / 16), (12 * M) ** -0.25, 1.0),
    ],
)
def test_encoders_with_decoders(recipe: str, encoder: float, decoder: float, table: float) -> None:
    """The gains are those of the papers, times Xavier's std."""
    plan = Plan(encoder_decoder(), recipe, seed=0)
    for name, each in plan.items():
        shape = each.parameter.shape
        moments = each.initializer.moments(shape)
        assert moments is not None
        gain = encoder if name.startswith("encoder") else decoder
        if "q_proj" in name or "k_proj" in name:
            gain = 1.0
        expected = gain * math.sqrt(2 / sum(shape)) if len(shape) > 1 else 0.0
        if name == "shared.weight":
            expected = table * D**-0.5
        assert moments[1] == pytest.approx(expected, rel=1e-12), name


def test_rezero() -> None:
    model = {"layers.0.resweight": (1,), "layers.0.fc.weight": (4, 4)}
    drawn = Plan(model, "rezero", seed=0).init()
    assert drawn["layers.0.resweight"].tolist() == [0.0]
    assert drawn["layers.0.fc.weight"].any()
