"""A recorded plan draws the state dict of the model that the same code builds in ``accelerate``."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import init

import fastinit
from fastinit import Constant, Identity, Normal, Orthogonal, Plan, TruncatedNormal
from fastinit.initializers.composites.composite import Composite
from fastinit.initializers.existing.stored import Stored
from fastinit.torch import accelerate, init_, materialize_, record
from fastinit.torch.memory.batch import FillBatch
from helpers.bits import check_bits
from helpers.recordings import ALL_MEMORY, NO_MEMORY, check_recording
from helpers.torch_arrays import to_numpy


def of(make: Callable[[], Any]) -> Callable[[], nn.Module]:
    """Return a function that builds a module with one parameter."""

    def build() -> nn.Module:
        module = nn.Module()
        module.w = nn.Parameter(make())
        return module

    return build


def written(shape: tuple[int, ...], *steps: Callable[[torch.Tensor], Any]) -> Any:
    """Return a tensor after steps that write to it."""
    tensor = torch.empty(shape)
    for step in steps:
        step(tensor)
    return tensor


def fused() -> Any:
    """Three matrices in one tensor, each with a bound of its own."""
    tensor = torch.empty(3 * 16, 16)
    for k in range(3):
        init.xavier_uniform_(tensor[16 * k : 16 * (k + 1)])
    return tensor


def refused(function: Callable[..., Any]) -> Callable[[torch.Tensor], Any]:
    """Return a step that calls a function of torch, which refuses to write the tensor."""

    def step(tensor: torch.Tensor) -> None:
        with pytest.raises(ValueError, match="dimensions"):
            function(tensor, *([0.5] if function is init.sparse_ else []))

    return step


def set_rows(tensor: torch.Tensor) -> None:
    """Write to views by assignment."""
    tensor[2] = 0
    tensor[:, 3:5] = 7.5
    tensor[4:6] = torch.ones(2, tensor.shape[1])


TENSORS: dict[str, Callable[[], Any]] = {
    "normal": lambda: init.normal_(torch.empty(30, 20), 1.0, 0.02),
    "truncated": lambda: init.trunc_normal_(torch.empty(50, 50), std=0.02),
    "orthogonal": lambda: init.orthogonal_(torch.empty(40, 60)),
    "sparse": lambda: init.sparse_(torch.empty(40, 30), 0.5),
    "identity": lambda: init.eye_(torch.empty(30, 20)),
    "dirac": lambda: init.dirac_(torch.empty(8, 4, 3), 2),
    "legacy constructor": lambda: init.kaiming_normal_(torch.Tensor(64, 64)),
    "the last one wins": lambda: init.normal_(init.uniform_(torch.empty(30, 20))),
    "scaled draw": lambda: torch.randn(40, 30) * 0.02,
    "shifted draw": lambda: torch.rand(40, 30) * 2 - 1,
    "number first": lambda: 0.1 - 0.5 * torch.rand(40, 30),
    "divided draw": lambda: torch.randn(40, 30) / 30**0.5,
    "reciprocal": lambda: 1.0 / (2 + torch.rand(100)),
    "negative": lambda: -torch.rand(100),
    "number in a tensor": lambda: torch.randn(40, 30) * torch.tensor(0.02),
    "in place": lambda: torch.randn(40, 30).mul_(0.5).add_(1.5).sub_(0.25).div_(3),
    "clamped": lambda: torch.randn(40, 30).clamp_(-0.5, 0.7).clamp(min=-0.25),
    "clamped at zero": lambda: torch.randn(40, 30).clamp(min=0.0).mul(-2.0),
    "sum of a draw and a fill": lambda: init.ones_(torch.empty(40)).add_(0.5),
    "fused": fused,
    "transposed fill": lambda: written((30, 40), lambda w: init.normal_(w.t())),
    "transposed draw": lambda: torch.randn(64, 10).t(),
    "permuted draw": lambda: torch.randn(6, 5, 4).permute(2, 0, 1).contiguous(),
    "column slice": lambda: written((9, 40), init.zeros_, lambda w: w[:, 3:9].normal_()),
    "assigned parts": lambda: written((9, 40), init.normal_, set_rows),
    "row of zeros in a matrix": lambda: written((9, 9), init.orthogonal_, lambda w: w[3].zero_()),
    "scaled part": lambda: written((9, 40), init.normal_, lambda w: w[2:4].mul_(0.5)),
    "batch of orthogonal": lambda: written(
        (4, 16, 16), *(lambda w, k=k: init.orthogonal_(w[k]) for k in range(4))
    ),
    "flattened kernel": lambda: written((8, 4, 3, 3), lambda w: init.normal_(w.view(8, -1))),
    "orthogonal kernel": lambda: init.orthogonal_(torch.empty(8, 4, 3, 3)),
    "another memory format": lambda: (
        torch.randn(4, 4, 3, 3)
        .to(memory_format=torch.channels_last)
        .permute(0, 2, 3, 1)
        .reshape(-1)
    ),
    "complex values": lambda: torch.polar(torch.ones(9), torch.rand(9)).add_(1),
    "complex draw": lambda: torch.empty(40, dtype=torch.complex64).normal_(),
    "complex numbers": lambda: torch.view_as_real(torch.randn(8, 8, dtype=torch.complex64).clone()),
    "the same dtype": lambda: init.normal_(torch.empty(9, 5)).to(torch.float32),
    "already contiguous": lambda: init.normal_(torch.empty(9, 5)).contiguous(),
    "a view of a fill": lambda: init.normal_(torch.empty(9, 5))[1:],
    "clone": lambda: torch.randn(40, 30).mul_(0.5).clone().add_(1),
    "copy": lambda: torch.empty(40, 30).copy_(torch.randn(40, 30)),
    "copy of a computed tensor": lambda: torch.empty(40, 3).copy_(torch.arange(120.0).view(40, 3)),
    "concatenation": lambda: torch.cat([torch.randn(4, 30), torch.zeros(2, 30)]),
    "concatenated columns": lambda: torch.cat([torch.rand(9, 30), torch.ones(9, 2)], dim=1),
    "stack": lambda: torch.stack([torch.randn(5, 7), torch.rand(5, 7)], dim=1),
    "one of a stack": lambda: torch.randn(5, 4, 60).unbind(0)[2],
    "full": lambda: torch.full((70,), -4.6),
    "zeros": lambda: torch.zeros(70),
    "negative zeros": lambda: torch.full((70,), -0.0),
    "ones like": lambda: torch.ones_like(torch.empty(70)),
    "new tensors": lambda: torch.empty(3).new_full((40, 2), 0.3),
    "halved precision": lambda: torch.randn(40, 30).bfloat16(),
    "half that looks like fresh memory": lambda: torch.full((9, 5), -0.02205, dtype=torch.float16),
    "halved uniform": lambda: torch.rand(40, 30).half(),
    "doubled precision": lambda: torch.randn(40, 30).double().mul_(0.1),
    "narrow arithmetic": lambda: torch.randn(40, 30, dtype=torch.bfloat16) * 0.02 + 0.1,
    "computed": lambda: torch.log(torch.arange(1, 17).repeat(8, 1).float()),
    "computed from a draw": lambda: torch.log(torch.expm1(torch.exp(torch.rand(64) * 2))),
    "computed in place": lambda: torch.rand(64).mul_(2).log_().mul_(-0.5).add_(3),
    "computed parts": lambda: written(
        (10, 8),
        lambda w: w[:, ::2].copy_(torch.ones(10, 4).cumsum(0)),
        lambda w: w[:, 1::2].normal_(),
    ),
    "every other": lambda: written((10, 8), init.zeros_, lambda w: w[::2].fill_(1)),
    "repeated": lambda: torch.rand(40, 1).expand(40, 30),
    "repeated constant": lambda: torch.rand(40, 1).expand(40, 30).fill_(2),
    "windows": lambda: torch.rand(40).unfold(0, 3, 1),
    "a copy of itself": lambda: (w := torch.rand(40)).copy_(w),
    "written windows": lambda: init.eye_(torch.rand(40).unfold(0, 3, 1)),
    "means that are drawn": lambda: torch.normal(torch.rand(40, 30), 1.0),
    "errors": lambda: written((9, 5, 3), init.normal_, refused(init.eye_), refused(init.sparse_)),
    "scalar": lambda: torch.tensor(3.5),
    "empty": lambda: torch.empty(0, 5),
    "generator": lambda: torch.empty(40, 30).normal_(generator=torch.Generator().manual_seed(5)),
}  # fmt: skip


@pytest.mark.parametrize("smallest_virtual", [NO_MEMORY, ALL_MEMORY])
@pytest.mark.parametrize("what", TENSORS)
def test_tensors(what: str, smallest_virtual: int) -> None:
    plan = check_recording(of(TENSORS[what]), smallest_virtual=smallest_virtual)
    assert Plan.from_dict(json.loads(json.dumps(plan.to_dict()))).to_dict() == plan.to_dict()


READABLE = {
    "normal": Normal(1.0, 0.02),
    "truncated": TruncatedNormal(std=0.02, lower=-100, upper=100),
    "orthogonal": Orthogonal(1.0),
    "identity": Identity(),
    "scaled draw": Normal(std=0.02),
    "the last one wins": Normal(),
    "full": Constant(np.float32(-4.6).item()),
    "zeros": Constant(0),
    "scalar": Constant(3.5),
}


@pytest.mark.parametrize("what", READABLE)
def test_initializers_are_those_that_a_person_would_write(what: str) -> None:
    plan = record(of(TENSORS[what]), seed=0)
    assert plan.tensor("w").initializer == READABLE[what]
    assert repr(plan.tensor("w").initializer) == repr(READABLE[what])


@pytest.mark.parametrize("what", ["fused", "assigned parts", "in place", "concatenation"])
def test_steps_are_drawn_and_not_stored(what: str) -> None:
    """They stay initializers where code never reads the values."""
    found = record(of(TENSORS[what]), seed=0).tensor("w").initializer
    assert isinstance(found, Composite)


class Block(nn.Module):
    """A block with a computed buffer, a padded embedding and a tie."""

    def __init__(self) -> None:
        super().__init__()
        self.embed = nn.Embedding(20, 8, padding_idx=1)
        layers = [nn.Linear(8, 8, bias=k == 1) for k in range(3)]
        self.layers = nn.ModuleList(layers)
        self.norm = nn.BatchNorm1d(8)
        self.head = nn.Linear(8, 20, bias=False)
        self.head.weight = self.embed.weight
        self.register_buffer("table", torch.arange(12.0).sin().view(3, 4))
        self.register_buffer("scratch", torch.ones(5), persistent=False)
        for layer in layers:
            init.normal_(layer.weight, std=0.02)
        init.normal_(self.embed.weight, std=0.02)
        with torch.no_grad():
            self.embed.weight[1].zero_()


def cloned() -> nn.Module:
    """A module whose weight is copied before it is initialized again."""
    first, second = nn.Embedding(64, 32), nn.Embedding(64, 32)
    second.weight.data = nn.Parameter(first.weight.data.clone())
    init.normal_(first.weight, std=0.02)
    return nn.ModuleList([first, second])


MODULES: dict[str, Callable[[], nn.Module]] = {
    "block": Block,
    "cloned": cloned,
    "encoder": lambda: nn.TransformerEncoder(
        nn.TransformerEncoderLayer(32, 4, 64, batch_first=True), 3
    ),
    "lstm": lambda: nn.LSTM(8, 16, 2),
    "attention": lambda: nn.MultiheadAttention(16, 4),
    "convolutions": lambda: nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.PReLU()),
    "converted": lambda: nn.Linear(64, 32).to(torch.bfloat16),
    "weight norm": lambda: nn.utils.parametrizations.weight_norm(nn.Linear(8, 4)),
    "meta, then memory": lambda: on_meta().to_empty(device="cpu").apply(reset),
}


def on_meta() -> nn.Module:
    with torch.device("meta"):
        return nn.Sequential(nn.Linear(64, 32), nn.LayerNorm(32))


def reset(module: Any) -> None:
    if hasattr(module, "reset_parameters"):
        module.reset_parameters()


@pytest.mark.parametrize("smallest_virtual", [NO_MEMORY, ALL_MEMORY])
@pytest.mark.parametrize("what", MODULES)
def test_modules(what: str, smallest_virtual: int) -> None:
    check_recording(MODULES[what], smallest_virtual=smallest_virtual)


def test_a_model_on_the_meta_device_is_recorded_as_elsewhere() -> None:
    """The code that builds it runs all the same."""
    with torch.device("meta"):
        plan = record(Block, seed=0)
    drawn = record(Block, seed=0).init()
    assert all((array == drawn[name]).all() for name, array in plan.init().items())


def test_patterns_ties_rows_and_origins() -> None:
    plan = record(Block, seed=0)
    assert plan.manifest.tied == {"head.weight": "embed.weight"}
    assert plan.tensor("embed.weight").parameter.zero_row == 1
    rules = {str(rule.pattern): rule for rule in plan.recipe.rules}
    assert rules["layers.*.weight"].initializer == Normal(std=0.02)
    origin = rules["layers.*.weight"].origin or ""
    assert origin.startswith(f"{__name__}.Block.__init__, line ")
    assert plan.find("scratch") is None
    assert isinstance(plan.tensor("table").initializer, Stored | fastinit.Initializer)
    assert "Block.__init__" in str([row["origin"] for row in plan.explain()])


def test_the_dtype_of_a_plan() -> None:
    plan = record(lambda: nn.Linear(64, 32), seed=0, dtype="bfloat16")
    expected = fastinit.uniform((32, 64), -0.125, 0.125, seed=0, name="weight", dtype="bfloat16")
    check_bits(plan.init()["weight"], expected)


def test_what_can_be_recorded() -> None:
    """A class with arguments is built with these."""
    plan = Plan.record(nn.LayerNorm, args=(4,), kwargs={"bias": False})
    assert [each.parameter.name for each in plan.tensors] == ["weight"]
    with pytest.raises(TypeError, match="build=3 is an int; pass a function that returns a module"):
        record(3)
    with pytest.raises(TypeError, match="build returned a Tensor"):
        record(lambda: torch.empty(3))


def test_seeds_and_further_roots() -> None:
    """``torch.manual_seed`` seeds what follows; later roots have their numbers in stream names."""

    def build() -> nn.Module:
        first = nn.Linear(4, 4)
        torch.manual_seed(7)
        module = nn.Sequential(nn.Linear(4, 4), nn.Linear(4, 4))
        module.other = nn.Parameter(first.weight.detach().clone())
        return module

    check_recording(build)

    def second() -> nn.Module:
        kept.append(nn.Linear(4, 4))
        return nn.Linear(4, 4)

    kept: list[nn.Module] = []
    assert check_recording(second).tensor("weight").parameter.stream is not None


def test_large_weights_have_no_memory() -> None:
    """These are 2 TB, and parts of 64 GB are written, scaled, converted and copied."""

    def build() -> nn.Module:
        module = nn.Module()
        module.a = nn.Parameter(init.normal_(torch.empty(1 << 20, 1 << 18), std=0.02))
        module.b = nn.Parameter((torch.randn(1 << 16, 1 << 18) * 0.02).to(torch.bfloat16))
        module.c = nn.Parameter(torch.zeros(1 << 16, 1 << 18))
        with torch.no_grad():
            module.c[5:7, ::1].fill_(3.0)
            module.c[9:18].copy_(module.c[:9])
        return module

    plan = record(build, seed=0)
    expected = fastinit.normal((1 << 20, 1 << 18), std=0.02, seed=0, name="a", index=np.s_[-1, :9])
    check_bits(plan.draw("a", np.s_[-1, :9]), expected)
    assert plan.draw("b", np.s_[3, :5]).dtype.name == "bfloat16"
    check_bits(plan.draw("c", np.s_[4:7, 0]), np.array([0, 3, 3], np.float32))
    check_bits(plan.draw("c", np.s_[13:17, 0]), np.array([0, 3, 3, 0], np.float32))


def test_plans_fill_modules() -> None:
    """``init_`` and ``materialize_`` take a plan in place of a recipe."""
    plan = record(Block, seed=3)
    with accelerate(3):
        expected = Block().state_dict()
    found = init_(Block(), plan).state_dict()
    assert all(torch.equal(tensor, found[name]) for name, tensor in expected.items())
    with torch.device("meta"):
        model: Any = nn.Sequential(nn.Linear(8, 4), nn.LayerNorm(4))
    plan = record(lambda: nn.Sequential(nn.Linear(8, 4), nn.LayerNorm(4)), seed=1)
    materialize_(model, plan)
    check_bits(model[0].weight.detach().numpy(), plan.init()["0.weight"])
    with pytest.raises(ValueError, match="in the module, and the plan does not have it"):
        init_(nn.Conv1d(3, 4, 2), plan)


def test_plans_are_saved_and_verified(tmp_path: Path) -> None:
    plan = record(Block, seed=3)
    plan.save(tmp_path)
    assert fastinit.verify(tmp_path).ok
    assert fastinit.load_plan(tmp_path).to_dict() == plan.to_dict()


@pytest.mark.parametrize("what", ["fused", "assigned parts", "transposed fill", "halved uniform"])
def test_parts_of_tensors_for_shards(what: str) -> None:
    """Each process draws its own part of what was recorded, as of any tensor."""
    plan = record(of(TENSORS[what]), seed=0)
    tensor = plan.tensor("w")
    whole = plan.init()["w"]
    rows, columns = whole.shape
    bounds = ((rows // 3, rows - 1), (1, columns // 2))
    part = torch.empty(
        [stop - start for start, stop in bounds], dtype=getattr(torch, tensor.dtype.name)
    )
    batch = FillBatch()
    batch.add(part, tensor.templates, tensor.stream, whole.shape, bounds)
    batch.run()
    check_bits(to_numpy(part), np.ascontiguousarray(whole[tuple(slice(*each) for each in bounds)]))
