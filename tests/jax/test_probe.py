"""The probe of models of JAX: the figures of torch's probe, planted faults, models unchanged."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import torch

import fastinit
import fastinit.jax
import fastinit.torch
from helpers.command_line import run
from helpers.flax_models import MODELS

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


def attention(own: Any, x: Any) -> Any:
    """Attend causally with one head; later tokens are hidden as by a mask of -inf."""
    queries, keys, values = (x @ own[each] for each in ("query", "key", "value"))
    logits = queries @ keys.swapaxes(-1, -2) / np.sqrt(x.shape[-1])
    hidden = jnp.triu(jnp.ones(logits.shape[-2:], bool), 1)
    return jax.nn.softmax(jnp.where(hidden, -jnp.inf, logits)) @ values


@pytest.mark.slow
def test_attention_is_that_of_torch() -> None:
    names = ("query", "key", "value")
    own = {each: HE((16, 16), seed=0, name=each) * np.float32(3) for each in names}
    x = np.asarray(fastinit.normal((4, 12, 16), seed=0))

    class Attention(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            weights = {each: torch.nn.Parameter(torch.from_numpy(own[each])) for each in names}
            self.weights = torch.nn.ParameterDict(weights)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            query, key, value = (x @ self.weights[each] for each in names)
            function = torch.nn.functional.scaled_dot_product_attention
            return function(query, key, value, is_causal=True)

    (theirs,) = fastinit.torch.probe(Attention(), torch.from_numpy(x)).attention
    (ours,) = fastinit.jax.probe(attention, jnp.asarray(x), variables=own).attention
    assert (ours.heads, ours.keys) == (theirs.heads, theirs.keys) == (1, 12)
    assert ours.entropy == pytest.approx(theirs.entropy, rel=1e-4)
    assert ours.logit_std == pytest.approx(theirs.logit_std, rel=1e-4)


@pytest.mark.slow
def test_sharp_attention_of_flax() -> None:
    """The heads of flax are counted, also of groups, and queries that are too large are named."""
    linen = pytest.importorskip("flax.linen")
    x = jnp.asarray(fastinit.normal((4, 12, 16), seed=0))
    model = linen.MultiHeadDotProductAttention(4)
    variables = jax.jit(model.init)(jax.random.key(0), x)
    report = fastinit.jax.probe(model, x, variables=variables)
    assert [each.heads for each in report.attention] == [4]
    assert report.ok
    variables["params"]["query"]["kernel"] *= 50
    report = fastinit.jax.probe(model, x, variables=variables)
    assert "the attention of params looks at few keys" in "; ".join(report.verdicts)

    def grouped(own: Any, x: Any) -> Any:
        heads = jnp.einsum("bte,ehd->bthd", x, own["query"])
        keys, values = (jnp.einsum("bte,ehd->bthd", x, own[each]) for each in ("key", "value"))
        return jax.nn.dot_product_attention(heads, keys, values, is_causal=True)

    shapes = {"query": (16, 4, 4), "key": (16, 2, 4), "value": (16, 2, 4)}
    own = {
        name: jnp.asarray(fastinit.normal(shape, seed=1, name=name))
        for name, shape in shapes.items()
    }
    (found,) = fastinit.jax.probe(grouped, x, variables=own).attention
    assert (found.heads, found.keys) == (4, 12)


@pytest.mark.slow
def test_softmax_of_classes_is_not_an_attention() -> None:
    def apply(own: Any, x: Any) -> Any:
        experts = jax.nn.softmax(x @ own["router"])
        return jnp.einsum("bte,btef->btf", experts, jnp.einsum("btd,edf->btef", x, own["experts"]))

    shapes = {"router": (8, 3), "experts": (3, 8, 4)}
    own = {
        name: jnp.asarray(fastinit.normal(shape, seed=1, name=name))
        for name, shape in shapes.items()
    }
    x = jnp.asarray(fastinit.normal((2, 5, 8), seed=0))
    assert fastinit.jax.probe(apply, x, variables=own).attention == ()


@pytest.mark.slow
def test_first_updates_are_those_of_torch() -> None:
    """SGD, Adam and Muon change weights by as much as torch's optimizers do."""
    rates = {"sgd": 0.1, "adam": 1e-3, "muon": 0.02}
    shapes = {"up": (8, 24), "down": (24, 4)}
    own = {name: HE(shape, seed=0, name=name) for name, shape in shapes.items()}
    layers = []
    for name in shapes:
        layers += [torch.nn.Linear(*shapes[name], bias=False), torch.nn.Tanh()]
        layers[-2].weight.data = torch.from_numpy(own[name].T.copy())
    x = np.asarray(fastinit.normal((32, 8), seed=0))
    theirs = fastinit.torch.probe(
        torch.nn.Sequential(*layers), torch.from_numpy(x), lambda y: (y**2).sum(), lr=rates
    )

    def apply(own: Any, x: Any) -> Any:
        return jnp.tanh(jnp.tanh(x @ own["up"]) @ own["down"])

    ours = fastinit.jax.probe(
        apply, jnp.asarray(x), lambda y: (y**2).sum(), variables=own, lr=rates
    )
    found = {each.name: each.update_to_weight for each in ours.weights}
    for name, other in zip(shapes, theirs.weights, strict=True):
        assert found[name]["sgd"] == pytest.approx(other.update_to_weight["sgd"], rel=1e-4)
        assert found[name]["adam"] == pytest.approx(other.update_to_weight["adam"], rel=1e-3)
        # Both round to bfloat16, in different places, which the iteration makes larger.
        assert found[name]["muon"] == pytest.approx(other.update_to_weight["muon"], rel=0.05)
    with pytest.raises(ValueError, match="lr has 'lion'; the optimizers are sgd, adam, muon"):
        fastinit.jax.probe(apply, jnp.asarray(x), variables=own, lr={"lion": 1e-3})
    report = fastinit.jax.probe(apply, jnp.asarray(x), variables=own, lr={"adam": 1.0})
    assert "the first step of adam with lr=1 changes down, up by up to" in report.verdicts[0]


