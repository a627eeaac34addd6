"""Budgets: densities by Erdos-Renyi and its kernel form, and recipes that keep to them."""

import math
import re
from typing import Any

import numpy as np
import pytest

import fastinit
from fastinit import HeNormal, Manifest, Normal, Orthogonal, Parameter, Plan, Recipe, Rule, Sparse
from fastinit.recipes import Regex
from helpers.bits import check_bits

# The shapes of LeNet 300-100 and of a small convolutional net.
LENET = {"fc1": (300, 784), "fc2": (100, 300), "fc3": (10, 100)}
CONVOLUTIONS = {"conv1": (16, 3, 3, 3), "conv2": (32, 16, 3, 3), "conv3": (64, 32, 1, 1)}


def rigl(shapes: dict[str, tuple[int, ...]], density: float, kernel: bool) -> dict[str, float]:
    """The densities as google-research/rigl computes them, without its rounding of zeros."""
    dense: set[str] = set()
    while True:
        divisor = rhs = 0.0
        raw: dict[str, float] = {}
        for name, shape in shapes.items():
            size = math.prod(shape)
            if name in dense:
                rhs -= (1 - density) * size
                continue
            rhs += density * size
            raw[name] = (sum(shape) if kernel else sum(shape[:2])) / math.prod(
                shape if kernel else shape[:2]
            )
            divisor += raw[name] * size
        factor = rhs / divisor
        largest = max(raw.values())
        if largest * factor <= 1:
            return {
                name: raw.get(name, math.nan) * factor if name in raw else 1.0 for name in shapes
            }
        dense |= {name for name, value in raw.items() if value == largest}


@pytest.mark.parametrize("kernel", [True, False])
@pytest.mark.parametrize("density", [0.01, 0.05, 0.1, 0.3, 0.5, 0.9])
@pytest.mark.parametrize("shapes", [LENET, CONVOLUTIONS])
def test_densities_are_those_of_rigl(
    shapes: dict[str, tuple[int, ...]], density: float, kernel: bool
) -> None:
    found = fastinit.erk(shapes, density, kernel=kernel)
    expected = rigl(shapes, density, kernel)
    assert list(found) == list(shapes)
    for name in shapes:
        assert math.isclose(found[name], expected[name], rel_tol=1e-12), name
    kept = sum(found[name] * math.prod(shape) for name, shape in shapes.items())
    assert math.isclose(kept, density * sum(map(math.prod, shapes.values())), rel_tol=1e-12)
    assert max(found.values()) <= 1


@pytest.mark.parametrize("density", [0.0, 1.0])
def test_ends(density: float) -> None:
    assert set(fastinit.erk(LENET, density).values()) == {density}


def test_lists_arrays_and_layouts() -> None:
    """What has a shape is one; axes count where they lie."""
    listed = fastinit.erk(list(CONVOLUTIONS.values()), 0.1)
    assert listed == list(fastinit.erk(CONVOLUTIONS, 0.1).values())
    arrays = {name: np.zeros(shape) for name, shape in CONVOLUTIONS.items()}
    assert fastinit.erk(arrays, 0.1) == fastinit.erk(CONVOLUTIONS, 0.1)
    turned = {name: (*shape[2:], shape[1], shape[0]) for name, shape in CONVOLUTIONS.items()}
    found = fastinit.erk(turned, 0.1, kernel=False, layout="*io")
    assert found == fastinit.erk(CONVOLUTIONS, 0.1, kernel=False)


@pytest.mark.parametrize(
    ("shapes", "options", "error", "message"),
    [
        (LENET, {"density": 1.5}, ValueError, "density=1.5 is out of range; pass the fraction"),
        (LENET, {"density": "x"}, TypeError, "density='x' is a str; pass a number"),
        ({"b": (3,)}, {}, ValueError, "the shape (3,) of 'b' does not have two axes or more"),
        ({"w": (0, 3)}, {}, ValueError, "or is empty"),
        ("abc", {}, TypeError, "shapes is a str; pass a mapping from names to shapes, or a list"),
        (LENET, {"kernel": 1}, TypeError, "kernel=1 is an int; pass True or False"),
        (LENET, {"layout": "x"}, ValueError, "layout='x' is not understood"),
    ],
)
def test_wrong_arguments(
    shapes: Any, options: dict[str, Any], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=re.escape(message)):
        fastinit.erk(shapes, **{"density": 0.1, **options})


# ---- recipes

SHAPES = {
    **{
        f"h.{k}.{name}": shape
        for k in range(3)
        for name, shape in {"fc.weight": (40, 30), "fc.bias": (40,), "norm.weight": (40,)}.items()
    },
    "head.weight": (5, 40),
}
WEIGHTS = [name for name, shape in SHAPES.items() if len(shape) == 2]


@pytest.mark.parametrize("budget", ["erk", "er", "uniform"])
@pytest.mark.parametrize("density", [0.05, 0.3, 0.9])
def test_a_recipe_keeps_to_its_budget(density: float, budget: str) -> None:
    """The nonzeros are those of the budget, the values those of the recipe."""
    recipe = fastinit.sparse_recipe(SHAPES, density, HeNormal(), budget=budget)
    drawn = Plan(SHAPES, recipe, seed=1).init()
    dense = Plan(SHAPES, HeNormal(), seed=1).init()
    total = sum(drawn[name].size for name in WEIGHTS)
    kept = sum(int((drawn[name] != 0).sum()) for name in WEIGHTS)
    assert abs(kept - density * total) <= len(WEIGHTS) / 2
    shapes = {name: SHAPES[name] for name in WEIGHTS}
    expected = (
        dict.fromkeys(WEIGHTS, density)
        if budget == "uniform"
        else fastinit.erk(shapes, density, kernel=budget == "erk")
    )
    for name, array in drawn.items():
        if name in WEIGHTS:
            assert (array != 0).sum() == round(expected[name] * array.size)
            check_bits(array, dense[name] * (array != 0) + 0)
        else:
            check_bits(array, dense[name])


