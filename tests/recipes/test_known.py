"""Tensors whose names say what they hold are right by rule, or an error that lists them."""

import re
from typing import Any

import ml_dtypes
import numpy as np
import pytest

from fastinit import Constant, Manifest, Normal, Parameter, Plan, Recipe, Rule, list_recipes, recipe
from fastinit.recipes.known import find

GENERAL = Recipe("general", "test", (Rule("**", Normal()),))


def drawn(name: str, recipe: Any, shape: tuple[int, ...] = (4, 4), **fields: Any) -> Any:
    """What a recipe draws for a tensor beside a weight."""
    manifest = Manifest("m", (Parameter("a.weight", (4, 4)), Parameter(name, shape, **fields)))
    return Plan(manifest, recipe, seed=0).init()[name]


ZEROS = (
    "bn.running_mean",
    "batch_stats.BatchNorm_0.mean",
    "batch_stats/BatchNorm_0/mean",
    "bn.mean.value",
    "bn.moving_mean",
    "l.q_proj.weight_zero_point",
    "l.q_proj.input_zero_point",
    "observer.zero_point",
    "mlp.gate.e_score_correction_bias",
    "mlp.moe_statics.e_score_correction_bias",
    "mlp.expert_bias",
    "l.0.q_proj.lora_B.default.weight",
    "l.0.q_proj.lora_B.weight",
    "l.0.q_proj.lora_b.weight",
    "l.0.q_proj.supertuning_lora_B.default.weight",
    "l.0.q_proj.poly_lora_B.default",
    "unet.to_q.lora_up.weight",
    "unet.to_q_lora.up.weight",
    "unet.to_q.lora_linear_layer.up.weight",
    "wte.lora_embedding_A.default",
    "wte.hira_embedding_A.default",
    "wte.oft_embedding_R.default.weight",
    "l.q_proj.hada_w2_b.default",
    "l.q_proj.delora_B.default",
    "l.q_proj.glora_A.default.Xd",
    "l.q_proj.glora_D.default.X",
    "l.q_proj.waveft_spectrum.default",
    "l.q_proj.vera_lambda_b.default",
    "l.q_proj.oft_R.default.weight",
    "block.norm.b_2",
    "block.qk_norm.temp",
)
ONES = (
    "bn.running_var",
    "batch_stats.BatchNorm_0.var",
    "batch_stats/BatchNorm_0/var",
    "bn.moving_variance",
    "l.0.weight_scale_inv",
    "l.0.weight_scale",
    "l.0.input_scale",
    "l.0.self_attn.k_scale",
    "l.0.mlp.experts.gate_up_proj_scale_inv",
    "l.0.mlp.experts.w13_weight_scale",
    "l.0.q_proj.scales",
    "l.0.q_proj.weight_global_scale",
    "l.0.q_proj.ia3_l.default",
    "block.norm.g",
    "block.q_norm.weight",
)


FORMS = (
    "layers.0.mixer.A_log",
    "layers.0.mixer.dt_bias",
    "layers.0.mixer.dt_proj.bias",
    "blocks.0.attention.time_decay",
    "blocks.0.attention.time_mix_key",
    "blocks.0.att.x_r",
    "layers.0.temporal_block.rg_lru.recurrent_param",
    "blocks.0.mlstm_layer.igate_preact.bias",
    "s4d.log_dt",
    "s4d.A_imag",
    "layers.0.mixer.B_bias",
)
"""Parameters of recurrences, whose forms differ from model to model."""


@pytest.mark.parametrize("recipe", ["default", "torch", GENERAL])
@pytest.mark.parametrize(("names", "value"), [(ZEROS, 0), (ONES, 1)])
def test_values_by_name(recipe: Any, names: tuple[str, ...], value: int) -> None:
    """A general rule does not draw what a name says, whichever recipe it is of."""
    for name in names:
        assert (drawn(name, recipe) == value).all(), name


@pytest.mark.parametrize("name", list_recipes())
def test_lora_starts_as_the_identity_in_all_recipes(name: str) -> None:
    """The product of A and B is 0 in every built-in recipe."""
    b = "l.q_proj.lora_B.default.weight"
    rules = recipe(name).match(Manifest.from_shapes({b: (4, 4)}))
    assert rules[b].initializer == Constant(0)


