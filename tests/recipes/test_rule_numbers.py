"""Fields of initializers that are numbers of the model: layers, sizes, settings of the config."""

from typing import Any

import numpy as np
import pytest

import fastinit
from fastinit import Constant, Manifest, Parameter, Plan, Recipe, Rule
from fastinit.recipes import Axis, Layers, Scale, Setting

wrong: Any = 3
SHAPES = {f"h.{k}.fc.weight": (6, 4) for k in range(3)} | {"wte.weight": (9, 4), "g.weight": (2, 6)}


def drawn(rule: Rule, config: Any = None) -> dict[str, Any]:
    """What a rule draws for the layers of a model."""
    parameters = tuple(Parameter(name, shape) for name, shape in SHAPES.items())
    rules = (rule, Rule("**", Constant(0)))
    recipe = Recipe.from_json(Recipe("r", "a test", rules).to_json())
    assert recipe.rules == rules
    return dict(Plan(Manifest("m", parameters, config=config), recipe, seed=0).init())


@pytest.mark.parametrize(
    ("of", "expected"),
    [
        ("layer_index", (0, 1, 2)),
        ("layer", (1, 2, 3)),
        ("layers", (3, 3, 3)),
        (Axis(0), (6, 6, 6)),
        (Axis(-1, "**.g.weight"), (6, 6, 6)),
        (Layers("h.{layer}.**"), (3, 3, 3)),
        (Setting("depth.rate", 0.5), (7, 7, 7)),
        (Setting("depth.other", 0.5), (0.5, 0.5, 0.5)),
    ],
)
def test_numbers(of: Any, expected: tuple[float, ...]) -> None:
    rule = Rule("**.h.{layer}.fc.weight", Constant(9), numbers={"value": of})
    found = drawn(rule, {"depth": {"rate": 7}})
    assert tuple(found[f"h.{k}.fc.weight"][0, 0] for k in range(3)) == expected


def test_a_schedule_over_layers() -> None:
    """A rate that rises from layer to layer, as stochastic depth has it, is a product of scales."""
    scales = (Scale("layer"), Scale("layers", power=-1))
    found = drawn(Rule("**.h.{layer}.**", Constant(0.3), scale=scales))
    rates = [float(found[f"h.{k}.fc.weight"][0, 0]) for k in range(3)]
    np.testing.assert_allclose(rates, [0.1, 0.2, 0.3], rtol=1e-6)


def test_tables_of_several_numbers() -> None:
    """Settings, numbers and scales go together."""
    numbers = {"start": "layer_index", "stop": "layers"}
    rule = Rule("**.h.{layer}.**", fastinit.Linspace(0, 1), numbers=numbers)
    found = drawn(rule)
    np.testing.assert_array_equal(found["h.2.fc.weight"][0], np.linspace(2, 3, 4, dtype="f4"))
    states = fastinit.S4DImag("inv", 1)
    expected = fastinit.S4DImag("inv", 9)((6, 4))
    rule = Rule("**.fc.weight", states, numbers={"states": Axis(0, "wte.weight")})
    np.testing.assert_array_equal(drawn(rule)["h.1.fc.weight"], expected)


@pytest.mark.parametrize(
    ("depth", "value"), [(1, 0.1), (18, 0.1), (19, 1e-5), (24, 1e-5), (25, 1e-6)]
)
def test_layer_scale(depth: int, value: float) -> None:
    """A threshold of the depth: LayerScale."""
    rule = Rule("**.{layer}.gamma", fastinit.LayerScale(), numbers={"layers": "layers"})
    plan = Plan({f"blocks.{k}.gamma": (2,) for k in range(depth)}, [rule], seed=0)
    assert plan["blocks.0.gamma"].initializer == Constant(value)


