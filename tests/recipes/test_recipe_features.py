"""Rules and plans with initializers of every kind, padding rows, parts and given arrays."""

import dataclasses
import json
from typing import Any

import numpy as np
import pytest

import fastinit
from fastinit import Arange, Manifest, Plan, Recipe, Rule
from fastinit.initializers.existing.values import Values
from fastinit.recipes import Scale
from helpers.bits import check_bits
from helpers.records.initializers import OBJECTS
from helpers.records.record import shape_for

INITIALIZERS: list[fastinit.Initializer] = [
    fastinit.Normal(std=0.5),
    fastinit.Uniform(-0.25, 0.25),
    fastinit.TruncatedNormal(std=0.5),
    fastinit.HeNormal(),
    fastinit.Orthogonal(gain=2.0),
    fastinit.Sparse(sparsity=0.75),
    fastinit.Sparse(nonzeros=3, base=fastinit.GlorotUniform()),
    fastinit.NM(base=fastinit.HeNormal()),
    fastinit.Bernoulli(0.5, base=fastinit.LecunNormal()),
    fastinit.Dirac(gain=3.0),
]
SHAPE = (64, 32)
AT_DEFAULTS: list[fastinit.Initializer] = [
    *(fastinit.Normal(), fastinit.Uniform(), fastinit.TruncatedNormal(), fastinit.Constant()),
    *(fastinit.VarianceScaling(), fastinit.Orthogonal(), fastinit.DeltaOrthogonal()),
    *(fastinit.Identity(), fastinit.Dirac(), fastinit.Bernoulli(), fastinit.NM(), Arange()),
]
NEAR_DEFAULTS: list[fastinit.Initializer] = [
    *(fastinit.Constant(value) for value in (-0.0, 0, False, True, 1, 1.0)),
    *(fastinit.Dirac(gain=gain) for gain in (1.0, 0, -0.0)),
    *(fastinit.Normal(mean=-0.0), fastinit.Uniform(low=-0.0), fastinit.VarianceScaling(scale=0)),
    fastinit.Bernoulli(0.5, base=fastinit.Constant(0)),
    fastinit.Bernoulli(0.25, base=fastinit.Normal(mean=-0.0)),
    fastinit.Sparse(sparsity=0.0),
    fastinit.Sparse(nonzeros=0, base=fastinit.VarianceScaling(layout="io*"), layout="io*"),
    Values((0.0, -0.0, 0, True)),
]


def plan_of(*rules: Rule, **shapes: tuple[int, ...]) -> Plan:
    """A plan for parameters whose names have dots where the keywords have underscores."""
    named = {name.replace("_", "."): shape for name, shape in shapes.items()}
    return Plan(Manifest.from_shapes(named), Recipe("test", "a test", rules), seed=3)


@pytest.mark.parametrize("initializer", INITIALIZERS + AT_DEFAULTS + NEAR_DEFAULTS, ids=repr)
def test_a_dict_gives_the_same_initializer_back(initializer: fastinit.Initializer) -> None:
    """Types and signs included, which repr shows and == does not; so do dicts of all fields."""
    data = json.loads(json.dumps(initializer.to_dict()))
    full = {"type": data["type"], **dataclasses.asdict(initializer)}
    if isinstance(base := getattr(initializer, "base", None), fastinit.Initializer):
        full["base"] = {"type": type(base).__name__, **full["base"]}
    for found in (data, json.loads(json.dumps(full))):
        again = fastinit.Initializer.from_dict(found)
        assert again == initializer
        assert repr(again) == repr(initializer)


@pytest.mark.parametrize("initializer", AT_DEFAULTS, ids=repr)
def test_a_dict_leaves_defaults_out(initializer: fastinit.Initializer) -> None:
    """The type is what remains."""
    assert initializer.to_dict() == {"type": type(initializer).__name__}


@pytest.mark.parametrize("initializer", [*INITIALIZERS, *OBJECTS], ids=repr)
def test_a_recipe_draws_what_the_initializer_does(initializer: fastinit.Initializer) -> None:
    """This holds after a round trip through JSON."""
    recipe = Recipe.from_json(Recipe("test", "a test", (Rule("**", initializer),)).to_json())
    shape = shape_for(initializer)
    plan = Plan(Manifest.from_shapes({"a.weight": shape}), recipe, seed=3)
    check_bits(plan.init()["a.weight"], initializer(shape, seed=3, name="a.weight"))