@pytest.mark.parametrize(
    "name",
    [
        "l.q_proj.qweight",
        "l.q_proj.qzeros",
        "l.q_proj.g_idx",
        "l.q_proj.weight_packed",
        "l.q_proj.weight.absmax",
        "l.q_proj.weight.quant_map",
        "l.experts.gate_up_proj_blocks",
        "l.q_proj.lora_magnitude_vector.default.weight",
        "l.q_proj.lora_E.default",
        "l.q_proj.randlora_gamma.default",
        "conv.parametrizations.weight.original0",
        "conv.weight_g",
        "l.norm.temperature",
        *FORMS,
    ],
)
@pytest.mark.parametrize("recipe", ["default", "torch", "llama", GENERAL])
def test_errors_by_name(name: str, recipe: Any) -> None:
    """Tensors that nobody knows are listed with what they hold."""
    with pytest.raises(ValueError, match=rf"{re.escape(name)} \(4,\) \(\w"):
        drawn(name, recipe, (4,))


def test_integers_of_a_scale_are_not_known() -> None:
    """The scales of MXFP4 are exponents, of which 1 is not the scale 1."""
    with pytest.raises(ValueError, match=r"l\.proj_scales \(4,\) \(scale of quantized values\)"):
        drawn("l.proj_scales", "default", (4,), dtype="uint8")
    assert drawn("l.zero_point", "default", (4,), dtype="int8").dtype == np.int8


def test_narrow_scales() -> None:
    assert (
        drawn("l.weight_scale", "default", dtype="float8_e4m3fn").dtype == ml_dtypes.float8_e4m3fn
    )


@pytest.mark.parametrize(
    ("name", "pattern"),
    [
        ("l.lora_B.weight", "**.lora_B.*"),
        ("l.weight_scale_inv", "**.weight_scale_inv"),
        ("batch_stats.var", "batch_stats.var"),
        ("l.qweight", "**.qweight"),
        ("l.norm.temperature", "**.temperature"),
    ],
)
def test_rules_that_name_the_tensor(name: str, pattern: str) -> None:
    """Who names such a tensor means it."""
    mine = Recipe("mine", "test", (Rule(pattern, Constant(7)), *GENERAL.rules))
    assert (drawn(name, mine) == 7).all()


def test_too_many_values() -> None:
    """The error names the tensor."""
    with pytest.raises(ValueError, match=r"value of 'mask': 65537 values are given; 65536 at most"):
        drawn("mask", "default", (65537,), dtype="bool", value=(True,) * 65537)


def test_values_of_the_manifest_come_first() -> None:
    """They may be given for any tensor: integers, booleans, tables, weights."""
    assert (
        drawn("l.qweight", "default", (2,), dtype="int32", value=(5, -(2**31))) == [5, -(2**31)]
    ).all()
    assert (
        drawn("mask", "default", (2,), dtype="bool", value=(True, False)) == [True, False]
    ).all()
    assert (drawn("big", "default", (1,), dtype="int64", value=2**63 - 1) == 2**63 - 1).all()
    assert (drawn("l.lora_B.weight", "default", value=0.5) == 0.5).all()
    assert np.signbit(drawn("w", "default", value=-0.0)).all()


@pytest.mark.parametrize(
    "name",
    [
        "logit_scale",
        "layer_scale",
        "scale_proj.weight",
        "mean_pool.weight",
        "lora_A.weight",
        "vera_B.default",
        "zero",
    ],
)
def test_names_that_say_nothing(name: str) -> None:
    """Names that only resemble the known ones are weights."""
    assert find(Parameter(name, (4, 4))) is None


def test_default_says_what_it_assumed() -> None:
    """Each row and the table have it; a recipe that assumes nothing has no such column."""
    shapes: dict[str, Any] = {
        "a.weight": (4, 4),
        "a.bias": 4,
        "norm.weight": 4,
        "class_embedding": 4,
        "w": 4,
        "A": (2, 4),
        "l.lora_B.weight": (4, 4),
        "bn.running_var": 4,
    }
    explained = Plan(Manifest.from_shapes(shapes), "default", seed=0).explain()
    assert {row["name"]: row["assumes"] for row in explained} == {
        "a.weight": "weight",
        "a.bias": "bias",
        "norm.weight": "norm",
        "class_embedding": "embedding",
        "w": "vector of weights",
        "A": "weight",
        "l.lora_B.weight": "part of an adapter",
        "bn.running_var": "variance of activations",
    }
    assert str(explained).splitlines()[0].endswith("std  assumes")
    assert str(explained.by_rule()).splitlines()[0].endswith("std  assumes")
    assert "assumes" not in str(Plan("gpt2", seed=0).explain())


def test_assumptions_are_text() -> None:
    with pytest.raises(TypeError, match="assumes=5 is not a string"):
        Rule("**", Normal(), assumes=5)  # type: ignore[arg-type]
    rule = Rule("**", Normal(), assumes="weight")
    assert Rule.from_dict(rule.to_dict()) == rule


