"""The nine models on which recommended starts are compared, each with its data and its stack.

They are written as people write them: with torch's modules and functions, and without an
initialization of their own, and GPT-2 is that of transformers. Data is scikit-learn's digits, or is
made from a fixed seed.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

Batch = tuple[Tensor, Tensor]


@dataclass(frozen=True)
class Task:
    """A model and how it is trained.

    Attributes:
        name: the name.
        build: makes the model, with torch's own start.
        data: returns inputs and targets.
        loss: of an output and the targets.
        stack: the names of modules that follow each other in depth, whose signals are compared;
            of the one module of a recurrent network, its steps are.
        optimizer: of parameters.
    """

    name: str
    build: Callable[[], nn.Module]
    data: Callable[[], Batch]
    loss: Callable[[Any, Tensor], Tensor]
    stack: Callable[[nn.Module], Sequence[str]]
    optimizer: Callable[[Sequence[nn.Parameter]], torch.optim.Optimizer]


def adam(rate: float) -> Callable[[Sequence[nn.Parameter]], torch.optim.Optimizer]:
    """Return a maker of Adam."""
    return lambda parameters: torch.optim.Adam(parameters, lr=rate)


def sgd(rate: float) -> Callable[[Sequence[nn.Parameter]], torch.optim.Optimizer]:
    """Return a maker of SGD with momentum."""
    return lambda parameters: torch.optim.SGD(parameters, lr=rate, momentum=0.9)


# ---- data ---------------------------------------------------------------------------------------


@functools.cache
def digits() -> Batch:
    """Return images (1797, 64) of mean 0 and variance 1, and their classes."""
    from sklearn.datasets import load_digits

    found = load_digits()
    images = torch.tensor(found.data, dtype=torch.float32)
    return (images - images.mean()) / images.std(), torch.tensor(found.target)


def images() -> Batch:
    """Return the digits as images (1797, 1, 8, 8)."""
    flat, classes = digits()
    return flat.view(-1, 1, 8, 8), classes


@functools.cache
def text() -> Batch:
    """Return sequences of a Markov chain of 32 tokens, and the token after each."""
    generator = torch.Generator().manual_seed(1)
    logits = 2.5 * torch.randn(32, 32, generator=generator)
    chain = logits.softmax(dim=1)
    tokens = torch.randint(32, (1024, 1), generator=generator)
    for _ in range(16):
        after = torch.multinomial(chain[tokens[:, -1]], 1, generator=generator)
        tokens = torch.cat([tokens, after], dim=1)
    return tokens[:, :-1], tokens[:, 1:]


@functools.cache
def masked() -> Batch:
    """Return the sequences with a seventh of the tokens replaced by token 32, and all tokens."""
    tokens, _ = text()
    generator = torch.Generator().manual_seed(2)
    is_masked = torch.rand(tokens.shape, generator=generator) < 1 / 7
    return torch.where(is_masked, 32, tokens), torch.where(is_masked, tokens, -100)


@functools.cache
def sums() -> Batch:
    """Return sequences (2048, 16, 2) of values and marks, and the sum of the marked values.

    This is the adding problem of Hochreiter and Schmidhuber 1997.
    """
    generator = torch.Generator().manual_seed(3)
    values = torch.rand(2048, 16, generator=generator)
    marks = torch.zeros(2048, 16)
    places = torch.rand(2048, 16, generator=generator).argsort(dim=1)[:, :2]
    marks.scatter_(1, places, 1.0)
    return torch.stack([values, marks], dim=2), (values * marks).sum(dim=1, keepdim=True)


@functools.cache
def waves() -> Batch:
    """Return 4096 points of the plane and a function of them with fine detail."""
    generator = torch.Generator().manual_seed(4)
    points = 2 * torch.rand(4096, 2, generator=generator) - 1
    x, y = points.T
    values = torch.sin(12 * x + 5 * torch.cos(3 * y)) * torch.cos(9 * y) + 0.5 * torch.sin(
        25 * x * y
    )
    return points, values[:, None]


# ---- models -------------------------------------------------------------------------------------


def mlp() -> nn.Module:
    """Return 20 layers of 64 tanh units."""
    layers: list[nn.Module] = []
    for _ in range(20):
        layers += [nn.Linear(64, 64), nn.Tanh()]
    return nn.Sequential(*layers, nn.Linear(64, 10))


def cnn() -> nn.Module:
    """Return 12 convolutions with relu, without normalization."""
    layers: list[nn.Module] = [nn.Conv2d(1, 16, 3, padding=1), nn.ReLU()]
    for _ in range(11):
        layers += [nn.Conv2d(16, 16, 3, padding=1), nn.ReLU()]
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(16, 10))


class ResidualBlock(nn.Module):
    """Two convolutions with batch normalization, around which the input goes."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(channels)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(channels)

    def forward(self, x: Tensor) -> Tensor:
        """Return the sum, after relu."""
        inner = F.relu(self.bn1(self.conv1(x)))
        return F.relu(x + self.bn2(self.conv2(inner)))


