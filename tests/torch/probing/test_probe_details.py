"""What the probe sees of weights, attention, losses, plans and shards."""

import dataclasses
import json
import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F  # noqa: N812

import fastinit
import fastinit.torch
from fastinit.torch import ProbeReport, probe
from helpers import process_group
from helpers.models import probed as probed_models

WORLD = 2


def normal(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.from_numpy(fastinit.normal(shape, seed=seed, name=str(shape)))


def rms(tensor: torch.Tensor) -> float:
    return float(tensor.detach().double().square().mean().sqrt())


class Root(nn.Module):
    """Weights and activations of its own, and equal activations that follow each other."""

    def __init__(self) -> None:
        super().__init__()
        self.shift = nn.Parameter(torch.full((8,), 0.5))
        self.inner = nn.Sequential(nn.Linear(8, 8), nn.Linear(8, 8))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = F.relu(self.inner[0](x) + self.shift)
        return F.relu(self.inner[1](x)) - 1


def test_weights_and_functions_of_the_root() -> None:
    """They have rows, as each of several equal activations."""
    report = probe(Root(), normal(16, 8))
    assert [row.name for row in report.rows] == ["inner.0", ":relu", "inner.1", ":relu.2", ""]
    assert report.weights[0].name == "shift"
    assert report.weights[0].rms == pytest.approx(0.5)
    assert str(report).splitlines()[7].split()[0] == "(model)"


class Container(nn.Module):
    """A list without parameters of its own, whose forward has an activation."""

    def __init__(self) -> None:
        super().__init__()
        self.pair = nn.ModuleDict({"a": nn.Linear(8, 8)})
        self.head = nn.Linear(8, 2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(torch.tanh(self.pair["a"](x)))  # type: ignore[no-any-return]


def test_functions_in_containers() -> None:
    """A module that only calls others counts as well."""
    model = nn.Sequential(Container(), nn.Linear(2, 2))
    report = probe(model, normal(16, 8))
    assert "0:tanh" in [row.name for row in report.rows]


def test_dead_channels_of_convolutions() -> None:
    """They are on axis 1 after torch's Conv1d, and last after transformers' Conv1D."""
    from transformers.pytorch_utils import Conv1D

    conv = nn.Sequential(nn.Conv1d(3, 10, 3), nn.ReLU(), nn.Conv1d(10, 2, 3))
    linear = nn.Sequential(Conv1D(10, 3), nn.ReLU(), Conv1D(2, 10))
    for model, batch in ((conv, normal(4, 3, 12)), (linear, normal(4, 12, 3))):
        first: Any = model[0]
        with torch.no_grad():
            first.bias[:4] = -100.0
            first.bias[4:] = 100.0
        assert probe(model, batch).rows[1].dead == pytest.approx(0.4), first


def test_inputs_of_functions_in_place() -> None:
    """The input is measured before it is overwritten."""
    model = nn.Sequential(nn.Linear(8, 64), nn.ReLU(inplace=True), nn.Linear(64, 2))
    first, relu, _ = probe(model, normal(16, 8)).rows
    assert relu.input_rms == first.output_rms > relu.output_rms


@pytest.mark.parametrize("scale", [1e-30, 1e30])
def test_sizes_beyond_float32(scale: float) -> None:
    """Squares that leave the range of float32 do not matter."""
    row = probe(nn.Sequential(nn.Linear(4, 4)), scale * normal(8, 4)).rows[0]
    assert row.input_rms == pytest.approx(scale * rms(normal(8, 4)), rel=1e-5)


# ---- attention ----------------------------------------------------------------------------------


class Attention(nn.Module):
    """Attention in the three ways in which models write it."""

    def __init__(self, how: str, causal: bool = False, hidden: float = -3e38) -> None:
        super().__init__()
        self.how, self.causal, self.hidden = how, causal, hidden
        self.query, self.key = nn.Linear(16, 16), nn.Linear(16, 16)
        self.torchs = nn.MultiheadAttention(16, 2, batch_first=True)
        with torch.no_grad():
            self.torchs.in_proj_weight[:16] = self.query.weight
            self.torchs.in_proj_weight[16:32] = self.key.weight
            self.torchs.in_proj_bias[:16] = self.query.bias
            self.torchs.in_proj_bias[16:32] = self.key.bias

    def heads(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        split = (layer(x).unflatten(-1, (2, 8)) for layer in (self.query, self.key))
        query, key = (each.transpose(1, 2) for each in split)
        return query, key

    def logits(self, x: torch.Tensor) -> torch.Tensor:
        query, key = self.heads(x)
        logits = query @ key.transpose(-2, -1) / 8**0.5
        mask = torch.ones(x.shape[1], x.shape[1]).triu(1) * float("-inf") if self.causal else None
        return logits if mask is None else logits + torch.nan_to_num(mask, neginf=self.hidden)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        query, key = self.heads(x)
        if self.how == "torch":
            mask = torch.ones(x.shape[1], x.shape[1]).triu(1).bool() if self.causal else None
            return self.torchs(x, x, x, attn_mask=mask, need_weights=False)[0]  # type: ignore[no-any-return]
        if self.how == "eager":
            return torch.softmax(self.logits(x), dim=-1) @ key
        return F.scaled_dot_product_attention(query, key, key, is_causal=self.causal)


@pytest.mark.parametrize(
    ("how", "causal", "hidden"),
    [
        *((how, causal, -3e38) for how in ("fused", "eager", "torch") for causal in (False, True)),
        ("eager", True, -1e4),
    ],
)
def test_attention(how: str, causal: bool, hidden: float) -> None:
    """Entropy and logits agree with float64, over the keys that a mask does not hide."""
    torch.manual_seed(0)
    model = Attention(how, causal, hidden)
    x = 4 * normal(3, 10, 16)
    (found,) = probe(model, x).attention
    seen = np.tril(np.ones((10, 10), bool)) if causal else np.ones((10, 10), bool)
    entropies, variances = [], []
    for row, mask in zip(
        model.logits(x).detach().double().numpy().reshape(-1, 10), [*seen] * 6, strict=True
    ):
        if mask.sum() > 1:
            p = np.exp(row[mask] - row[mask].max())
            p /= p.sum()
            entropies.append(-(p * np.log(p)).sum() / np.log(mask.sum()))
            variances.append(row[mask].var())
    assert found.entropy == pytest.approx(np.mean(entropies), rel=1e-4)
    assert found.logit_std == pytest.approx(np.mean(variances) ** 0.5, rel=1e-4)
    assert (found.heads, found.keys) == (2, 10)


def test_sharp_attention() -> None:
    """Logits that are too large get a verdict with the factor that makes their std 1."""
    torch.manual_seed(0)
    model = Attention("fused")
    with torch.no_grad():
        model.query.weight.mul_(40)
    report = probe(model, normal(3, 16, 16))
    (verdict,) = [each for each in report.verdicts if "attention" in each]
    assert f"multiply the query weights by {1 / report.attention[0].logit_std:.2g}" in verdict


# ---- losses -------------------------------------------------------------------------------------


def test_cross_entropy_of_a_classifier() -> None:
    """It is seen in the user's loss, and compared with that of equal probabilities."""
    model: Any = nn.Sequential(nn.Linear(8, 7))
    targets = torch.arange(16) % 7
    report = probe(model, normal(16, 8), lambda y: F.cross_entropy(y, targets))
    expected = float(F.cross_entropy(model(normal(16, 8)), targets).detach())
    assert report.loss == pytest.approx(expected, rel=1e-6)
    assert (report.classes, report.expected_loss) == (7, math.log(7))
    with torch.no_grad():
        model[0].weight.mul_(8)
    report = probe(model, normal(16, 8), lambda y: F.cross_entropy(y, targets))
    assert report.loss is not None
    assert f"the loss is {report.loss:.3g}, and that of equal probabilities" in report.verdicts[0]


def test_losses_of_transformers() -> None:
    """With labels the model's own; without, that of the next tokens, which is the same."""
    from transformers import GPT2Config, GPT2LMHeadModel

    torch.manual_seed(0)
    sizes = {"n_layer": 2, "n_embd": 32, "n_head": 2, "vocab_size": 60, "n_positions": 16}
    model = GPT2LMHeadModel(GPT2Config(**sizes, bos_token_id=1, eos_token_id=1)).eval()
    tokens = torch.arange(48).reshape(3, 16) * 7 % 60
    own = probe(model, {"input_ids": tokens, "labels": tokens})
    ours = probe(model, {"input_ids": tokens})
    assert own.loss == pytest.approx(ours.loss, rel=1e-5)
    assert own.classes == ours.classes == 60
    assert probe(model, {"input_ids": tokens}, "random").loss is None
    assert own.verdicts == ours.verdicts == ()


# ---- updates and plans --------------------------------------------------------------------------


def test_updates_are_those_of_the_optimizers() -> None:
    """They are what a step of torch's optimizers changes; the model stays as it is."""
    model: Any = nn.Sequential(nn.Linear(8, 6), nn.Tanh(), nn.Linear(6, 3)).double()
    x = normal(16, 8).double()
    before = [each.detach().clone() for each in model.parameters()]
    rates = {"sgd": 0.1, "adam": 0.01, "muon": 0.02}
    report = probe(model, x, lambda y: y.square().mean(), lr=rates)
    assert all(torch.equal(a, b) for a, b in zip(model.parameters(), before, strict=True))
    made: dict[str, Any] = {
        "sgd": lambda w: torch.optim.SGD(w, lr=0.1),
        "adam": lambda w: torch.optim.Adam(w, lr=0.01),
        "muon": lambda w: torch.optim.Muon([p for p in w if p.ndim == 2], 0.02, weight_decay=0.0),
    }
    for name, optimizer in made.items():
        weights = list(model.parameters())
        step = optimizer(weights)
        for weight, gradient in zip(
            weights, torch.autograd.grad(model(x).square().mean(), weights), strict=True
        ):
            weight.grad = gradient
        step.step()
        for each, weight, then in zip(report.weights, weights, before, strict=True):
            if name != "muon" or weight.ndim == 2:
                expected = rms(weight.detach() - then) / rms(then)
                assert each.update_to_weight[name] == pytest.approx(expected, rel=1e-4), each.name
            with torch.no_grad():
                weight.copy_(then)
                weight.grad = None


def test_large_updates() -> None:
    """A learning rate that changes weights by much has a verdict, and a better rate."""
    model = nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 4))
    verdicts = probe(model, normal(16, 64), lr={"adam": 0.1}).verdicts
    assert "the first step of adam with lr=0.1 changes 0.weight, 2.weight by up to" in verdicts[-1]
    assert probe(model, normal(16, 64), lr={"adam": 0.0001}).ok


def test_plans() -> None:
    """A model is probed as a plan draws it, on the meta device too, and stays as it is."""
    rules = [
        ("**.bias", fastinit.Constant(0)),
        ("2.weight", fastinit.Constant(1)),
        ("**", fastinit.HeNormal()),
    ]
    drawn = nn.Sequential(nn.Linear(8, 8), nn.ReLU(), nn.BatchNorm1d(8), nn.Linear(8, 4))
    plan = fastinit.Plan(fastinit.Manifest.from_torch(drawn), rules, seed=3)
    other = nn.Sequential(nn.Linear(8, 8), nn.ReLU(), nn.BatchNorm1d(8), nn.Linear(8, 4))
    with torch.device("meta"):
        meta = nn.Sequential(nn.Linear(8, 8), nn.ReLU(), nn.BatchNorm1d(8), nn.Linear(8, 4))
    before = {name: each.clone() for name, each in other.state_dict().items()}
    fastinit.torch.init_(drawn, plan)
    expected = probe(drawn, normal(16, 8))
    assert probe(other, normal(16, 8), plan=plan) == expected
    assert probe(meta, normal(16, 8), plan=plan) == expected
    assert all(torch.equal(before[name], each) for name, each in other.state_dict().items())
    assert all(each.is_meta for each in meta.parameters())


# ---- data ---------------------------------------------------------------------------------------


def test_data_and_back() -> None:
    """Reports are JSON, with NaN and infinities, and equal after reading."""
    report = probe(Attention("fused"), normal(3, 6, 16), lr=0.01)
    text = json.dumps(report.to_dict(), allow_nan=False)
    again = ProbeReport.from_dict(json.loads(text))
    assert again.to_dict() == report.to_dict()
    assert str(again) == str(report)
    wrong = json.loads(text)
    wrong["rows"][0]["size"] = 3
    with pytest.raises(ValueError, match="rows: field 'size' is not known"):
        ProbeReport.from_dict(wrong)
    with pytest.raises(dataclasses.FrozenInstanceError):
        report.rows[0].dead = 0.0  # type: ignore[misc]


WRONG = [
    ({"loss": "mse"}, ValueError, "loss='mse' is not known; pass a function"),
    ({"loss": lambda y: y}, ValueError, "loss returns no scalar"),
    ({"lr": {"lion": 0.1}}, ValueError, "lr has 'lion'; the optimizers are sgd, adam, muon"),
    ({"lr": -1.0}, ValueError, "lr=-1.0 is not positive"),
]


@pytest.mark.parametrize(("options", "kind", "message"), WRONG)
def test_wrong_options(options: Any, kind: type[Exception], message: str) -> None:
    with pytest.raises(kind, match=message):
        probe(nn.Linear(4, 4), normal(3, 4), **options)


# ---- ranks --------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def ranks() -> Iterator[process_group.Ranks]:
    with process_group.started(WORLD) as found:
        yield found


def test_sharded_models(ranks: process_group.Ranks) -> None:
    """All ranks of an FSDP2 model have one report, that of one process on the whole batch."""
    (first, stayed), (second, stayed_too) = ranks.run(probed_models.sharded)
    assert stayed
    assert stayed_too
    assert first == second
    found, one = ProbeReport.from_dict(first), ProbeReport.from_dict(probed_models.single(WORLD))
    assert (found.ranks, one.ranks) == (WORLD, 1)
    assert found.loss == pytest.approx(one.loss, rel=1e-5)
    for row, expected in zip(found.rows, one.rows, strict=True):
        assert row.name == expected.name
        for field in ("input_rms", "output_rms", "dead", "weight_rms"):
            value, other = getattr(row, field), getattr(expected, field)
            assert value == pytest.approx(other, rel=1e-5, nan_ok=True), (row.name, field)
    for weight, same in zip(found.weights, one.weights, strict=True):
        assert weight.rms == same.rms
        assert weight.gradient_rms == pytest.approx(same.gradient_rms, rel=1e-4)
        for name, update in same.update_to_weight.items():
            assert weight.update_to_weight[name] == pytest.approx(update, rel=1e-2)
