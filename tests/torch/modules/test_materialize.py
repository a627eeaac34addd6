"""``materialize_``: from the meta device straight to initialized memory."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
import transformers
from torch import nn

import fastinit
from fastinit.torch import init_, materialize_

RULES = [("**.bias", fastinit.Constant(0)), ("**norm*", fastinit.Constant(1)),
         ("**", fastinit.Normal(std=0.02))]  # fmt: skip


class Rotary(nn.Module):
    """Buffers that only the module can compute, with the methods of several libraries."""

    frequencies: torch.Tensor

    def __init__(self, method: str, persistent: bool = False) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.ones(4))
        self.register_buffer("frequencies", self.frequencies_of(4), persistent=persistent)
        self.table = torch.arange(4.0)
        if method:
            setattr(self, method, self.compute)

    @staticmethod
    def frequencies_of(size: int) -> torch.Tensor:
        return 10.0 ** -torch.arange(float(size))

    def compute(self) -> None:
        """Compute both tensors, and a parameter, which does not count."""
        self.frequencies.copy_(self.frequencies_of(4))  # in place
        self.table = torch.arange(4.0)  # by another tensor
        nn.init.normal_(self.scale)


def built(make: Any, *args: Any) -> tuple[Any, Any]:
    """The same module, with and without memory."""
    with torch.device("meta"):
        meta = make(*args)
    return make(*args), meta


def check_equal(one: nn.Module, other: nn.Module) -> None:
    """Fail unless all parameters and buffers agree, saved or not, under all names."""
    for kind in ("named_parameters", "named_buffers"):
        mine, theirs = (dict(getattr(each, kind)(remove_duplicate=False)) for each in (one, other))
        assert mine.keys() == theirs.keys()
        for name, tensor in mine.items():
            assert tensor.dtype == theirs[name].dtype, name
            assert torch.equal(tensor, theirs[name]), name


@pytest.mark.parametrize(
    "method", ["reset_buffers", "init_non_persistent_buffers", "rope_init", "reset_parameters"]
)
@pytest.mark.parametrize("persistent", [True, False])
def test_modules_compute_their_buffers(method: str, persistent: bool) -> None:
    """They do so in place or by a new tensor; torch's generator does not move."""
    made, meta = built(lambda: nn.Sequential(nn.Linear(4, 4), Rotary(method, persistent)))
    state = torch.get_rng_state()
    returned: Any = materialize_(meta, RULES, 0)
    assert returned is meta
    assert torch.equal(torch.get_rng_state(), state)
    check_equal(init_(made, RULES, 0), meta)
    assert torch.equal(returned[1].table, torch.arange(4.0))


@pytest.mark.parametrize("method", ["", "reset_nothing"])
def test_buffers_that_nobody_computes(method: str) -> None:
    """They are listed before anything is done."""
    _, meta = built(lambda: nn.ModuleDict({"rotary": Rotary(method), "norm": nn.BatchNorm1d(4)}))
    with pytest.raises(
        ValueError, match=r"no module computes the buffers rotary\.frequencies, rotary\.table; give"
    ):
        materialize_(meta, RULES, 0)
    check_on_meta(meta)


def check_on_meta(module: nn.Module) -> None:
    """Fail unless nothing has memory."""
    assert all(tensor.is_meta for tensor in module.parameters())
    assert all(tensor.is_meta for tensor in module.buffers())


class Forgetful(Rotary):
    """A module that computes one of its two tensors."""

    def reset_buffers(self) -> None:
        """Compute the table alone."""
        self.table = torch.arange(4.0)


def test_an_error_leaves_the_module_as_it_was() -> None:
    """A method forgets a buffer: every object is restored, and a new attempt works."""
    _, meta = built(Forgetful, "")
    before = {**vars(meta), **meta._parameters, **meta._buffers}
    with pytest.raises(ValueError, match="no module computes the buffers frequencies;"):
        materialize_(meta, RULES, 0)
    check_on_meta(meta)
    assert meta.table.is_meta
    for name, value in before.items():
        assert getattr(meta, name) is value, name
    meta.frequencies = torch.ones(4)
    materialize_(meta, RULES, 0)
    assert torch.equal(meta.table, torch.arange(4.0))


def test_parameters_stay_the_same_objects() -> None:
    """Ties, attributes, requires_grad and an existing optimizer survive."""
    with torch.device("meta"):
        model: Any = nn.ModuleDict({"embed": nn.Embedding(11, 4), "head": nn.Linear(4, 11)})
        model.head.weight = model.embed.weight
    model.embed.weight.mark = "mine"
    model.head.bias.requires_grad_(False)
    before = dict(model.named_parameters(remove_duplicate=False))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.5)
    materialize_(model, RULES, 0)
    for name, parameter in model.named_parameters(remove_duplicate=False):
        assert parameter is before[name], name
        assert isinstance(parameter, nn.Parameter)
    assert model.head.weight is model.embed.weight
    assert model.embed.weight.mark == "mine"
    assert not model.head.bias.requires_grad
    then = model.embed.weight.detach().clone()
    model.head(model.embed(torch.tensor([1]))).sum().backward()
    optimizer.step()
    assert not torch.equal(model.embed.weight, then)


def test_what_has_memory_is_left_alone() -> None:
    """A loaded part of a model stays as it was loaded."""
    made, meta = built(lambda: nn.Sequential(nn.Linear(4, 4), nn.Linear(4, 4)))
    loaded = torch.empty(4, 4).fill_(3.0)
    meta[0].weight = nn.Parameter(loaded)
    materialize_(meta, RULES, 0)
    init_(made, RULES, 0)
    assert (meta[0].weight == 3).all()
    assert torch.equal(meta[1].weight, made[1].weight)


