"""Recipes for widths and depths: the tables of the papers, and of their own libraries."""

import json
import math
from collections.abc import Callable
from typing import Any

import pytest

import fastinit
from fastinit import Constant, Manifest, Normal, Orthogonal, Parameter, Plan, Recipe, Rule
from fastinit.recipes import Axis, Multipliers, Scale
from fastinit.recipes.parametrizations import OPTIMIZERS

WIDTHS = (128, 256, 1000, 2048, 8192)
BASE = 128
VOCABULARY = 50
RULES = (Rule("**.bias", Constant(0)), Rule("**norm**", Constant(1)), Rule("**", Normal(std=0.02)))
START = Recipe("start", "test", RULES)
Factors = dict[str, dict[str, float]]


def shapes(width: int, layers: int = 2) -> dict[str, tuple[int, ...]]:
    found: dict[str, tuple[int, ...]] = {"embed.weight": (VOCABULARY, width)}
    for layer in range(layers):
        at = f"layers.{layer}."
        found[at + "norm.weight"] = (width,)
        found[at + "q_proj.weight"] = (width, width)
        found[at + "up_proj.weight"] = (3 * width, width)
        found[at + "up_proj.bias"] = (3 * width,)
        found[at + "down_proj.weight"] = (width, 3 * width)
        found[at + "down_proj.bias"] = (width,)
    return found | {
        "norm.weight": (width,),
        "head.weight": (VOCABULARY, width),
        "head.bias": (VOCABULARY,),
    }


def model(width: int, layers: int = 2) -> Manifest:
    return Manifest.from_shapes(shapes(width, layers))


def std(plan: Plan, name: str) -> float:
    found: Any = plan.tensor(name).initializer
    return float(found.std)


class Mup:
    """The scaling rules of ``mup`` 1.0 on PyPI, transcribed from its infshape.py and optim.py."""

    def __init__(self, shape: tuple[int, ...], base: tuple[int, ...]) -> None:
        self.ratios = [a / b for a, b in zip(shape, base, strict=True)]
        self.grown = [axis for axis, ratio in enumerate(self.ratios) if ratio != 1]

    @property
    def width_mult(self) -> float:
        return self.ratios[self.grown[-1]] if self.grown else 1.0

    def std(self, value: float) -> float:
        return value * self.width_mult**-0.5 if len(self.grown) == 2 else value

    def adam(self) -> float:
        return 1 / self.width_mult if len(self.grown) == 2 else 1.0

    def sgd(self) -> float:
        if len(self.grown) == 2:
            return 1 / (self.ratios[1] / self.ratios[0])
        return self.width_mult


@pytest.mark.parametrize("width", WIDTHS)
def test_mup_as_in_its_library(width: int) -> None:
    """Standard deviations, learning rates, weight decay and the multiplier of the output."""
    large, base = model(width), model(BASE)
    for optimizer in ("adam", "sgd"):
        recipe = Recipe.mup(large, base, optimizer, start=START)
        plan = Plan(large, recipe, seed=0)
        multipliers = plan.multipliers()
        for name, shape in shapes(width).items():
            theirs = Mup(shape, shapes(BASE)[name])
            rate = theirs.adam() if optimizer == "adam" else theirs.sgd()
            ours = multipliers[name]
            assert ours["learning_rate"] == pytest.approx(rate, rel=1e-15), name
            assert ours["weight_decay"] == pytest.approx(1 / rate, rel=1e-15), name
            assert ours["epsilon"] == 1
            assert ours["forward"] == (BASE / width if name == "head.weight" else 1), name
            if name.endswith("weight") and "norm" not in name:
                assert std(plan, name) == pytest.approx(theirs.std(0.02), rel=1e-15), name
            else:
                assert plan.tensor(name).initializer == Constant(int("norm" in name))


