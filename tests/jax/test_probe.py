"""The probe of models of JAX: the figures of torch's probe, planted faults, models unchanged."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import torch

import fastinit
import fastinit.jax
import fastinit.torch

DEPTH, WIDTH = 8, 32
NAMES = [f"layers.{k}" for k in range(DEPTH)]


def variables_of(initializer: fastinit.Initializer) -> dict[str, Any]:
    bias = np.zeros(WIDTH, np.float32)
    return {
        name: {
            "kernel": jnp.asarray(initializer((WIDTH, WIDTH), seed=0, name=name)),
            "bias": jnp.asarray(bias),
        }
        for name in NAMES
    }


def network(act: Callable[[Any], Any]) -> Callable[[Any, Any], Any]:
    def apply(own: Any, x: Any) -> Any:
        for name in NAMES[:-1]:
            x = act(x @ own[name]["kernel"] + own[name]["bias"])
        return x @ own[NAMES[-1]]["kernel"] + own[NAMES[-1]]["bias"]

    return apply


def batch() -> Any:
    return jnp.asarray(fastinit.normal((16, WIDTH), seed=0))


HE = fastinit.HeNormal(layout="*io")


def test_figures_are_those_of_torch() -> None:
    """The same weights have the same signals and gradients in both frameworks."""
    variables = variables_of(HE)
    layers: list[torch.nn.Module] = []
    for name in NAMES:
        layer = torch.nn.Linear(WIDTH, WIDTH)
        layer.weight.data = torch.from_numpy(np.asarray(variables[name]["kernel"]).T.copy())
        torch.nn.init.zeros_(layer.bias)
        layers += [layer, torch.nn.ReLU()]
    theirs = fastinit.torch.probe(
        torch.nn.Sequential(*layers[:-1]), torch.from_numpy(np.array(batch()))
    )
    ours = fastinit.jax.probe(network(jax.nn.relu), batch(), variables=variables)
    assert ours.verdicts == theirs.verdicts == ()
    assert ours.output_rms == pytest.approx(theirs.output_rms, rel=1e-4)
    for mine, other in zip(ours.rows, theirs.rows, strict=True):
        for field in ("input_rms", "output_rms", "varies", "gradient_rms", "dead", "weight_rms"):
            value, expected = getattr(mine, field), getattr(other, field)
            assert value == pytest.approx(expected, rel=1e-4, abs=1e-6, nan_ok=True), field
        expected = other.weight_gradient_rms
        assert mine.weight_gradient_rms == pytest.approx(expected, rel=1e-4, nan_ok=True)
    (one,), (other_one,) = ours.stacks, theirs.stacks
    assert (one.signal, one.gradient) == pytest.approx((other_one.signal, other_one.gradient), 1e-4)
    assert str(fastinit.torch.ProbeReport.from_dict(ours.to_dict())) == str(ours)


@pytest.mark.slow
def test_planted_faults() -> None:
    small = fastinit.GlorotNormal(layout="*io")
    cases: list[tuple[Any, Any, str]] = [
        (jax.nn.relu, variables_of(small), "the signal shrinks 0.7"),
        (jnp.tanh, variables_of(fastinit.Normal(std=1.0)), "of layers.0:tanh, layers.1:tanh"),
        (jnp.tanh, variables_of(fastinit.Constant(0.01)), "all units of layers.0.kernel"),
    ]
    twice = variables_of(HE)
    twice["layers.4"]["kernel"] *= 2
    cases.append((jax.nn.relu, twice, "the std of layers.4 is 2"))
    dead = variables_of(HE)
    dead["layers.2"]["bias"] -= 100.0
    cases.append((jax.nn.relu, dead, "layers.2:relu has no unit that is above 0"))
    for act, variables, expected in cases:
        report = fastinit.jax.probe(network(act), batch(), variables=variables)
        assert expected in "; ".join(report.verdicts)


@pytest.mark.slow
def test_blocks_of_a_loop() -> None:
    """Layers under scan are seen one by one, and their sums are blocks."""
    up = jnp.asarray(HE((6, 16, 16), seed=0, name="up") * 4)

    def apply(own: Any, x: Any) -> Any:
        return jax.lax.scan(lambda x, w: (x + jax.nn.relu(x @ w), None), x, own["up"])[0]

    inputs = jnp.asarray(fastinit.normal((8, 16), seed=0))
    report = fastinit.jax.probe(apply, inputs, variables={"up": up})
    blocks = [row for row in report.rows if row.is_block]
    x = np.asarray(inputs)
    for row, weight in zip(blocks, np.asarray(up), strict=True):
        x = x + np.maximum(x @ weight, 0)
        assert row.output_rms == pytest.approx(np.sqrt((x**2).mean()), rel=1e-4)
    assert "the signal grows" in report.verdicts[0]


@pytest.mark.slow
def test_losses() -> None:
    variables = variables_of(HE)
    report = fastinit.jax.probe(network(jnp.tanh), batch(), "cross_entropy", variables=variables)
    assert report.classes == WIDTH
    assert report.expected_loss == pytest.approx(np.log(WIDTH))
    own = fastinit.jax.probe(
        network(jnp.tanh), batch(), lambda y: (y**2).mean(), variables=variables
    )
    assert own.loss == pytest.approx(own.output_rms**2, rel=1e-5)
    with pytest.raises(ValueError, match="loss='mse' is not known"):
        fastinit.jax.probe(network(jnp.tanh), batch(), "mse", variables=variables)
    shapes = jax.eval_shape(lambda: variables)
    with pytest.raises(ValueError, match="are shapes; pass arrays"):
        fastinit.jax.probe(network(jnp.tanh), batch(), variables=shapes)


@pytest.mark.slow
def test_flax() -> None:
    """Rows have the types of modules; running statistics and random numbers stay as they are."""
    linen = pytest.importorskip("flax.linen")
    from flax import nnx

    model = linen.Sequential(
        [linen.Dense(64), linen.LayerNorm(), linen.gelu, linen.Dropout(0.1, deterministic=False)]
    )
    report = fastinit.jax.probe(model, batch())
    assert [row.kind for row in report.rows] == ["Dense", "LayerNorm", "gelu_tanh"]
    assert report.ok
    rngs = nnx.Rngs(0)
    layers = nnx.Linear(WIDTH, 64, rngs=rngs), nnx.BatchNorm(64, rngs=rngs), nnx.relu
    other = nnx.Sequential(*layers, nnx.Dropout(0.5, rngs=rngs), nnx.Linear(64, 4, rngs=rngs))
    before = jax.tree.leaves(nnx.state(other, nnx.Param, nnx.BatchStat, nnx.RngCount))
    before = [np.asarray(each) for each in before]
    report = fastinit.jax.probe(other, batch())
    after = jax.tree.leaves(nnx.state(other, nnx.Param, nnx.BatchStat, nnx.RngCount))
    assert all(np.array_equal(one, each) for one, each in zip(before, after, strict=True))
    assert [row.kind for row in report.rows] == ["Linear", "BatchNorm", "relu", "Linear"]
    assert report.rows[1].output_rms == pytest.approx(1, rel=1e-3)