@pytest.mark.slow
def test_plan_is_what_is_probed() -> None:
    """Shapes suffice for what a plan draws; the model keeps its own variables."""
    own = variables_of(fastinit.Constant(0.0))
    rules = [("**.bias", fastinit.Constant(0)), ("**.kernel", HE)]
    apply = network(jax.nn.relu)
    drawn = fastinit.jax.init_tree(own, rules)
    expected = fastinit.jax.probe(apply, batch(), variables=drawn)
    for variables in (own, jax.eval_shape(lambda: own)):
        report = fastinit.jax.probe(apply, batch(), variables=variables, plan=rules)
        assert report.to_dict() == expected.to_dict()
    assert not own["layers.0"]["kernel"].any()
    plan = fastinit.Plan(own, rules, seed=3)
    other = fastinit.jax.probe(apply, batch(), variables=own, plan=plan)
    assert other.ok
    assert other.output_rms != expected.output_rms


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["transformer", "resnet", "lstm", "mixer", "nnx"])
def test_clean_models_have_no_verdict(kind: str) -> None:
    pytest.importorskip("flax")
    model, inputs = MODELS[kind]()
    report = fastinit.jax.probe(model, inputs, "cross_entropy", lr={"adam": 1e-3, "sgd": 1e-2})
    report.assert_healthy()
    assert any(row.weight_rms > 0 for row in report.rows)
    assert bool(report.attention) == (kind in ("transformer", "nnx"))


FILE = """
import jax, jax.numpy as jnp
from flax import linen

def build():
    return linen.Dense(4)

def function():
    return lambda own, x: x @ own, jnp.ones((8, 4)) + jnp.eye(8, 4), jnp.zeros((4, 4))

def no_variables():
    return (lambda own, x: x @ own), jnp.ones((8, 4))
"""


@pytest.mark.slow
def test_command(tmp_path: Path) -> None:
    """A file with a model of flax, or with a function, its batch and its variables."""
    pytest.importorskip("flax.linen")
    path = tmp_path / "small_flax_model.py"
    path.write_text(FILE)
    done = run("probe", f"{path}:build", "--batch", "8,16")
    assert done.exit_code == 0, done.output
    assert "nothing is wrong" in done.output
    assert "params " in done.output
    done = run("probe", f"{path}:function", "--json")
    assert done.exit_code in (0, 1), done.output
    assert json.loads(done.stdout)["weights"][0]["rms"] == 0
    done = run("probe", f"{path}:no_variables")
    assert done.exit_code == 2
    assert "or (function, batch, variables) of JAX" in done.stderr