@pytest.mark.parametrize("optimizer", ["adam", "sgd"])
def test_mup_against_its_library(optimizer: str) -> None:
    """The same with ``mup`` itself, where it is installed."""
    mup = pytest.importorskip("mup")
    torch = pytest.importorskip("torch")

    def module(width: int) -> Any:
        return torch.nn.ModuleDict(
            {
                "embed": torch.nn.Embedding(VOCABULARY, width),
                "fc": torch.nn.Linear(width, 3 * width),
                "norm": torch.nn.LayerNorm(width),
                "head": mup.MuReadout(width, VOCABULARY),
            }
        )

    theirs = module(1000)
    mup.set_base_shapes(theirs, module(BASE), delta=module(256), rescale_params=False)
    large, base = (Manifest.from_torch(module(width)) for width in (1000, BASE))
    multipliers = Recipe.mup(large, base, optimizer, start=START).multipliers(large)
    names = {id(each): name for name, each in theirs.named_parameters()}
    groups = {"adam": mup.MuAdam, "sgd": mup.MuSGD}[optimizer](
        theirs.parameters(), lr=1.0, weight_decay=1.0
    ).param_groups
    for group in groups:
        for each in group["params"]:
            found = multipliers[names[id(each)]]
            assert found["learning_rate"] == pytest.approx(group["lr"], rel=1e-15)
            assert found["weight_decay"] == pytest.approx(group["weight_decay"], rel=1e-15)
    assert multipliers["head.weight"]["forward"] == 1 / theirs["head"].width_mult()


def test_muon() -> None:
    """An update of norm 1 becomes one of norm sqrt(fan_out / fan_in), relative to the base."""
    sizes = ((512, 2048), (128, 256))
    large, base = (Manifest.from_shapes({"w.weight": each, "b.bias": each[0]}) for each in sizes)
    multipliers = Recipe.mup(large, base, "muon", start=START).multipliers(large)
    assert multipliers["w.weight"]["learning_rate"] == pytest.approx(math.sqrt(4 / 8), rel=1e-15)
    assert multipliers["b.bias"]["learning_rate"] == 1


@pytest.mark.parametrize("alpha", [1.0, 0.5])
def test_completep_as_in_its_table(alpha: float) -> None:
    """Table 1 and equation 40, as in the authors' nanoGPT-mup (branch completep)."""
    m, l = 4, 3  # noqa: E741  (widths and layers over those of the base)
    large, base = model(m * BASE, 2 * l), model(BASE, 2)
    recipe = Recipe.completep(large, base, alpha, start=START)
    plan = Plan(large, recipe, seed=0)
    branch = l**-alpha
    in_layers = l ** (alpha - 1)
    for name, found in plan.multipliers().items():
        is_hidden = name.startswith("layers") and "proj.weight" in name
        rate = (1 / m if is_hidden else 1) * (in_layers if name.startswith("layers") else 1)
        decay = m if is_hidden else 1
        epsilon = (1 if name == "head.bias" else 1 / m) * (
            branch if name.startswith("layers") else 1
        )
        forward = 1 / m if name == "head.weight" else branch if "down_proj" in name else 1
        expected = {
            "learning_rate": rate, "weight_decay": decay, "epsilon": epsilon, "forward": forward
        }  # fmt: skip
        assert found == pytest.approx(expected, rel=1e-15), name
    assert std(plan, "layers.5.q_proj.weight") == pytest.approx(0.01, rel=1e-15)
    assert std(plan, "embed.weight") == std(plan, "head.weight") == 0.02


def test_u_mup_as_in_its_table() -> None:
    """Table 2; the learning rates are those of ``unit_scaling.optim.lr_scale_func_adam`` 0.3.5."""
    large, base = model(1000, 4), model(BASE, 4)
    plan = Plan(large, Recipe.u_mup(large, base, start=START), seed=0)
    depth = 4**-0.5
    expected: Factors = {
        "embed.weight": {"learning_rate": 1000**-0.5, "forward": 1},
        "layers.0.q_proj.weight": {"learning_rate": depth * 1000**-0.5, "forward": 1000**-0.5},
        "layers.3.down_proj.weight": {
            "learning_rate": depth * 3000**-0.5,
            "forward": depth * 3000**-0.5,
        },
        "layers.3.norm.weight": {"learning_rate": depth, "forward": 1},
        "norm.weight": {"learning_rate": 1, "forward": 1},
        "head.weight": {"learning_rate": 1, "forward": 1 / 1000},
    }
    multipliers = plan.multipliers()
    for name, factors in expected.items():
        found = {field: multipliers[name][field] for field in factors}
        assert found == pytest.approx(factors, rel=1e-14), name
        assert multipliers[name]["weight_decay"] == pytest.approx(
            1 / factors["learning_rate"], rel=1e-14
        )
    assert std(plan, "layers.0.q_proj.weight") == std(plan, "embed.weight") == 1
    assert plan.tensor("norm.weight").initializer == Constant(1)


