"""Balance: outputs of unit variance, by a recipe that draws the same bits anywhere."""

import copy
import itertools
import json
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
import transformers
from torch import nn

import fastinit
import fastinit.torch
from fastinit.torch import BalanceReport, balance_, init_
from fastinit.torch.balancing.drawn_outputs import DrawnOutput
from fastinit.torch.balancing.layers import layers_of
from helpers import process_group
from helpers.models import balanced as balanced_models
from helpers.models.balanced import build, digests


def normal(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.from_numpy(fastinit.normal(shape, seed=seed, name=str(shape)))


def outputs(model: nn.Module, batch: Any, kinds: Any) -> dict[str, torch.Tensor]:
    """The output of every layer of some kinds in a plain pass."""
    found: dict[str, torch.Tensor] = {}

    def notes(name: str) -> Callable[..., None]:
        def hook(_module: nn.Module, _args: Any, output: torch.Tensor) -> None:
            found.setdefault(name, output.detach().double())

        return hook

    handles = [
        each.register_forward_hook(notes(name))
        for name, each in model.named_modules()
        if isinstance(each, kinds)
    ]
    with torch.no_grad():
        model(**batch) if isinstance(batch, dict) else model(batch)
    for handle in handles:
        handle.remove()
    return found


def gpt2() -> tuple[nn.Module, Any]:
    config = transformers.GPT2Config(
        n_embd=64, n_layer=3, n_head=4, vocab_size=100, n_positions=32,
        attn_pdrop=0.0, embd_pdrop=0.0, resid_pdrop=0.0, bos_token_id=0, eos_token_id=0,
    )  # fmt: skip
    tokens = torch.arange(8 * 24).reshape(8, 24) * 37 % 100
    return transformers.GPT2LMHeadModel(config), {"input_ids": tokens}


def resnet() -> tuple[nn.Module, Any]:
    config = transformers.ResNetConfig(
        depths=[2, 2], hidden_sizes=[16, 32], embedding_size=16, layer_type="basic", num_labels=10
    )
    return transformers.ResNetForImageClassification(config), {
        "pixel_values": normal(16, 3, 32, 32)
    }


LAYERS = (nn.Linear, nn.Conv2d, nn.Embedding, transformers.pytorch_utils.Conv1D)


@pytest.mark.parametrize("make", [gpt2, resnet])
def test_unit_variance(make: Callable[[], tuple[nn.Module, Any]]) -> None:
    """One or two passes give every layer unit variance, as a plain pass confirms."""
    model, batch = make()
    before = {name: each.clone() for name, each in model.named_buffers()}
    report = balance_(model, batch, "default", seed=0)
    assert report.passes <= 2
    assert all(torch.equal(before[name], each) for name, each in model.named_buffers())
    found = outputs(model, batch, LAYERS)
    rows = {row.layer: row for row in report.rows}
    for name, output in found.items():
        variance = float(output.var(correction=0))
        assert rows[name].after == pytest.approx(variance, rel=1e-3), name
        if not rows[name].note:
            assert abs(variance - 1) < 0.1, name


def test_tied_weights() -> None:
    """The output layer decides, and the embedding's row says so."""
    model, batch = gpt2()
    report = balance_(model, batch, "default", seed=0)
    (tied,) = [row for row in report.rows if row.note]
    assert (tied.layer, tied.note) == ("transformer.wte", "shares the weight of lm_head")
    head = next(row for row in report.rows if row.layer == "lm_head")
    assert abs(head.after - 1) < 0.1
    assert tied.after == pytest.approx(1 / 64, rel=0.3)


@pytest.mark.parametrize("kind", [nn.LSTM, nn.GRU, nn.RNN])
@pytest.mark.parametrize("bidirectional", [False, True])
def test_recurrent_layers(kind: Any, bidirectional: bool) -> None:
    """The inputs of the gates have unit variance in one pass; recurrent weights stay."""
    model = kind(16, 24, 2, batch_first=True, bidirectional=bidirectional)
    x = normal(32, 10, 16)
    rules = {"**weight_hh*": fastinit.Orthogonal(), "**weight_ih*": fastinit.GlorotUniform()}
    report = balance_(model, x, rules | {"**": fastinit.Constant(0)}, seed=0)
    assert report.passes == 1
    assert len([row for row in report.rows if row.note]) == 2 + 2 * bidirectional
    for row in report.rows:
        assert "every step" in row.note or abs(row.after - 1) < 0.1
    cell = {"LSTM": nn.LSTMCell, "GRU": nn.GRUCell, "RNN": nn.RNNCell}[kind.__name__]
    single: Any = cell(16, 24)
    single.load_state_dict({name: getattr(model, f"{name}_l0") for name in single.state_dict()})
    state, found = None, []
    for step in x.unbind(1):  # the gates of the first layer, from torch's own cell
        hidden = torch.zeros(32, 24) if state is None else state[0] if kind is nn.LSTM else state
        inputs = step @ single.weight_ih.T + single.bias_ih
        recurrent = hidden @ single.weight_hh.T + single.bias_hh
        if kind is nn.GRU:
            reset = (inputs + recurrent)[:, :24].sigmoid()
            recurrent = torch.cat([recurrent[:, :48], reset * recurrent[:, 48:]], 1)
        found.append(inputs + recurrent)
        state = single(step, state)
    expected = float(torch.stack(found).detach().var(correction=0))
    assert report.rows[0].after == pytest.approx(expected, rel=1e-4)


def test_channels() -> None:
    """Each channel has mean 0 and variance 1, of linear layers, convolutions and attention."""
    model = nn.Sequential(
        nn.Conv2d(3, 8, 3), nn.ReLU(), nn.ConvTranspose2d(8, 6, 3), nn.Flatten(2),
        nn.Linear(64, 16), nn.TransformerEncoderLayer(16, 2, 32, batch_first=True),
    )  # fmt: skip
    batch = normal(32, 3, 8, 8)
    report = balance_(model, batch, "default", seed=0, channels=True, tolerance=0.01)
    for name, axis in (("0", 1), ("2", 1), ("4", 2), ("5.linear1", 2)):
        model.eval()
        output = outputs(model, batch, (*LAYERS, nn.ConvTranspose2d))[name]
        moments = torch.var_mean(output.movedim(axis, 0).flatten(1), 1, correction=0)
        assert float((moments[0] - 1).abs().max()) < 0.02, name
        assert float(moments[1].abs().max()) < 1e-3, name
    assert all(abs(row.after - 1) < 0.02 for row in report.rows)
    again = init_(copy.deepcopy(model), report.recipe, seed=0)
    assert digests(again) == digests(model)


def deep(width: int = 256, depth: int = 8) -> nn.Sequential:
    layers: list[nn.Module] = []
    for _ in range(depth):
        layers += [nn.Linear(width, 2 * width), nn.ReLU(), nn.Linear(2 * width, width), nn.ReLU()]
    return nn.Sequential(*layers, nn.Linear(width, width))


def test_gradients() -> None:
    """They neither grow nor shrink on their way back; both compromises."""
    model = deep()
    x = normal(128, 256)
    report = balance_(model, x, "default", seed=0, of="gradients")
    gradients: list[float] = []

    def receives(gradient: torch.Tensor) -> None:
        gradients.append(float(gradient.double().square().mean()))

    y = x
    for layer in model:
        y = layer(y)
        if isinstance(layer, nn.Linear):
            y.register_hook(receives)
    (y * normal(128, 256, seed=1)).sum().backward()  # type: ignore[no-untyped-call]
    for before, after in itertools.pairwise(gradients):
        assert 0.85 < after / before < 1.15
    assert all(abs(row.gradient_after - 1) < 0.1 for row in report.rows[1:])
    other = deep()
    both = balance_(other, x, "default", seed=0, of="both")
    forward = balance_(other, x, "default", seed=0)
    for row, a, b in zip(both.rows[1:], forward.rows[1:], report.rows[1:], strict=True):
        assert row.scale == pytest.approx(math.sqrt(a.scale * b.scale), rel=0.2), row.layer
    assert "gradient after" in str(both)


# ---- the recipe ---------------------------------------------------------------------------------


ONE_AND_FOUR = (pytest.param(world, marks=pytest.mark.slow) for world in (1, 4))


@pytest.mark.parametrize("world", [2, *ONE_AND_FOUR])
def test_recipe_in_other_processes(world: int) -> None:
    """1, 2 and 4 ranks draw the bits of the balanced model without the batch."""
    model = build()
    report = balance_(model, balanced_models.batch(), balanced_models.RULES, seed=5)
    data = json.loads(json.dumps(report.to_dict()))
    assert digests(init_(build(), BalanceReport.from_dict(data).recipe, seed=5)) == digests(model)
    with process_group.started(world) as ranks:
        found = ranks.run(balanced_models.sharded, data["recipe"], 5)
    assert found == [digests(model)] * world


@pytest.fixture
def report() -> BalanceReport:
    return balance_(build(), balanced_models.batch(), balanced_models.RULES, seed=5)


def test_reports(report: BalanceReport) -> None:
    """They print a line per layer, and are read from data."""
    assert str(report).splitlines()[2].split()[:2] == ["layer", "scale"]
    assert str(BalanceReport.from_dict(report.to_dict())) == str(report)


def test_multipliers_stay() -> None:
    """The rules of scaled weights train them as before."""
    model, base = (nn.Sequential(nn.Linear(d, d, bias=False)) for d in (64, 16))
    manifest = fastinit.Manifest.from_torch(model)
    start = {"**": fastinit.HeNormal()}
    recipe = fastinit.Recipe.mup(
        manifest,
        fastinit.Manifest.from_torch(base),
        start=fastinit.Recipe("start", "a test", (fastinit.Rule("**", start["**"]),)),
    )
    found = balance_(model, normal(64, 64), recipe, seed=0).recipe
    assert found.multipliers(manifest) == recipe.multipliers(manifest)


SYNTHETIC: list[tuple[Callable[[], nn.Module], str]] = [
    (lambda: gpt2()[0], "input_ids: uniform tokens (16, 32)"),
    (lambda: nn.Sequential(nn.Linear(8, 64), nn.Tanh(), nn.Linear(64, 4)), "normal (256, 8)"),
    (
        lambda: nn.Sequential(nn.Conv1d(3, 8, 3), nn.ReLU(), nn.Conv1d(8, 4, 3)),
        "normal (16, 3, 32)",
    ),
    (build, "uniform tokens (16, 32)"),
    (lambda: nn.LSTM(8, 16), "normal (16, 16, 8)"),
]


@pytest.mark.parametrize(("make", "inputs"), SYNTHETIC)
def test_without_a_batch(make: Callable[[], nn.Module], inputs: str) -> None:
    """Synthetic inputs are named, and always the same."""
    model, again = make(), make()
    rules = [("**norm*.weight", fastinit.Constant(1)), *balanced_models.RULES]
    rules.insert(0, ("**ln_*.weight", fastinit.Constant(1)))
    report = balance_(model, None, rules, seed=0)
    assert report.inputs == inputs
    assert all(row.note or abs(row.after - 1) < 0.1 for row in report.rows)
    balance_(again, None, rules, seed=0)
    assert digests(model) == digests(again)


# ---- in expectation over the weights ------------------------------------------------------------


class Reader(nn.Module):
    """A recurrent layer that is read out."""

    def __init__(self) -> None:
        super().__init__()
        self.lstm = nn.LSTM(16, 96, batch_first=True)
        self.out = nn.Linear(96, 96)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.out(self.lstm(x)[0])  # type: ignore[no-any-return]


def wide_gpt2() -> Any:
    config = transformers.GPT2Config(
        n_embd=128, n_layer=2, n_head=8, vocab_size=100, n_positions=32,
        attn_pdrop=0.0, embd_pdrop=0.0, resid_pdrop=0.0, bos_token_id=0, eos_token_id=0,
    )  # fmt: skip
    return transformers.GPT2LMHeadModel(config)


def small_resnet() -> Any:
    config = transformers.ResNetConfig(
        depths=[2, 2], hidden_sizes=[16, 32], embedding_size=16, layer_type="basic", num_labels=10
    )
    config.image_size = 32
    return transformers.ResNetForImageClassification(config)


EXPECTED: list[tuple[Callable[[], nn.Module], Any]] = [
    (wide_gpt2, {"input_ids": torch.arange(16 * 32).reshape(16, 32) * 37 % 100}),
    (small_resnet, {"pixel_values": normal(16, 3, 32, 32, seed=1)}),
    (Reader, normal(32, 16, 16, seed=1)),
]


@pytest.mark.parametrize(("make", "batch"), EXPECTED)
def test_expectation_holds_for_other_weights_and_inputs(
    make: Callable[[], nn.Module], batch: Any
) -> None:
    """The mean over draws is within 0.1 of the target, beside its standard error.

    Of 40 means one is beyond 4 errors with p = 0.003, and the seeds are fixed.
    """
    with torch.device("meta"):
        report = balance_(make(), None, "default", seed=0)
    rows = {row.layer: row for row in report.rows}
    draws = 12
    found: dict[str, list[float]] = {}
    model = make()
    for seed in range(draws):
        init_(model, report.recipe, seed=seed)
        for name, output in outputs(model, batch, LAYERS).items():
            found.setdefault(name, []).append(float(output.var(correction=0)))
    for name, variances in found.items():
        if not rows[name].note:
            assert rows[name].is_expected
            error = np.std(variances, ddof=1) / math.sqrt(draws)
            assert abs(np.mean(variances) - 1) < 0.1 + 4 * error, name
            assert error < 0.15, name


KINDS: list[Callable[[], nn.Module]] = [
    lambda: nn.Linear(6, 3),
    lambda: nn.Conv2d(4, 8, 3, stride=2, padding=2, groups=2, dilation=2),
    lambda: nn.Conv1d(4, 6, 3, padding=1, padding_mode="circular"),
    lambda: nn.ConvTranspose2d(4, 6, 3, stride=2, groups=2),
    lambda: nn.Embedding(16, 8, padding_idx=3),
    lambda: transformers.pytorch_utils.Conv1D(3, 6),
]


@pytest.mark.parametrize("make", KINDS)
def test_expected_variance_is_the_mean_over_draws(make: Callable[[], nn.Module]) -> None:
    """Of 400 draws; of 6 means one is beyond 5 standard errors with p = 4e-6."""
    layer: Any = init_(make(), fastinit.Normal(std=0.3), seed=0)
    takes_tokens = isinstance(layer, nn.Embedding)
    x = torch.arange(64).reshape(4, 16) * 7 % 16 if takes_tokens else normal(5, 4, 6, 6)
    x = x[:, :, 0] + 1.0 if isinstance(layer, nn.Conv1d) else x
    drawn = DrawnOutput(layers_of(layer)[0][0], 0.3, torch.ones(()), {})
    with torch.no_grad():
        expected = float(drawn(x).var(correction=0))
        found = []
        for seed in range(400):
            weight = layer.weight.copy_(normal(*layer.weight.shape, seed=seed) * 0.3)
            if takes_tokens:
                weight[3] = 0.0
            found.append(float(layer(x).var(correction=0)))
    error = float(np.std(found)) / math.sqrt(400)
    assert abs(np.mean(found) - expected) < 5 * error


@pytest.mark.parametrize("make", [lambda: gpt2()[0], small_resnet, Reader, build])
def test_meta_device(make: Callable[[], nn.Module]) -> None:
    """A model without memory stays so, and has the recipe that one with memory has."""
    with torch.device("meta"):
        model = make()
    report = balance_(model, None, "default", seed=3)
    assert all(each.is_meta for each in model.parameters())
    other = make()
    assert balance_(other, None, "default", seed=3).to_dict() == report.to_dict()
    drawn = fastinit.torch.materialize_(model, report.recipe, seed=3)
    names = dict(other.named_parameters())
    assert all(torch.equal(each, names[name]) for name, each in drawn.named_parameters())


def test_what_is_measured_on_drawn_weights() -> None:
    """Rows of layers whose outputs are not drawn say so, as does the report."""
    report = balance_(Reader(), None, "default", seed=0)
    assert [row.is_expected for row in report.rows] == [False, True, False]
    (note,) = report.summary().notes
    assert "expectation over the weights, but measured on drawn weights in lstm.l0" in note
    assert "expectation" not in str(balance_(Reader(), normal(8, 4, 16), "default", seed=0))


class Reading(nn.Module):
    """A layer whose weight is read without a call of its module."""

    def __init__(self) -> None:
        super().__init__()
        self.inner, self.last = nn.Linear(8, 64), nn.Linear(64, 64)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.last(nn.functional.linear(x, self.inner.weight, self.inner.bias))  # type: ignore[no-any-return]


def test_weights_that_are_read_without_a_call() -> None:
    """They are drawn on the meta device too."""
    found = []
    for device in ("meta", "cpu"):
        with torch.device(device), pytest.warns(UserWarning, match="0.1 of 1.0 in inner"):
            found.append(balance_(Reading(), None, "default", seed=0))
    rows = {row.layer: row for row in found[0].rows}
    assert rows["inner"].note == "never called"
    assert rows["last"].after == pytest.approx(1, abs=0.01)
    assert found[0].recipe == found[1].recipe


def test_measuring_needs_memory() -> None:
    with torch.device("meta"):
        model = nn.Sequential(nn.Linear(8, 4))
    needs: list[dict[str, Any]] = [{"batch": normal(4, 8)}, {"channels": True}, {"of": "gradients"}]
    for options in needs:
        with pytest.raises(ValueError, match="'0' is on the meta device"):
            balance_(model, recipe="default", seed=0, **options)


def test_synthetic_inputs_that_do_not_fit() -> None:
    model = nn.Sequential(nn.Conv2d(3, 4, 3), nn.Flatten(), nn.Linear(4, 2))
    with pytest.raises(ValueError, match=r"synthetic inputs \(normal \(16, 3, 32, 32\)\)"):
        balance_(model, None, "default", seed=0)
    rules = {"**": fastinit.Constant(1)}
    with pytest.raises(ValueError, match="no layer says what the model is called with"):
        balance_(
            nn.Sequential(nn.LSTMCell(2, 3), transformers.pytorch_utils.Conv1D(2, 3)), None, rules
        )


# ---- where one scale cannot help, and errors ----------------------------------------------------


def test_what_one_scale_cannot_help() -> None:
    """Biases that vary more than the target are named."""
    rules = {"0.bias": fastinit.Normal(std=3.0), "**": fastinit.Normal(std=0.1)}
    model = nn.Sequential(nn.Linear(32, 64), nn.ReLU(), nn.Linear(64, 8))
    with pytest.warns(UserWarning, match="is not within 0.1 of 1.0 in 0; print the report"):
        found = balance_(model, normal(64, 32), rules, seed=0)
    assert found.rows[0].note.startswith("its biases alone have variance")
    assert found.rows[0].scale == 1
    assert found.rows[1].note == ""


ERRORS: list[tuple[Any, dict[str, Any], type[Exception], str]] = [
    (normal(4, 8), {"of": "weights"}, ValueError, "of='weights' is not known"),
    (normal(4, 8), {"of": "both", "channels": True}, ValueError, "channels=True is for"),
    (normal(4, 8), {"variance": 0.0}, ValueError, "variance=0.0 is not positive"),
    (normal(4, 8) * math.inf, {}, ValueError, "the output of '0' is not finite"),
    (normal(4, 7), {}, RuntimeError, "shapes cannot be multiplied"),
]


@pytest.mark.parametrize(("batch", "options", "kind", "message"), ERRORS)
def test_errors_leave_the_model(
    batch: Any, options: dict[str, Any], kind: type[Exception], message: str
) -> None:
    model = nn.Sequential(nn.Linear(8, 8), nn.Dropout())
    before = copy.deepcopy(model)
    with pytest.raises(kind, match=message):
        balance_(model, batch, "default", seed=0, **options)
    assert digests(model) == digests(before)
    assert model[1].training