def test_nothing_on_the_meta_device() -> None:
    """This is a mistake, and the error says what to call."""
    with pytest.raises(ValueError, match="nothing in the module is on the meta device"):
        materialize_(nn.Linear(3, 3), RULES, 0)


def test_the_meta_device_has_no_memory() -> None:
    """It is refused as a destination."""
    meta = nn.Linear(3, 3, device="meta")
    with pytest.raises(ValueError, match="device='meta' has no memory"):
        materialize_(meta, RULES, 0, device="meta")
    check_on_meta(meta)


def test_a_parameter_without_a_rule() -> None:
    """It is named, and nothing gets memory."""
    meta = nn.Linear(3, 3, device="meta")
    with pytest.raises(ValueError, match="matches bias"):
        materialize_(meta, [("weight", fastinit.Normal())], 0)
    check_on_meta(meta)


CONFIGS = {
    "llama": transformers.LlamaConfig(
        hidden_size=64, intermediate_size=96, num_hidden_layers=2, num_attention_heads=4,
        num_key_value_heads=2, vocab_size=100, bos_token_id=0, eos_token_id=1,
        tie_word_embeddings=True,
    ),
    "bert": transformers.BertConfig(
        hidden_size=64, num_hidden_layers=2, num_attention_heads=4, intermediate_size=96,
        vocab_size=100,
    ),
    "swin": transformers.SwinConfig(embed_dim=16, depths=[1, 1], num_heads=[1, 2]),
}  # fmt: skip


@pytest.mark.parametrize("name", CONFIGS)
def test_models_of_transformers(name: str) -> None:
    """Rotary frequencies, positions and index tables are those of a model that was built."""
    make = transformers.AutoModelForCausalLM if name == "llama" else transformers.AutoModel
    made, meta = built(make.from_config, CONFIGS[name])
    assert any(True for _ in meta.buffers())
    materialize_(meta, "default", 0)
    check_equal(init_(made, "default", 0), meta)
    left = [value for module in meta.modules() for value in vars(module).values()]
    assert not any(isinstance(value, torch.Tensor) and value.is_meta for value in left)


class Legacy(nn.Module):
    """A parameter from a constructor that takes no notice of the meta device."""

    def __init__(self, make: Callable[[], torch.Tensor]) -> None:
        super().__init__()
        self.q = nn.Parameter(make())
        self.out = nn.Linear(4, 4)


@pytest.mark.parametrize(
    "make",
    [
        lambda: torch.FloatTensor(4, 4),
        lambda: torch.Tensor(4, 4),
        lambda: torch.DoubleTensor(4, 4),
        lambda: torch.empty(4, 4, device="cpu"),
        lambda: torch.full((4, 4), math.nan, device="cpu").mul_(1),
    ],
)
def test_constructors_that_ignore_the_meta_device(make: Callable[[], torch.Tensor]) -> None:
    """A warning names what they leave uninitialized; ``init_`` draws it."""
    with torch.device("meta"):
        model = nn.ModuleDict({"attention": Legacy(make)})
    with pytest.warns(UserWarning, match=r"^attention\.q were not on the meta device.*init_"):
        materialize_(model, RULES, 0)
    init_(model, RULES, 0, only="attention.q")
    weight: Any = model.get_parameter("attention.q")
    dtype = str(weight.dtype).removeprefix("torch.")
    expected = fastinit.normal((4, 4), std=0.02, seed=0, name="attention.q", dtype=dtype)
    assert np.array_equal(weight.detach().numpy(), expected)


@pytest.mark.parametrize("lazy", [nn.LazyLinear(4), nn.LazyConv2d(4, 3), nn.LazyBatchNorm1d()])
@pytest.mark.parametrize("initialize", [init_, materialize_])
def test_lazy_parameters(lazy: nn.Module, initialize: Callable[..., Any]) -> None:
    """They have no shape, and the error says which and what to do."""
    model: Any = nn.Sequential(nn.Linear(4, 4), lazy)
    before = model[0].weight.detach().clone()
    with pytest.raises(ValueError, match=r"shapes of '1\.weight'.* are not known yet; call"):
        initialize(model, RULES, 0)
    assert torch.equal(model[0].weight, before)


@pytest.mark.parametrize("wrap", [lambda m: m, nn.Sequential])
@pytest.mark.parametrize("make", [torch.jit.script, lambda m: torch.jit.trace(m, torch.ones(1, 4))])  # type: ignore[no-untyped-call]
@pytest.mark.parametrize("initialize", [init_, materialize_])
@pytest.mark.filterwarnings("ignore:.*torch.jit.*:DeprecationWarning")
@pytest.mark.filterwarnings("ignore:.*torch.jit.*:FutureWarning")
def test_script_modules(wrap: Any, make: Any, initialize: Callable[..., Any]) -> None:
    with pytest.raises(ValueError, match="is a ScriptModule; initialize the module that it was"):
        initialize(wrap(make(nn.Linear(4, 4))), RULES, 0)


@pytest.mark.parametrize("kind", [nn.LSTM, nn.GRU, nn.RNN])
def test_recurrent_layers(kind: Any) -> None:
    """They have weak references to their weights, which torch does not swap."""
    made, meta = built(lambda: nn.Sequential(kind(4, 4, 2)))
    materialize_(meta, [("**", fastinit.Normal(std=0.02))], 0)
    init_(made, [("**", fastinit.Normal(std=0.02))], 0)
    check_equal(made, meta)
    steps = torch.ones(3, 1, 4)
    assert torch.equal(made[0](steps)[0], meta[0](steps)[0])
    assert all(ref() is weight for ref, weight in zip(
        meta[0]._flat_weight_refs, meta[0]._flat_weights, strict=True))  # fmt: skip