RATES: dict[str, Callable[[float, float], float]] = {
    "adam": lambda fan_in, _: 1 / fan_in,
    "sgd": lambda fan_in, fan_out: fan_out / fan_in,
    "muon": lambda fan_in, fan_out: math.sqrt(fan_out / fan_in),
}


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("shape", [(64, 256), (256, 64), (48, 48), (8, 4, 3, 3)])
def test_spectral_as_in_its_table(optimizer: str, shape: tuple[int, ...]) -> None:
    """Parametrization 1 of the paper."""
    large = Manifest.from_shapes({"w.weight": shape, "w.bias": shape[0]})
    plan = Plan(large, Recipe.spectral(large, optimizer, gain=2.0, start=START), seed=0)
    kernel = math.prod(shape[2:])
    fan_in, fan_out = shape[1] * kernel, shape[0] * kernel
    expected = 2 / math.sqrt(fan_in) * min(1, math.sqrt(fan_out / fan_in))
    assert std(plan, "w.weight") == pytest.approx(expected, rel=1e-14)
    rate = plan.multipliers()["w.weight"]["learning_rate"]
    assert rate == pytest.approx(RATES[optimizer](fan_in, fan_out), rel=1e-14)
    assert plan.tensor("w.bias").initializer == Constant(0)


def test_tables_have_one_input_in_spectral() -> None:
    plan = Plan(model(64), Recipe.spectral(model(64), start=START), seed=0)
    assert std(plan, "embed.weight") == 1
    assert plan.multipliers()["embed.weight"]["learning_rate"] == 1


def test_few_rules_and_json() -> None:
    """Layers share their rules, which hold for other widths of the same proportions, as data."""
    recipe = Recipe.mup(model(1024, 6), model(BASE, 6), start=START)
    assert len(recipe.rules) == 10
    assert Recipe.from_json(recipe.to_json()) == recipe
    wider = Plan(model(8192, 6), recipe, seed=0)
    expected = Plan(model(8192, 6), Recipe.mup(model(8192, 6), model(BASE, 6), start=START), seed=0)
    assert wider.multipliers() == expected.multipliers()
    assert [each.initializer for each in wider.tensors] == [
        each.initializer for each in expected.tensors
    ]
    plan = Plan.from_dict(json.loads(json.dumps(wider.to_dict())))
    assert plan.multipliers() == wider.multipliers()


def test_starts_keep_the_depth() -> None:
    """What the start makes of depth stays: gpt2's residual outputs, and scales of each layer."""
    names = {"wte.weight": (50, 0), "h.{}.mlp.c_proj.weight": (0, 0)}

    def of(width: int, layers: int) -> Manifest:
        found = {}
        for name, sizes in names.items():
            for layer in range(layers):
                found[name.format(layer)] = tuple(size or width for size in sizes)
        return Manifest.from_shapes(found)

    plan = Plan(of(256, 8), Recipe.mup(of(256, 8), of(64, 2), start="gpt2"), seed=0)
    assert std(plan, "h.3.mlp.c_proj.weight") == pytest.approx(0.02 / math.sqrt(16) / 2, rel=1e-15)
    each = Rule("h.{layer}.**", Normal(), scale=(Scale("layer", power=-1),))
    scaled = Recipe("each", "test", (each, Rule("**", Normal())))
    recipe = Recipe.mup(of(256, 4), of(64, 4), start=scaled)
    assert len(recipe.rules) == 5
    plan = Plan(of(256, 4), recipe, seed=0)
    assert [std(plan, f"h.{k}.mlp.c_proj.weight") for k in range(4)] == pytest.approx(
        [0.5 / (k + 1) for k in range(4)], rel=1e-15
    )


