"""Recipes for models of JAX: activations by what programs compute, axes, branches, differences."""

import sys
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import nn

import fastinit
import fastinit.jax
from fastinit.guide.models.recipe_recommendation import Advised, RecipeRecommendation

X = jnp.ones((4, 8))

ACTIVATIONS: dict[str, tuple[Callable[[Any], Any], str, float | None]] = {
    "relu": (nn.relu, "relu", None),
    "maximum": (lambda x: jnp.maximum(x, 0), "relu", None),
    "relu6": (nn.relu6, "relu6", None),
    "relu squared": (lambda x: nn.relu(x) ** 2, "relu_squared", None),
    "scaled relu": (lambda x: 1.7 * nn.relu(x), "relu", None),
    "gelu": (nn.gelu, "gelu_tanh", None),
    "exact gelu": (lambda x: nn.gelu(x, approximate=False), "gelu", None),
    "silu": (nn.silu, "silu", None),
    "silu by hand": (lambda x: x / (1 + jnp.exp(-x)), "silu", None),
    "mish": (nn.mish, "mish", None),
    "elu": (nn.elu, "elu", None),
    "elu of 0.5": (lambda x: nn.elu(x, 0.5), "elu", 0.5),
    "leaky relu": (lambda x: nn.leaky_relu(x, 0.2), "leaky_relu", 0.2),
    "selu": (nn.selu, "selu", None),
    "softplus": (nn.softplus, "softplus", None),
    "hard swish": (nn.hard_swish, "hard_swish", None),
    "sigmoid": (nn.sigmoid, "sigmoid", None),
    "tanh": (jnp.tanh, "tanh", None),
    "steep tanh": (lambda x: jnp.tanh(3 * x), "tanh", None),
    "sine": (lambda x: jnp.sin(30 * x), "sin", None),
    "softmax": (nn.softmax, "linear", None),
    "layer norm": (nn.standardize, "linear", None),
    "scaling": (lambda x: 0.5 * x, "linear", None),
}


def mlp(variables: Any, x: Any, act: Callable[[Any], Any]) -> Any:
    return act(x @ variables["one"] + variables["bias"]) @ variables["two"]


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_activations(name: str) -> None:
    """They are known by what they compute, in calls, under remat and written out."""
    function, expected, parameter = ACTIVATIONS[name]
    variables = {"one": jnp.ones((8, 8)), "bias": jnp.zeros(8), "two": jnp.ones((8, 2))}
    forms = (function, jax.jit(function), jax.checkpoint(function))
    act = forms[list(ACTIVATIONS).index(name) % len(forms)]
    graph = reading(lambda own, x: mlp(own, x, act), X, variables).graph
    found = graph.followed_by["one"]
    assert found.name == expected
    assert parameter is None or found.a == parameter
    assert graph.followed_by["two"].name == "linear"
    assert graph.branches == ()


def reading(model: Any, inputs: Any, variables: Any = None) -> Any:
    from fastinit.jax.guide.models import model_of
    from fastinit.jax.guide.recommend import program_of_model, read_model

    made = model_of(model, inputs, variables)
    return read_model(made, program_of_model(made))


def rows_of(found: RecipeRecommendation) -> dict[str, Advised]:
    return {row.name: row for row in found.rows}


def test_axes() -> None:
    """Fans follow from the program, however it writes a product."""
    variables = {
        name: {"kernel": jnp.ones(shape)}
        for name, shape in {
            "plain": (8, 16), "turned": (24, 16), "heads": (24, 2, 6), "merged": (2, 6, 5)
        }.items()
    }  # fmt: skip

    def apply(own: Any, x: Any) -> Any:
        x = nn.relu(x @ own["plain"]["kernel"])
        x = nn.relu(x @ own["turned"]["kernel"].T)
        x = nn.relu(jnp.einsum("bd,dhk->bhk", x, own["heads"]["kernel"]))
        return jnp.einsum("bhk,hkd->bd", x, own["merged"]["kernel"])

    rows = rows_of(fastinit.jax.recommend_recipe(apply, X, variables, architecture="mlp"))
    for name, fan_in in {"plain": 8, "turned": 16, "heads": 24}.items():
        assert rows[f"{name}.kernel"].std == pytest.approx((2 / fan_in) ** 0.5), name
    assert rows["merged.kernel"].std == pytest.approx((2 / (12 + 5)) ** 0.5)  # glorot


