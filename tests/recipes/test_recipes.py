"""Recipes: patterns, rules, scales, and the built-in ones as data."""

import json
import math
import re
import sys
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

import fastinit
from fastinit import Manifest, Parameter, Plan, json_files
from fastinit.recipes.patterns.pattern import compiled
from fastinit.recipes.recipe import (
    RECIPES,
    Recipe,
    find_recipe,
    list_recipes,
    recipe,
    recipe_of,
)
from fastinit.recipes.rule import Rule
from fastinit.recipes.scale import Scale

NORMAL = fastinit.Normal(std=0.02)
HALF: Any = Scale("layers", times=2, power=-0.5)  # one scale may stand for a tuple of one
RULE: dict[str, Any] = {
    "pattern": "h.{layer}.*",
    "initializer": {"type": "Normal", "std": 0.02},
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
    rules = (Rule("**h.{layer}.a", NORMAL, scale=(Scale("layers"),)), Rule("**", NORMAL))
    names = ["h.0.a", "h.0.b", "h.7.a", "h.12.a", "wte", "x.h.0.a"]
    around = Recipe("r", "test", rules).context(Manifest.from_shapes(dict.fromkeys(names, (1,))))
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
    """Powers are right to a few roundings."""
    scaled = Scale("layers", times=1.5, power=quarters / 4).apply(0.02, 10)
    exact = Fraction(0.02) ** 4 * Fraction(15) ** quarters
    assert abs(Fraction(scaled) ** 4 / exact - 1) < Fraction(2) ** -47


@pytest.mark.parametrize("denominator", range(1, 65))
def test_scale_powers_of_any_denominator(denominator: int) -> None:
    """Powers are right to one rounding for each product and root, and those of 1 are exact."""
    for numerator in (1, denominator - 1, denominator + 1, 4 * denominator):
        power = Fraction(-numerator, denominator)
        assert Scale("layers", power=power).apply(0.75, 1) == 0.75
        scaled = Scale("layers", power=power).apply(0.02, 10)
        q = power.denominator
        exact = Fraction(0.02) ** q * Fraction(10) ** power.numerator
        roundings = abs(power.numerator) + 8
        assert abs(Fraction(scaled) ** q / exact - 1) < q * roundings * Fraction(2) ** -52


@pytest.mark.parametrize("degree", range(3, 64, 2))
def test_odd_roots_are_rounded_once(degree: int) -> None:
    """No float is nearer to the root than the one that is found."""
    for base in (2.0, 3.0, 1e6 + 0.1, 3e-310, 5e-324, sys.float_info.max, 3.0**degree):
        root = Scale("layers", power=Fraction(1, degree)).apply(1.0, base)
        below, above = math.nextafter(root, 0), math.nextafter(root, math.inf)
        assert ((Fraction(root) + Fraction(below)) / 2) ** degree <= Fraction(base)
        assert ((Fraction(root) + Fraction(above)) / 2) ** degree >= Fraction(base)


@pytest.mark.parametrize("sixteenths", range(-64, 65))
def test_powers_of_sixteenths_are_chains_of_square_roots(sixteenths: int) -> None:
    """So their bits are those of plans that were made before other denominators were allowed."""
    whole, parts = divmod(abs(sixteenths), 16)
    for size in (1, 2, 3, 12, 14, 96, 767, 4096.5, 128256):
        factor = math.prod([1.5 * size] * whole, start=1.0)
        root = 1.5 * size
        for bit in (8, 4, 2, 1):
            root = math.sqrt(root)
            factor *= root if parts & bit else 1.0
        expected = 0.02 / factor if sixteenths < 0 else 0.02 * factor
        assert Scale("layers", times=1.5, power=sixteenths / 16).apply(0.02, size) == expected


@pytest.mark.parametrize(
    ("power", "written"),
    [(-0.5, -0.5), ("-1/2", -0.5), (Fraction(-1, 6), "-1/6"), ("-1/6", "-1/6"), (2.0, 2), ("3", 3)],
)
def test_powers_are_fractions(power: Any, written: Any) -> None:
    """Equal ones are equal however they are given; JSON has a number where it is exact."""
    scale = Scale("layers", power=power)
    assert scale.power == Fraction(power)
    assert json.dumps(scale.to_dict()) == json.dumps({"of": "layers", "power": written})
    assert Scale.from_dict(scale.to_dict()) == scale


@pytest.mark.parametrize(
    ("times", "power", "size"),
    [(1e-300, 2, 1e-300), (1e-300, Fraction(1, 3), 1e-300), (1e300, -1, 1e300), (1e100, 4, 1)],
)
def test_factors_out_of_range(times: float, power: Any, size: float) -> None:
    """What overflows or becomes 0 is an error, where it would make all values 0 or infinite."""
    with pytest.raises(ValueError, match=r"leaves the range of float64; correct times=, base="):
        Scale("layers", times=times, power=power).apply(0.02, size)


def test_fixup() -> None:
    """Fixup (arXiv 1901.09321) divides by L^(1 / (2 m - 2)), for branches of m layers."""
    for m, expected in ((2, 1 / 64), (3, 1 / 8), (4, 1 / 4), (7, 1 / 2)):
        power = Fraction(-1, 2 * m - 2)
        assert Scale("layers", power=power).apply(1.0, 4096) == expected


def test_scale_defaults_to_the_number_itself() -> None:
    """The default is the number of layers, times 1, to the power of 1."""
    assert Scale("layers").apply(0.5, 3) == 1.5


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"of": "depth"}, "of='depth' is not known; pass 'layers', 'layer', an Axis"),
        ({"times": 0}, "times=0 is not positive"),
        ({"times": math.inf}, "times=inf is not positive and finite"),
        ({"times": math.nan}, "times=nan is not positive"),
        ({"power": 0.3}, "power=0.3 is not a fraction from -4 to 4 with a denominator of 64 or "),
        ({"power": -4.25}, "power=-4.25 is not a fraction from -4 to 4"),
        ({"power": Fraction(1, 65)}, "power=1/65 is not a fraction"),
        ({"power": math.nan}, "power=nan is not a fraction"),
        ({"power": math.inf}, "power=inf is not a fraction"),
        ({"power": "1/0"}, "power=1/0 is not a fraction"),
        ({"power": "sqrt"}, "power=sqrt is not a fraction from .*; pass one, as -0.5 or '-1/6'"),
    ],
)
def test_scale_errors(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Scale(**{"of": "layers", **fields})


@pytest.mark.parametrize(
    ("field", "value"),
    [("times", "2"), ("times", True), ("times", None), ("power", True), ("power", None)],
)
def test_scale_takes_numbers(field: str, value: Any) -> None:
    """What only looks like a number would not survive the arithmetic."""
    with pytest.raises(TypeError, match=f"{field}={value!r} is not a number"):
        Scale(**{"of": "layers", field: value})


def resolved(rule: Rule, shapes: dict[str, tuple[int, ...]]) -> fastinit.Initializer:
    """What a rule draws for the first parameter of a model."""
    model = Manifest.from_shapes(shapes)
    return rule.resolve(model.parameters[0], Recipe("r", "test", (rule,)).context(model))


def test_rule_scales_all_values() -> None:
    """Mean and std are scaled alike."""
    rule = Rule("{layer}", fastinit.Normal(mean=1.0, std=0.5), scale=(Scale("layers", power=-1),))
    shapes: dict[str, tuple[int, ...]] = {str(layer): (3,) for layer in range(4)}
    assert resolved(rule, shapes) == fastinit.Normal(mean=0.25, std=0.125)


def test_rule_scales_what_an_initializer_resolves_to() -> None:
    """This includes a std that depends on the shape."""
    rule = Rule("{layer}", fastinit.LecunNormal(), scale=HALF)
    assert resolved(rule, {"0": (8, 16), "1": (8, 16)}) == fastinit.Normal(std=0.125)


def test_rule_without_layers() -> None:
    """A scale needs a pattern with {layer}."""
    with pytest.raises(ValueError, match=r"'layers' needs the number of a layer; write"):
        resolved(Rule("*", NORMAL, scale=HALF), {"a": (3,)})


def from_config(initializer: fastinit.Initializer, config: Any, **settings: str) -> Any:
    """What a rule with settings draws for a parameter of a model with a config."""
    rule = Rule("**", initializer, settings=settings)
    assert Rule.from_dict(json.loads(json.dumps(rule.to_dict()))) == rule
    model = Manifest("m", (Parameter("a.weight", (8, 16)),), config=config)
    return rule.resolve(model.parameters[0], Recipe("r", "test", (rule,)).context(model))


@pytest.mark.parametrize(
    "config", [None, {}, {"range": 0}, {"range": None}, {"range": {}}, {"init": {"range": 0.5}}]
)
def test_settings_have_defaults(config: Any) -> None:
    """The initializer's own number serves where the config has none, or has 0."""
    assert from_config(NORMAL, config, std="range") == NORMAL


@pytest.mark.parametrize(
    ("config", "std"), [({"a": {"std": 0.1}, "b": 0.2}, 0.1), ({"a": {"std": 0}, "b": 0.2}, 0.2)]
)
def test_first_of_several_settings(config: Any, std: float) -> None:
    assert from_config(NORMAL, config, std="a.std|b") == fastinit.Normal(std=std)


def test_recipes_by_the_types_that_they_serve() -> None:
    assert recipe("mistral") == recipe("llama")


def test_settings_come_from_the_config() -> None:
    """Any number of any initializer, before fans are worked out; a dot leads into an object."""
    config = {"range": 0.5, "init": {"low": -3, "high": 2}, "gain": 4, "groups": 2}
    assert from_config(NORMAL, config, std="range") == fastinit.Normal(std=0.5)
    uniform = from_config(fastinit.Uniform(), config, low="init.low", high="init.high")
    assert uniform == fastinit.Uniform(-3, 2)
    assert from_config(fastinit.VarianceScaling(), config, scale="gain") == fastinit.Normal(std=0.5)
    grouped = from_config(fastinit.VarianceScaling(mode="fan_out"), config, groups="groups")
    assert grouped == fastinit.Normal(std=0.5)
    sparse = from_config(fastinit.Sparse(nonzeros=1), config, std="range", nonzeros="gain")
    assert sparse == fastinit.Sparse(nonzeros=4, std=0.5)


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("0.02", "range in the config is '0.02', which is not a finite number"),
        (True, "range in the config is True, which is not"),
        (math.inf, "range in the config is inf, which is not"),
        (10**400, "which is not a finite number"),
        (-0.5, "settings: std=-0.5 is negative"),
    ],
)
def test_settings_that_the_initializer_cannot_take(value: Any, message: str) -> None:
    """A config may hold anything."""
    with pytest.raises(ValueError, match=message):
        from_config(NORMAL, {"range": value}, std="range")