def test_tied_output() -> None:
    """The shared weight has the factors of the table; its other name has that of the logits."""
    large, base = (
        Manifest.from_shapes({"wte.weight": (50, d)}, tied={"lm_head.weight": "wte.weight"})
        for d in (512, 128)
    )
    multipliers = Plan(large, Recipe.mup(large, base, start="gpt2"), seed=0).multipliers()
    assert multipliers["wte.weight"]["forward"] == 1
    assert multipliers["lm_head.weight"]["forward"] == 0.25
    assert multipliers["lm_head.weight"]["learning_rate"] == 1


def test_layouts() -> None:
    """Which axis is the input: by the type of the module, by name, or as given."""
    cases: list[tuple[Parameter, dict[Any, str], int]] = [
        (Parameter("a.weight", (256, 512), module="Linear"), {}, 1),
        (Parameter("a.weight", (512, 256), module="Conv1D"), {}, 0),
        (Parameter("a.kernel", (512, 256)), {}, 0),
        (Parameter("a.kernel", (3, 3, 512, 256)), {}, 2),
        (Parameter("l.0.experts.up_proj", (8, 256, 512)), {}, 2),
        (Parameter("a.weight", (512, 256)), {"a.*": "io"}, 0),
    ]
    for parameter, layouts, axis in cases:
        base = Parameter(
            parameter.name, tuple(n // 2 if n > 8 else n for n in parameter.shape), parameter.module
        )
        large, small = Manifest("m", (parameter,)), Manifest("m", (base,))
        (rule,) = Recipe.mup(large, small, start=START, layouts=layouts).rules
        assert rule.scale == (Scale(Axis(axis), base=256, power=-0.5),), parameter


PARAMETRIZATIONS: dict[str, Callable[..., Recipe]] = {
    "mup": Recipe.mup,
    "completep": Recipe.completep,
    "u_mup": Recipe.u_mup,
    "spectral": lambda model, _, **options: Recipe.spectral(model, **options),
}


@pytest.mark.parametrize("which", PARAMETRIZATIONS)
def test_given_layouts(which: str) -> None:
    """A weight whose axes are said to be (inputs, outputs) is scaled as its transpose is."""

    def found(shape: Any, base: Any, layouts: dict[Any, str]) -> Any:
        large, small = (Manifest.from_shapes({"a.weight": each}) for each in (shape, base))
        recipe = PARAMETRIZATIONS[which](large, small, start=START, layouts=layouts)
        plan = Plan(large, recipe, seed=0)
        return std(plan, "a.weight"), plan.multipliers()

    usual = found((256, 512), (64, 256), {})
    assert found((512, 256), (256, 64), {"a.*": "io"}) == usual
    assert found((512, 256), (256, 64), {}) != usual


@pytest.mark.parametrize(
    ("make", "factors"),
    [
        (Recipe.completep, {"up_proj": 1 / 4, "down_proj": 1.0}),
        (Recipe.u_mup, {"up_proj": (256 * 8) ** -0.5, "down_proj": 768**-0.5}),
    ],
)
def test_given_ends_of_branches(make: Callable[..., Recipe], factors: dict[str, float]) -> None:
    """Their layers are multiplied by the factor of the depth, and the usual ones are not."""
    large = model(256, layers=8)
    recipe = make(large, model(64), start=START, branches="layers.{layer}.up_proj.weight")
    found = recipe.multipliers(large)
    for layer, factor in factors.items():
        assert found[f"layers.3.{layer}.weight"]["forward"] == pytest.approx(factor, rel=1e-15)


@pytest.mark.parametrize(
    ("name", "shape"),
    [("pos_embed", (1, 17, 64)), ("cls_token", (1, 1, 64)), ("shared.weight", (50, 64))],
)
def test_tables(name: str, shape: tuple[int, ...]) -> None:
    """Vectors for positions and tokens are no outputs of the model."""
    large = Manifest.from_shapes({name: shape})
    base = Manifest.from_shapes({name: (*shape[:-1], 16)})
    found = Recipe.mup(large, base, start=START).multipliers(large)[name]
    assert found == {"learning_rate": 1, "weight_decay": 1, "epsilon": 1, "forward": 1}


def test_orthogonal_matrices_keep_their_norm() -> None:
    start = Recipe("o", "test", (Rule("**", Orthogonal()),))
    large, base = (Manifest.from_shapes({"w.weight": (d, d)}) for d in (256, 64))
    plan = Plan(large, Recipe.mup(large, base, start=start), seed=0)
    assert plan.tensor("w.weight").initializer == Orthogonal()
    assert plan.multipliers()["w.weight"]["learning_rate"] == 0.25


def test_errors() -> None:
    """They say what is missing and what to do."""
    large, base = model(256), model(64)
    with pytest.raises(ValueError, match="optimizer='lion' is not known; use one of adam, sgd"):
        Recipe.mup(large, base, "lion")
    with pytest.raises(ValueError, match=r"no counterpart of embed.weight \(50, 256\), layers"):
        Recipe.mup(large, Manifest.from_shapes({"w": (2, 2)}))
    with pytest.raises(ValueError, match=r"branches='x\.{layer}' matches no parameter of a"):
        Recipe.completep(large, base, branches="x.{layer}", start=START)
    with pytest.raises(ValueError, match=r"'embed.weight': shape \(50, 256\) has 2 axes"):
        Recipe.mup(large, base, layouts={"embed.weight": "boi"}, start=START)


def test_plans_without_multipliers() -> None:
    """All factors are 1."""
    plan = Plan("gpt2", seed=0)
    multipliers = plan.multipliers()
    assert set(multipliers) == {each.parameter.name for each in plan.tensors} | {"lm_head.weight"}
    assert {value for factors in multipliers.values() for value in factors.values()} == {1.0}


def test_multipliers_as_data() -> None:
    rule = Rule(
        "**",
        Normal(),
        multipliers=Multipliers(
            learning_rate=(Scale(Axis(0), base=3, power="-1/3"),), forward=(Scale("layers"),)
        ),
    )
    assert Rule.from_dict(rule.to_dict()) == rule
    assert set(rule.to_dict()["multipliers"]) == {"learning_rate", "forward"}
    with pytest.raises(ValueError, match=r"multipliers.*rate"):
        Rule.from_dict(rule.to_dict() | {"multipliers": {"rate": []}})
    with pytest.raises(TypeError, match="forward=5 is not a sequence of Scale"):
        Multipliers(forward=5)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="is not a Multipliers"):
        Rule("**", Normal(), multipliers=())  # type: ignore[arg-type]


