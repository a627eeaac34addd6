"""Query, key and value in one weight: only the value's part has the gain of a scheme for depth."""

import math
from typing import Any

import numpy as np
import pytest
import torch

import fastinit
from fastinit import Plan, Recipe, Rule, Split
from fastinit.recipes import Multipliers, Scale
from helpers.bits import check_bits

D, N, M = 16, 3, 5
XAVIER = math.sqrt(2 / (2 * D))


def stds(plan: Plan, name: str) -> list[float]:
    """The standard deviations of the three parts of a weight."""
    return stds_of(plan[name].initializer)


def stds_of(fused: Any) -> list[float]:
    return [each.moments((D, D))[1] for each in fused.parts]


@pytest.mark.parametrize(
    ("recipe", "encoder", "decoder"),
    [
        ("t-fixup", 0.67 * N**-0.25, (9 * M) ** -0.25),
        ("deepnorm-encoder-decoder", 0.87 * (N**4 * M) ** (-1 / 16), (12 * M) ** -0.25),
    ],
)
def test_transformers_of_torch(recipe: str, encoder: float, decoder: float) -> None:
    """torch's own module, whose attention has in_proj_weight."""
    model = torch.nn.Transformer(D, 4, N, M, 4 * D, batch_first=True)
    plan = Plan(model, recipe, seed=0)
    for name, each in plan.items():
        if name.endswith("in_proj_weight"):
            gain = encoder if name.startswith("encoder") else decoder
            assert stds(plan, name) == pytest.approx([XAVIER, XAVIER, gain * XAVIER], rel=1e-12)
        elif name.endswith("bias"):
            assert each.initializer == fastinit.Constant(0), name
    drawn = plan.draw("encoder.layers.1.self_attn.in_proj_weight")
    assert np.std(drawn[:D]) > 1.2 * np.std(drawn[2 * D :])


@pytest.mark.parametrize(
    ("name", "shape"),
    [
        ("h.{}.attn.c_attn.weight", (D, 3 * D)),  # Conv1D of GPT-2
        ("h.{}.attn.c_attn.weight", (3 * D, D)),  # Linear of nanoGPT
        ("blocks.{}.attn.qkv.weight", (3 * D, D)),
        ("layers.{}.self_attn.qkv_proj.weight", (3 * D, D)),
        ("blocks.{}.attn.Wqkv.weight", (3 * D, D)),
        ("layers.{}.self_attn.in_proj_weight", (3 * D, D)),
    ],
)
def test_deepnorm(name: str, shape: tuple[int, int]) -> None:
    shapes = {name.format(k): shape for k in range(N)}
    plan = Plan(shapes, "deepnorm", seed=0)
    gain = (8 * N) ** -0.25
    for each in shapes:
        assert stds(plan, each) == pytest.approx([XAVIER, XAVIER, gain * XAVIER], rel=1e-12)
        drawn = plan.draw(each)
        *_, value = np.split(drawn, 3, axis=int(shape[0] < shape[1]))
        assert np.std(value) == pytest.approx(gain * XAVIER, rel=0.2)


@pytest.mark.parametrize("recipe", ["t-fixup", "deepnorm", "deepnorm-encoder-decoder"])
def test_fused_weights_equal_separate_ones(recipe: str) -> None:
    """The parts have the streams of the weights of a model that has three."""
    parent = "decoder.layers.0.self_attn."
    fused = Plan({parent + "in_proj_weight": (3 * D, D)}, recipe, seed=7).init()
    separate = {f"{parent}{part}_proj.weight": (D, D) for part in "qkv"}
    alone = Plan(separate, recipe, seed=7).init()
    check_bits(fused[parent + "in_proj_weight"], np.concatenate(list(alone.values())))


@pytest.mark.parametrize(
    ("name", "shape"),
    [
        ("layers.0.self_attn.qkv_proj.weight", (D + D, D)),  # grouped queries
        ("h.0.attn.c_attn.weight", (D + 8, D)),  # one key and value for all heads
        ("layers.0.attention.query_key_value.weight", (3 * D, D)),  # heads interleaved
        ("h.0.attn.qkv_proj.weight", (3 * D, D)),  # of CodeGen
    ],
)
def test_other_layouts_match_no_rule(name: str, shape: tuple[int, int]) -> None:
    with pytest.raises(ValueError, match="no rule of recipe 'deepnorm' matches"):
        Plan({name: shape}, "deepnorm", seed=0)


@pytest.mark.parametrize(
    ("pattern", "fitting", "other"),
    [
        ("3d d", [(12, 4), (3, 1), (0, 0)], [(4, 12), (13, 4), (12,), (12, 4, 1), (12, 6), ()]),
        ("d 3d", [(4, 12)], [(12, 4)]),
        ("a b", [(3, 4), (4, 4)], [(3,)]),
        ("a a", [(4, 4)], [(3, 4)]),
        ("2a 3 a", [(8, 3, 4)], [(8, 4, 4)]),
        ("768", [(768,)], [(767,), (768, 1)]),
    ],
)
def test_shapes(pattern: str, fitting: Any, other: Any) -> None:
    rule = Rule("w", fastinit.Normal(), shape=pattern)
    assert Rule.from_dict(rule.to_dict()) == rule
    assert rule.to_dict()["shape"] == pattern
    assert all(rule.matches("w", module=None, shape=each) for each in fitting)
    assert not any(rule.matches("w", module=None, shape=each) for each in other)


