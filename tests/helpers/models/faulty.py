"""Models with one fault each in their initialization, and what an audit must say of it."""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, ClassVar

import torch
from torch import nn
from torch.nn import init

from fastinit.torch import record


@dataclass(frozen=True)
class Fault:
    """A fault, and the one finding that it must give.

    Attributes:
        build: The function that builds the model.
        name: The tensor.
        verdict: What the audit says.
        code: The function whose line is to blame, or "" where nothing wrote.
        options: Further arguments of ``audit``.
    """

    build: Callable[[], nn.Module]
    name: str
    verdict: str
    code: str
    options: dict[str, Any] = field(default_factory=dict)


class Base(nn.Module):
    """Two layers that are initialized as they should be."""

    def __init__(self) -> None:
        super().__init__()
        layers = [nn.Linear(16, 16) for _ in range(3)]
        self.layers = nn.ModuleList(layers)
        for layer in layers:
            init.normal_(layer.weight, std=0.02)


class Unwritten(Base):
    def __init__(self) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.empty(16, 16))


class OldConstructor(Base):
    def __init__(self) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.Tensor(16, 16))


class PartlyWritten(Base):
    def __init__(self) -> None:
        super().__init__()
        self.fused = nn.Parameter(torch.empty(48, 16))
        for part in range(2):
            init.xavier_uniform_(self.fused[16 * part : 16 * (part + 1)])


class PartlyWrittenLarge(Base):
    def __init__(self) -> None:
        super().__init__()
        self.fused = nn.Parameter(torch.empty(192, 64))
        init.xavier_uniform_(self.fused[:128])


class FirstRankOnly(Base):
    def __init__(self) -> None:
        super().__init__()
        self.table = nn.Parameter(torch.empty(16, 16))
        if int(os.environ.get("RANK", "0")) == 0:
            init.normal_(self.table)


class FirstInGroupOnly(Base):
    def __init__(self) -> None:
        super().__init__()
        distributed = torch.distributed
        self.table = nn.Parameter(torch.zeros(16, 16))
        if not distributed.is_initialized() or distributed.get_rank() == 0:
            init.normal_(self.table)


class ReplacedData(Base):
    def __init__(self) -> None:
        super().__init__()
        self.gate = nn.Linear(16, 16)
        init.orthogonal_(self.gate.weight)
        self.gate.weight.data = torch.zeros(16, 16)


class InitializedBeforeTie(Base):
    def __init__(self) -> None:
        super().__init__()
        self.embed = nn.Embedding(32, 16)
        self.head = nn.Linear(16, 32, bias=False)
        init.normal_(self.embed.weight, std=0.02)
        self.embed.weight = self.head.weight


class BufferOnMeta(Base):
    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("mask", torch.ones(16, device="meta"))


class HalvedWhereUnseen(Base):
    def __init__(self) -> None:
        super().__init__()
        self.embed = nn.Embedding(64, 16)
        init.normal_(self.embed.weight, std=0.02)
        array = self.embed.weight.detach().numpy()
        array /= 2**0.5


class MissingGain(Base):
    def __init__(self) -> None:
        super().__init__()
        self.up = nn.Linear(64, 64)
        init.kaiming_normal_(self.up.weight, nonlinearity="linear")


class RightGain(Base):
    def __init__(self) -> None:
        super().__init__()
        self.up = nn.Linear(64, 64)
        init.kaiming_normal_(self.up.weight, nonlinearity="relu")


class ReadTooEarly(Base):
    def __init__(self) -> None:
        super().__init__()
        weight = torch.empty(64, 16)
        weight.div_(weight.norm())
        self.weight = nn.Parameter(weight)
        init.normal_(self.weight)


class Counted(Base):
    built: ClassVar[Any] = itertools.count(1)

    def __init__(self) -> None:
        super().__init__()
        self.out = nn.Linear(16, 16)
        init.normal_(self.out.weight, std=0.02 / next(Counted.built) ** 0.5)


class ForgottenLayer(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.experts = nn.ParameterList(torch.zeros(16, 16) for _ in range(3))
        for expert in list(self.experts)[:2]:
            init.normal_(expert, std=0.02)


class EqualUnits(Base):
    def __init__(self) -> None:
        super().__init__()
        self.out = nn.Linear(16, 16)
        init.constant_(self.out.weight, 0.1)


class Infinite(Base):
    def __init__(self) -> None:
        super().__init__()
        self.decay = nn.Parameter(torch.log(torch.arange(8.0)))


class DoublePrecision(Base):
    def __init__(self) -> None:
        super().__init__()
        self.steps = nn.Parameter(torch.linspace(0, 1, 8, dtype=torch.float64))


FAULTS = {
    "never written": Fault(Unwritten, "scale", "never written", ""),
    "old constructor": Fault(OldConstructor, "scale", "never written", ""),
    "partly written": Fault(PartlyWritten, "fused", "partly never written", "PartlyWritten"),
    "partly written, large": Fault(
        PartlyWrittenLarge, "fused", "partly never written", "PartlyWrittenLarge"
    ),
    "rank 0 only": Fault(FirstRankOnly, "table", "depends on rank", "FirstRankOnly"),
    "rank 0 of the group": Fault(FirstInGroupOnly, "table", "depends on rank", "FirstInGroupOnly"),
    "data replaced": Fault(ReplacedData, "gate.weight", "initialization lost", "ReplacedData"),
    "initialized before the tie": Fault(
        InitializedBeforeTie, "embed.weight", "initialization lost", "InitializedBeforeTie"
    ),
    "on meta": Fault(BufferOnMeta, "mask", "device", "BufferOnMeta"),
    "std where unseen": Fault(HalvedWhereUnseen, "embed.weight", "std", "HalvedWhereUnseen"),
    "std of a plan": Fault(
        MissingGain, "up.weight", "std", "MissingGain", {"expected": record(RightGain, seed=0)}
    ),
    "read too early": Fault(ReadTooEarly, "weight", "read before written", "ReadTooEarly"),
    "counted": Fault(Counted, "out.weight", "depends on construction order", "Counted"),
    "forgotten layer": Fault(ForgottenLayer, "experts.2", "constant", "ForgottenLayer"),
    "equal units": Fault(EqualUnits, "out.weight", "constant", "EqualUnits"),
    "infinite": Fault(Infinite, "decay", "not finite", "Infinite"),
    "double precision": Fault(DoublePrecision, "steps", "dtype", "DoublePrecision"),
}  # fmt: skip