@pytest.mark.parametrize("base", [0, -1, math.inf, "3", True])
def test_bases_are_positive_numbers(base: Any) -> None:
    with pytest.raises((TypeError, ValueError), match="base="):
        Scale("layers", base=base)


def test_a_large_model_is_fast() -> None:
    """The plan of muP for gpt2 in its own names, whose weights are inputs by outputs."""
    small = fastinit.Manifest.load("gpt2")
    large = Manifest(
        "large",
        tuple(
            Parameter(p.name, tuple(2 * n if n % 768 == 0 else n for n in p.shape), module=p.module)
            for p in small.parameters
        ),
        tied=small.tied,
    )
    plan = Plan(large, Recipe.mup(large, small, start="gpt2"), seed=0)
    assert len(plan.recipe.rules) < 25
    multipliers = plan.multipliers()
    assert multipliers["transformer.h.3.attn.c_attn.weight"]["learning_rate"] == 0.5
    assert multipliers["lm_head.weight"]["forward"] == 0.5
    assert multipliers["transformer.wpe.weight"]["learning_rate"] == 1


def test_multipliers_of_a_plan_match_no_rules_again(monkeypatch: pytest.MonkeyPatch) -> None:
    model, base = (Manifest.from_shapes({"w.weight": (d, d)}) for d in (64, 16))
    plan = Plan(model, Recipe.mup(model, base, start=START), seed=0)
    expected = plan.recipe.multipliers(model)
    monkeypatch.setattr(Recipe, "match", None)
    assert plan.multipliers() == expected
