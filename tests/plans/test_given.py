"""Anything reasonable is a model and a recipe; trees come back as trees; a plan is a mapping."""

import collections
import re
import types
from typing import Any

import numpy as np
import pytest
import torch

import fastinit
from fastinit import Constant, HeNormal, Manifest, Normal, Parameter, Plan, Recipe, Rule
from fastinit.manifests.from_trees import mapped
from helpers.bits import check_bits
from helpers.ids import shortened

SHAPES = {"fc.weight": (4, 3), "fc.bias": 4, "scale": ()}


def test_torch_module() -> None:
    module = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.LayerNorm(4))
    plan = Plan(module, seed=1)
    assert plan.manifest == Manifest.from_torch(module)
    plan.init_into(module.state_dict())
    weight = module.get_parameter("0.weight")
    check_bits(weight.detach().numpy(), plan.init()["0.weight"])


def test_shapes() -> None:
    plan = Plan(SHAPES, Normal(), seed=1)
    assert plan.manifest == Manifest.from_shapes(SHAPES)
    assert {name: array.shape for name, array in plan.init().items()} == {
        "fc.weight": (4, 3),
        "fc.bias": (4,),
        "scale": (),
    }


def test_parameters() -> None:
    given = [Parameter("w", (2, 3)), Parameter("b", (2,))]
    assert Plan(given).manifest == Manifest("model", tuple(given))


Dense = collections.namedtuple("Dense", ["kernel", "bias"])
SHAPED = np.zeros((3, 4), "float16")
TREES: dict[str, tuple[Any, list[str]]] = {
    "shapes": ({"dense": {"kernel": (3, 4), "bias": (4,)}}, ["dense.kernel", "dense.bias"]),
    "nested": ({"a": SHAPED, "b": [SHAPED, {"w": SHAPED}]}, ["a", "b.0", "b.1.w"]),
    "list": ([SHAPED, SHAPED], ["0", "1"]),
    "tuple": ((SHAPED, (SHAPED,)), ["0", "1.0"]),
    "ordered": (collections.OrderedDict(a=SHAPED, b=SHAPED), ["a", "b"]),
    "default": (collections.defaultdict(dict, {"a": {"w": SHAPED}}), ["a.w"]),
    "immutable": (types.MappingProxyType({"a": SHAPED}), ["a"]),
    "numbered": ({0: SHAPED, 1: {2: SHAPED}}, ["0", "1.2"]),
    "torch": ({"w": torch.zeros(3, 4, dtype=torch.float16)}, ["w"]),
}


@pytest.mark.parametrize("kind", TREES)
def test_trees_come_back(kind: str) -> None:
    """Every container has its type, and every leaf is what the plan draws for its name."""
    tree, names = TREES[kind]
    plan = Plan(tree, Normal(), seed=1)
    assert list(plan) == names
    drawn = plan.init()
    assert type(drawn) is type(tree)
    back = Plan(drawn, Normal(), seed=1)
    assert list(back) == names
    leaves: dict[str, Any] = {}
    mapped(drawn, ".", leaves.setdefault)
    for name in names:
        check_bits(leaves[name], plan.draw(name), name)


def test_leaves_that_are_not_drawn_stay() -> None:
    """Functions and None are not tensors; ``only`` keeps the rest as it was."""
    kept = np.full(3, 7.0)
    tree = {"body": {"w": kept}, "head": {"w": (3, 3)}, "act": abs, "none": None}
    drawn = Plan(tree, Normal(), seed=1).init(only="head.**")
    assert drawn["body"]["w"] is kept
    assert (drawn["act"], drawn["none"]) == (abs, None)
    assert drawn["head"]["w"].shape == (3, 3)
    assert tree["head"] == {"w": (3, 3)}, "the given tree does not change"


def test_init_into_a_tree() -> None:
    plan = Plan({"a": {"w": (2, 3)}, "f": abs}, Normal(), seed=1)
    tree = {"a": {"w": np.empty((2, 3), np.float32)}, "f": abs}
    plan.init_into(tree)
    check_bits(tree["a"]["w"], plan.draw("a.w"))  # type: ignore[index]


def test_pytrees_of_jax() -> None:
    """Structures that only jax knows come back; typed keys and None stay as they are."""
    jax = pytest.importorskip("jax")
    made = {"dense": Dense(jax.numpy.zeros((3, 4)), None), "key": jax.random.key(0)}
    drawn = Plan(made, Normal(), seed=1).init()
    assert type(drawn["dense"]) is Dense
    assert drawn["key"] is made["key"]
    (name,) = Plan(made)
    check_bits(drawn["dense"].kernel, Plan(made, Normal(), seed=1).draw(name))
    shapes = jax.eval_shape(lambda: {"w": jax.numpy.zeros((2, 5), "bfloat16")})
    assert jax.numpy.asarray(Plan(shapes).init()["w"]).dtype == "bfloat16"


