"""The probe: planted faults are named, right starts are not, and models stay as they are."""

import json
import math
import re
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn
from torch.nn import functional as F  # noqa: N812

import fastinit
import fastinit.torch
from fastinit.probes.report import ProbeReport
from fastinit.probes.rows import ProbeRow
from fastinit.probes.stacks import stacks_of
from fastinit.probes.verdicts import verdicts_of
from helpers.models import tiny_transformers

DEPTH, WIDTH = 8, 128


class Block(nn.Module):
    """A residual block without normalization, whose activation is a function."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.one, self.two = nn.Linear(width, width), nn.Linear(width, width)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + self.two(F.relu(self.one(x)))  # type: ignore[no-any-return]


def start(model: nn.Module, initializer: fastinit.Initializer) -> Any:
    rules = [("**.bias", fastinit.Constant(0)), ("**.weight", initializer)]
    fastinit.torch.init_(model, rules, seed=0)
    return model


def mlp(activation: type[nn.Module], initializer: fastinit.Initializer) -> Any:
    layers: list[nn.Module] = []
    for _ in range(DEPTH):
        layers += [nn.Linear(WIDTH, WIDTH), activation()]
    return start(nn.Sequential(*layers, nn.Linear(WIDTH, 10)), initializer)


def relu() -> Any:
    return mlp(nn.ReLU, fastinit.HeNormal())


def residual() -> Any:
    return nn.Sequential(*(Block(WIDTH) for _ in range(DEPTH)), nn.Linear(WIDTH, 10))


def batch(seed: int = 0) -> torch.Tensor:
    return torch.from_numpy(fastinit.normal((32, WIDTH), seed=seed))


def planted(change: Callable[[Any], object], build: Callable[[], Any] = relu) -> Callable[[], Any]:
    def made() -> Any:
        model = build()
        with torch.no_grad():
            change(model)
        return model

    return made


FAULTS: dict[str, tuple[Callable[[], Any], str]] = {
    "dead relu": (
        planted(lambda m: m[4].bias[:120].fill_(-100.0)),
        "94% of the units of 5 are 0 for the whole batch",
    ),
    "all units dead": (
        planted(lambda m: m[4].bias.fill_(-100.0)),
        "does not depend on its input: 5 has no unit that is above 0",
    ),
    "saturated tanh": (
        lambda: mlp(nn.Tanh, fastinit.Normal(std=1.0)),
        "of the values of 1, 3, 5 and 5 more are saturated",
    ),
    "a layer at zero": (
        planted(lambda m: m[6].weight.zero_()),
        "does not depend on its input: 6 has weights that are all 0",
    ),
    "zeros everywhere": (
        lambda: mlp(nn.ReLU, fastinit.Constant(0)),
        "0 has weights that are all 0; draw random weights",
    ),
    "equal units": (
        lambda: mlp(nn.ReLU, fastinit.Constant(0.01)),
        "all units of 0.weight, 2.weight, 4.weight and 6 more start alike",
    ),
    "std off by 2": (
        planted(lambda m: m[6].weight.mul_(2)),
        "the std of 6 is 1.99 times that of the same weight in the layers beside it",
    ),
    "glorot for relu": (
        lambda: mlp(nn.ReLU, fastinit.GlorotNormal()),
        "the signal shrinks 0.7",
    ),
    "gradients that explode": (
        lambda: mlp(nn.Tanh, fastinit.Normal(std=0.5)),
        "the gradient grows",
    ),
    "too large a gain": (
        lambda: mlp(nn.ReLU, fastinit.HeNormal(gain=2.0)),
        "the signal grows 1.4",
    ),
    "residuals that explode": (
        lambda: start(residual(), fastinit.HeNormal()),
        "the signal grows 1.83 x a block in the blocks, from 3 on",
    ),
    "logits too large": (
        planted(lambda m: m[-1].weight.mul_(10)),
        "logits of this size are certain before the first step",
    ),
    "not finite": (
        planted(lambda m: m[2].weight[0].fill_(math.nan)),
        "the output of 2 is not finite (rms nan)",
    ),
    "biases": (
        planted(lambda m: m[0].bias.fill_(30.0)),
        "the output of 0 is mostly its bias; start biases at 0",
    ),
    "torch's default": (
        lambda: default(),
        "the gradient shrinks 0.4",
    ),
}


def default() -> Any:
    torch.manual_seed(0)
    layers: list[nn.Module] = []
    for _ in range(DEPTH):
        layers += [nn.Linear(WIDTH, WIDTH), nn.ReLU()]
    return nn.Sequential(*layers, nn.Linear(WIDTH, 10))


def test_equal_samples() -> None:
    """It is the batch that is to blame, not the weights."""
    (verdict,) = fastinit.torch.probe(relu(), torch.ones(32, WIDTH)).verdicts
    assert verdict.startswith("all samples of the batch are alike to 0, the first layer; pass")


@pytest.mark.parametrize("fault", FAULTS)
def test_planted_faults(fault: str) -> None:
    build, expected = FAULTS[fault]
    report = fastinit.torch.probe(build(), batch())
    assert expected in "; ".join(report.verdicts)
    assert not report.ok
    with pytest.raises(AssertionError, match=re.escape(report.verdicts[0])):
        report.assert_healthy()


class Recurrent(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.rnn, self.out = nn.LSTM(WIDTH, 64, 2, batch_first=True), nn.Linear(64, 10)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.out(self.rnn(x[:, None].expand(-1, 6, -1))[0])  # type: ignore[no-any-return]


class Image(nn.Module):
    """A convolutional network with batch norms, over the batch as images."""

    def __init__(self) -> None:
        super().__init__()
        layers: list[nn.Module] = [nn.Conv2d(2, 16, 3, padding=1)]
        for _ in range(5):
            layers += [nn.BatchNorm2d(16), nn.ReLU(), nn.Conv2d(16, 16, 3, padding=1)]
        self.layers, self.out = nn.Sequential(*layers), nn.Linear(16, 10)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.out(self.layers(x.reshape(-1, 2, 8, 8)).mean((2, 3)))  # type: ignore[no-any-return]


def fixup() -> Any:
    return recommended(residual())


def recommended(model: nn.Module) -> Any:
    fastinit.torch.init_(model, fastinit.torch.recommend_recipe(model).recipe, seed=0)
    return model


CLEAN: dict[str, Callable[[], Any]] = {
    "relu, He": relu,
    "tanh, Glorot": lambda: mlp(nn.Tanh, fastinit.GlorotNormal()),
    "tanh, orthogonal": lambda: mlp(nn.Tanh, fastinit.Orthogonal()),
    "selu, LeCun": lambda: mlp(nn.SELU, fastinit.LecunNormal()),
    "gelu": lambda: mlp(nn.GELU, fastinit.recommend("gelu").initializer),
    "a readout at zero": planted(lambda m: m[-1].weight.zero_()),
    "Fixup": fixup,
    "LSTM": Recurrent,
    "CNN": Image,
    "recommended CNN": lambda: recommended(Image()),
}


@pytest.mark.parametrize("name", CLEAN)
def test_right_starts(name: str) -> None:
    report = fastinit.torch.probe(CLEAN[name](), batch())
    assert report.verdicts == ()
    report.assert_healthy()


TRANSFORMERS = ("gpt2", "bert", "llama", "roberta", "qwen3", "gpt_neox", "opt")
MORE_TRANSFORMERS = (
    *("albert", "bloom", "clip_vision_model", "deberta-v2", "dinov2", "distilbert", "electra"),
    *("gpt_neo", "mixtral", "modernbert", "mpnet", "phi", "stablelm", "vit"),
)


@pytest.mark.parametrize(
    "kind",
    [*TRANSFORMERS, *(pytest.param(kind, marks=pytest.mark.slow) for kind in MORE_TRANSFORMERS)],
)
def test_transformers(kind: str) -> None:
    """The starts of transformers' own models are right."""
    torch.manual_seed(0)
    make = tiny_transformers.builder(kind)
    assert make is not None
    model = make()
    given = torch.arange(64).reshape(4, 16) % 60 + 2
    if model.main_input_name == "pixel_values":
        given = torch.from_numpy(fastinit.normal((4, 3, 32, 32), seed=0))
    report = fastinit.torch.probe(model, {model.main_input_name: given})
    assert report.verdicts == ()
    assert len(report.rows) > 10
    assert {each.keys for each in report.attention} <= {16, 17}