def test_settings_of_integers() -> None:
    """Whole numbers stay whole numbers, and others are refused."""
    with pytest.raises(ValueError, match=r"settings: groups=1\.5 is a float"):
        from_config(fastinit.VarianceScaling(), {"groups": 1.5}, groups="groups")


@pytest.mark.parametrize("field", ["mode", "fan", "sd"])
def test_settings_are_numbers(field: str) -> None:
    """A field that is not a number has no default to start from."""
    message = f"settings has '{field}', which is not a number of VarianceScaling.*; its numbers are"
    with pytest.raises(ValueError, match=message):
        Rule("**", fastinit.VarianceScaling(), settings={field: "range"})


def test_recipes_of_older_versions() -> None:
    """Fields with default values, and a std of 1 times a number of the config, mean the same."""
    of = {"config": "initializer_range", "default": 0.02}
    initializer = {"type": "Normal", "mean": 0.0, "std": 1.0}
    data = {"pattern": "**", "initializer": initializer, "scale": [{"of": of}]}
    older = Recipe("r", "test", (Rule.from_dict(data),))
    newer = Recipe("r", "test", (Rule("**", NORMAL, settings={"std": "initializer_range"}),))
    for config in (None, {"initializer_range": 0.037}):
        model = Manifest("m", (Parameter("a.weight", (8, 16)),), config=config)
        theirs, ours = (fastinit.Plan(model, each, seed=0).tensors[0] for each in (older, newer))
        assert repr(theirs.initializer) == repr(ours.initializer)
        assert theirs.templates == ours.templates


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"pattern": 5}, "pattern=5 is not a string"),
        ({"initializer": "Normal"}, "initializer='Normal' is not an Initializer"),
        ({"scale": 2.0}, "scale=2.0 is not a Scale"),
        ({"module": 5}, "pattern=5 is not a string"),
        ({"ndim": 1.0}, "ndim=1.0 is a float"),
        ({"fan_of": 1}, "fan_of=1 is not a string"),
        ({"zero_row": True}, "zero_row=True is a bool"),
        ({"settings": "std"}, "settings='std' is not a mapping of strings"),
        ({"settings": {"std": 0.02}}, "settings={'std': 0.02} is not a mapping of strings"),
    ],
)
def test_rule_types(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(TypeError, match=message):
        Rule(**{"pattern": "*", "initializer": NORMAL, **fields})


@pytest.mark.parametrize("name", list_recipes())
def test_built_in_recipes_are_canonical(name: str) -> None:
    """A built-in file is what to_json writes, so the way there and back is exact."""
    text = json_files.find(name, RECIPES, "recipe").read_text("utf-8")
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


def test_architecture_that_no_recipe_serves() -> None:
    """Nothing is guessed: the error lists what "default" would draw, and how to ask for that."""
    shapes = {"l.0.w.weight": (8, 4), "l.1.w.weight": (8, 4), "l.0.bias": 8, "norm.weight": 8}
    tensors = Manifest.from_shapes(shapes).parameters
    zamba = Manifest("mine", tensors, architecture="zamba", config={"initializer_range": 0.1})
    message = (
        "no recipe serves model_type='zamba'; recipe 'default' would draw 2 as weight "
        f"({fastinit.Normal(std=0.1)}: 'l.0.w.weight', ...), 1 as bias ({fastinit.Constant(0)}: "
        f"'l.0.bias'), 1 as norm ({fastinit.Constant(1)}: 'norm.weight'); if that is right, pass "
        "recipe='default' (--recipe default), or else a recipe of your own, or record what the "
        "model's own code draws: Plan.record (--record)"
    )
    for refuses in (Plan, recipe_of):
        with pytest.raises(ValueError, match=re.escape(message)):
            refuses(zamba)
    assert Plan(zamba, "default").recipe.name == "default"
    assert find_recipe("zamba") is None


def test_architecture_that_default_cannot_draw() -> None:
    """The error lists all tensors whose form is not known."""
    tensors = Manifest.from_shapes({"l.0.A_log": (8, 4), "l.0.D": 8, "w.weight": (2, 2)}).parameters
    zamba = Manifest("mine", tensors, architecture="zamba")
    message = (
        "no recipe serves model_type='zamba', not even 'default': no rule of recipe 'default' "
        "matches l.0.D (8,); no general rule draws l.0.A_log (8, 4) (state matrix); give each"
    )
    with pytest.raises(ValueError, match=re.escape(message)):
        Plan(zamba)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"name": ""}, "name='' is not text"),
        ({"source": 5}, "source=5 is not text"),
        ({"rules": []}, "rules is empty"),
        ({"rules": {}}, "rules={} is not a list"),
        ({"serves": "gpt2"}, "serves='gpt2' is not a sequence of str"),
        ({"dtype": "int8"}, "dtype='int8' does not hold random values"),
        ({"rule": []}, "field 'rule' is not known"),
        ({"rules": [RULE, {}]}, r"rules\[1\]: field 'pattern' is missing"),
        ({"rules": [RULE | {"pattern": ""}]}, r"rules\[0\]: pattern='' is not understood"),
        ({"rules": [RULE | {"initializer": []}]}, r"initializer: \[\] is not an object"),
        (
            {"rules": [RULE | {"initializer": {"type": "N"}}]},
            r"initializer: type='N' is not an init",
        ),
        ({"rules": [RULE | {"scale": {}}]}, r"rules\[0\]: scale={} is not a list"),
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
