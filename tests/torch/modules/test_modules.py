"""``init_``: all parameters of a module, in place, each by its name."""

import copy
import functools
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn
from torch.distributed.algorithms._checkpoint.checkpoint_wrapper import checkpoint_wrapper

import fastinit
from fastinit import Recipe, Rule
from fastinit.native.request import REQUEST
from fastinit.torch import init_
from helpers.bits import check_bits
from helpers.settings import process_seed
from helpers.torch_arrays import to_numpy

RULES = [("**.bias", fastinit.Constant(0)), ("**", fastinit.HeNormal())]
RULES_OF_SMALL = [("norm.weight", fastinit.Constant(1)), *RULES]


class Small(nn.Module):
    """Two linear layers, a tied output, and buffers of both kinds."""

    body: Any
    norm: Any
    own: Any

    def __init__(self, dtype: torch.dtype = torch.float32) -> None:
        super().__init__()
        self.embed = nn.Embedding(11, 8, dtype=dtype)
        self.body = nn.Sequential(nn.Linear(8, 6, dtype=dtype), nn.Linear(6, 8, dtype=dtype))
        self.norm = nn.BatchNorm1d(8, dtype=dtype)
        self.head = nn.Linear(8, 11, bias=False, dtype=dtype)
        self.head.weight = self.embed.weight
        self.register_buffer("own", torch.full((3,), 7.0))


def expected(name: str, shape: tuple[int, ...], dtype: Any, seed: int = 0) -> Any:
    """The array of the initializer."""
    return fastinit.he_normal(shape, seed=seed, name=name, dtype=dtype)


@pytest.mark.parametrize("dtype", ["float32", "float64", "bfloat16", "float16"])
def test_parameters_are_the_streams_of_their_names(dtype: str) -> None:
    """The bits agree in every dtype; ties and requires_grad stay."""
    module = Small(getattr(torch, dtype))
    assert init_(module, RULES_OF_SMALL, 5) is module
    for name, parameter in module.named_parameters():
        if not name.startswith("norm") and not name.endswith("bias"):
            check_bits(to_numpy(parameter), expected(name, tuple(parameter.shape), dtype, 5), name)
        assert parameter.requires_grad
        assert parameter.grad is None
    assert not module.body[0].bias.any()
    assert module.head.weight is module.embed.weight


def test_one_native_call_draws_ties_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """One list of requests has every element of the model once."""
    from fastinit.native import cpu

    calls = []
    fill = cpu.fill

    def counted(requests: bytes, threads: int) -> None:
        calls.append(np.frombuffer(requests, REQUEST))
        fill(requests, threads)

    monkeypatch.setattr(cpu, "fill", counted)
    module = Small()
    init_(module, RULES_OF_SMALL, 0)
    (requests,) = calls
    drawn = sum(each.numel() for each in module.parameters())
    statistics = 8 + 8 + 1
    assert int(requests["count"].sum()) == drawn + statistics


def test_two_parameters_over_one_memory_are_tied() -> None:
    """torch's distribute_module makes such parameters: the first name decides."""
    module: Any = nn.Sequential(nn.Embedding(11, 8), nn.Linear(8, 11, bias=False))
    module[1].weight = nn.Parameter(module[0].weight.data)
    init_(module, RULES, 0)
    check_bits(to_numpy(module[1].weight), expected("0.weight", (11, 8), "float32"))


def test_other_layers_change_nothing() -> None:
    """A parameter depends on its name alone."""
    alone, among = nn.Linear(8, 6), Small()
    init_(among, RULES_OF_SMALL, 0)
    init_(nn.ModuleDict({"body": nn.Sequential(alone)}), RULES_OF_SMALL, 0)
    assert torch.equal(alone.weight, among.body[0].weight)


def test_recipes_of_every_kind_agree(tmp_path: Path) -> None:
    """A recipe may be pairs, rules, a recipe, or its file."""
    rules = tuple(Rule(*each) for each in RULES_OF_SMALL)
    recipe = Recipe("small", "a test", rules)
    path = tmp_path / "small.json"
    path.write_text(recipe.to_json())
    first, *others = (
        init_(Small(), given, 0) for given in (RULES_OF_SMALL, rules, recipe, path, str(path))
    )
    for other in others:
        for mine, theirs in zip(first.parameters(), other.parameters(), strict=True):
            assert torch.equal(mine, theirs)


def test_a_recipe_does_not_change_dtypes() -> None:
    """The module has its own."""
    recipe = Recipe("wide", "a test", tuple(Rule(*r) for r in RULES_OF_SMALL), dtype="float64")
    assert init_(Small(), recipe, 0).state_dict()["embed.weight"].dtype == torch.float32


def test_without_a_recipe_the_default_one_serves() -> None:
    """Weights are N(0, 0.02)."""
    module: Any = init_(nn.Linear(64, 64), seed=0)
    check_bits(to_numpy(module.weight), fastinit.normal((64, 64), std=0.02, seed=0, name="weight"))


def test_without_a_seed_the_process_wide_one_serves() -> None:
    with process_seed(3):
        module: Any = init_(nn.Linear(8, 6), RULES)
    check_bits(to_numpy(module.weight), expected("weight", (6, 8), "float32", 3))


