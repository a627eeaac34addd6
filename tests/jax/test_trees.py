"""Whole models: trees of arrays by a recipe or a plan, the same as in NumPy and PyTorch."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import torch

import fastinit
import fastinit.jax as ours
import fastinit.torch
from helpers.bits import check_bits
from helpers.jax.trees import Counted, rules, shapes

SHAPE = jax.ShapeDtypeStruct((4, 6), "float32")


def test_names_are_those_of_a_plan() -> None:
    """A tree is drawn as ``Plan.init`` draws it."""
    drawn = ours.init_tree(shapes(), rules(), seed=3)
    jax.tree.map(check_bits, drawn, fastinit.Plan(shapes(), rules(), seed=3).init())
    kernel = drawn["layer.0"]["kernel"]
    expected = fastinit.HeNormal(layout="*io")((32, 64), seed=3, name="layer.0.kernel")
    check_bits(kernel, expected)


def test_one_native_call() -> None:
    with Counted() as counted:
        drawn = ours.init_tree(shapes(), "normal")
    held = sum(leaf.size for leaf in jax.tree.leaves(drawn))
    assert (counted.calls, counted.elements) == (1, held)


def test_all_that_is_not_a_tensor_stays() -> None:
    key = jax.random.key(0)
    tree = {"w": jnp.zeros((4, 4)), "key": key, "act": jax.nn.relu, "none": None}
    drawn = ours.init_tree(tree, "normal")
    assert drawn["key"] is key
    assert drawn["act"] is jax.nn.relu
    assert drawn["none"] is None
    assert drawn["w"].any()


def test_a_recorded_model_of_torch() -> None:
    """Its plan draws the tree of another framework: the same weights, transposed."""

    def build() -> torch.nn.Module:
        conv = torch.nn.Conv2d(3, 8, 3)
        return torch.nn.ModuleDict({"conv": conv, "out": torch.nn.Linear(8, 4)})

    plan = fastinit.Plan.record(build, seed=5)
    module = build()
    fastinit.torch.init_(module, plan)
    tree = {
        "Conv_0": {"kernel": jax.ShapeDtypeStruct((3, 3, 3, 8), "float32"), "bias": jnp.zeros(8)},
        "Dense_0": {"kernel": jax.ShapeDtypeStruct((8, 4), "float32"), "bias": jnp.zeros(4)},
    }
    names: dict[str, Any] = {
        "Conv_0.kernel": ("conv.weight", (2, 3, 1, 0)),
        "Conv_0.bias": "conv.bias",
        "Dense_0.kernel": ("out.weight", (1, 0)),
        "Dense_0.bias": "out.bias",
    }
    for given in (names, names.__getitem__):
        drawn = ours.init_tree(tree, plan, names=given)
        state = {name: each.detach().numpy() for name, each in module.state_dict().items()}
        check_bits(drawn["Conv_0"]["kernel"], state["conv.weight"].transpose(2, 3, 1, 0))
        check_bits(drawn["Dense_0"]["kernel"], state["out.weight"].T)
        check_bits(drawn["Conv_0"]["bias"], state["conv.bias"])


def test_dtypes_are_those_of_the_leaves() -> None:
    drawn = ours.init_tree({"w": SHAPE.update(dtype="bfloat16"), "v": jnp.zeros((3, 3))}, "normal")
    assert (drawn["w"].dtype, drawn["v"].dtype) == ("bfloat16", "float32")


@pytest.mark.parametrize(
    "initializer",
    [
        fastinit.HeNormal(),
        fastinit.Mapped(fastinit.HeNormal(), "tanh"),
        fastinit.Split([fastinit.Orthogonal(), "zeros"]),
    ],
    ids=lambda each: type(each).__name__,
)
def test_layouts_of_torch_are_refused(initializer: fastinit.Initializer) -> None:
    """Their fans would be those of other axes than a kernel of JAX has."""
    words = r"the layout 'oi\*' of (HeNormal|Orthogonal)\(\) is torch's"
    with pytest.raises(ValueError, match=f"'w': {words}"):
        ours.init_tree({"w": SHAPE}, initializer, seed=0)
    with pytest.raises(ValueError, match=words):
        ours.initializer(initializer)(jax.random.key(0), (4, 6))
    with pytest.raises(ValueError, match=words):
        ours.sharded(initializer, (4, 6), jax.sharding.SingleDeviceSharding(jax.devices()[0]))
    transposed: Any = {"w": ("w", (1, 0))}  # so the tensor has torch's axes
    assert ours.init_tree({"w": SHAPE}, initializer, seed=0, names=transposed)["w"].any()


def plan() -> fastinit.Plan:
    return fastinit.Plan({"w": (4, 6)}, "normal", seed=1)


@pytest.mark.parametrize("recipe", ["he_normal", ours.he_normal(), [("w", ours.he_normal())]])
def test_names_and_initializers_of_jax_have_its_axes(recipe: Any) -> None:
    """Where ``names=`` transposes tensors, a name has torch's."""
    expected = fastinit.HeNormal(layout="*io", truncated=not isinstance(recipe, str))
    drawn = ours.init_tree({"w": SHAPE}, recipe, seed=0)["w"]
    check_bits(drawn, expected((4, 6), seed=0, name="w"))
    transposed: Any = {"w": ("w", (1, 0))}
    if isinstance(recipe, str):
        drawn = ours.init_tree({"w": SHAPE}, recipe, seed=0, names=transposed)["w"]
        check_bits(drawn, fastinit.HeNormal()((6, 4), seed=0, name="w").T)
    else:
        with pytest.raises(TypeError, match="is for the axes of JAX"):
            ours.init_tree({"w": SHAPE}, recipe, names=transposed)


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: ours.init_tree({"w": SHAPE}, plan(), seed=1), ValueError, "seed=1 .* seed is 1"),
        (lambda: ours.init_tree({"v": SHAPE}, plan()), ValueError, "'v' is not a tensor"),
        (lambda: ours.init_tree({"w": jnp.zeros((6, 4))}, plan()), ValueError, r"\(name, axes\)"),
        (lambda: ours.init_tree({"w": jnp.zeros((4, 6), "int8")}, plan()), ValueError, "int8"),
        (lambda: ours.init_tree({"w": 3.0}, "normal"), TypeError, "'w' is a float"),
        (lambda: ours.init_tree("normal", {"w": SHAPE}), TypeError, "and then a recipe"),
        (lambda: ours.init_tree({"f": len}, "normal"), ValueError, "no arrays; .* then a recipe"),
        (lambda: ours.init_tree(SHAPE, "normal"), ValueError, "one array, which has no name"),
        (
            lambda: ours.init_tree({"w": SHAPE.update(dtype="int4")}, "normal"),
            ValueError,
            "'w' is int4",
        ),
        (
            lambda: ours.init_tree({"w": SHAPE, "v": SHAPE}, "normal", names={"v": "w"}),
            ValueError,
            "the name 'w' to two leaves",
        ),
        (
            lambda: ours.init_tree({"w": SHAPE}, "normal", names=lambda _: 3),  # type: ignore[arg-type]
            TypeError,
            "give a name",
        ),
        (
            lambda: ours.init_tree({"w": SHAPE}, "normal", names={"w": ("w", (0, 0))}),
            ValueError,
            "name every axis once",
        ),
        (
            lambda: ours.init_tree({"w": SHAPE}, "normal", shardings={"w": "x"}),
            TypeError,
            "holds a str",
        ),
        (lambda: ours.init_tree({"w": SHAPE}, "normal", shardings={}), ValueError, "has 0 leaves"),
        (lambda: ours.init_tree({"w": SHAPE, "x": (4, 6)}, "normal"), TypeError, "'x.0' is an int"),
    ],
)
def test_errors(call: Callable[[], Any], error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        call()


def test_one_digest_everywhere() -> None:
    """NumPy, PyTorch and JAX; test_devices.py has 1, 2, 4 and 8 devices."""
    plan = fastinit.Plan(shapes(), rules(), seed=3)
    flat = {each.parameter.name: each.parameter.shape for each in plan.tensors}
    tensors = {name: torch.empty(shape) for name, shape in flat.items()}
    fastinit.Plan(flat, rules(), seed=3).init_into(tensors)
    drawn = jax.tree.leaves(ours.init_tree(shapes(), rules(), seed=3))
    arrays = jax.tree.leaves(plan.init())
    digests = [list(map(fastinit.digest, each)) for each in (drawn, arrays)]
    assert digests[0] == digests[1]
    assert sorted(digests[0]) == sorted(map(fastinit.digest, tensors.values()))
    assert all(isinstance(each, np.ndarray) for each in arrays)


def test_trees_of_torch() -> None:
    """Tensors of other frameworks are tensors where JAX is imported, too."""
    tree = {"w": torch.zeros(3, 4, dtype=torch.float16)}
    assert list(fastinit.Plan(tree, "normal", seed=0)) == ["w"]