def test_loops_over_layers() -> None:
    """One array for all layers has the layers as its first axis, and each layer is a block."""
    variables = {"up": jnp.ones((5, 8, 32)), "down": jnp.ones((5, 32, 8))}

    def layer(x: Any, own: Any) -> tuple[Any, None]:
        return x + nn.gelu(x @ own["up"]) @ own["down"], None

    found = reading(lambda own, x: jax.lax.scan(layer, x, own)[0], X, variables)
    assert [each.weight for each in found.graph.branches] == ["down"] * 5
    assert found.layouts == {"up": "bio", "down": "bio"}
    # A loop over time has one cell, and its sums are not residual.
    cell = {"input": jnp.ones((8, 6)), "state": jnp.ones((6, 6))}

    def step(own: Any, state: Any, x: Any) -> tuple[Any, Any]:
        new = jnp.tanh(x @ own["input"] + state @ own["state"])
        return new, new

    def recurrent(own: Any, x: Any) -> Any:
        start = x[0, :, :6] * 0
        return jax.lax.scan(lambda state, each: step(own, state, each), start, x)[1]

    graph = reading(recurrent, jnp.ones((7, 4, 8)), cell).graph
    assert {name: act.name for name, act in graph.followed_by.items()} == {
        "input": "tanh",
        "state": "tanh",
    }


def test_embeddings() -> None:
    """Vectors of tokens and of positions are looked up, and their sum is not residual."""
    variables = {"wte": jnp.ones((32, 8)), "wpe": jnp.ones((4, 8)), "up": jnp.ones((8, 8))}

    def apply(own: Any, tokens: Any) -> Any:
        x = jnp.take(own["wte"], tokens, axis=0) + own["wpe"][jnp.arange(tokens.shape[1])]
        return x + nn.relu(x @ own["up"])

    graph = reading(apply, jnp.zeros((2, 4), jnp.int32), variables).graph
    assert len(graph.branches) == 1
    assert graph.followed_by["up"].name == "relu"


def test_rotations_are_not_residual() -> None:
    def apply(own: Any, x: Any) -> Any:
        query = x @ own["query"]
        turned = jnp.concatenate([-query[:, 4:], query[:, :4]], -1)
        return (query * 0.5 + turned * 0.8) @ own["out"]

    variables = {"query": jnp.ones((8, 8)), "out": jnp.ones((8, 8))}
    assert reading(apply, X, variables).graph.branches == ()


linen = pytest.importorskip("flax.linen")
nnx = pytest.importorskip("flax.nnx")


class Block(linen.Module):  # type: ignore[misc, name-defined]
    @linen.compact  # type: ignore[untyped-decorator]
    def __call__(self, x: Any, train: bool) -> Any:
        y = linen.Conv(8, (3, 3), use_bias=False, name="conv1")(x)
        y = linen.relu(linen.BatchNorm(not train, name="bn1")(y))
        y = linen.Conv(8, (3, 3), use_bias=False, name="conv2")(y)
        return linen.relu(x + linen.BatchNorm(not train, name="bn2")(y))


class ResNet(linen.Module):  # type: ignore[misc, name-defined]
    @linen.compact  # type: ignore[untyped-decorator]
    def __call__(self, x: Any, train: bool = True) -> Any:
        x = linen.Conv(8, (3, 3), name="stem")(x)
        for k in range(4):
            x = Block(name=f"block{k}")(x, train)
        return linen.Dense(5, name="head")(x.mean((1, 2)))


