"""Recipes: patterns, rules, scales, and the built-in ones as data."""

import json
import math
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

import fastinit
from fastinit import Manifest, Parameter
from fastinit.rules import Recipe, Rule, Scale, recipe, recipe_of, recipes
from fastinit.rules.base import RECIPES
from fastinit.rules.patterns import compiled

NORMAL = fastinit.Normal(std=0.02)
HALF = Scale("layers", times=2, power=-0.5)
RULE: dict[str, Any] = {
    "pattern": "h.{layer}.*",
    "initializer": {"type": "Normal", "mean": 0.0, "std": 0.02},
    "scale": [{"of": "layers", "times": 2, "power": -0.5}],
}
SMALL: dict[str, Any] = {"name": "small", "source": "this test", "rules": [RULE]}


@pytest.mark.parametrize(
    ("pattern", "name"),
    [
        ("a.b", "a.b"),
        ("*", "weight"),
        ("a*.weight", "attn.weight"),
        ("h.*.weight", "h.0.weight"),
        ("**", "h.0.weight"),
        ("h.**", "h.0.weight"),
        ("**.weight", "weight"),
        ("**.weight", "h.0.weight"),
        ("h.**.weight", "h.weight"),
        ("h.**.weight", "h.0.attn.weight"),
        ("h**.weight", "head.weight"),
        ("h.{layer}.weight", "h.11.weight"),
        ("block{layer}.weight", "block3.weight"),
    ],
)
def test_pattern_matches(pattern: str, name: str) -> None:
    assert compiled(pattern).fullmatch(name)


@pytest.mark.parametrize(
    ("pattern", "name"),
    [
        ("a.b", "a_b"),
        ("a.b", "a.b.c"),
        ("*", "h.weight"),
        ("h.*.weight", "h.0.attn.weight"),
        ("**.weight", "h.overweight"),
        ("h**.weight", "head_weight"),
        ("h.{layer}.weight", "h.one.weight"),
        ("h.{layer}.weight", "h..weight"),
        ("h.{layer}.weight", "h.\u0663.weight"),
        ("WEIGHT", "weight"),
    ],
)
def test_pattern_does_not_match(pattern: str, name: str) -> None:
    """Digits are ASCII's."""
    assert not compiled(pattern).fullmatch(name)


@pytest.mark.parametrize("pattern", ["", "h.[01]", "h.?", "h.{expert}", "{layer", "h.***"])
def test_pattern_errors(pattern: str) -> None:
    """Other dialects of globs are refused, not taken literally."""
    with pytest.raises(ValueError, match=r"is not understood; \* stands for anything but dots"):
        Rule(pattern, NORMAL)


def test_pattern_with_two_layers() -> None:
    """There is one number of layers."""
    with pytest.raises(ValueError, match=r"has \{layer\} twice"):
        Rule("{layer}.{layer}", NORMAL)


def rules_of(rules: tuple[Rule, ...], *names: str) -> dict[str, Rule]:
    """The rule of each name."""
    return Recipe("r", "test", rules).match(Manifest.from_shapes(dict.fromkeys(names, (1,))))


def test_first_match_wins() -> None:
    """The order of the rules decides."""
    first, second = Rule("*.weight", NORMAL), Rule("**", fastinit.Constant(0))
    assert rules_of((first, second), "a.weight", "a.bias") == {"a.weight": first, "a.bias": second}


def test_layers_are_distinct_values() -> None:
    """Every value of {layer} counts once, in whichever rules it is captured, for each stack."""
    rules = (Rule("**h.{layer}.a", NORMAL, scale=Scale("layers")), Rule("**", NORMAL))
    names = ["h.0.a", "h.0.b", "h.7.a", "h.12.a", "wte", "x.h.0.a"]
    around = Recipe("r", "test", rules).model(Manifest.from_shapes(dict.fromkeys(names, (1,))))
    assert around.number("layers", "h.7.a", rules[0].pattern) == 3
    assert around.number("layer", "h.7.a", rules[0].pattern) == 8
    assert around.number("layers", "x.h.0.a", rules[0].pattern) == 1


def test_unmatched_names_are_listed() -> None:
    """Parameters that no rule matches are an error that names the first ten."""
    names = [f"w{k}" for k in range(12)]
    message = r"no rule of recipe 'r' matches w0 \(1,\), w1 .* w9 \(1,\) and 2 more;"
    with pytest.raises(ValueError, match=message):
        rules_of((Rule("b*", NORMAL),), *names, "b")


def test_scale_divides_by_the_root() -> None:
    """The power -1/2 is std / sqrt(2 L), in that order."""
    assert HALF.apply(0.02, 12) == 0.02 / math.sqrt(24)


@pytest.mark.parametrize("quarters", range(-16, 17))
def test_scale_powers(quarters: int) -> None:
    """Every allowed power is right to a few roundings."""
    scaled = Scale("layers", times=1.5, power=quarters / 4).apply(0.02, 10)
    exact = Fraction(0.02) ** 4 * Fraction(15) ** quarters
    assert abs(Fraction(scaled) ** 4 / exact - 1) < Fraction(2) ** -47


