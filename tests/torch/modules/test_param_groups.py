"""Groups of parameters for optimizers, and a coordinate check of muP."""

import math
from typing import Any

import pytest
import torch
from torch.distributed.algorithms._checkpoint.checkpoint_wrapper import checkpoint_wrapper

from fastinit import Constant, Manifest, Normal, Plan, Recipe, Rule, VarianceScaling
from fastinit.torch import init_, param_groups

WIDTHS = (64, 128, 256, 512)
BASE = 64
HEADS = 4
VOCABULARY, LENGTH = 64, 32
STANDARD = Recipe(
    "standard",
    "test",
    (
        Rule("**.bias", Constant(0)),
        Rule("**norm*.weight", Constant(1)),
        Rule("tokens.weight", Normal(std=1.0)),
        Rule("positions.weight", Normal(std=1.0)),
        Rule(
            "head.weight", Constant(0)
        ),  # as muP's authors advise: a random one vanishes with width
        Rule("**", VarianceScaling()),
    ),
)


class Block(torch.nn.Module):
    def __init__(self, width: int, scale: float) -> None:
        super().__init__()
        self.scale = scale
        self.norm1, self.norm2 = torch.nn.LayerNorm(width), torch.nn.LayerNorm(width)
        self.qkv = torch.nn.Linear(width, 3 * width, bias=False)
        self.out = torch.nn.Linear(width, width, bias=False)
        self.up = torch.nn.Linear(width, 4 * width)
        self.down = torch.nn.Linear(4 * width, width)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        q, k, v = (
            each.unflatten(-1, (HEADS, -1)).transpose(1, 2)
            for each in self.qkv(self.norm1(x)).chunk(3, -1)
        )
        attended = torch.nn.functional.scaled_dot_product_attention(
            q, k, v, is_causal=True, scale=self.scale
        )
        x = x + self.out(attended.transpose(1, 2).flatten(2))
        more: torch.Tensor = self.down(torch.nn.functional.relu(self.up(self.norm2(x))))
        return x + more


class Gpt(torch.nn.Module):
    def __init__(self, width: int, is_mup: bool) -> None:
        super().__init__()
        size = width // HEADS
        # 1 / d of muP is 1 / sqrt(d) at the base width.
        scale = math.sqrt(BASE / HEADS) / size if is_mup else size**-0.5
        self.tokens = torch.nn.Embedding(VOCABULARY, width)
        self.positions = torch.nn.Embedding(LENGTH, width)
        self.blocks = torch.nn.ModuleList(Block(width, scale) for _ in range(2))
        self.norm = torch.nn.LayerNorm(width)
        self.head = torch.nn.Linear(width, VOCABULARY, bias=False)
        self.forward_of_head = 1.0

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        x = self.tokens(tokens) + self.positions.weight
        for block in self.blocks:
            x = block(x)
        logits: torch.Tensor = self.head(self.norm(x))
        return self.forward_of_head * logits


def manifest(width: int) -> Manifest:
    with torch.device("meta"):
        return Manifest.from_torch(Gpt(width, True))


def plan_of(width: int, is_mup: bool, seed: int) -> Plan:
    recipe = Recipe.mup(manifest(width), manifest(BASE), start=STANDARD) if is_mup else STANDARD
    return Plan(manifest(width), recipe, seed=seed)


def change_of_outputs(width: int, is_mup: bool, seed: int) -> float:
    """How far three steps of Adam move the logits, as a root mean square."""
    plan = plan_of(width, is_mup, seed)
    module = Gpt(width, is_mup)
    init_(module, plan.recipe, seed=seed)
    module.forward_of_head = plan.multipliers()["head.weight"]["forward"]
    torch.manual_seed(seed)
    tokens = torch.randint(VOCABULARY, (4, LENGTH))
    optimizer = torch.optim.Adam(param_groups(module, plan, lr=2**-9))
    before = module(tokens).detach()
    for _ in range(3):
        optimizer.zero_grad()
        logits = module(tokens)
        seen, following = logits[:, :-1].flatten(0, 1), tokens[:, 1:].flatten()
        loss = torch.nn.functional.cross_entropy(seen, following)
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
    return float((module(tokens).detach() - before).square().mean().sqrt())


@pytest.mark.slow
def test_coordinate_check() -> None:
    """With muP the logits move alike at all widths; without it they move further."""

    def means(is_mup: bool) -> list[float]:
        return [
            sum(change_of_outputs(width, is_mup, seed) for seed in range(4)) / 4 for width in WIDTHS
        ]

    flat = means(True)
    assert max(flat) / min(flat) < 1.1  # 1.05
    growing = means(False)
    assert growing == sorted(growing)
    assert growing[-1] / growing[0] > 3  # 4.4


def test_groups() -> None:
    """Each parameter is in one group, with its factors times those of the base model."""
    module = Gpt(256, True)
    plan = plan_of(256, True, seed=0)
    multipliers = plan.multipliers()
    groups = param_groups(module, plan, lr=0.5, weight_decay=0.25, eps=1.0)
    names = {id(each): name for name, each in module.named_parameters()}
    found = [names[id(each)] for group in groups for each in group["params"]]
    assert sorted(found) == sorted(names.values())
    for group in groups:
        for each in group["params"]:
            factors = multipliers[names[id(each)]]
            assert group["lr"] == 0.5 * factors["learning_rate"]
            assert group["weight_decay"] == 0.25 * factors["weight_decay"]
            assert group["eps"] == factors["epsilon"]
    assert {group["lr"] for group in groups} == {0.5, 0.125}


def test_tied_and_frozen_parameters() -> None:
    """Shared weights are trained once, with the factors of the stored one; frozen ones never."""

    class Tied(torch.nn.Module):
        def __init__(self, width: int) -> None:
            super().__init__()
            self.embed = torch.nn.Embedding(10, width)
            self.fc = torch.nn.Linear(width, width)
            self.head = torch.nn.Linear(width, 10, bias=False)
            self.head.weight = self.embed.weight

    module, base = Tied(64), Tied(16)
    module.fc.bias.requires_grad_(False)
    found = Manifest.from_torch(module)
    plan = Plan(found, Recipe.mup(found, Manifest.from_torch(base), start="default"), seed=0)
    groups = param_groups(module, plan, lr=1.0)
    assert sum(len(group["params"]) for group in groups) == 2
    assert {group["lr"] for group in groups} == {1.0, 0.25}
    assert "eps" not in groups[0]


def test_wrapped_modules() -> None:
    """What wrappers insert into names counts nowhere."""
    module: Any = torch.nn.Sequential(torch.nn.Linear(4, 4))
    plan = Plan(Manifest.from_torch(module), "torch", seed=0)
    module[0] = checkpoint_wrapper(module[0])
    assert len(param_groups(module, plan, lr=1.0)[0]["params"]) == 2


def test_parameters_that_the_plan_lacks() -> None:
    plan = Plan(Manifest.from_shapes({"weight": (2, 2)}), "torch", seed=0)
    with pytest.raises(
        ValueError, match="the plan has no parameters bias; make it of the manifest"
    ):
        param_groups(torch.nn.Linear(2, 2), plan, lr=1.0)
