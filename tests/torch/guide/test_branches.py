"""Residual branches of torch modules: their ends, their norms, and how many there are."""

import math

import pytest
import torch
from torch import nn
from torch.nn import functional as F  # noqa: N812

import fastinit
import fastinit.torch
from fastinit.guide.models.graph import Graph
from fastinit.torch.guide.graph import read
from helpers.models import tiny_transformers


class Block(nn.Module):
    """A residual block, with a projection in its shortcut where widths differ."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.one, self.two = (
            nn.Conv2d(inputs, outputs, 3, padding=1),
            nn.Conv2d(outputs, outputs, 1),
        )
        self.shortcut = nn.Identity() if inputs == outputs else nn.Conv2d(inputs, outputs, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.relu(self.shortcut(x) + self.two(torch.relu(self.one(x))))


class Residual(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 8, 3)
        self.blocks = nn.Sequential(Block(8, 8), Block(8, 16), Block(16, 16), Block(16, 16))
        self.head = nn.Linear(16, 4)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        pooled: torch.Tensor = self.blocks(torch.relu(self.stem(x))).mean((2, 3))
        return self.head(pooled)  # type: ignore[no-any-return]


def ends(graph: Graph) -> set[str | None]:
    return {each.weight for each in graph.branches or ()}


def test_residual_branches() -> None:
    """Only the ends of branches start at 0, not a shortcut and not the stem."""
    graph = read(Residual())
    assert ends(graph) == {f"blocks.{k}.two" for k in range(4)}
    assert (graph.residual, graph.depth_of("cnn")) == (True, 4)
    found = fastinit.torch.recommend_recipe(Residual())
    rows = {row.name: row for row in found.rows}
    assert rows["blocks.1.two.weight"].initializer == fastinit.Constant(0)
    assert rows["blocks.1.two.weight"].layer == "residual_output"
    assert rows["blocks.1.shortcut.weight"].std is not None
    assert rows["blocks.1.shortcut.weight"].std > 0
    assert rows["blocks.0.one.weight"].std == pytest.approx((2 / 72) ** 0.5 / 2)  # Fixup
    assert rows["head.weight"].layer == "output"


class Normalized(nn.Module):
    """A residual block with batch norms."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1, self.conv2 = (nn.Conv2d(8, 8, 3, padding=1) for _ in range(2))
        self.bn1, self.bn2 = nn.BatchNorm2d(8), nn.BatchNorm2d(8)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        inner = torch.relu(self.bn1(self.conv1(x)))
        return torch.relu(x + self.bn2(self.conv2(inner)))


def test_normalized_branches() -> None:
    """The scale of the last normalization of a branch is 1 / blocks."""
    model = nn.Sequential(nn.Conv2d(3, 8, 3), Normalized(), Normalized())
    found = fastinit.torch.recommend_recipe(model)
    rows = {row.name: row for row in found.rows}
    for k in (1, 2):
        assert rows[f"{k}.bn2.weight"].layer == "residual_norm_scale"
        assert rows[f"{k}.bn2.weight"].mean == 0.5
        assert rows[f"{k}.bn1.weight"].initializer == fastinit.Constant(1)
        assert rows[f"{k}.conv2.weight"].std == pytest.approx((2 / 72) ** 0.5)
    fastinit.torch.init_(model, found.recipe, seed=0)
    assert fastinit.torch.recommend_recipe(model).differences() == []
    # A norm before a branch, as transformers have it, is not the end of one.
    encoder = nn.TransformerEncoderLayer(8, 2, 16, norm_first=True)
    assert not any(each.norm for each in read(encoder).branches or ())


@pytest.mark.parametrize("norm_first", [False, True])
def test_norms_after_sums(norm_first: bool) -> None:
    """Branches whose sums are normalized end in DeepNorm's ratio, beta / alpha = (4 L)^(-1/2)."""
    layer = nn.TransformerEncoderLayer(64, 4, 128, norm_first=norm_first)
    model = nn.TransformerEncoder(layer, 3, enable_nested_tensor=False)
    rows = {row.name: row for row in fastinit.torch.recommend_recipe(model).rows}
    for name, width in (("self_attn.out_proj", 64), ("linear2", 128)):
        row = rows[f"layers.2.{name}.weight"]
        assert row.layer == ("residual_output" if norm_first else "post_norm_output")
        ratio = 2 * 3 if norm_first else (8 * 3 * 2 * 3) ** 0.5
        assert row.std == pytest.approx((width * ratio) ** -0.5)


class Embedded(nn.Module):
    """A language model of one block: token and position vectors, summed, are no residual branch."""

    def __init__(self) -> None:
        super().__init__()
        self.wte, self.wpe = nn.Embedding(16, 8), nn.Embedding(4, 8)
        self.learned = nn.Parameter(torch.zeros(8))
        self.up, self.down, self.head = nn.Linear(8, 32), nn.Linear(32, 8), nn.Linear(8, 16)

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        x = self.wte(ids) + self.wpe(torch.arange(ids.shape[1])) + self.learned
        return self.head(x + self.down(torch.relu(self.up(x))))  # type: ignore[no-any-return]


def test_sums_of_embeddings_are_not_residual() -> None:
    graph = read(Embedded())
    assert ends(graph) == {"down"}