def test_scale_defaults_to_the_number_itself() -> None:
    """The default is the number of layers, times 1, to the power of 1."""
    assert Scale("layers").apply(0.5, 3) == 1.5


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"of": "depth"}, "of='depth' is not known; 'layers', 'layer', an Axis"),
        ({"times": 0}, "times=0 is not positive"),
        ({"times": math.inf}, "times=inf is not positive and finite"),
        ({"times": math.nan}, "times=nan is not positive"),
        ({"power": 0.3}, "power=0.3 is no multiple of 1/16"),
        ({"power": -4.25}, "power=-4.25 is no multiple of 1/16 from -4 to 4"),
        ({"power": math.nan}, "power=nan is no multiple"),
    ],
)
def test_scale_errors(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Scale(**{"of": "layers", **fields})


@pytest.mark.parametrize("value", ["2", True, None])
@pytest.mark.parametrize("field", ["times", "power"])
def test_scale_takes_numbers(field: str, value: Any) -> None:
    """What only looks like a number would not survive the arithmetic."""
    with pytest.raises(TypeError, match=f"{field}={value!r} is no number"):
        Scale(**{"of": "layers", field: value})


def resolved(rule: Rule, shapes: dict[str, tuple[int, ...]]) -> fastinit.Initializer:
    """What a rule draws for the first parameter of a model."""
    model = Manifest.from_shapes(shapes)
    return rule.resolve(model.parameters[0], Recipe("r", "test", (rule,)).model(model))


def test_rule_scales_all_values() -> None:
    """Mean and std are scaled alike."""
    rule = Rule("{layer}", fastinit.Normal(mean=1.0, std=0.5), scale=Scale("layers", power=-1))
    shapes = {str(layer): (3,) for layer in range(4)}
    assert resolved(rule, shapes) == fastinit.Normal(mean=0.25, std=0.125)


def test_rule_scales_what_an_initializer_resolves_to() -> None:
    """This includes a std that depends on the shape."""
    rule = Rule("{layer}", fastinit.LecunNormal(), scale=HALF)
    assert resolved(rule, {"0": (8, 16), "1": (8, 16)}) == fastinit.Normal(std=0.125)


def test_rule_without_layers() -> None:
    """A scale needs a pattern with {layer}."""
    with pytest.raises(ValueError, match=r"scale of 'layers' needs a number; write \{layer\}"):
        resolved(Rule("*", NORMAL, scale=HALF), {"a": (3,)})


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"pattern": 5}, "pattern=5 is no string"),
        ({"initializer": "Normal"}, "initializer='Normal' is no Initializer"),
        ({"scale": 2.0}, "scale=2.0 is no Scale"),
        ({"module": 5}, "pattern=5 is no string"),
        ({"ndim": 1.0}, "ndim=1.0 is a float"),
        ({"fan_of": 1}, "fan_of=1 is no string"),
        ({"zero_row": True}, "zero_row=True is a bool"),
    ],
)
def test_rule_types(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(TypeError, match=message):
        Rule(**{"pattern": "*", "initializer": NORMAL, **fields})


@pytest.mark.parametrize("name", recipes())
def test_built_in_recipes_are_canonical(name: str) -> None:
    """A built-in file is what to_json writes, so the way there and back is exact."""
    text = (RECIPES / f"{name}.json").read_text("utf-8")
    assert Recipe.from_json(text).to_json() == text


def test_dict_round_trip() -> None:
    assert Recipe.from_dict(SMALL).to_dict() == SMALL


def test_recipe_of_a_file(tmp_path: Path) -> None:
    path = tmp_path / "small.json"
    path.write_text(json.dumps(SMALL), encoding="utf-8")
    assert recipe(path).rules == (Rule("h.{layer}.*", NORMAL, scale=HALF),)


def test_unknown_recipe() -> None:
    """A name is neither built in nor a file."""
    with pytest.raises(FileNotFoundError, match=r"'gpt9' is neither a built-in recipe nor a file"):
        recipe("gpt9")


def model(name: str, architecture: str | None = None) -> Manifest:
    """A model of this name and architecture."""
    return Manifest(name, (Parameter("w", (2,)),), architecture=architecture)


def test_recipe_of_a_model() -> None:
    """It is the recipe that serves its architecture, or has its name, or else the default one."""
    assert recipe_of(model("gpt2")).name == "gpt2"
    assert recipe_of(model("mine", "gpt2")).name == "gpt2"
    assert recipe_of(model("x")).name == "default"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"name": ""}, "name='' is no text"),
        ({"source": 5}, "source=5 is no text"),
        ({"rules": []}, "rules is empty"),
        ({"rules": {}}, "rules={} is no list"),
        ({"serves": "gpt2"}, "serves='gpt2' is no sequence of str"),
        ({"dtype": "int8"}, "dtype='int8' holds no random values"),
        ({"rule": []}, "field 'rule' is not known"),
        ({"rules": [RULE, {}]}, r"rules\[1\]: field 'pattern' is missing"),
        ({"rules": [RULE | {"pattern": ""}]}, r"rules\[0\]: pattern='' is not understood"),
        ({"rules": [RULE | {"initializer": []}]}, r"rules\[0\]: initializer: \[\] is no object"),
        ({"rules": [RULE | {"initializer": {"type": "N"}}]}, r"initializer: type='N' is no init"),
        ({"rules": [RULE | {"scale": {}}]}, r"rules\[0\]: scale={} is no list"),
        ({"rules": [RULE | {"scale": [{"of": "x"}]}]}, r"rules\[0\]: scale\[0\]: of='x' is not"),
        ({"rules": [RULE | {"scale": [{"by": 2}]}]}, r"scale\[0\]: field 'of' is missing"),
    ],
)
def test_recipe_errors(tmp_path: Path, change: dict[str, Any], message: str) -> None:
    """Each names the file and what is wrong in it."""
    path = tmp_path / "small.json"
    path.write_text(json.dumps(SMALL | change), encoding="utf-8")
    with pytest.raises(ValueError, match=rf"small\.json: .*{message}"):
        recipe(path)