@pytest.mark.parametrize("name", [*ZEROS, *ONES, "l.0.qweight", "conv.weight_g", "h.w", "0.w"])
def test_numbers_of_layers_say_nothing(name: str) -> None:
    """What a name says does not depend on the numbers of layers and experts in it."""
    expected = find(Parameter("h.0.x.1." + name, (4,)))
    for prefix in ("h.12.x.3.", "h.7.x.007.", "h.0.x.9999999999."):
        assert find(Parameter(prefix + name, (4,))) == expected


@pytest.mark.parametrize(
    ("name", "shape"),
    [
        ("layers.0.mixer.D", (16,)),
        ("logit_scale", ()),
        ("layers.0.layer_scale_1", (8,)),
        ("layers.0.self_attn.sinks", (4,)),
        ("layers.0.lambda_1", (8,)),
        ("gate", (1,)),
    ],
)
def test_default_refuses_vectors_of_unknown_form(name: str, shape: tuple[int, ...]) -> None:
    """Nothing says whether they are scales, biases or tables; the error says what to do."""
    expected = rf"{re.escape(name)} {re.escape(str(shape))}; give .* record the model's own"
    with pytest.raises(ValueError, match=expected):
        drawn(name, "default", shape)
    named = Recipe("mine", "test", (Rule(f"**{name}", Constant(2)), *recipe("default").rules))
    assert (drawn(name, named, shape) == 2).all()


@pytest.mark.parametrize(
    ("name", "module"),
    [("l.layer_scale1.lambda1", "Dinov2LayerScale"), ("table.weight", "SinusoidalEmbedding")],
)
@pytest.mark.parametrize("recipe", ["default", "torch", GENERAL])
def test_forms_that_modules_say(recipe: Any, name: str, module: str) -> None:
    """The type of a module says what its tensors hold where their names do not."""
    with pytest.raises(ValueError, match="no general rule draws"):
        drawn(name, recipe, (4, 4), module=module)
    named = Recipe("mine", "test", (Rule(f"**{name}", Constant(2)),))
    rules = named.match(Manifest("m", (Parameter(name, (4, 4), module=module),)))
    assert rules[name].initializer == Constant(2)


@pytest.mark.parametrize(
    "module", ["GemmaRMSNorm", "Qwen3NextRMSNorm", "RecurrentGemmaRMSNorm", "Qwen3_5MoeRMSNorm"]
)
def test_default_knows_norms_of_one_plus_weight(module: str) -> None:
    """They start as the identity with 0, all others with 1."""
    assert (drawn("norm.weight", "default", (4,), module=module) == 0).all()
    assert (drawn("norm.weight", "default", (4,), module="Gemma3nRMSNorm") == 1).all()
    assert (drawn("norm.weight", "default", (4,), module="LlamaRMSNorm") == 1).all()


@pytest.mark.parametrize("name", ["b", "l.offset", "l.beta", "l.bias", "l.q_bias"])
def test_default_knows_biases(name: str) -> None:
    assert (drawn(name, "default", (4,)) == 0).all()


def test_buffers_of_rotary_positions() -> None:
    """A file that has them says so; without their values, they are an error."""
    manifest = Manifest.from_shapes({"w": (2, 2), "rotary_emb.inv_freq": 4})
    assert [each.name for each in manifest.buffers] == ["rotary_emb.inv_freq"]
    with pytest.raises(ValueError, match=r"the buffers rotary_emb\.inv_freq"):
        Plan(manifest, "default", seed=0)


def test_frozen_norms() -> None:
    """Their scale and shift are buffers, as their statistics."""
    module = "DetrFrozenBatchNorm2d"
    values = {"weight": 1, "bias": 0, "running_mean": 0, "running_var": 1}
    buffers = tuple(Parameter(f"bn.{name}", (3,), module=module) for name in values)
    manifest = Manifest("m", (Parameter("a.weight", (4, 4)),), buffers=buffers)
    drawn = Plan(manifest, GENERAL, seed=0).init()
    assert {name: drawn[f"bn.{name}"].tolist() for name in values} == {
        name: [value] * 3 for name, value in values.items()
    }


def test_least_number_of_axes() -> None:
    rule = Rule("**", Normal(), min_ndim=2)
    assert Rule.from_dict(rule.to_dict()) == rule
    found = [rule.matches("w", module=None, shape=(2,) * k) for k in range(4)]
    assert found == [False, False, True, True]
    with pytest.raises(TypeError, match="min_ndim"):
        Rule("**", Normal(), min_ndim="2")  # type: ignore[arg-type]
