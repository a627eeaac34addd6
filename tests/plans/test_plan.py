"""Every tensor of a plan equals what its initializer's function draws; all errors come first."""

import math
from typing import Any

import ml_dtypes
import numpy as np
import pytest

import fastinit
from fastinit import Manifest, Parameter, Plan, Recipe, Rule
from fastinit.native import cpu
from fastinit.native.request import REQUEST
from fastinit.recipes import Scale
from helpers.bits import check_bits
from helpers.settings import process_seed

BLOCK = ("ln_1.weight", "attn.c_proj.weight", "attn.c_proj.bias", "mlp.c_proj.weight")
NORMAL = fastinit.Normal(std=0.02)


def gpt2_like(layers: int = 3) -> Manifest:
    """A small model with GPT-2's names."""
    blocks = [
        Parameter(f"h.{k}.{name}", (8, 6) if "proj.w" in name else (6,))
        for k in range(layers)
        for name in BLOCK
    ]
    return Manifest("gpt2", (Parameter("wte.weight", (50, 6)), *blocks), {"head": "wte.weight"})


def one(shape: tuple[int, ...], dtype: str | None = None) -> Manifest:
    """A model of one parameter."""
    return Manifest("m", (Parameter("w", shape, dtype=dtype),))


def by(initializer: fastinit.Initializer) -> Recipe:
    """A recipe of one rule."""
    return Recipe("r", "test", (Rule("**", initializer),))


@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "float64"])
def test_values_are_those_of_the_functions(dtype: str) -> None:
    """The stream of a parameter is its name; one call draws what many do."""
    drawn = Plan(gpt2_like(), seed=7, dtype=dtype).init()
    for name, array in drawn.items():
        residual = 0.02 / math.sqrt(2 * 3)
        if name.endswith("weight") and "ln" not in name:
            std = residual if "c_proj" in name else 0.02
            expected = fastinit.normal(array.shape, std=std, seed=7, name=name, dtype=dtype)
        else:
            expected = fastinit.constant(array.shape, "ln" in name, dtype=dtype)
        check_bits(array, expected, name)


def test_values_do_not_depend_on_the_rest_of_the_model() -> None:
    alone = Manifest("gpt2", (Parameter("wte.weight", (50, 6)),))
    whole = Plan(gpt2_like(), seed=1).init()["wte.weight"]
    check_bits(Plan(alone, seed=1).init()["wte.weight"], whole)


def test_one_native_call(monkeypatch: pytest.MonkeyPatch) -> None:
    """A whole model is one list of requests."""
    calls = []
    monkeypatch.setattr(cpu, "fill", lambda requests, _: calls.append(requests))
    Plan(gpt2_like(), seed=0).init()
    (requests,) = calls
    assert len(np.frombuffer(requests, REQUEST)) == 1 + 3 * len(BLOCK)


def test_tied_names_are_left_out() -> None:
    """A checkpoint leaves them out too."""
    assert "head" not in Plan(gpt2_like(), seed=0).init()


def test_process_wide_seed() -> None:
    """Without a seed, the plan takes that of the process when it is made."""
    with process_seed(11):
        plan = Plan(gpt2_like())
    assert plan.seed == 11


@pytest.mark.parametrize(
    ("given", "own", "expected"),
    [
        (None, None, "float32"),
        (None, "bfloat16", "bfloat16"),
        ("float16", None, "float16"),
        ("float16", "bfloat16", "float16"),
        (ml_dtypes.bfloat16, None, "bfloat16"),
        ("bfloat16", "int64", "int64"),
        (None, "bool", "bool"),
    ],
)
def test_dtype(given: Any, own: str | None, expected: str) -> None:
    """The argument's dtype comes first, then the manifest's, then float32; integers stay."""
    array = Plan(one((3,), own), by(fastinit.Constant(1)), seed=0, dtype=given).init()["w"]
    assert array.dtype.name == expected


def test_empty_tensors_have_no_fan() -> None:
    """Nothing of them is drawn, so their fans are not needed."""
    assert Plan(one((0, 4)), by(fastinit.LecunNormal()), seed=0).init()["w"].shape == (0, 4)


def test_scalars() -> None:
    """A shape without axes has one element."""
    assert Plan(one(()), by(fastinit.Constant(2)), seed=0).init()["w"] == 2.0


