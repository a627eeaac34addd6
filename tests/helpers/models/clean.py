"""Models whose initialization is correct, in the ways in which models are written."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import torch
from torch import nn
from torch.nn import init


class Gpt(nn.Module):
    """A small GPT: tied weights, scaled residual projections, an initialization after torch's."""

    def __init__(self) -> None:
        super().__init__()
        self.wte = nn.Embedding(40, 16)
        self.wpe = nn.Embedding(12, 16)
        self.blocks = nn.ModuleList(
            nn.ModuleDict({"fc": nn.Linear(16, 64), "c_proj": nn.Linear(64, 16)}) for _ in range(2)
        )
        self.ln_f = nn.LayerNorm(16)
        self.head = nn.Linear(16, 40, bias=False)
        self.register_buffer("mask", torch.tril(torch.ones(12, 12)).view(1, 1, 12, 12))
        self.wte.weight = self.head.weight
        self.apply(self._init_weights)
        for name, weight in self.named_parameters():
            if name.endswith("c_proj.weight"):
                init.normal_(weight, std=0.02 / math.sqrt(4))

    def _init_weights(self, module: nn.Module) -> None:
        if isinstance(module, (nn.Linear, nn.Embedding)):
            init.normal_(module.weight, std=0.02)
            if isinstance(module, nn.Linear) and module.bias is not None:
                init.zeros_(module.bias)


class TiedAfter(nn.Module):
    """A tie after both weights have been initialized in the same way."""

    def __init__(self) -> None:
        super().__init__()
        self.embed = nn.Embedding(40, 16, padding_idx=0)
        self.head = nn.Linear(16, 40, bias=False)
        for layer in (self.embed, self.head):
            init.normal_(layer.weight, std=0.02)
        with torch.no_grad():
            self.embed.weight[0].zero_()
        self.head.weight = self.embed.weight


class VisionTransformer(nn.Module):
    """Tokens and positions that are made as zeros and then drawn, layer scale, zero biases."""

    def __init__(self) -> None:
        super().__init__()
        self.patch = nn.Conv2d(3, 16, 4, 4)
        self.cls_token = nn.Parameter(torch.zeros(1, 1, 16))
        self.pos_embed = nn.Parameter(torch.zeros(1, 17, 16))
        self.gamma = nn.Parameter(1e-6 * torch.ones(16))
        init.trunc_normal_(self.pos_embed, std=0.02)
        init.xavier_uniform_(self.patch.weight.view(16, -1))


class Sinusoids(nn.Module):
    """Tables that are computed: in a parameter that is not trained, and in a buffer."""

    def __init__(self) -> None:
        super().__init__()
        angles = np.arange(12)[:, None] / 100.0 ** (np.arange(8) / 8)
        self.weight = nn.Parameter(torch.empty(12, 16), requires_grad=False)
        with torch.no_grad():
            self.weight[:, 0::2] = torch.from_numpy(np.sin(angles))
            self.weight[:, 1::2] = torch.from_numpy(np.cos(angles))
        frequencies = 1.0 / (10000 ** (torch.arange(0, 8, 2).float() / 8))
        self.register_buffer("inv_freq", frequencies, persistent=False)
        rotations = torch.polar(torch.ones(4), frequencies)
        self.register_buffer("rotations", rotations, persistent=False)
        self.register_buffer("upper", torch.full((4, 4), -math.inf).triu(1))


class StateSpace(nn.Module):
    """Decays and time steps that are computed from ranges and draws."""

    def __init__(self) -> None:
        super().__init__()
        decay = torch.arange(1, 9, dtype=torch.float32).repeat(16, 1)
        self.A_log = nn.Parameter(torch.log(decay))
        self.D = nn.Parameter(torch.ones(16))
        self.dt_proj = nn.Linear(4, 16)
        init.uniform_(self.dt_proj.weight, -(4**-0.5), 4**-0.5)
        dt = torch.exp(torch.rand(16) * (math.log(0.1) - math.log(0.001)) + math.log(0.001))
        dt = dt.clamp(min=1e-4)
        with torch.no_grad():
            self.dt_proj.bias.copy_(dt + torch.log(-torch.expm1(-dt)))


class Adapter(nn.Module):
    """A low-rank adapter: one of its matrices is zero on purpose."""

    def __init__(self) -> None:
        super().__init__()
        self.lora_A = nn.Parameter(torch.empty(4, 16))
        self.lora_B = nn.Parameter(torch.zeros(16, 4))
        self.modulation = nn.Linear(16, 32)
        init.kaiming_uniform_(self.lora_A, a=math.sqrt(5))
        init.zeros_(self.modulation.weight)
        init.zeros_(self.modulation.bias)


