"""Coordinate checks: muP is flat over widths, the standard parametrization is not."""

import itertools
import json
import math
from typing import Any

import pytest
import torch
from torch import nn
from torch.nn import functional as F  # noqa: N812

import fastinit
from fastinit.torch import CoordReport, coord_check

TOKENS = torch.from_numpy(fastinit.uniform((4, 8), 0, 64, seed=0, name="tokens")).long()
BASE = 32
GPT_RULES = [
    ("**norm*.weight", fastinit.Constant(1)),
    ("**.bias", fastinit.Constant(0)),
    ("embed.weight", fastinit.Normal(std=1.0)),
    ("head.weight", fastinit.Constant(0)),
    ("**", fastinit.HeNormal(gain=1.0)),
]
START = fastinit.Recipe("gpt", "a test", tuple(fastinit.Rule(*each) for each in GPT_RULES))


class Block(nn.Module):
    """Attention whose logits are divided by the size of a head, as muP asks for, and an MLP."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.norm_1, self.norm_2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.qkv = nn.Linear(width, 3 * width, bias=False)
        self.o_proj = nn.Linear(width, width, bias=False)
        self.up = nn.Linear(width, 4 * width, bias=False)
        self.down_proj = nn.Linear(4 * width, width, bias=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        split = self.qkv(self.norm_1(x)).chunk(3, -1)
        q, k, v = (each.unflatten(-1, (self.heads, -1)).transpose(1, 2) for each in split)
        mixed = F.scaled_dot_product_attention(q, k, v, is_causal=True, scale=1 / q.shape[-1])
        x = x + self.o_proj(mixed.transpose(1, 2).flatten(2))
        return x + self.down_proj(F.gelu(self.up(self.norm_2(x))))  # type: ignore[no-any-return]


class Gpt(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.embed = nn.Embedding(64, width)
        self.blocks = nn.ModuleList(Block(width, 4) for _ in range(2))
        self.norm = nn.LayerNorm(width)
        self.head = nn.Linear(width, 64, bias=False)

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        x = self.embed(tokens)
        for block in self.blocks:
            x = block(x)
        return self.head(self.norm(x))  # type: ignore[no-any-return]


def next_tokens(logits: torch.Tensor) -> torch.Tensor:
    return F.cross_entropy(logits[:, :-1].flatten(0, 1), TOKENS[:, 1:].flatten())


def mup(model: fastinit.Manifest, base: fastinit.Manifest) -> fastinit.Recipe:
    return fastinit.Recipe.mup(model, base, start=START)


@pytest.mark.slow
def test_a_small_gpt() -> None:
    """After 3 steps of Adam at 4 widths, outputs and changes are flat with muP alone."""
    options: Any = {"loss": next_tokens, "lr": 0.003, "seeds": 2}
    widths = (64, 128, 256, 512)
    flat = coord_check(Gpt, widths, TOKENS, recipe=mup, **options)
    assert flat.verdicts == ()
    last = [row for row in flat.rows if row.step == 3]
    assert all(abs(row.change_slope) < 0.1 for row in last if not math.isnan(row.change_slope))
    standard = coord_check(Gpt, widths, TOKENS, recipe=START, **options)
    assert {"blocks.0.o_proj", "blocks.1.down_proj", "head"} <= set(standard.broken)


@pytest.mark.slow
def test_changes_by_chance_vanish_with_the_width() -> None:
    """With many tokens muP's changes are sqrt(c^2 + b / width): b halves with each doubling."""
    tokens = torch.from_numpy(fastinit.uniform((16, 16), 0, 64, seed=0, name="tokens")).long()

    def loss(logits: torch.Tensor) -> torch.Tensor:
        return F.cross_entropy(logits[:, :-1].flatten(0, 1), tokens[:, 1:].flatten())

    widths = (64, 128, 256, 512)
    report = coord_check(Gpt, widths, tokens, recipe=mup, loss=loss, lr=0.003, seeds=2)
    assert report.verdicts == ()  # exponents of the limit are multiples of 1/2, and this is near 0
    row = next(each for each in report.rows if (each.layer, each.step) == ("blocks.0.qkv", 3))
    assert -0.2 < row.change_slope < -0.1
    squares = [each**2 for each in row.change]
    steps = [first - second for first, second in itertools.pairwise(squares)]
    for first, second in itertools.pairwise(steps):
        assert first / second == pytest.approx(2, rel=0.25)
    limit = squares[-1] - steps[-1]  # c^2, at an infinite width
    assert limit > 0.7 * squares[-1]


