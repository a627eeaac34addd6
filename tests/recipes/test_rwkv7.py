"""RWKV-7 against a plain transcription of its own code, under its names and those of another port.

The formulas are those of ``RWKV_Tmix_x070``, ``RWKV_CMix_x070`` and ``generate_init_weight`` in
RWKV-LM (RWKV-v7/train_temp/src/model.py, 118e451), in float64.
"""

import math
import re
from typing import Any

import numpy as np
import pytest

from fastinit import Manifest, Plan, Recipe, recipe
from helpers.bits import check_bits

L, D, N, V, RANK = 3, 32, 8, 80, 4
H = D // N

FLA = (
    (r"^blocks\.", "model.layers."),
    (r"\.att\.([wav])0$", r".attn.\1_lora.lora.2.bias"),
    (r"\.att\.([wavg])1$", r".attn.\1_lora.lora.0.weight"),
    (r"\.att\.([wavg])2$", r".attn.\1_lora.lora.2.weight"),
    (r"\.att\.receptance", ".attn.r_proj"),
    (r"\.att\.key", ".attn.k_proj"),
    (r"\.att\.value", ".attn.v_proj"),
    (r"\.att\.output", ".attn.o_proj"),
    (r"\.att\.ln_x", ".attn.g_norm"),
    (r"\.att\.", ".attn."),
    (r"\.ln0", ".pre_norm"),
    (r"\.ln1", ".attn_norm"),
    (r"\.ln2", ".ffn_norm"),
    (r"^emb\.", "model.embeddings."),
    (r"^ln_out\.", "model.norm."),
    (r"^head\.", "lm_head."),
)
"""The names that flash-linear-attention has for the same parameters."""


def tables(layer: int) -> dict[str, Any]:
    """The parameters of a layer that are no random numbers."""
    to_one, to_zero = layer / (L - 1), 1.0 - layer / L
    n = np.arange(D)
    linear = n / (D - 1) - 0.5
    zigzag = (n % N - (N - 1) / 2) / ((N - 1) / 2)
    zigzag = zigzag * abs(zigzag)
    www = -6 + 6 * (n / (D - 1)) ** (1 + 1 * to_one**0.3)
    mix = {"r": 0.2, "w": 0.9, "k": 0.7, "v": 0.7, "a": 0.9, "g": 0.2}
    found = {f"att.x_{x}": 1.0 - (n / D).reshape(1, 1, D) ** (e * to_zero) for x, e in mix.items()}
    found["att.w0"] = (www + 0.5 + zigzag * 2.5).reshape(1, 1, D)
    found["att.a0"] = (-0.19 + zigzag * 0.3 + linear * 0.4).reshape(1, 1, D)
    found["att.v0"] = (0.73 - linear * 0.4).reshape(1, 1, D)
    found["att.k_k"] = (0.71 - linear * 0.1).reshape(1, 1, D)
    found["att.k_a"] = np.full((1, 1, D), 1.02)
    found["att.r_k"] = np.full((H, N), -0.04)
    found |= {f"att.{x}1": np.zeros((D, RANK)) for x in "wavg"}
    found["att.ln_x.weight"] = np.full(D, ((1 + layer) / L) ** 0.7)
    found["att.ln_x.bias"] = np.zeros(D)
    found["att.output.weight"] = np.zeros((D, D))
    found["ffn.x_k"] = 1.0 - (n / D).reshape(1, 1, D) ** (to_zero**4)
    found["ffn.value.weight"] = np.zeros((D, 4 * D))
    for norm in ("ln1", "ln2") + (("ln0",) if layer == 0 else ()):
        found |= {f"{norm}.weight": np.ones(D), f"{norm}.bias": np.zeros(D)}
    return found


ORTHOGONAL = {
    "att.receptance.weight": ((D, D), 1.0),
    "att.key.weight": ((D, D), 0.1),
    "att.value.weight": ((D, D), 1.0),
    "ffn.key.weight": ((4 * D, D), 1.0),
    **{f"att.{x}2": ((RANK, D), 0.1) for x in "wavg"},
}
"""The shapes and gains of the orthogonal matrices of a layer."""

TABLES = {f"blocks.{k}.{name}": each for k in range(L) for name, each in tables(k).items()}
TABLES |= {"ln_out.weight": np.ones(D), "ln_out.bias": np.zeros(D)}
MATRICES = {f"blocks.{k}.{name}": each for k in range(L) for name, each in ORTHOGONAL.items()}
MATRICES["head.weight"] = ((V, D), 0.5 * math.sqrt(V / D))


def named(name: str, names: tuple[tuple[str, str], ...]) -> str:
    """A name of RWKV-LM in other names."""
    for pattern, replacement in names:
        name = re.sub(pattern, replacement, name)
    return name


@pytest.mark.parametrize("names", [(), FLA], ids=["RWKV-LM", "flash-linear-attention"])
def test_rwkv7(names: tuple[tuple[str, str], ...]) -> None:
    """Tables equal the formulas to float32 rounding; matrices are orthogonal with their gains."""
    shapes = {name: each.shape for name, each in TABLES.items()}
    shapes |= {name: shape for name, (shape, _) in MATRICES.items()} | {"emb.weight": (V, D)}
    model = Manifest.from_shapes({named(name, names): shape for name, shape in shapes.items()})
    drawn = Plan(model, "rwkv7", seed=0).init()
    for name, expected in TABLES.items():
        check_bits(drawn[named(name, names)] + 0, expected.astype(np.float32), name)
    for name, (shape, gain) in MATRICES.items():
        values = drawn[named(name, names)].astype(np.float64)
        values = values if shape[0] <= shape[1] else values.T
        product = values @ values.T / gain**2
        np.testing.assert_allclose(product, np.eye(len(product)), atol=2e-6, err_msg=name)
    embedding = drawn[named("emb.weight", names)]
    assert 0.99e-4 < abs(embedding).max() < 1e-4
    assert abs(embedding.mean(dtype=float)) < 6e-4 / math.sqrt(3 * V * D)


def test_in_json() -> None:
    """The numbers of layers and heads are data of the rules."""
    again = Recipe.from_json(recipe("rwkv7").to_json())
    assert again == recipe("rwkv7")
    assert dict(again.rules[7].numbers)["layers"] == "layers"