@pytest.mark.parametrize("initializer", INITIALIZERS, ids=repr)
def test_a_scale_of_a_power_of_two_is_exact(initializer: fastinit.Initializer) -> None:
    """Four layers to the power -1/2 halve every value of every initializer."""
    rule = Rule("h.{layer}.weight", initializer, scale=(Scale("layers", power=-0.5),))
    shapes = {f"h_{layer}_weight": SHAPE for layer in range(4)}
    found = plan_of(rule, **shapes).init()
    whole = initializer(SHAPE, seed=3, name="h.1.weight")
    check_bits(found["h.1.weight"], whole * np.float32(0.5))


@pytest.mark.parametrize("initializer", INITIALIZERS[:-1], ids=repr)
def test_the_std_of_an_explanation_is_that_of_the_values(initializer: fastinit.Initializer) -> None:
    """6 standard errors of 10^5 values are allowed (normal: std / sqrt(2n); kurtoses here < 40)."""
    shape = (512, 256)
    row = plan_of(Rule("**", initializer), w=shape).explain()[0]
    values = initializer(shape, seed=3, name="w").astype(np.float64)
    assert abs(values.std() / row["std"] - 1) < 6 * np.sqrt(40 / (4 * values.size))


@pytest.mark.parametrize("row", [0, 5, -1])
def test_a_zero_row(row: int) -> None:
    """The row is zero, the others keep their bits, in the whole and in parts."""
    plan = plan_of(Rule("**", fastinit.Normal(), zero_row=row), e_weight=(16, 8))
    expected = fastinit.normal((16, 8), seed=3, name="e.weight")
    expected[row] = 0
    check_bits(plan.init()["e.weight"], expected)
    check_bits(plan.draw("e.weight", np.s_[4:7, 2:]), expected[4:7, 2:])
    check_bits(plan.draw("e.weight", np.s_[-1:, :]), expected[-1:])


@pytest.mark.parametrize("index", [np.s_[3], np.s_[3:9, ::], np.s_[..., 5], np.s_[-2:, :4]])
@pytest.mark.parametrize("initializer", INITIALIZERS, ids=repr)
def test_a_part_is_that_of_the_whole(initializer: fastinit.Initializer, index: Any) -> None:
    """It is drawn without the rest, for any initializer."""
    plan = plan_of(Rule("**", initializer), a_weight=SHAPE)
    check_bits(plan.draw("a.weight", index), np.ascontiguousarray(plan.init()["a.weight"][index]))


def test_init_into_refuses_memory_that_two_names_share() -> None:
    """Tied names may share it. Nothing is written."""
    plan = plan_of(Rule("**", fastinit.Normal()), a=(8, 8), b=(8, 8))
    shared = np.zeros((8, 8), np.float32)
    with pytest.raises(ValueError, match=r"'a'.*'b'|'b'.*'a'"):
        plan.init_into({"a": shared, "b": shared})
    assert not shared.any()


def test_the_dtype_of_a_call_wins_over_that_of_the_recipe() -> None:
    """Then comes the recipe's dtype, the manifest's, and float32."""
    recipe = Recipe("test", "a test", (Rule("**", fastinit.Normal()),), dtype="bfloat16")
    manifest = Manifest.from_shapes({"a": (4, 4)})
    assert Plan(manifest, recipe, seed=0, dtype="float16").init()["a"].dtype == np.float16
    assert Plan(manifest, recipe, seed=0).init()["a"].dtype.name == "bfloat16"


def test_the_torch_recipe_has_the_bounds_of_torch() -> None:
    """Linear and Conv2d are uniform within 1 / sqrt(fan_in), biases too; norms follow."""
    torch = pytest.importorskip("torch")
    module = torch.nn.Sequential(
        torch.nn.Conv2d(8, 16, 3), torch.nn.BatchNorm2d(16), torch.nn.Linear(400, 50)
    )
    module.add_module("table", torch.nn.Embedding(300, 64))
    drawn = Plan(Manifest.from_torch(module), "torch", seed=0).init()
    for name, bound in (("0", 72**-0.5), ("2", 400**-0.5)):
        for kind in ("weight", "bias"):
            theirs = module.get_parameter(f"{name}.{kind}").detach().numpy()
            ours = drawn[f"{name}.{kind}"]
            assert ours.shape == theirs.shape
            assert abs(ours).max() <= bound
            assert abs(theirs).max() <= bound
            assert abs(ours).max() > 0.8 * bound
    assert (drawn["1.weight"] == 1).all()
    assert (drawn["1.bias"] == 0).all()
    assert abs(drawn["table.weight"].std() - 1) < 0.03