@pytest.mark.slow
def test_linen() -> None:
    """The recipe draws the tree of the model's variables; then nothing differs any more."""
    model, images = ResNet(), jnp.ones((2, 6, 6, 3))
    variables = model.init(jax.random.key(0), images)
    for train in (True, False):
        inputs = {"x": images, "train": train}
        found = fastinit.jax.recommend_recipe(
            model, inputs, variables, activation="relu", architecture="resnet"
        )
        rows = rows_of(found)
        assert (found.case.normalization, found.case.depth) == ("batch", 4)
        assert rows["params.block1.bn2.scale"].layer == "residual_norm_scale"
        assert rows["params.block1.bn2.scale"].mean == 0.25
        assert rows["params.block1.bn1.scale"].initializer == fastinit.Constant(1)
        assert rows["params.block1.conv1.kernel"].std == pytest.approx((2 / 72) ** 0.5)
        assert rows["params.head.kernel"].layer == "output"
        assert "params.block1.bn2.scale" in [row.name for row in found.differences()]
    drawn = fastinit.jax.init_tree(variables, found.recipe, seed=0)
    again = fastinit.jax.recommend_recipe(
        model, images, drawn, activation="relu", architecture="resnet"
    )
    assert again.differences() == []
    assert (drawn["batch_stats"]["block0"]["bn1"]["var"] == 1).all()


def test_linen_draws_by_itself() -> None:
    """Without variables the model is drawn as it is now; with shapes nothing is."""
    model = linen.Sequential([linen.Dense(64), linen.silu, linen.Dense(8)])
    found = fastinit.jax.recommend_recipe(model, X)
    assert [row.activation for row in found.rows if row.layer != "bias"] == ["silu", "linear"]
    assert all(row.current is not None for row in found.rows)
    shapes = fastinit.jax.recommend_recipe(model, jax.ShapeDtypeStruct((4, 8), jnp.float32))
    assert [row.current for row in shapes.rows] == [None] * 4
    assert shapes.recipe == found.recipe


@pytest.mark.slow
def test_attention() -> None:
    """Kernels with heads have the fans of the matrices that they are."""

    class Encoder(linen.Module):  # type: ignore[misc, name-defined]
        @linen.compact  # type: ignore[untyped-decorator]
        def __call__(self, x: Any) -> Any:
            for _ in range(3):
                y = linen.LayerNorm()(x)
                x = x + linen.MultiHeadDotProductAttention(4)(y, y)
                x = x + linen.Dense(32)(linen.gelu(linen.Dense(128)(linen.LayerNorm()(x))))
            return x

    found = fastinit.jax.recommend_recipe(Encoder(), jnp.ones((2, 5, 32)))
    rows = rows_of(found)
    assert (found.case.architecture, found.case.depth) == ("transformer", 3)
    attention = "params.MultiHeadDotProductAttention_1"
    assert rows[f"{attention}.query.kernel"].std == pytest.approx((2 / 32) ** 0.5)
    assert rows[f"{attention}.out.kernel"].layer == "residual_output"
    assert rows[f"{attention}.out.kernel"].std == pytest.approx((1 / 32 / 6) ** 0.5)
    assert rows["params.Dense_2.kernel"].std == pytest.approx((1 / 128 / 6) ** 0.5)


@pytest.mark.slow
def test_recurrent_cells() -> None:
    model = linen.RNN(linen.LSTMCell(16))
    found = fastinit.jax.recommend_recipe(model, jnp.ones((2, 5, 8)))
    rows = rows_of(found)
    assert (found.case.architecture, found.case.residual) == ("lstm", False)
    assert rows["params.cell.hf.kernel"].initializer == fastinit.Orthogonal(layout="*io")
    assert rows["params.cell.hf.bias"].initializer == fastinit.Constant(1)
    assert rows["params.cell.hg.bias"].initializer == fastinit.Constant(0)
    assert rows["params.cell.ii.kernel"].layer == "input"
    fused = nnx.RNN(nnx.OptimizedLSTMCell(8, 16, rngs=nnx.Rngs(0)))
    found = fastinit.jax.recommend_recipe(fused, jnp.ones((2, 5, 8)))
    gates = (fastinit.Orthogonal(layout="*io"),) * 4
    assert rows_of(found)["cell.dense_h.kernel"].initializer == fastinit.Split(gates, axis=1)
    bias = fastinit.Plan({"cell.dense_h.bias": (64,)}, found.recipe, seed=0).init()
    expected = np.repeat(np.array([0, 1, 0, 0], np.float32), 16)
    assert np.array_equal(bias["cell.dense_h.bias"], expected)