class Scaled(nn.Module):
    """Attention by hand: math.sqrt of a size, which is a symbol when the module is traced."""

    def __init__(self) -> None:
        super().__init__()
        self.up, self.down = nn.Linear(8, 8), nn.Linear(8, 8)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        branch: torch.Tensor = self.down(torch.tanh(self.up(x)) / math.sqrt(x.size(-1)))
        return x + branch


def test_functions_of_math_are_traced() -> None:
    assert ends(read(Scaled())) == {"down"}


class PostNorm(nn.Module):
    """A block of a transformer, by hand, with the norms after or before its sums."""

    def __init__(self, norm_first: bool) -> None:
        super().__init__()
        self.mix, self.up, self.down = nn.Linear(64, 64), nn.Linear(64, 256), nn.Linear(256, 64)
        self.one, self.two, self.norm_first = nn.LayerNorm(64), nn.LayerNorm(64), norm_first

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if self.norm_first:
            x = x + self.mix(self.one(x))
            return x + self.down(F.gelu(self.up(self.two(x))))  # type: ignore[no-any-return]
        x = self.one(x + self.mix(x))
        return self.two(x + self.down(F.gelu(self.up(x))))  # type: ignore[no-any-return]


@pytest.mark.parametrize("norm_first", [False, True])
def test_norms_after_sums_by_hand(norm_first: bool) -> None:
    """The last norm of a model with norms before its branches is not after a sum of a block."""
    blocks = [PostNorm(norm_first) for _ in range(3)]
    model = nn.Sequential(nn.Embedding(16, 64), *blocks, nn.LayerNorm(64), nn.Linear(64, 16))
    graph = read(model)
    assert graph.depth_of("transformer") == 3
    assert ends(graph) == {f"{k}.{end}" for k in (1, 2, 3) for end in ("mix", "down")}
    assert {each.is_normalized for each in graph.branches or ()} == {not norm_first}


KINDS = {
    "bert": "post_norm_output",
    "distilbert": "post_norm_output",
    "openai-gpt": "post_norm_output",
    "gpt2": "residual_output",
    "llama": "residual_output",
}


@pytest.mark.parametrize("kind", KINDS)
def test_norms_of_transformers(kind: str) -> None:
    """A copy that runs without memory says it, as torch.fx does not trace these models."""
    make = tiny_transformers.builder(kind)
    assert make is not None
    model = make()
    state = torch.random.get_rng_state()
    before = {name: each.clone() for name, each in model.state_dict().items()}
    graph = read(model)
    assert torch.equal(torch.random.get_rng_state(), state)
    assert all(torch.equal(before[name], each) for name, each in model.state_dict().items())
    assert not any(module._forward_hooks for module in model.modules())
    assert graph.depth_of("transformer") == model.config.num_hidden_layers
    found = fastinit.torch.recommend_recipe(model)
    outputs = {row.layer for row in found.rows if row.layer and row.layer.endswith("l_output")}
    outputs |= {row.layer for row in found.rows if row.layer and row.layer.startswith("post")}
    assert outputs == {KINDS[kind]}
    again = fastinit.torch.recommend_recipe(fastinit.torch.init_(model, found.recipe, seed=0))
    assert again.differences() == []


def test_layers_of_torch_are_counted() -> None:
    layer = nn.TransformerEncoderLayer(64, 4, 128)
    encoder = nn.TransformerEncoder(layer, 3, enable_nested_tensor=False)
    found = fastinit.torch.recommend_recipe(nn.Sequential(nn.Embedding(16, 64), encoder))
    assert (found.case.depth, found.case.residual) == (3, True)
    assert fastinit.torch.recommend_recipe(encoder).case.depth == 3
    found = fastinit.torch.recommend_recipe(nn.Transformer(64, 4, 3, 2, 128, batch_first=True))
    assert found.case.depth == 3
    stds = {row.name: row.std for row in found.rows}
    assert stds["decoder.layers.0.linear2.weight"] == pytest.approx((128 * 2 * 6) ** -0.5)


LAYERS = {  # the branches of each stack
    "t5": [2 * 2, 3 * 6],  # the encoder's, and the decoder's with its attention to the encoder
    "gpt_neox": [2 * 2],  # parallel branches, which are added to each other first
    "phi": [2 * 2],
    "cohere": [2 * 2],
    "bart": [2, 3],  # whose masks ask for values, which fake tensors alone refuse
}


@pytest.mark.parametrize("kind", LAYERS)
def test_branches_of_stacks(kind: str) -> None:
    """Each branch has the factor of all that its stream adds up; layers are those of a stack."""
    make = tiny_transformers.builder(kind)
    assert make is not None
    model = make()
    graph = read(model)
    assert [len(each) for each in graph.stacks()] == LAYERS[kind]
    assert None not in ends(graph)
    found = fastinit.torch.recommend_recipe(model)
    assert found.case.depth == max(LAYERS[kind]) // (3 if len(LAYERS[kind]) == 2 else 2)
    for stack in graph.stacks():
        for each in stack:
            (row,) = (row for row in found.rows if row.name == f"{each.weight}.weight")
            ratio = 2 if kind == "bart" else 1  # DeepNet's for norms after the sums
            assert row.layer == ("post_norm_output" if kind == "bart" else "residual_output")
            assert row.std == pytest.approx((row.shape[1] * ratio * len(stack)) ** -0.5)
