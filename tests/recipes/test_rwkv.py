"""RWKV-5 and RWKV-6 against a plain transcription of their own code, in float64.

The formulas are those of ``RWKV_Tmix_x052``, ``RWKV_Tmix_x060``, their channel mixing and
``generate_init_weight`` in RWKV-LM (RWKV-v5/src/model.py, 524481d). RWKV-4 is compared with
transformers (test_against_recordings.py).
"""

import math
from typing import Any

import numpy as np
import pytest

from fastinit import Manifest, Plan
from helpers.bits import check_bits

L, D, N, V = 3, 32, 8, 80
H = D // N
FFN = 112


def tables(version: int, layer: int) -> dict[str, Any]:
    """The parameters of a layer that have no random numbers."""
    to_one, to_zero = layer / (L - 1), 1.0 - layer / L
    n = np.arange(D)
    x = (n / D).reshape(1, 1, D)
    mixes = {"k": x**to_zero, "v": x**to_zero + 0.3 * to_one}
    mixes |= dict.fromkeys("rg", x ** (0.5 * to_zero))
    ffn = x**to_zero
    name = "time_mix"
    if version == 6:
        mixes |= dict.fromkeys("xw", x**to_zero)
        mixes = {key: 1.0 - mix for key, mix in mixes.items()}
        ffn = 1.0 - x ** (to_zero**3)
        name = "time_maa"
    found = {f"att.{name}_{key}": mix for key, mix in mixes.items()}
    found |= {f"ffn.{name}_{key}": ffn for key in "kr"}
    decay = -6 + 5 * (n / (D - 1)) ** (0.7 + 1.3 * to_one)
    found["att.time_decay"] = decay.reshape((H, N) if version == 5 else (1, 1, D))
    zigzag = ((n + 1) % 3 - 1) * 0.1
    found["att.time_faaaa"] = (to_one * (1 - n / (D - 1)) + zigzag).reshape(H, N)
    found["att.ln_x.weight"] = np.full(D, ((1 + layer) / L) ** 0.7)
    found["att.ln_x.bias"] = np.zeros(D)
    found |= {"att.output.weight": np.zeros((D, D)), "ffn.receptance.weight": np.zeros((D, D))}
    found["ffn.value.weight"] = np.zeros((D, FFN))
    if version == 6:
        found |= {"att.time_maa_w1": np.zeros((D, 160)), "att.time_decay_w1": np.zeros((D, 64))}
    for norm in ("ln1", "ln2") + (("ln0",) if layer == 0 else ()):
        found |= {f"{norm}.weight": np.ones(D), f"{norm}.bias": np.zeros(D)}
    return found


MATRICES = {
    "att.receptance.weight": ((D, D), 1.0),
    "att.key.weight": ((D, D), 0.1),
    "att.value.weight": ((D, D), 1.0),
    "att.gate.weight": ((D, D), 0.1),
    "ffn.key.weight": ((FFN, D), 1.0),
}
FACTORS = {"att.time_maa_w2": (5, 32, D), "att.time_decay_w2": (64, D)}


@pytest.mark.parametrize("version", [5, 6])
def test_as_rwkv_lm(version: int) -> None:
    """Tables equal the formulas to float32 rounding; matrices are orthogonal with their gains."""
    fixed = {
        f"blocks.{k}.{name}": each for k in range(L) for name, each in tables(version, k).items()
    }
    fixed |= {"ln_out.weight": np.ones(D), "ln_out.bias": np.zeros(D)}
    matrices = {f"blocks.{k}.{name}": each for k in range(L) for name, each in MATRICES.items()}
    matrices["head.weight"] = ((V, D), 0.5 * math.sqrt(V / D))
    uniform: dict[str, tuple[tuple[int, ...], float]] = {"emb.weight": ((V, D), 1e-4)}
    if version == 6:
        uniform |= {f"blocks.0.{name}": (shape, 0.01) for name, shape in FACTORS.items()}
    shapes: dict[str, Any] = {name: each.shape for name, each in fixed.items()}
    shapes |= {name: shape for name, (shape, _) in matrices.items()}
    shapes |= {name: shape for name, (shape, _) in uniform.items()}
    drawn = Plan(Manifest.from_shapes(shapes), f"rwkv{version}", seed=0).init()
    for name, expected in fixed.items():
        check_bits(drawn[name] + 0, expected.astype(np.float32), name)
    for name, (shape, gain) in matrices.items():
        values = drawn[name].astype(np.float64)
        values = values if shape[0] <= shape[1] else values.T
        product = values @ values.T / gain**2
        np.testing.assert_allclose(product, np.eye(len(product)), atol=2e-6, err_msg=name)
    for name, (_, bound) in uniform.items():
        assert 0.98 * bound < abs(drawn[name]).max() < bound, name
        assert abs(drawn[name].mean(dtype=float)) < 6 * bound / math.sqrt(3 * drawn[name].size)