def test_learned_slopes() -> None:
    """A prelu starts at 0.25, and the weight before it has the gain for that."""
    own = {"first": {"kernel": jnp.ones((8, 32))}, "act": {"negative_slope": jnp.ones(())}}

    def apply(own: Any, x: Any) -> Any:
        y = x @ own["first"]["kernel"]
        return jnp.where(y >= 0, y, jnp.asarray(own["act"]["negative_slope"], y.dtype) * y)

    rows = rows_of(fastinit.jax.recommend_recipe(apply, X, own))
    assert rows["act.negative_slope"].initializer == fastinit.Constant(0.25)
    assert rows["first.kernel"].activation == "leaky_relu"


class Mlp(nnx.Module):  # type: ignore[misc, name-defined]
    def __init__(self, rngs: Any) -> None:
        self.first, self.norm = nnx.Linear(8, 32, rngs=rngs), nnx.BatchNorm(32, rngs=rngs)
        self.drop, self.last = nnx.Dropout(0.1, rngs=rngs), nnx.Linear(32, 4, rngs=rngs)

    def __call__(self, x: Any) -> Any:
        return self.last(self.drop(nnx.selu(self.norm(self.first(x)))))


@pytest.mark.slow
def test_nnx() -> None:
    """The model stays as it is, and its state is the tree that the recipe draws."""
    model = Mlp(nnx.Rngs(0))
    before = jax.tree.leaves(jax.tree.map(np.asarray, nnx.state(model, nnx.Param, nnx.BatchStat)))
    found = fastinit.jax.recommend_recipe(model, X)
    after = jax.tree.leaves(nnx.state(model, nnx.Param, nnx.BatchStat))
    assert all(np.array_equal(one, other) for one, other in zip(before, after, strict=True))
    rows = rows_of(found)
    assert sorted(rows) == [
        *("first.bias", "first.kernel", "last.bias", "last.kernel", "norm.bias", "norm.scale")
    ]
    assert rows["first.kernel"].activation == "selu"
    assert found.case.normalization == "batch"
    graph, params, rest = nnx.split(model, nnx.Param, ...)
    drawn = nnx.merge(graph, fastinit.jax.init_tree(params, found.recipe, seed=0), rest)
    assert fastinit.jax.recommend_recipe(drawn, X).differences() == []


def test_wrong_models() -> None:
    with pytest.raises(TypeError, match=r"model is an int; pass a module of flax"):
        fastinit.jax.recommend_recipe(3, X)
    with pytest.raises(ValueError, match=r"variables= is None"):
        fastinit.jax.recommend_recipe(mlp, X)
    with pytest.raises(ValueError, match=r"leave variables= out"):
        fastinit.jax.recommend_recipe(Mlp(nnx.Rngs(0)), X, {})
    with pytest.raises(ValueError, match=r"variables= has no 'params'"):
        fastinit.jax.recommend_recipe(linen.Dense(2), X, {"kernel": jnp.ones((8, 2))})
    with pytest.raises(ValueError, match="did you mean 'cnn'"):
        fastinit.jax.recommend_recipe(linen.Dense(2), X, architecture="cn")


def test_functions_beside_a_part_of_flax(monkeypatch: pytest.MonkeyPatch) -> None:
    """A program may have imported flax.linen alone, or a flax that has no nnx."""
    pytest.importorskip("flax.linen")
    monkeypatch.delitem(sys.modules, "flax.nnx", raising=False)
    own = {"kernel": jnp.ones((4, 2))}
    found = fastinit.jax.recommend_recipe(
        lambda own, x: x @ own["kernel"], jax.ShapeDtypeStruct((2, 4), "float32"), own
    )
    assert [row.name for row in found.rows] == ["kernel"]