def resnet() -> nn.Module:
    """Return a stem, 6 residual blocks and a classifier."""
    stem = [nn.Conv2d(1, 16, 3, padding=1, bias=False), nn.BatchNorm2d(16), nn.ReLU()]
    blocks = [ResidualBlock(16) for _ in range(6)]
    return nn.Sequential(*stem, *blocks, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(16, 10))


class Attention(nn.Module):
    """Self-attention with 4 heads."""

    def __init__(self, width: int, is_causal: bool) -> None:
        super().__init__()
        self.qkv = nn.Linear(width, 3 * width)
        self.proj = nn.Linear(width, width)
        self.is_causal = is_causal

    def forward(self, x: Tensor) -> Tensor:
        """Return (batch, length, width)."""
        b, n, d = x.shape
        q, k, v = self.qkv(x).view(b, n, 3, 4, d // 4).permute(2, 0, 3, 1, 4)
        found = F.scaled_dot_product_attention(q, k, v, is_causal=self.is_causal)
        mixed: Tensor = self.proj(found.transpose(1, 2).reshape(b, n, d))
        return mixed


class Block(nn.Module):
    """A block of a transformer with the norms before its branches."""

    def __init__(self, width: int, is_causal: bool) -> None:
        super().__init__()
        self.ln_1 = nn.LayerNorm(width)
        self.attn = Attention(width, is_causal)
        self.ln_2 = nn.LayerNorm(width)
        self.mlp = nn.Sequential(
            nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width)
        )

    def forward(self, x: Tensor) -> Tensor:
        """Return (batch, length, width)."""
        x = x + self.attn(self.ln_1(x))
        found: Tensor = x + self.mlp(self.ln_2(x))
        return found


class Gpt(nn.Module):
    """A decoder of 6 blocks."""

    def __init__(self) -> None:
        super().__init__()
        self.wte = nn.Embedding(32, 64)
        self.wpe = nn.Embedding(16, 64)
        self.blocks = nn.ModuleList(Block(64, is_causal=True) for _ in range(6))
        self.ln_f = nn.LayerNorm(64)
        self.lm_head = nn.Linear(64, 32, bias=False)
        self.register_buffer("positions", torch.arange(16), persistent=False)

    def forward(self, tokens: Tensor) -> Tensor:
        """Return logits (batch, length, 32)."""
        x = self.wte(tokens) + self.wpe(self.positions)
        for block in self.blocks:
            x = block(x)
        logits: Tensor = self.lm_head(self.ln_f(x))
        return logits


class Bert(nn.Module):
    """torch's encoder of 6 layers, with the norms after the sums, as BERT has them."""

    def __init__(self) -> None:
        super().__init__()
        self.word_embeddings = nn.Embedding(33, 64)
        self.position_embeddings = nn.Embedding(16, 64)
        self.norm = nn.LayerNorm(64)
        layer = nn.TransformerEncoderLayer(64, 4, 256, 0.0, F.gelu, batch_first=True)
        self.encoder = nn.TransformerEncoder(layer, 6, enable_nested_tensor=False)
        self.classifier = nn.Linear(64, 33)
        self.register_buffer("positions", torch.arange(16), persistent=False)

    def forward(self, tokens: Tensor) -> Tensor:
        """Return logits (batch, length, 33)."""
        x = self.word_embeddings(tokens) + self.position_embeddings(self.positions)
        logits: Tensor = self.classifier(self.encoder(self.norm(x)))
        return logits


