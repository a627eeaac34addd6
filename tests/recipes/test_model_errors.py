"""Errors of rules that only a model shows: they say what the model has, and what to do."""

from pathlib import Path
from typing import Any

import pytest

from fastinit import Constant, HeNormal, Manifest, Normal, Orthogonal, Plan, Recipe, Rule
from fastinit.recipes import Axis, Scale, Setting

MODEL = Manifest.from_shapes({"a.0.weight": (4, 6), "a.1.weight": (8, 6), "b": 4})
REST = Rule("**", Constant(0))


def scaled(of: Any) -> list[Rule]:
    return [Rule("**", Normal(), scale=(Scale(of),))]


@pytest.mark.parametrize(
    ("rules", "message"),
    [
        (
            [Rule("a.{layer}.weight", Orthogonal(), fan_of="weight"), REST],
            "on the fans alone, not Orth",
        ),
        (
            [Rule("a.{layer}.weight", HeNormal(), fan_of="c"), REST],
            r"needs 'a\.0\.c', which the model",
        ),
        (
            scaled(Axis(0, "c.{layer}.weight")),
            "finds nothing in the model, or a size of 0; correct its pattern",
        ),
        (scaled(Axis(0, "a.{layer}.weight")), r"has the sizes 4, 8; write a pattern for one"),
        (scaled(Setting("depth", 1)), r"depth in the config is -2; it must be positive"),
    ],
)
def test_rules_that_do_not_fit(rules: list[Rule], message: str) -> None:
    model = Manifest("m", MODEL.parameters, config={"depth": -2})
    with pytest.raises(ValueError, match=message):
        Plan(model, Recipe("r", "test", tuple(rules)), seed=0)


def test_settings_have_names() -> None:
    wrong: Any = 3
    with pytest.raises(TypeError, match=r"config=3 is not a string; pass a key of config\.json"):
        Setting(wrong, 1)


def test_files_of_another_kind(tmp_path: Path) -> None:
    """A plan or a recipe where a manifest is meant."""
    recipe = Recipe("zeros", "test", (Rule("**", Constant(0)),))
    plan, rules = tmp_path / "plan.json", tmp_path / "rules.json"
    Plan(MODEL, recipe, seed=0).write_json(plan)
    rules.write_text(recipe.to_json())
    for path, message in ((plan, "it is a plan; pass"), (rules, r"it is a recipe, which needs a")):
        with pytest.raises(ValueError, match=message):
            Manifest.load(path)