def test_explanations_by_rule() -> None:
    """A row for each rule, and not for each layer; one that does not differ shows the values."""
    shapes = {f"{k}.att.{name}": (1, 1, 8) for k in range(9) for name in ("x_k", "gamma")}
    depth = {"layer": "layer_index", "layers": "layers"}
    rules = [
        Rule("{layer}.**.x_k", fastinit.Rwkv7("x_k"), numbers=depth | {"head_size": Axis(-1)}),
        Rule("{layer}.**", fastinit.LayerScale(), numbers={"layers": "layers"}),
    ]
    explanation = Plan(shapes, rules, seed=0).explain()
    assert explanation[-2]["distribution"]["layer"] == 8
    tables, factors = explanation.by_rule()
    assert tables["parameters"] == factors["parameters"] == 9
    assert "layer='layer index', layers='layers', head_size='axis -1'" in str(explanation.by_rule())
    assert (tables["std"], factors["std"]) == (None, 0.0)
    assert factors["distribution"] == {"type": "Constant", "value": 0.1}


LINSPACE = fastinit.Linspace(0, 1)
WRONG: tuple[tuple[Any, dict[str, Any], str], ...] = (
    (LINSPACE, {"numbers": wrong}, "numbers: 3 is not an object"),
    (LINSPACE, {"numbers": {"axes": "layers"}}, "numbers has 'axes', which is not a number of"),
    (LINSPACE, {"numbers": {"endpoint": "layers"}}, "which is not a number of"),
    (LINSPACE, {"numbers": {"start": "depth"}}, "start='depth' is not known; pass 'layers', "),
    (LINSPACE, {"numbers": {"start": 3}}, "start=3 is not known"),
    (LINSPACE, {"numbers": {"start": "layer"}, "settings": {"start": "x"}}, "both have 'start'"),
    (LINSPACE, {"scale": [{"of": "layer_index"}]}, "of='layer_index' is not known"),
    (LINSPACE, {"numbers": {"start": {"axis": "a"}}}, "axis='a' is not an integer"),
    (LINSPACE, {"numbers": {"start": {"layers": "h"}}}, "captures no number"),
    (LINSPACE, {"numbers": {"start": {"layers": "h.{layer}", "x": 1}}}, "field 'x' is not known"),
)


@pytest.mark.parametrize(("initializer", "fields", "message"), WRONG, ids=[w[2] for w in WRONG])
def test_wrong_rules(initializer: Any, fields: dict[str, Any], message: str) -> None:
    """They are refused as objects and as documents."""
    data = {"pattern": "**", "initializer": initializer.to_dict()} | fields
    with pytest.raises((TypeError, ValueError), match=message):
        Rule.from_dict(data)


@pytest.mark.parametrize(
    ("name", "initializer", "numbers", "message"),
    [
        ("h.5.w", fastinit.Rwkv7("x_k"), {"layer": "layer_index"}, "numbers: layer=5 is out of"),
        ("h.5.w", fastinit.Rwkv7("x_k"), {"layers": Setting("a", 1.5)}, "numbers: layers=1.5 is a"),
        ("h.w", fastinit.Rwkv7("x_k"), {"layer": "layer_index"}, "needs the number of a layer"),
        ("h." + "9" * 4000 + ".w", Constant(0), {"value": "layer_index"}, "value is too large"),
        ("h.5.w", Constant(0), {"value": Axis(3)}, "axis=3 is out of range"),
    ],
)
def test_wrong_numbers(name: str, initializer: Any, numbers: Any, message: str) -> None:
    """The plan is an error, before anything is drawn."""
    pattern = "h.{layer}.w" if name != "h.w" else "h.w"
    with pytest.raises(ValueError, match=message):
        Plan({name: (4,)}, [Rule(pattern, initializer, numbers=numbers)], seed=0)


def test_work() -> None:
    """Numbers count as the scales do."""
    numbers = dict.fromkeys(("start", "stop"), "layers")
    rules = tuple(Rule("**", LINSPACE, numbers=numbers) for _ in range(4000))
    with pytest.raises(ValueError, match="the recipe has 12000 rules and scales"):
        Plan({"w": (4,)}, Recipe("r", "a test", rules), seed=0)


def test_sparse_recipes_keep_numbers() -> None:
    """What is made sparse is what the rule draws for the layer."""
    model = dict(list(SHAPES.items())[:3])
    rule = Rule("**.{layer}.**", fastinit.Normal(), numbers={"std": "layer"})
    plan = Plan(model, fastinit.sparse_recipe(model, 0.5, rule), seed=0)
    found = [plan[name].initializer for name in model]
    assert [each.std for each in found] == [1.0, 2.0, 3.0]  # type: ignore[attr-defined]