@pytest.mark.parametrize(
    ("given", "what"),
    [
        (None, "None"),
        (7, "an int"),
        ((3, 4), "a single shape, which has no name"),
        (SHAPED, "a single array, which has no name"),
        ({}, "an empty dict"),
        ([], "an empty list"),
        (torch.nn.Linear, "the class Linear, not an object of it"),
        (HeNormal(), "a HeNormal"),
        (object(), "an object"),
    ],
    ids=shortened,
)
def test_wrong_models(given: Any, what: str) -> None:
    """The error names the ways to make a manifest."""
    with pytest.raises(TypeError, match=re.escape(f"model is {what}; pass the name")) as error:
        Plan(given)
    for way in ("from_torch", "from_shapes", "from_tree"):
        assert f"Manifest.{way}" in str(error.value)


def test_leaves_without_a_shape() -> None:
    with pytest.raises(
        TypeError, match=r"the leaf 'a\.b' is an int, which has no shape; pass arrays"
    ):
        Plan({"a": {"b": 4}})


RULES = (Rule("*.weight", HeNormal()), Rule("**", Constant(0)))


@pytest.mark.parametrize(
    "given",
    [
        list(RULES),
        [("*.weight", HeNormal()), ("**", Constant(0))],
        [("*.weight", "he_normal"), RULES[1]],
        {"*.weight": HeNormal(), "**": Constant(0)},
        {"*.weight": "he_normal", "**": "zeros"},
    ],
    ids=shortened,
)
def test_rules_are_a_recipe(given: Any) -> None:
    expected = Plan(SHAPES, Recipe("r", "s", RULES), seed=1)
    plan = Plan(SHAPES, given, seed=1)
    assert plan.recipe.rules == RULES
    for name in expected:
        check_bits(plan.draw(name), expected.draw(name), name)


@pytest.mark.parametrize("given", [Rule("**", Normal()), ("**", Normal()), ("**", "normal")])
def test_one_rule_is_a_recipe(given: Any) -> None:
    assert Plan(SHAPES, given).recipe.rules == (Rule("**", Normal()),)


@pytest.mark.parametrize("given", [HeNormal(), "he_normal", "kaiming_normal"])
def test_one_initializer_is_for_weights(given: Any) -> None:
    """Norms and biases are those of the recipe "default"."""
    shapes = {"fc.weight": (4, 3), "fc.bias": 4, "norm.weight": 4, "norm.bias": 4}
    plan = Plan(shapes, given, seed=1)
    check_bits(plan.draw("fc.weight"), fastinit.he_normal((4, 3), seed=1, name="fc.weight"))
    assert {plan[name].initializer for name in list(plan)[1:]} == {Constant(0), Constant(1)}
    assert (plan.draw("norm.weight") == 1).all()


def test_one_initializer_draws_other_vectors() -> None:
    assert Plan({"w": 3}, Normal(std=2)).tensor("w").initializer == Normal(std=2)


@pytest.mark.parametrize(
    ("given", "error", "message"),
    [
        (7, TypeError, "recipe is an int; pass a Recipe, the name of one"),
        (fastinit.he_normal, TypeError, "recipe is the function he_normal, which draws one array"),
        (HeNormal, TypeError, "recipe is the class HeNormal, not an object of it, HeNormal()"),
        ([], ValueError, "recipe is an empty list; pass a Recipe"),
        ([7], TypeError, "7 is not a rule; pass a Rule, or (pattern, initializer)"),
        ([("**", 7)], TypeError, "initializer=7 is not an Initializer"),
        ([("**", "he")], ValueError, "initializer='he' is not known; use one of he_normal"),
        ("he", FileNotFoundError, "'he' is neither a built-in recipe nor a file"),
    ],
    ids=shortened,
)
def test_wrong_recipes(given: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=re.escape(message)):
        Plan(SHAPES, given)


def test_a_plan_is_a_mapping() -> None:
    """Tied names are found, and iteration leaves them out."""
    model = Manifest.from_shapes({"wte.weight": (5, 2), "b": 2}, tied={"head": "wte.weight"})
    plan = Plan(model, seed=1)
    assert list(plan) == ["wte.weight", "b"]
    assert len(plan) == 2
    assert plan["wte.weight"] is plan["head"] is plan.tensors[0]
    assert "head" in plan
    assert "x" not in plan
    assert plan.__contains__(7) is False
    assert dict(plan.items()) == {"wte.weight": plan.tensors[0], "b": plan.tensors[1]}
    assert plan.get("x") is None
    message = "'wte.weights' is not a tensor of 'model'; did you mean 'wte.weight'"
    with pytest.raises(KeyError, match=re.escape(message)):
        plan["wte.weights"]


def test_plans_are_compared_by_identity() -> None:
    """A mapping's equality would compare every tensor."""
    one, other = Plan(SHAPES, Normal(), seed=1), Plan(SHAPES, Normal(), seed=1)
    assert one != other
    assert len({one, other, one}) == 2