def mlp(width: int) -> nn.Module:
    layers = nn.Linear(8, width, bias=False), nn.ReLU(), nn.Linear(width, width, bias=False)
    return nn.Sequential(*layers, nn.ReLU(), nn.Linear(width, 1, bias=False))


INPUTS = torch.from_numpy(fastinit.normal((32, 8), seed=0, name="inputs"))
HE = fastinit.Recipe("he", "a test", (fastinit.Rule("**", fastinit.HeNormal()),))


def mup_of_mlp(model: fastinit.Manifest, base: fastinit.Manifest) -> fastinit.Recipe:
    return fastinit.Recipe.mup(model, base, start=HE)


@pytest.fixture(scope="module")
def standard() -> CoordReport:
    return coord_check(mlp, (64, 256, 1024), INPUTS, recipe=HE, lr=0.01, seeds=2)


def test_slopes(standard: CoordReport) -> None:
    """They are those of a least-squares line through the logarithms."""
    assert [row.layer for row in standard.rows if row.step == 0] == ["0", "2", "4"]
    row = next(each for each in standard.rows if (each.layer, each.step) == ("4", 3))
    x = torch.tensor([64.0, 256, 1024]).log()
    for sizes, slope in ((row.rms, row.slope), (row.change, row.change_slope)):
        y = torch.tensor(sizes).log()
        expected = ((x - x.mean()) * (y - y.mean())).sum() / ((x - x.mean()) ** 2).sum()
        assert slope == pytest.approx(float(expected), abs=1e-5)
    assert all(each.change == (0.0, 0.0, 0.0) for each in standard.rows if each.step == 0)


def test_verdicts(standard: CoordReport) -> None:
    """Without muP the last layers are changed more with the width; with it they are not."""
    assert standard.broken[-1] == "4"
    assert "the output of 4 " in standard.verdicts[-1]
    with pytest.raises(AssertionError, match="the output of 4"):
        standard.assert_flat()
    flat = coord_check(mlp, (64, 256, 1024), INPUTS, recipe=mup_of_mlp, lr=0.01, seeds=2)
    assert "4" not in flat.broken
    changes = [
        next(row.change_slope for row in each.rows if (row.layer, row.step) == ("4", 3))
        for each in (standard, flat)
    ]
    assert changes[0] > 0.5
    assert changes[1] < 0.25


def test_forward_factors() -> None:
    """The factor of a weight multiplies what it contributes, and leaves the bias alone."""

    def build(width: int) -> nn.Module:
        return nn.Sequential(nn.Linear(8, width), nn.Linear(width, 3))

    rules = [("**.bias", fastinit.Constant(0.5)), ("**", fastinit.Constant(1.0))]
    start = fastinit.Recipe("ones", "a test", tuple(fastinit.Rule(*each) for each in rules))

    def scheme(model: fastinit.Manifest, base: fastinit.Manifest) -> fastinit.Recipe:
        return fastinit.Recipe.mup(model, base, start=start)

    report = coord_check(build, (8, 32), torch.zeros(2, 8), 1, recipe=scheme)
    first = {row.layer: row for row in report.rows if row.step == 0}
    assert first["0"].rms == (0.5, 0.5)
    assert first["1"].rms == pytest.approx((8 * 0.5 + 0.5, 32 * 0.5 / 4 + 0.5))


def test_data_and_text(standard: CoordReport) -> None:
    again = CoordReport.from_dict(json.loads(json.dumps(standard.to_dict())))
    assert again.to_dict() == standard.to_dict()
    lines = str(standard).splitlines()
    assert lines[2].split()[:2] == ["layer", "slope"]
    assert lines[0] == "Outputs over widths 64, 256, 1024, after 3 steps"


def test_random_numbers_stay() -> None:
    state = torch.random.get_rng_state()
    coord_check(mlp, (8, 16), INPUTS, 1)
    assert torch.equal(torch.random.get_rng_state(), state)


ERRORS = [
    ({"widths": (8, 8)}, "has fewer than two widths"),
    ({"steps": 0}, "steps=0 is not positive"),
    ({"optimizer": "lion"}, "optimizer='lion' is not known; pass one of sgd, momentum"),
    ({"lr": 0.0}, "lr=0.0 is not positive"),
]


@pytest.mark.parametrize(("options", "message"), ERRORS)
def test_errors(options: dict[str, Any], message: str) -> None:
    given: dict[str, Any] = {"widths": (8, 16), "batch": INPUTS} | options
    with pytest.raises(ValueError, match=message):
        coord_check(mlp, **given)
