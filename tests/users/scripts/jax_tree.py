"""JAX: shapes from jax.eval_shape, a recipe, and a training step on the tree that comes back."""

import itertools

import jax
import jax.numpy as jnp

import fastinit


def init(key, sizes=(8, 32, 32, 1)):
    """What a JAX program has already: a nested dict of arrays, drawn by jax.random."""
    params = {}
    for k, (n, m) in enumerate(itertools.pairwise(sizes)):
        key, part = jax.random.split(key)
        params[f"layer{k}"] = {"kernel": jax.random.normal(part, (n, m)), "bias": jnp.zeros(m)}
    return params


def apply(params, x):
    *hidden, last = params.values()
    for layer in hidden:
        x = jax.nn.relu(x @ layer["kernel"] + layer["bias"])
    return x @ last["kernel"] + last["bias"]


# Nothing is drawn for the shapes. JAX's kernels are (in, out).
shapes = jax.eval_shape(init, jax.random.key(0))
plan = fastinit.Plan(shapes, fastinit.HeNormal(layout="*io"), seed=0)
print(plan.explain())
params = plan.init()

assert jax.tree.structure(params) == jax.tree.structure(shapes)
kernel = fastinit.he_normal((8, 32), layout="*io", seed=0, name="layer0.kernel")
assert (params["layer0"]["kernel"] == kernel).all()
assert not params["layer0"]["bias"].any()

# The tree goes into jax as it is.
x = jax.random.normal(jax.random.key(1), (64, 8))
y = x.sum(axis=1, keepdims=True)


@jax.jit
def step(params):
    loss, gradient = jax.value_and_grad(lambda p: jnp.mean((apply(p, x) - y) ** 2))(params)
    return jax.tree.map(lambda p, g: p - 0.01 * g, params, gradient), loss


params, first = step(params)
for _ in range(50):
    params, last = step(params)
assert last < first / 2, (first, last)

# A tree of arrays is a model as well; only the last layer is drawn again.
fresh = fastinit.Plan(params, fastinit.HeNormal(layout="*io"), seed=1).init(only="layer2.**")
assert fresh["layer0"]["kernel"] is params["layer0"]["kernel"]
assert (fresh["layer2"]["kernel"] != params["layer2"]["kernel"]).all()