def test_explain_groups_by_rule() -> None:
    """There is a row for every rule that matches, in the recipe's order."""
    rows = Plan(gpt2_like(), seed=0).explain().by_rule()
    assert [(row["pattern"], row["parameters"], row["elements"]) for row in rows] == [
        ("**.h.{layer}.*.c_proj.weight", 6, 288),
        ("**.weight", 3, 18),
        ("**.bias", 3, 18),
        ("**.weight", 1, 300),
    ]


def test_explain_says_what_is_drawn() -> None:
    """The distribution has the scaled std, the initializer the recipe's."""
    row = Plan(gpt2_like(), seed=0).explain().by_rule()[0]
    assert row["initializer"] == fastinit.Normal(std=0.02).to_dict()
    assert row["distribution"] == fastinit.Normal(std=0.02 / math.sqrt(6)).to_dict()
    assert row["dtype"] == "float32"


def test_explain_splits_a_rule_by_distribution() -> None:
    """Where the std depends on the shape, each has its row."""
    model = Manifest("m", (Parameter("a", (2, 4)), Parameter("b", (2, 16)), Parameter("c", (3, 4))))
    rows = Plan(model, by(fastinit.LecunNormal()), seed=0).explain().by_rule()
    assert [(row["distribution"]["std"], row["parameters"]) for row in rows] == [
        (0.5, 2),
        (0.25, 1),
    ]


def test_explain_gives_ranges_of_many_distributions() -> None:
    """A rule with a scale by layer has one row, whatever the number of layers."""
    shapes = {f"layers.{k}.up.weight": (4, 2) for k in range(80)}
    shapes |= {f"layers.{k}.mix.weight": (6, 2) for k in range(80)}
    layer = (Scale("layer", power=-0.5),)
    other = fastinit.Transposed(fastinit.Normal(std=2.0))
    rules = [
        Rule("layers.{layer}.up.weight", NORMAL, scale=layer),
        Rule("layers.{layer}.mix.weight", other, scale=layer),
    ]
    found = Plan(shapes, Recipe("r", "s", tuple(rules)), seed=0).explain().by_rule()
    up, mix = found
    std = {"least": 0.02 / math.sqrt(80), "largest": 0.02}
    assert (up["parameters"], up["elements"], up["std"]) == (80, 640, std)
    assert up["distribution"] == {"type": "Normal", "std": std}
    assert (up["mean"], up["initializer"]) == (0.0, NORMAL.to_dict())
    assert mix["distribution"]["base"]["std"]["largest"] == 2.0
    first, second = str(found).splitlines()[1:]
    assert "Normal(std=0.0022361 to 0.02)" in first
    assert first.endswith("0.0022361 to 0.02")
    assert "base=Normal(" in second
    few = Plan(dict(list(shapes.items())[:4]), Recipe("r", "s", tuple(rules)), seed=0)
    assert [row["std"] for row in few.explain().by_rule()] == [
        0.02 / math.sqrt(k) for k in (1, 2, 3, 4)
    ]


def test_names_of_built_ins() -> None:
    assert len(Plan("gpt2", "gpt2", seed=0).tensors) == 148


@pytest.mark.parametrize(
    ("model", "recipe", "options", "message"),
    [
        (
            one((3,)),
            Recipe("r", "s", (Rule("x", NORMAL),)),
            {},
            "no rule of recipe 'r' matches w \\(3,\\)",
        ),
        (one((3,)), by(fastinit.LecunNormal()), {}, r"'w' of shape \(3,\), by the rule '\*\*': "),
        (
            one((3,)),
            by(NORMAL),
            {"dtype": "int8"},
            r"'w' of shape .*: dtype=int8 does not hold normal",
        ),
        (one((3,)), by(NORMAL), {"dtype": "int3"}, "dtype=int3 is not drawn; use int8"),
        (one((3,)), by(NORMAL), {"seed": -1}, "seed=-1 is out of range"),
        (
            one((3,)),
            Recipe("r", "s", (Rule("w", NORMAL, scale=(Scale("layers"),)),)),
            {},
            r"'w' of shape \(3,\), by the rule 'w': 'layers' needs the number of a layer",
        ),
    ],
)
def test_errors_at_construction(
    model: Manifest, recipe: Recipe | None, options: dict[str, Any], message: str
) -> None:
    """Everything wrong is reported before anything is drawn."""
    with pytest.raises(ValueError, match=message):
        Plan(model, recipe, **{"seed": 0, **options})


def test_arrays_are_new() -> None:
    """Writing to one call's arrays does not change the next call's."""
    plan = Plan(one((3,)), by(NORMAL), seed=0)
    plan.init()["w"][:] = 5
    assert np.all(plan.init()["w"] != 5)