def test_buffers() -> None:
    """Statistics are reset; buffers that only the module knows stay."""
    module = Small()
    for name, buffer in module.norm.named_buffers():
        buffer.fill_(5)
        assert name in ("running_mean", "running_var", "num_batches_tracked")
    init_(module, RULES_OF_SMALL, 0)
    assert not module.norm.running_mean.any()
    assert (module.norm.running_var == 1).all()
    assert module.norm.num_batches_tracked == 0
    assert (module.own == 7).all()


def test_only_what_is_wanted() -> None:
    """A pattern chooses, the rest stays."""
    module = Small()
    before = copy.deepcopy(module)
    init_(module, RULES_OF_SMALL, 0, only="body.0.*")
    for (name, now), then in zip(module.named_parameters(), before.parameters(), strict=True):
        assert torch.equal(now, then) != name.startswith("body.0."), name


def test_versions_are_counted() -> None:
    """Autograd notices that a saved tensor was overwritten."""
    module = nn.Linear(4, 4)
    loss = module.weight.square().sum()
    init_(module, RULES, 0)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        loss.backward()  # type: ignore[no-untyped-call]


def test_memory_formats() -> None:
    """Channels last changes where values lie, not which they are."""
    plain = nn.Conv2d(8, 16, 3)
    last = nn.Conv2d(8, 16, 3).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    assert not last.weight.is_contiguous()
    init_(plain, RULES, 0)
    init_(last, RULES, 0)
    assert torch.equal(plain.weight, last.weight)
    assert last.weight.is_contiguous(memory_format=torch.channels_last)


def test_wrappers_do_not_change_names() -> None:
    """The wrappers are torch.compile and activation checkpointing, outside and inside."""
    plain = init_(nn.Sequential(nn.Linear(8, 6), nn.Linear(6, 8)), RULES, 0)
    compiled: Any = functools.partial(torch.compile, backend="eager")
    wrapped = nn.Sequential(checkpoint_wrapper(nn.Linear(8, 6)), compiled(nn.Linear(6, 8)))
    init_(compiled(wrapped), RULES, 0)
    for mine, theirs in zip(plain.parameters(), wrapped.parameters(), strict=True):
        assert torch.equal(mine, theirs)


ERRORS = [
    ([("**.weight", fastinit.HeNormal())], ValueError, r"matches .*body\.0\.bias"),
    ([("**", fastinit.HeNormal())], ValueError, r"body\.0\.bias.*shape \(6,\)"),
    ("no such recipe", FileNotFoundError, "neither a built-in recipe nor a file"),
    (3, TypeError, "recipe is an int; pass a Recipe"),
    ([], ValueError, "recipe is an empty list; pass a Recipe"),
    ([fastinit.Normal()], TypeError, r"is not a rule; pass a Rule, or \(pattern, initializer\)"),
    ([("**", 3)], TypeError, "is not an Initializer"),
]


@pytest.mark.parametrize(("given", "kind", "message"), ERRORS)
def test_errors_come_before_anything_is_drawn(
    given: Any, kind: type[Exception], message: str
) -> None:
    """Rules are missing, do not fit, or are not rules."""
    module = Small()
    before = copy.deepcopy(module)
    with pytest.raises(kind, match=message):
        init_(module, given, 0)
    for now, then in zip(module.parameters(), before.parameters(), strict=True):
        assert torch.equal(now, then)


def test_what_is_no_module() -> None:
    with pytest.raises(TypeError, match=r"module is a Tensor; pass a torch\.nn\.Module"):
        init_(torch.ones(3), RULES, 0)  # type: ignore[arg-type]


def test_a_meta_module() -> None:
    """The error says what to call."""
    with pytest.raises(ValueError, match=r"'weight' is on the meta device .*materialize_"):
        init_(nn.Linear(3, 3, device="meta"), RULES, 0)


def test_a_seed_out_of_range() -> None:
    with pytest.raises(ValueError, match=r"seed=-1 is out of range"):
        init_(nn.Linear(3, 3), RULES, -1)


def test_nothing_matches_only() -> None:
    """A misspelled name would otherwise go unnoticed."""
    with pytest.raises(ValueError, match=r"nope"):
        init_(nn.Linear(3, 3), RULES, 0, only="nope")


def test_a_zero_row_beyond_the_first_run() -> None:
    """The rows of a tensor whose memory has gaps are runs of their own."""
    module = nn.Embedding(6, 100, padding_idx=3)
    memory = torch.full((6, 130), 7.0)
    module.weight = nn.Parameter(memory[:, :100])
    init_(module, [("**", fastinit.Normal())], seed=0)
    expected = fastinit.normal((6, 100), seed=0, name="weight")
    expected[3] = 0
    check_bits(module.weight.detach().numpy().copy(), expected)
    assert bool((memory[:, 100:] == 7).all())


def test_values_without_a_result_leave_a_model_as_it_is() -> None:
    """The second layer has no logarithms, and the first is not drawn before that is known."""
    model = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.Linear(4, 4))
    before = [each.detach().clone() for each in model.parameters()]
    rules = {"0.*": fastinit.Normal(), "1.*": fastinit.Mapped(fastinit.Normal(), "log")}
    with pytest.raises(ValueError, match="has no finite value"):
        fastinit.torch.init_(model, rules, seed=0)
    for old, new in zip(before, model.parameters(), strict=True):
        assert torch.equal(old, new)
