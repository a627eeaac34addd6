"""Code of flax, equinox and haiku runs unchanged with the initializers of ``fastinit.jax``."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import fastinit
import fastinit.jax as initializers
from helpers.bits import check_bits

KEY = jax.random.key(0)
X = jnp.ones((1, 16))
RULES = [("**.bias", fastinit.Constant(0)), ("**.kernel", fastinit.HeNormal(layout="*io"))]


def check_trees(actual: Any, expected: Any) -> None:
    jax.tree.map(check_bits, actual, expected)


def test_linen() -> None:
    """Eagerly, compiled and by rules; parameters have keys of their own."""
    nn = pytest.importorskip("flax.linen")
    kernels = {"kernel_init": initializers.he_normal(), "bias_init": initializers.normal(0.1)}
    layers = nn.Sequential([nn.Dense(32, **kernels), nn.relu, nn.Dense(16, **kernels)])
    drawn = layers.init(KEY, X)
    check_trees(jax.jit(layers.init)(KEY, X), drawn)
    dense = drawn["params"]["layers_0"]
    assert dense["kernel"].std() == pytest.approx((2 / 16) ** 0.5, rel=0.1)
    assert not np.isin(dense["bias"], drawn["params"]["layers_2"]["bias"]).any()
    by_rules = initializers.init_tree(jax.eval_shape(layers.init, KEY, X), RULES)
    kernel = fastinit.HeNormal(layout="*io")((16, 32), seed=0, name="params.layers_0.kernel")
    check_bits(by_rules["params"]["layers_0"]["kernel"], kernel)


def test_attention_of_linen() -> None:
    """Its kernels are drawn flat, and those of embeddings with an axis that counts twice."""
    nn = pytest.importorskip("flax.linen")
    layer = nn.MultiHeadDotProductAttention(4, kernel_init=initializers.glorot_normal())
    drawn = layer.init(KEY, X[None])
    assert drawn["params"]["query"]["kernel"].shape == (16, 4, 4)
    tables = initializers.variance_scaling(1.0, "fan_in", "normal", out_axis=0)
    embed = nn.Embed(5000, 64, embedding_init=tables).init(KEY, jnp.zeros((1,), int))
    assert embed["params"]["embedding"].std() == pytest.approx(1 / 8, rel=0.01)


def test_nnx() -> None:
    nnx = pytest.importorskip("flax.nnx")

    def build(rngs: Any) -> Any:
        return nnx.Linear(16, 32, kernel_init=initializers.he_normal(), rngs=rngs)

    drawn = build(nnx.Rngs(0))
    compiled = nnx.jit(lambda: build(nnx.Rngs(0)))()
    check_bits(compiled.kernel[...], drawn.kernel[...])
    rngs = nnx.split_rngs(splits=3)(nnx.vmap(build, in_axes=(0,), out_axes=0))
    assert rngs(nnx.Rngs(0)).kernel.shape == (3, 16, 32)
    graph, shapes = nnx.split(nnx.eval_shape(lambda: build(nnx.Rngs(0))))
    merged = nnx.merge(graph, initializers.init_tree(shapes, RULES, seed=1))
    expected = fastinit.HeNormal(layout="*io")((16, 32), seed=1, name="kernel")
    check_bits(merged.kernel[...], expected)
    assert merged(X).shape == (1, 32)


def test_scanned_layers_with_logical_axes() -> None:
    """As MaxText has them: one parameter for all layers, axes by name, out_shardings."""
    nn = pytest.importorskip("flax.linen")

    class Layer(nn.Module):  # type: ignore[misc, name-defined]
        @nn.compact  # type: ignore[untyped-decorator]
        def __call__(self, x: Any, _: Any) -> Any:
            init = initializers.variance_scaling(1.0, "fan_in", "truncated_normal")
            logical = nn.with_logical_partitioning(init, ("embed", "mlp"))
            return x @ self.param("kernel", logical, (16, 16), jnp.float32), None

    stacked = nn.scan(
        Layer,
        variable_axes={"params": 0},
        split_rngs={"params": True},
        length=3,
        metadata_params={nn.PARTITION_NAME: "layers"},
    )()
    shapes = jax.eval_shape(stacked.init, KEY, X, jnp.zeros(3))
    mesh = jax.make_mesh((1,), ("model",))
    logical = nn.get_partition_spec(shapes)
    shardings = nn.logical_to_mesh_sharding(logical, mesh, [("mlp", "model")])
    program = jax.jit(stacked.init, out_shardings=shardings)
    drawn = nn.unbox(program(KEY, X, jnp.zeros(3)))
    check_trees(nn.unbox(stacked.init(KEY, X, jnp.zeros(3))), drawn)
    assert len(np.unique(drawn["params"]["kernel"])) > 3 * 16 * 16 - 5
    rules = [("**.kernel", fastinit.LecunNormal(layout="bio"))]
    sharded = nn.unbox(shardings)
    by_rules = initializers.init_tree(nn.unbox(shapes), rules, shardings=sharded)
    kernel = by_rules["params"]["kernel"]
    assert kernel.sharding == shardings["params"]["kernel"]
    check_bits(kernel, rules[0][1]((3, 16, 16), seed=0, name="params.kernel"))


def test_equinox() -> None:
    eqx = pytest.importorskip("equinox")
    shapes = eqx.filter_eval_shape(eqx.nn.MLP, 16, 8, 32, depth=2, key=KEY)
    rules = [("**.bias", fastinit.Constant(0)), ("**.weight", fastinit.HeNormal(layout="oi"))]
    mlp = initializers.init_tree(shapes, rules, seed=0)
    assert mlp(X[0]).shape == (8,)
    check_bits(mlp.layers[0].weight, rules[1][1]((32, 16), seed=0, name="layers.0.weight"))
    init = initializers.he_normal(in_axis=-1, out_axis=-2)
    changed = eqx.tree_at(lambda m: m.layers[1].weight, mlp, init(KEY, (32, 32)))
    check_bits(changed.layers[1].weight, init(KEY, (32, 32)))


def test_haiku() -> None:
    hk = pytest.importorskip("haiku")
    init = initializers.he_normal()

    def forward(x: Any) -> Any:
        drawn = hk.get_parameter(
            "w", (16, 8), init=lambda shape, dtype: init(hk.next_rng_key(), shape, dtype)
        )
        return x @ drawn

    transformed = hk.transform(forward)
    check_trees(jax.jit(transformed.init)(KEY, X), transformed.init(KEY, X))
