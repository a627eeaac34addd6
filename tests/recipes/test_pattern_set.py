"""Patterns that are matched together: the same matches as ``re`` finds one after the other."""

import random
import re
import threading
from typing import Any

import pytest

import fastinit
from fastinit import Constant, Manifest, Normal, Plan, Recipe, Rule
from fastinit.recipes import Regex
from fastinit.recipes.patterns.automaton import Automaton, Reader
from fastinit.recipes.patterns.expression import parse
from fastinit.recipes.patterns.pattern import Pattern, compiled
from fastinit.recipes.patterns.pattern_set import PatternSet
from helpers.work import bounded

PIECES = ("h", "layers", "0", "1", "12", "attn", "q_proj", "weight", "bias", "a", "")
GLOBS = ("*", "**", "**.", "*_proj", "{layer}", "h", "layers", "weight", "bias", "*e*", "a")
TOO_MANY = Regex("[ab]*.{14}a[ab]*")  # needs exponentially many states for random names


def glob(chance: random.Random) -> Pattern:
    """A random glob with at most one {layer}, or a regular expression."""
    parts = chance.choices(GLOBS, k=chance.randint(1, 5))
    while parts.count("{layer}") > 1:
        parts.remove("{layer}")
    text = ".".join(parts).replace("**..", "**.")
    if chance.random() < 0.2:
        return Regex(r"(.*\.)?(?P<layer>[0-9]+)?(" + "|".join(chance.choices(PIECES, k=3)) + ").*")
    return text if chance.random() < 0.9 else Regex(r"(?!h).*")


def expected(patterns: list[Pattern], name: str) -> tuple[int, ...]:
    texts = [compiled(each).pattern for each in patterns]
    return tuple(k for k, text in enumerate(texts) if re.fullmatch(text, name))


def check(patterns: list[Pattern], names: list[str], found: PatternSet) -> int:
    layers = 0
    for name in names:
        numbers = found.matching(name)
        assert numbers == expected(patterns, name), (patterns, name)
        for number in numbers:
            match = re.fullmatch(compiled(patterns[number]).pattern, name)
            assert match is not None
            if match.groupdict().get("layer") is not None:
                layers += 1
                assert found.layer(number, name) == match.span("layer"), (patterns, name)
    return layers


def test_equals_re() -> None:
    """Random patterns and names: which match, and where the layer is."""
    chance = random.Random(0)
    layers = 0
    for _ in range(100):
        patterns = [glob(chance) for _ in range(chance.randint(1, 12))]
        names = [
            chance.choice((".", "/")).join(chance.choices(PIECES, k=chance.randint(1, 6)))
            for _ in range(30)
        ]
        layers += check(patterns, names, PatternSet(patterns))
    assert layers > 100


@pytest.mark.parametrize("name", fastinit.list_recipes())
def test_built_in_recipes(name: str) -> None:
    """Their rules match together as they do alone, for the names of real models."""
    recipe = fastinit.recipe(name)
    patterns = [rule.pattern for rule in recipe.rules]
    names: list[str] = []
    for model in ("gpt2", "llama-3.2-1b", "vit-base", "resnet-50"):
        names += [each.name for each in Manifest.load(model).parameters][:40]
    check(patterns, names, PatternSet(patterns))


def test_first_rule_wins() -> None:
    """Of the rules that match, the first whose module and rank fit draws a parameter."""
    rules = (
        Rule("**.weight", Constant(1), module="Norm*"),
        Rule("a.weight", Constant(2), ndim=2),
        Rule(Regex("(?!b).*"), Constant(3), ndim=1),
        Rule("**", Constant(4)),
    )
    tensors = (
        fastinit.Parameter("a.weight", (1,), module="NormX"),
        fastinit.Parameter("c.a.weight", (1,), module="Linear"),
        fastinit.Parameter("b.weight", (1,)),
        fastinit.Parameter("d.weight", (1, 1)),
    )
    plan = Plan(Manifest("m", tensors), Recipe("r", "s", rules), seed=0)
    assert [each.rule.initializer for each in plan.tensors] == [
        Constant(value) for value in (1, 3, 4, 4)
    ]
    other = Plan(Manifest("m", (fastinit.Parameter("a.weight", (1, 1)),)), plan.recipe, seed=0)
    assert other.tensors[0].rule.initializer == Constant(2)


