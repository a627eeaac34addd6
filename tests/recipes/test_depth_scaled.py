"""Standard deviations by the depth: small and Wang's initialization, torchtitan's Llama."""

import math
from typing import Any

import pytest
from torch import nn

from fastinit import Plan
from fastinit.torch import record
from helpers.bits import check_bits

D, HIDDEN, VOCABULARY, LAYERS = 16, 24, 40, 3


def test_small_init() -> None:
    """sqrt(2 / (5 d)), and 2 / (L sqrt(d)) for the last layers of branches."""
    shapes = {"embed_in.weight": (VOCABULARY, D), "final_norm.weight": (D,)}
    for k in range(LAYERS):
        for name, shape in {
            "attention.dense": (D, D),
            "attention.query_key_value": (3 * D, D),
            "mlp.dense_h_to_4h": (4 * D, D),
            "mlp.dense_4h_to_h": (D, 4 * D),
        }.items():
            shapes[f"layers.{k}.{name}.weight"] = shape
            shapes[f"layers.{k}.{name}.bias"] = shape[:1]
    small, wang = math.sqrt(2 / (5 * D)), 2 / LAYERS / math.sqrt(D)
    for name, each in Plan(shapes, "small-init", seed=0).items():
        moments = each.initializer.moments(each.parameter.shape)
        is_last = "attention.dense" in name or "4h_to_h" in name
        std = wang if is_last else small
        expected = (0.0, std) if name.endswith("weight") else (0.0, 0.0)
        expected = (1.0, 0.0) if "norm" in name else expected
        assert moments == pytest.approx(expected, rel=1e-12), name


class Block(nn.Module):
    """The layers of torchtitan's Llama 3, under its names or those of transformers."""

    def __init__(self, names: dict[str, str]) -> None:
        super().__init__()
        shapes = {
            **dict.fromkeys(("wq", "wk", "wv", "wo"), (D, D)),
            **dict.fromkeys(("w1", "w3"), (D, HIDDEN)),
            "w2": (HIDDEN, D),
        }
        for name, (inputs, outputs) in shapes.items():
            parent, _, last = names[name].partition(".")
            if not hasattr(self, parent):
                setattr(self, parent, nn.Module())
            getattr(self, parent).add_module(last, nn.Linear(inputs, outputs, bias=False))
        self.attention_norm = nn.RMSNorm(D)

    def init_weights(self, names: dict[str, str], layer: int) -> None:
        std = 0.02 / (2 * (layer + 1)) ** 0.5
        for name, path in names.items():
            weight: Any = self.get_submodule(path).weight
            nn.init.trunc_normal_(weight, std=0.02 if name in ("wq", "wk", "wv", "w1") else std)


TITAN = {x: f"attention.{x}" for x in ("wq", "wk", "wv", "wo")}
TITAN |= {x: f"feed_forward.{x}" for x in ("w1", "w2", "w3")}
LLAMA = {f"w{x}": f"self_attn.{x}_proj" for x in "qkvo"}
LLAMA |= {"w1": "mlp.gate_proj", "w2": "mlp.down_proj", "w3": "mlp.up_proj"}


@pytest.mark.parametrize(
    ("names", "embeddings", "output"),
    [(TITAN, "tok_embeddings", "output"), (LLAMA, "embed_tokens", "lm_head")],
)
def test_torchtitan(names: dict[str, str], embeddings: str, output: str) -> None:
    def build() -> nn.Module:
        model = nn.Module()
        table = nn.Embedding(VOCABULARY, D)
        model.add_module(embeddings, table)
        blocks = [Block(names) for _ in range(LAYERS)]
        model.add_module("layers", nn.ModuleList(blocks))
        model.add_module("norm", nn.RMSNorm(D))
        head = nn.Linear(D, VOCABULARY, bias=False)
        model.add_module(output, head)
        nn.init.normal_(table.weight)
        for layer, block in enumerate(blocks):
            block.init_weights(names, layer)
        std = D**-0.5
        nn.init.trunc_normal_(head.weight, std=std, a=-3 * std, b=3 * std)
        return model

    recorded = record(build, seed=0)
    drawn = Plan(recorded.manifest, "llama:torchtitan", seed=0).init()
    for name, values in recorded.init().items():
        check_bits(drawn[name], values, name)