@pytest.mark.slow
def test_short_stacks_of_batch_norms() -> None:
    """Batch norms alone make gradients of a ResNet grow, which short stacks bear."""
    from transformers import ResNetConfig, ResNetModel

    torch.manual_seed(0)
    sizes = {"embedding_size": 16, "hidden_sizes": [32, 64, 128, 256], "depths": [3, 4, 6, 3]}
    model = ResNetModel(ResNetConfig(**sizes))
    images = torch.from_numpy(fastinit.normal((8, 3, 32, 32), seed=0))
    report = fastinit.torch.probe(model, images)
    assert max(each.gradient for each in report.stacks) > 1.3
    assert report.verdicts == ()
    # A stack that is as deep as that of a ResNet-152 does not.
    rows = [ProbeRow(f"b.{k}", "Block", (1,), 1.0, 1.4**k, 1.0, is_block=True) for k in range(36)]
    deep = ProbeReport(tuple(rows), 1.0, None, (), stacks=tuple(stacks_of(rows)))
    assert "the signal grows 1.4 x a block in b, from b.17 on" in verdicts_of(deep, 1.0, {})[0]


def test_tied_scale_lost() -> None:
    from transformers import GPT2Config, GPT2LMHeadModel

    sizes = {"n_layer": 2, "n_embd": 64, "n_head": 4, "vocab_size": 64}
    model = GPT2LMHeadModel(GPT2Config(**sizes, bos_token_id=1, eos_token_id=1))
    nn.init.normal_(model.transformer.wte.weight)
    tokens = torch.arange(64).reshape(4, 16) % 60
    report = fastinit.torch.probe(model, {"input_ids": tokens, "labels": tokens})
    assert "logits of this size" in "; ".join(report.verdicts)
    assert report.loss is not None
    assert report.loss > math.log(64)