class Lstm(nn.Module):
    """Two layers of LSTM, whose last output is read out."""

    def __init__(self) -> None:
        super().__init__()
        self.lstm1 = nn.LSTM(2, 64, batch_first=True)
        self.lstm2 = nn.LSTM(64, 64, batch_first=True)
        self.out = nn.Linear(64, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Return (batch, 1)."""
        states, _ = self.lstm1(x)
        states, _ = self.lstm2(states)
        read: Tensor = self.out(states[:, -1])
        return read


class Sine(nn.Module):
    """A sine of 30 times its input, as in the paper."""

    def forward(self, x: Tensor) -> Tensor:
        """Return the sine."""
        return torch.sin(30.0 * x)


def siren() -> nn.Module:
    """Return 5 layers of sines (Sitzmann et al. 2020, arXiv 2006.09661)."""
    layers: list[nn.Module] = [nn.Linear(2, 128), Sine()]
    for _ in range(4):
        layers += [nn.Linear(128, 128), Sine()]
    return nn.Sequential(*layers, nn.Linear(128, 1))


class Vit(nn.Module):
    """A vision transformer of 6 blocks on patches of 2 x 2."""

    def __init__(self) -> None:
        super().__init__()
        self.patch = nn.Conv2d(1, 64, 2, 2)
        self.pos_embed = nn.Parameter(torch.zeros(1, 16, 64))
        self.blocks = nn.ModuleList(Block(64, is_causal=False) for _ in range(6))
        self.norm = nn.LayerNorm(64)
        self.head = nn.Linear(64, 10)

    def forward(self, x: Tensor) -> Tensor:
        """Return logits (batch, 10)."""
        x = self.patch(x).flatten(2).transpose(1, 2) + self.pos_embed
        for block in self.blocks:
            x = block(x)
        logits: Tensor = self.head(self.norm(x).mean(dim=1))
        return logits


def gpt2() -> nn.Module:
    """Return the GPT-2 of transformers, of 6 blocks, with its own start."""
    from transformers import GPT2Config, GPT2LMHeadModel

    dropout = dict.fromkeys(("attn_pdrop", "embd_pdrop", "resid_pdrop"), 0.0)
    sizes = {"n_embd": 64, "n_layer": 6, "n_head": 4, "n_positions": 16, "vocab_size": 32}
    config = GPT2Config(**sizes, **dropout, bos_token_id=0, eos_token_id=0)
    model: nn.Module = GPT2LMHeadModel(config)
    return model


# ---- tasks --------------------------------------------------------------------------------------


def tokens_loss(logits: Tensor, targets: Tensor) -> Tensor:
    """Return the cross entropy over all tokens."""
    return F.cross_entropy(logits.flatten(0, 1), targets.flatten())


def logits_loss(output: Any, targets: Tensor) -> Tensor:
    """Return that of a model of transformers."""
    return tokens_loss(output.logits, targets)


def _kind(kind: type[nn.Module]) -> Callable[[nn.Module], Sequence[str]]:
    """Return a reader of the names of all modules of a kind but the last, which ends the stack."""
    return lambda model: [name for name, each in model.named_modules() if isinstance(each, kind)]


def _blocks(model: nn.Module) -> Sequence[str]:
    return [name for name, _ in model.named_modules() if re.fullmatch(r"transformer\.h\.\d+", name)]


TASKS = (
    Task("MLP, 20 x tanh", mlp, digits, F.cross_entropy, _kind(nn.Tanh), sgd(0.01)),
    Task("CNN, 12 x relu", cnn, images, F.cross_entropy, _kind(nn.ReLU), adam(1e-3)),
    Task("ResNet", resnet, images, F.cross_entropy, _kind(ResidualBlock), sgd(0.05)),
    Task("GPT", Gpt, text, tokens_loss, _kind(Block), adam(1e-3)),
    Task("GPT-2", gpt2, text, logits_loss, _blocks, adam(1e-3)),
    Task("BERT", Bert, masked, tokens_loss, _kind(nn.TransformerEncoderLayer), adam(1e-3)),
    Task("LSTM", Lstm, sums, F.mse_loss, lambda _: ["lstm1"], adam(1e-2)),
    Task("SIREN", siren, waves, F.mse_loss, _kind(Sine), adam(1e-4)),
    Task("ViT", Vit, images, F.cross_entropy, _kind(Block), adam(1e-3)),
)
