"""Regular expressions in linear time: the same matches as Python's ``re``, and no others."""

import random
import re
from pathlib import Path
from typing import Any

import pytest

import fastinit
from fastinit import Manifest, Normal, Plan, Recipe, Rule, json_files
from fastinit.recipes import Axis, Layers, Regex, Scale
from fastinit.recipes.patterns.expression import UnsupportedError
from fastinit.recipes.patterns.linear import Linear
from fastinit.recipes.patterns.pattern import compiled, pattern_of
from helpers.work import bounded

ATOMS = ("a", "b", r"\.", ".", "[ab]", "[^.]", "[0-9]", r"\d", "1", r"\w", "x{", "[]a]", r"\x61")
REPEATS = ("*", "+", "?", "{2}", "{1,2}", "{0,2}", "{,2}", "{1,}", "*?", "+?", "??", "{1,2}?")
ENDLESS = ("(a+)+$", "(a|a)*", "(a|aa)+", "(.*a){20}", "(a*)*b", "(.*.*)*x", "(a?){30}a{30}")


def expression(chance: random.Random, depth: int, layers: list[bool]) -> str:
    """A random expression, with at most one group ``layer``."""
    kind = chance.random()
    if depth == 0 or kind < 0.35:
        return chance.choice(ATOMS)
    parts = [expression(chance, depth - 1, layers) for _ in range(chance.randint(0, 3))]
    if kind < 0.6:
        return "".join(parts)
    if kind < 0.75:
        return f"(?:{'|'.join(parts)})"
    inner = expression(chance, depth - 1, layers)
    if kind < 0.85 and not layers:
        layers.append(True)
        return f"(?P<layer>{inner})"
    return f"({inner})" + chance.choice(("", *REPEATS))


def test_equals_re() -> None:
    """Random expressions and names: whether they match, and where the layer is."""
    chance = random.Random(0)
    matches = layers = 0
    for _ in range(3000):
        text = chance.choice(("", "", "", "^", "(?i)")) + expression(chance, 4, [])
        try:
            ours, theirs = Linear(text), re.compile(text)
        except UnsupportedError:
            continue
        for _ in range(10):
            name = "".join(chance.choices("abA.1x{", k=chance.randint(0, 7)))
            expected, found = theirs.fullmatch(name), ours.fullmatch(name)
            assert (expected is None) == (found is None), (text, name)
            if expected is not None and found is not None:
                matches += 1
                if "layer" in theirs.groupindex:
                    layers += 1
                    assert found.span("layer") == expected.span("layer"), (text, name)
    assert matches > 2000
    assert layers > 200


def test_built_in_recipes() -> None:
    """All their patterns match in linear time, as ``re`` does."""
    names = [each.name for each in Manifest.load("llama-3-8b").parameters][:40]
    names += [each.name for each in Manifest.load("gpt2").parameters][:40]
    for name in fastinit.list_recipes():
        for rule in fastinit.recipe(name).rules:
            ours = compiled(rule.pattern)
            assert isinstance(ours, Linear)
            theirs = re.compile(ours.pattern)
            for each in names:
                assert (ours.fullmatch(each) is None) == (theirs.fullmatch(each) is None)


@pytest.mark.parametrize("text", ENDLESS)
def test_endless_expressions(tmp_path: Path, text: str) -> None:
    """In a recipe, a plan and a checkpoint: an answer or an error after bounded work."""
    name = "a" * 2000 + "!"
    manifest = Manifest.from_shapes({name: (2, 2)})
    with bounded(500_000):
        for where in ("pattern", "module", "axis", "layers"):
            rule: dict[str, Any] = {"pattern": "**", "initializer": {"type": "Normal"}}
            if where in ("pattern", "module"):
                rule[where] = {"re": text}
            elif where == "axis":
                rule["scale"] = [{"of": {"axis": 0, "parameter": {"re": text}}}]
            else:
                rule["scale"] = [{"of": {"layers": {"re": f"(?P<layer>[0-9]+)?({text})"}}}]
            last = {"pattern": "**", "initializer": {"type": "Normal"}}
            data = {"name": "r", "source": "s", "rules": [rule, last]}
            path = tmp_path / "r.json"
            path.write_bytes(json_files.indented(data))
            try:
                Plan(manifest, fastinit.recipe(path), seed=0).save(
                    tmp_path / "m.safetensors", force=True
                )
            except ValueError:
                continue
            assert fastinit.verify(tmp_path / "m.safetensors").ok