def test_models_stay_as_they_are() -> None:
    """Parameters, gradients, buffers, the mode and random numbers."""
    model = nn.Sequential(Image(), nn.Dropout())
    for each in model.parameters():
        each.grad = torch.full_like(each, 3.0)
    before = {name: each.clone() for name, each in model.state_dict().items()}
    random = torch.random.get_rng_state()
    hooks = [len(each._forward_hooks) for each in model.modules()]
    fastinit.torch.probe(model, batch())
    assert all(torch.equal(before[name], each) for name, each in model.state_dict().items())
    assert all(bool((each.grad == 3).all()) for each in model.parameters() if each.grad is not None)
    assert torch.equal(torch.random.get_rng_state(), random)
    assert model.training
    assert [len(each._forward_hooks) for each in model.modules()] == hooks


def test_rows() -> None:
    """They have what a layer reads, writes and receives."""
    model = nn.Sequential(nn.Linear(WIDTH, 64), nn.ReLU(), nn.Linear(64, 4))
    x = batch()
    report = fastinit.torch.probe(model, x, loss=lambda y: y.square().mean())
    first, act, last = report.rows
    assert [row.name for row in report.rows] == ["0", "1", "2"]
    assert first.input_rms == pytest.approx(float(x.square().mean().sqrt()))
    weight = model.get_parameter("2.weight")
    assert last.weight_rms == pytest.approx(float(weight.detach().square().mean().sqrt()))
    y = model(x)
    (gradient,) = torch.autograd.grad(y.square().mean(), [weight])
    assert last.weight_gradient_rms == pytest.approx(float(gradient.square().mean().sqrt()))
    assert report.loss == pytest.approx(float(y.detach().square().mean()))
    assert act.output_rms < first.output_rms
    assert act.gradient_rms > 0


def test_print_and_data() -> None:
    report = fastinit.torch.probe(relu(), batch())
    assert str(report).splitlines()[2].split()[:3] == ["layer", "kind", "in"]
    assert str(report).endswith("nothing is wrong")
    assert len(json.loads(json.dumps(report.to_dict()))["rows"]) == 2 * DEPTH + 1


def test_wrong_arguments() -> None:
    with pytest.raises(TypeError, match=r"model is an int; pass a torch.nn.Module"):
        fastinit.torch.probe(3, batch())  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="on the meta device"):
        fastinit.torch.probe(nn.Linear(2, 2, device="meta"), batch())

    class Counts(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return (x > 0).sum()

    with pytest.raises(TypeError, match="returns a Tensor without floating-point tensors"):
        fastinit.torch.probe(Counts(), batch())


def test_buffers_are_restored() -> None:
    """Also those that a forward pass replaces, and those that were None."""

    class Remembering(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = nn.Linear(4, 4)
            self.register_buffer("last", torch.zeros(2))
            self.register_buffer("first", None)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            self.last = self.first = x.detach()
            return self.layer(x)  # type: ignore[no-any-return]

    model = Remembering()
    before = model.last
    fastinit.torch.probe(model, torch.ones(3, 4))
    assert model.last is before
    assert bool((before == 0).all())
    assert model.first is None