def test_rules_are_shared_by_equal_layers() -> None:
    recipe = fastinit.sparse_recipe(SHAPES, 0.1, HeNormal())
    assert [rule.pattern for rule in recipe.rules][:2] == ["h.*.fc.weight", "head.weight"]
    assert Recipe.from_json(recipe.to_json()) == recipe
    assert recipe.name == "sparse HeNormal()"
    assert "density 0.1 by the budget erk" in recipe.source


def test_patterns_match_nothing_else() -> None:
    """What is dense has no part in a pattern with stars."""
    recipe = fastinit.sparse_recipe(SHAPES, 0.1, HeNormal(), dense="h.1.**")
    assert [rule.pattern for rule in recipe.rules][:2] == [
        Regex(r"h\.0\.fc\.weight"),
        Regex(r"h\.2\.fc\.weight"),
    ]
    plan = Plan(SHAPES, recipe, seed=1)
    assert list(plan.masks()) == ["h.0.fc.weight", "h.2.fc.weight", "head.weight"]
    only = fastinit.sparse_recipe(SHAPES, 0.1, HeNormal(), only="head.*")
    assert list(Plan(SHAPES, only, seed=1).masks()) == ["head.weight"]


def test_names_with_the_characters_of_globs() -> None:
    shapes = {"a[0].weight": (8, 8), "a[1].weight": (8, 8)}
    plan = Plan(shapes, fastinit.sparse_recipe(shapes, 0.25, Normal()), seed=1)
    assert {int(mask.sum()) for mask in plan.masks().values()} == {16}


def test_corrected_fans() -> None:
    """The std grows as the fan shrinks; of what has no fan that is an error."""
    recipe = fastinit.sparse_recipe(SHAPES, 0.3, HeNormal(), budget="uniform", correct_fan=True)
    found = Plan(SHAPES, recipe)["head.weight"].initializer
    assert isinstance(found, Sparse)
    assert math.isclose(found.std or 0, math.sqrt(2 / (0.3 * 40)), rel_tol=1e-12)
    with pytest.raises(ValueError, match=r"'h\.0\.fc\.weight': correct_fan=True needs a base"):
        fastinit.sparse_recipe(SHAPES, 0.3, Normal(), correct_fan=True)


def test_settings_scales_and_padding_are_worked_out() -> None:
    """GPT-2's residual scale stays, and so does the zero row of an embedding."""
    dense = Plan("gpt2", seed=1)
    plan = Plan("gpt2", fastinit.sparse_recipe("gpt2", 0.5), seed=1)
    name = "transformer.h.3.attn.c_proj.weight"
    index = np.s_[:50]
    sparse = plan.draw(name, index)
    check_bits(sparse, dense.draw(name, index) * (sparse != 0) + 0)
    model = Manifest("m", (Parameter("wte.weight", (50, 8), zero_row=3),))
    drawn = Plan(model, fastinit.sparse_recipe(model, 0.5, Normal()), seed=1).init()["wte.weight"]
    assert not drawn[3].any()
    assert 150 < (drawn != 0).sum() <= 200


def test_dense_layers_of_a_budget_have_no_mask() -> None:
    plan = Plan(LENET, fastinit.sparse_recipe(LENET, 0.1, Normal()), seed=1)
    assert list(plan.masks()) == ["fc1", "fc2"]


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"density": 2}, ValueError, "density=2 is out of range"),
        (
            {"budget": "magnitude"},
            ValueError,
            "budget='magnitude' is not known; use one of erk, er",
        ),
        ({"only": "x"}, ValueError, "no tensor of 'model' is left to make sparse"),
        ({"dense": "**"}, ValueError, "correct only= or dense="),
        ({"recipe": Sparse(0.5)}, ValueError, "is masked already; leave it out with dense="),
    ],
)
def test_wrong_options(options: dict[str, Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=re.escape(message)):
        fastinit.sparse_recipe(SHAPES, **{"density": 0.1, "recipe": HeNormal(), **options})


# ---- the masks of a plan alone


def test_masks_are_those_of_the_values() -> None:
    rules = [
        Rule("a", Sparse(0.7, per="tensor")),
        Rule("b", fastinit.NM(2, 4, base="he_normal")),
        Rule("c", fastinit.Bernoulli(0.3, base="normal")),
        Rule("d", Sparse(1.0, base=Orthogonal())),
        Rule("e", Sparse(0.0, base=Orthogonal())),
        Rule("**", Normal()),
    ]
    shapes = dict.fromkeys("abcdef", (12, 8))
    plan = Plan(shapes, rules, seed=1, dtype="bfloat16")
    drawn, masks = plan.init(), plan.masks()
    assert list(masks) == list("abcde")
    for name, mask in masks.items():
        check_bits(mask, drawn[name] != 0)
    assert list(plan.masks(only="b")) == ["b"]


def test_masks_of_a_tree() -> None:
    """True stands for tensors without a mask, so that both trees can be multiplied."""
    tree = {"a": {"w": (12, 8), "b": (12,)}, "f": abs}
    plan = Plan(tree, [("a.w", Sparse(0.7)), ("**", Normal())], seed=1)
    masks = plan.masks()
    assert masks["a"]["b"] is True
    assert masks["f"] is abs
    check_bits(masks["a"]["w"], plan.init()["a"]["w"] != 0)