class Experts(nn.Module):
    """Stacked experts, one matrix of each at a time, and a router in float32."""

    def __init__(self) -> None:
        super().__init__()
        self.up = nn.Parameter(torch.empty(4, 16, 32, dtype=torch.bfloat16))
        self.router = nn.Linear(16, 4, bias=False)
        for expert in self.up:
            init.kaiming_normal_(expert)
        self.register_buffer("counts", torch.zeros(4, dtype=torch.int64))


class OldStyle(nn.Module):
    """Values that are given by ``.data``, and memory of the old constructor."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.Tensor(16, 16))
        self.bias = nn.Parameter(torch.FloatTensor(16))
        self.linear = nn.Linear(16, 16)
        self.weight.data.uniform_(-0.1, 0.1)
        self.bias.data.fill_(0)
        self.linear.weight.data = torch.randn(16, 16) * 0.02
        self.linear.bias.data = self.linear.bias.data / 2


class Lstm(nn.Module):
    """Recurrent weights by part, with a forget bias."""

    def __init__(self) -> None:
        super().__init__()
        self.lstm = nn.LSTM(8, 16, 2, bidirectional=True)
        for name, weight in self.lstm.named_parameters():
            if "weight_hh" in name:
                for gate in weight.chunk(4):
                    init.orthogonal_(gate)
            elif "bias" in name:
                init.zeros_(weight)
                weight.data[16:32] = 1


class Target(nn.Module):
    """A target network: a copy of another, which is not trained."""

    def __init__(self) -> None:
        super().__init__()
        last = nn.Linear(32, 4)
        self.online = nn.Sequential(nn.Linear(16, 32), nn.ReLU(), last)
        self.target = nn.Sequential(nn.Linear(16, 32), nn.ReLU(), nn.Linear(32, 4))
        init.orthogonal_(last.weight, gain=0.01)
        self.target.load_state_dict(self.online.state_dict())
        self.target.requires_grad_(False)


class ZeroConvolutions(nn.Module):
    """A sequence whose last layer is zero on purpose."""

    def __init__(self) -> None:
        super().__init__()
        self.net = nn.Sequential(nn.Conv2d(3, 8, 3), nn.GroupNorm(2, 8), nn.Conv2d(8, 3, 3))
        for weight in self.net[2].parameters():
            weight.detach().zero_()


class Scratch(nn.Linear):
    """Memory for later, which is not saved."""

    def __init__(self) -> None:
        super().__init__(16, 16)
        self.register_buffer("cache", torch.empty(4, 16), persistent=False)


def on_meta() -> nn.Module:
    """Return a model that is built on the meta device, and stays there."""
    with torch.device("meta"):
        return VisionTransformer()


def from_meta() -> nn.Module:
    """Return a model that gets its memory, and its values, after it has been built."""
    with torch.device("meta"):
        layers = nn.Linear(16, 16), nn.LayerNorm(16), nn.Embedding(30, 16)
        model = nn.Sequential(*layers)
    model = model.to(torch.bfloat16).to_empty(device="cpu")
    for layer in layers:
        layer.reset_parameters()
    return model


def encoder() -> nn.Module:
    """Return an encoder, whose layers are copies of one."""
    layer = nn.TransformerEncoderLayer(16, 2, 32, batch_first=True)
    return nn.TransformerEncoder(layer, 2)


CLEAN: dict[str, Callable[[], nn.Module]] = {
    "gpt": Gpt,
    "tied after": TiedAfter,
    "vision transformer": VisionTransformer,
    "sinusoids": Sinusoids,
    "state space": StateSpace,
    "adapter": Adapter,
    "experts": Experts,
    "old style": OldStyle,
    "lstm": Lstm,
    "target": Target,
    "zero convolutions": ZeroConvolutions,
    "scratch memory": Scratch,
    "on meta": on_meta,
    "from meta": from_meta,
    "linear": lambda: nn.Linear(16, 16),
    "encoder": encoder,
    "convolutions": lambda: nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.PReLU(8)),
    "weight norm": lambda: nn.utils.parametrizations.weight_norm(nn.Linear(8, 4)),
    "spectral norm": lambda: nn.utils.parametrizations.spectral_norm(nn.Linear(8, 4)),
    "converted": lambda: nn.Linear(64, 32).to(torch.bfloat16),
    "large": lambda: nn.Embedding(50_000, 4096, padding_idx=0),
}  # fmt: skip
"""Functions that build them, by name."""