def test_too_many_states_together() -> None:
    """Patterns whose automaton would be too large together still match, one after the other."""
    patterns: list[Pattern] = [f"**{a}**{b}**{c}**" for a in "abcd" for b in "abcd" for c in "abcd"]
    chance = random.Random(0)
    names = ["".join(chance.choices("abcd", k=chance.randint(1, 12))) for _ in range(500)]
    with bounded(20_000_000):
        check(patterns, names, PatternSet(patterns))


def test_large_set() -> None:
    """A thousand patterns of 900 characters have no automaton together, and match alone."""
    patterns: list[Pattern] = [Regex("a" * 900 + f"{k}.*") for k in range(30)]
    found = PatternSet(patterns)
    assert found.matching("a" * 900 + "29.b") == (2, 29)


def test_work_is_bounded() -> None:
    """The number of visited states is, whatever the names are; the answer is then an error."""
    chance = random.Random(0)
    names = ["".join(chance.choices("ab", k=40)) for _ in range(20_000)]
    found = PatternSet([TOO_MANY, "**", "h.{layer}.*"])
    with bounded(20_000_000), pytest.raises(ValueError, match="too many ways to match"):
        list(map(found.matching, names))


def test_automaton_that_is_too_large_keeps_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """What it has built is dropped, and no later name builds it again."""
    monkeypatch.setattr("fastinit.recipes.patterns.automaton._MOST_WORK", 100)
    automaton = Automaton([parse("[ab]*.{5}a[ab]*")])
    for _ in range(2):
        with pytest.raises(ValueError, match="too many ways"):
            Reader(automaton).matching("abbabaabbbabaababababbbbabba" * 10)
        assert not automaton._known
        assert not automaton.end


def test_groups_without_part() -> None:
    """The number of a layer is missing: the error says in which pattern and name."""
    for pattern in (Regex("h(?P<layer>[0-9]+)?"), Regex("(?!x)h(?P<layer>[0-9]+)?")):
        with pytest.raises(ValueError, match="matches 'h' without its group 'layer'"):
            PatternSet([pattern]).layer(0, "h")


def test_threads_share_an_automaton() -> None:
    """Threads that read names at once find the same matches."""
    patterns: list[Pattern] = [f"**.{k}.**.w{k}" for k in range(10)]
    patterns += [f"**.{{layer}}.x{k}.**" for k in range(10)]
    chance = random.Random(1)
    names = [
        ".".join(f"{chance.choice('wx')}{chance.randint(0, 9)}" for _ in range(5)).replace("w", "")
        for _ in range(300)
    ]
    failures: list[Any] = []

    def read(order: int) -> None:
        try:
            check(patterns, random.Random(order).sample(names, 300), PatternSet(patterns))
        except AssertionError as failure:
            failures.append(failure)

    threads = [threading.Thread(target=read, args=(k,)) for k in range(4)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert not failures


def mixture_of_experts(layers: int, experts: int) -> Manifest:
    shapes: dict[str, Any] = {"model.embed_tokens.weight": (1000, 64)}
    for layer in range(layers):
        at = f"model.layers.{layer}."
        shapes |= {f"{at}self_attn.{each}_proj.weight": (64, 64) for each in "qkvo"}
        for expert in range(experts):
            for each in ("gate", "up", "down"):
                shapes[f"{at}mlp.experts.{expert}.{each}_proj.weight"] = (64, 64)
    return Manifest.from_shapes(shapes)


@pytest.mark.parametrize("recipe", ["deepnorm", "default"])
def test_many_experts(recipe: str) -> None:
    """The work for a name does not grow with the number of names (5,800 here)."""
    manifest = mixture_of_experts(15, 128)
    with bounded(1000 * len(manifest.parameters)):
        plan = Plan(manifest, recipe, seed=0)
    assert len(plan.tensors) == 1 + 15 * (4 + 3 * 128)
    assert len({each.initializer for each in plan.tensors}) < 10


def test_sizes_elsewhere_are_found_once() -> None:
    """The axis and the layers of other parameters are not counted anew for each parameter."""
    scale = (
        fastinit.recipes.Scale(fastinit.recipes.Axis(0, "model.embed_tokens.weight")),
        fastinit.recipes.Scale(fastinit.recipes.Layers("**.layers.{layer}.**"), power=-1),
    )
    rules = (Rule("**", Normal(), scale=scale),)
    manifest = mixture_of_experts(10, 128)
    with bounded(1000 * len(manifest.parameters)):
        plan = Plan(manifest, Recipe("r", "s", rules), seed=0)
    assert plan.tensors[0].initializer == Normal(std=100.0)
