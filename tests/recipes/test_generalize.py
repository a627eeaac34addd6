"""Rules that are generalized from single tensors say of each what was known of it."""

import random

import fastinit
from fastinit import Constant, Normal, Parameter
from fastinit.recipes.generalize import Found, rules_of
from fastinit.recipes.rule import FirstMatch

SMALL, SMALLER = Found(Normal(std=0.02), "small"), Found(Normal(std=0.01), "smaller")
ZERO, ONE = Found(Constant(0), None), Found(Constant(1), None)


def check(found: dict[str, Found]) -> list[str]:
    """Fail unless the first rule that matches each name has what is known; return patterns."""
    rules = rules_of(found)
    for name, what in found.items():
        rule = FirstMatch(rules).of(Parameter(name, (2,)))
        assert rule is not None, name
        assert (rule.initializer, rule.origin) == (what.initializer, what.origin), name
    return [str(rule.pattern) for rule in rules]


def test_the_shortest_endings() -> None:
    found = {f"h.{k}.{name}": what for k in range(5) for name, what in (
        ("fc.weight", SMALL), ("fc.bias", ZERO), ("ln.weight", ONE), ("ln.bias", ZERO)
    )}  # fmt: skip
    assert check(found) == ["**.fc.weight", "**.bias", "**.ln.weight"]


def test_a_layer_that_differs_has_a_rule_of_its_own() -> None:
    found = {f"h.{k}.proj.weight": SMALLER if k else SMALL for k in range(5)}
    assert check(found) == ["h.0.proj.weight", "h.*.proj.weight"]


def test_numbers_do_not_match_words() -> None:
    """``*`` matches words, too, so a name that it would take in has a rule of its own."""
    assert check({"0.weight": SMALLER, "1.weight": SMALLER, "wte.weight": SMALL}) == [
        "wte.weight",
        "*.weight",
    ]


def test_names_that_globs_cannot_say() -> None:
    assert check({"w[1]": SMALL, "w*": ZERO, "w": ONE})[:2] == [
        r"Regex(re='w\\[1\\]')",
        r"Regex(re='w\\*')",
    ]


def test_random_names() -> None:
    random.seed(0)
    for _ in range(200):
        found = {}
        for _ in range(30):
            parts = random.choices(
                ("a", "b", "weight", "0", "1", "2", "[x]"), k=random.randint(1, 4)
            )
            found[".".join(parts)] = random.choice((SMALL, SMALLER, ZERO, ONE))
        check(found)


def test_parameters_may_have_a_stream_of_their_own() -> None:
    manifest = fastinit.Manifest("m", (Parameter("w", (4,), stream="other"),))
    recipe = fastinit.Recipe("r", "a test", (fastinit.Rule("**", Normal()),))
    values = fastinit.Plan(manifest, recipe, seed=2).init()["w"]
    assert (values == fastinit.normal(4, seed=2, name="other")).all()