def test_shapes_choose_rules() -> None:
    """Of rules with one pattern, the first whose shape fits draws a parameter."""
    square = Rule("**", fastinit.Constant(1), shape="a a")
    rules = [square, Rule("**", fastinit.Constant(2))]
    drawn = Plan({"u": (2, 2), "v": (2, 3), "w": (3, 3)}, rules, seed=0).init()
    assert [float(each[0, 0]) for each in drawn.values()] == [1, 2, 1]


@pytest.mark.parametrize(
    ("shape", "error"),
    [
        ("", ValueError),
        ("3d  d", ValueError),
        ("d,d", ValueError),
        ("D", ValueError),
        ("0d", ValueError),
        ("-1", ValueError),
        ("9" * 19, ValueError),
        ("d " * 40 + "d", ValueError),
        (3, TypeError),
        ((3, 4), TypeError),
    ],
)
def test_wrong_shapes(shape: Any, error: type[Exception]) -> None:
    with pytest.raises(error, match="shape="):
        Rule("w", fastinit.Normal(), shape=shape)
    data = {"pattern": "w", "initializer": {"type": "Normal"}, "shape": shape}
    with pytest.raises(error, match="shape="):
        Rule.from_dict(data)


def test_scales_of_parts() -> None:
    """A scale is for the part with its label, or for all."""
    three = Split({"q": "normal", "k": "normal", "v": "zeros"})
    rule = Rule("w", three, scale=(Scale("layers", part="k"), Scale("layers", times=2)))
    with pytest.raises(ValueError, match="needs the number of a layer"):
        Plan({"w": (6, 2)}, [rule], seed=0)
    rules = (Rule("{layer}.w", three, scale=(Scale("layers", 3, part="k"), Scale("layers", 2))),)
    recipe = Recipe.from_json(Recipe("r", "a test", rules).to_json())
    assert recipe.rules == rules
    found = Plan({"0.w": (6, 2)}, recipe, seed=0)["0.w"].initializer.parts  # type: ignore[attr-defined]
    assert [getattr(each, "std", 0) for each in found] == [2.0, 6.0, 0]


@pytest.mark.parametrize(
    ("initializer", "part", "error", "message"),
    [
        (fastinit.Normal(), "v", ValueError, "part='v' is for a Split, and Normal"),
        (Split("normal", shares=(1, 1)), "2", ValueError, "its parts are '0', '1'"),
        (Split("normal", labels="qk"), "v", ValueError, "its parts are 'q', 'k'"),
        (Split("normal", labels="qk"), 1, ValueError, "part=1 is not a string"),
    ],
)
def test_wrong_parts(initializer: Any, part: Any, error: Any, message: str) -> None:
    data = {"pattern": "{layer}.w", "initializer": initializer.to_dict()}
    data["scale"] = [{"of": "layers", "part": part}]
    with pytest.raises(error, match=message):
        Plan({"0.w": (6, 2)}, [Rule.from_dict(data)], seed=0)


def test_parts_of_sparse_and_wide_models() -> None:
    """The part is scaled beneath a mask, and the fused weight in a wider model than the base."""
    small, wide = ({"h.0.attn.c_attn.weight": (d, 3 * d)} for d in (D, 4 * D))
    gain = 8**-0.25
    sparse = Plan(small, fastinit.sparse_recipe(small, 0.5, "deepnorm"), seed=0)
    base: Any = next(iter(sparse.values())).initializer
    assert stds_of(base.base) == pytest.approx([XAVIER, XAVIER, gain * XAVIER], rel=1e-12)
    model, base = (fastinit.Manifest.from_shapes(each) for each in (wide, small))
    plan = Plan(wide, Recipe.mup(model, base, start="deepnorm"), seed=0)
    expected = [XAVIER / 2, XAVIER / 2, gain * XAVIER / 2]
    assert stds(plan, "h.0.attn.c_attn.weight") == pytest.approx(expected, rel=1e-12)


def test_tables_stay_in_other_parametrizations() -> None:
    """u-muP and the spectral parametrization draw what is random anew, and keep tables."""
    shapes = {"blocks.0.att.x_k": (1, 1, D), "blocks.0.att.key.weight": (D, D)}
    model = fastinit.Manifest.from_shapes(shapes)
    base = fastinit.Manifest.from_shapes({k: (*s[:-1], 8) for k, s in shapes.items()})
    for recipe in (Recipe.spectral(model, start="rwkv7"), Recipe.u_mup(model, base, start="rwkv7")):
        found = [each.initializer for each in Plan(model, recipe, seed=0).values()]
        assert found[0] == fastinit.Rwkv7("x_k")
        assert isinstance(found[1], fastinit.Normal)


def test_multipliers_have_no_parts() -> None:
    with pytest.raises(ValueError, match="has a part; multipliers are for whole tensors"):
        Multipliers(forward=(Scale("layers", part="v"),))
