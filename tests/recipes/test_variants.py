"""Named variants of a recipe: what different frameworks draw for the same layer."""

import numpy as np
import pytest

from fastinit import Manifest, Mimetic, Normal, Parameter, Plan, list_recipes, recipe
from helpers.bits import check_bits

SHAPES = {
    "layers.0.attn.A_log": (4096,),
    "layers.0.attn.dt_bias": (4096,),
    "layers.0.attn.o_norm.weight": (64,),
    "layers.0.attn.q_proj.weight": (64, 256),
}
KDA = ("kda:hf", "kda:fla", "kda:megatron")
RATES = {"gdn:hf": (0.01, 16), "gdn:fla": (0, 16), "gdn:megatron": (1, 16)}
RATES |= dict.fromkeys(KDA, (1, 16))
STEPS = {"gdn:hf": None, "gdn:fla": (1e-3, 0.1), "gdn:megatron": None}
STEPS |= dict.fromkeys(KDA, (1e-3, 0.1))


@pytest.mark.parametrize("name", RATES)
def test_gated_delta_rules(name: str) -> None:
    """The decay rates and the steps fill the ranges of the source."""
    arrays = Plan(Manifest.from_shapes(SHAPES), name, seed=0, dtype="float64").init()
    rates = np.exp(arrays["layers.0.attn.A_log"])
    low, high = RATES[name]
    assert low < rates.min() < low + 0.05
    assert high - 0.05 < rates.max() < high
    bias, steps = arrays["layers.0.attn.dt_bias"], STEPS[name]
    if steps is None:
        assert np.all(bias == 1)
    else:
        dt = np.log1p(np.exp(bias))
        assert steps[0] < dt.min() < 1.02 * steps[0]
        assert 0.98 * steps[1] < dt.max() < steps[1]
    assert np.all(arrays["layers.0.attn.o_norm.weight"] == 1)


@pytest.mark.parametrize("name", [each for each in list_recipes() if ":" in each])
def test_names_of_variants(name: str) -> None:
    """A variant has its name in its file, and a source."""
    found = recipe(name)
    assert found.name == name
    assert found.source


def test_mamba2_variants_differ() -> None:
    """transformers has the rates 1, 2, ..., and Mamba-2's own code draws them."""
    shapes = {"m.A_log": (8,), "m.dt_bias": (8,), "m.D": (8,)}
    theirs = Plan(Manifest.from_shapes(shapes), "mamba2", seed=0).init()["m.A_log"]
    drawn = Plan(Manifest.from_shapes(shapes), "mamba2:fla", seed=0).init()["m.A_log"]
    np.testing.assert_allclose(np.exp(theirs), np.arange(1, 9), rtol=1e-6)
    assert not np.allclose(theirs, drawn)


def test_deepseek_variants() -> None:
    """The report has another standard deviation than the config of the released model."""
    shapes = {"layers.0.mlp.experts.down_proj": (2, 8, 8), "layers.0.mlp.gate.weight": (2, 8)}
    model = Manifest("m", tuple(Parameter(*each) for each in shapes.items()), config={"x": 1})
    for name, std in {"deepseek-v3": 0.02, "deepseek-v3:paper": 0.006}.items():
        drawn = {each.initializer for each in Plan(model, name, seed=0).values()}
        assert drawn == {Normal(std=std)}


def test_mimetic_attention() -> None:
    """All four weights are those of one layer of ``Mimetic``; all else is as in ``vit``."""
    roles = {"q": "query", "k": "key", "v": "value", "o": "output"}
    names = {f"vit.layers.0.attention.{each}_proj.weight": role for each, role in roles.items()}
    shapes = dict.fromkeys(names, (48, 48)) | {"vit.layers.0.mlp.fc1.weight": (96, 48)}
    model = Manifest.from_shapes(shapes)
    drawn = Plan(model, "vit:mimetic", seed=0).init()
    for name, role in names.items():
        check_bits(drawn[name], Mimetic(role, heads=12)((48, 48), seed=0, name=name))
    value, output = (drawn[f"vit.layers.0.attention.{each}_proj.weight"] for each in "vo")
    assert float(np.diag(output @ value).mean()) < -0.2
    usual = Plan(model, "vit", seed=0).init()
    check_bits(drawn["vit.layers.0.mlp.fc1.weight"], usual["vit.layers.0.mlp.fc1.weight"])


def test_names_without_variants() -> None:
    """A name that has variants alone is an error that lists them."""
    with pytest.raises(FileNotFoundError, match="its variants are gdn:fla, gdn:hf, gdn:megatron;"):
        recipe("gdn")