@pytest.mark.parametrize("glob", ["*a" * 100 + "*b", "**a" * 100, "**.a.**.b.**.c.**.d.**.e.**.f"])
def test_globs_of_many_stars(glob: str) -> None:
    """They match in linear time, too."""
    with bounded(500_000):
        assert compiled(glob).fullmatch("a" * 10_000 + "!") is None
        assert compiled(glob).fullmatch("a." * 5_000 + "!") is None


@pytest.mark.parametrize(
    "text",
    [
        r"(a)\1",
        "(?=a).*",
        "(?!a).*",
        "(?<=a)b",
        r"\ba",
        "(?>a*)b",
        "a*+b",
        "(?P<x>a)(?P=x)",
        "(a)?(?(1)b|c)",
        "(?i:a)",
        "(?x) a",
        "(?P<layer>[0-9])*",
        "a{3000}",
        "(" * 30 + ")" * 30,
        "a" * 1001,
        "(a{50}){50}",
        "a$b",
    ],
)
def test_expressions_that_files_must_not_have(text: str) -> None:
    """A program's own may have them: they match by ``re``."""
    with pytest.raises(ValueError, match="re"):
        pattern_of({"re": text})
    with pytest.raises(ValueError, match="re"):
        Rule.from_dict({"pattern": {"re": text}, "initializer": {"type": "Normal"}})
    assert isinstance(compiled(Regex(text)), re.Pattern)
    assert Rule(Regex(text), Normal()).pattern == Regex(text)


def test_own_expressions(tmp_path: Path) -> None:
    """A plan with them draws, saves and verifies; its file alone does not."""
    rules = (Rule(Regex(r"(?!head).*"), Normal()), Rule("**", fastinit.Constant(0)))
    plan = Plan(Manifest.from_shapes({"w": 4, "head": 4}), Recipe("r", "s", rules), seed=0)
    assert not plan.init()["head"].any()
    path = plan.save(tmp_path / "m.safetensors").path
    assert plan.verify(path).ok
    with pytest.raises(ValueError, match=r"m\.safetensors: recipe: rules\[0\]: .* not supported"):
        fastinit.verify(path)
    with pytest.raises(ValueError, match="make it a Regex in a program of your own"):
        fastinit.load_plan(path)


@pytest.mark.parametrize(
    "text", ["(", "a**", "[", "a{2,1}", "(?P<1>a)", "(" * 5000, r"\q", 5, None]
)
def test_texts_that_are_not_expressions(text: Any) -> None:
    with pytest.raises((TypeError, ValueError), match="re"):
        pattern_of({"re": text})


def test_automaton_is_bounded() -> None:
    """An expression that needs exponentially many states is an error for names that need them."""
    chance = random.Random(0)
    found = compiled(Regex("[ab]*.{14}a[ab]*"))
    names = ["".join(chance.choices("ab", k=40)) for _ in range(20_000)]
    with pytest.raises(ValueError, match="too many ways to match"):
        list(map(found.fullmatch, names))


def test_layers_of_other_stacks() -> None:
    """The number of a layer comes from the place that ``re`` would give."""
    shapes = {f"h.{k}.experts.{j}.w": (2, 2) for k in range(3) for j in range(2)}
    assert compiled("**.{layer}.**").fullmatch("h.2.experts.1.w").span("layer") == (12, 13)  # type: ignore[union-attr]
    assert compiled("*.{layer}.**").fullmatch("h.2.experts.1.w").span("layer") == (2, 3)  # type: ignore[union-attr]
    scale = Scale(Layers("h.{layer}.**"))
    rule = Rule("**", Normal(), scale=(scale, Scale(Axis(0))))
    plan = Plan(Manifest.from_shapes(shapes), Recipe("r", "s", (rule,)), seed=0)
    assert plan.tensors[0].initializer == Normal(std=6.0)


def test_group_without_part() -> None:
    """The number of a layer is missing: an error of a plan that says so."""
    rule = {
        "pattern": {"re": "h(?P<layer>[0-9]+)?"},
        "initializer": {"type": "Normal"},
        "scale": [{"of": "layer"}],
    }
    found = Recipe.from_dict({"name": "r", "source": "s", "rules": [rule]})
    with pytest.raises(ValueError, match="matches 'h' without its group 'layer'"):
        Plan(Manifest.from_shapes({"h": 4}), found, seed=0)
