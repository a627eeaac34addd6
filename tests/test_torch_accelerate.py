"""fastinit.torch.accelerate: what a model's code initializes, drawn at the end, by name."""

import copy
import gc
import threading
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import init
from torch.nn.init import dirac_, eye_, orthogonal_, trunc_normal_

import fastinit
from fastinit.torch import accelerate
from fastinit.torch.drawing import local
from support import check_bits, child

NAMES = ("trunc_normal_", "_no_grad_trunc_normal_", "eye_", "dirac_", "orthogonal_", "sparse_")


def check(tensor: torch.Tensor, expected: Any) -> None:
    """Fail unless a tensor has the bits of an array."""
    check_bits(tensor.detach().numpy(), expected)


def normal(tensor: torch.Tensor, name: str | int, std: float = 1.0, seed: int = 0) -> Any:
    """What a tensor of a name holds, if it is normal."""
    return fastinit.normal(tuple(tensor.shape), std=std, seed=seed, name=name)


class Block(nn.Module):
    """Two layers, the first initialized a second time."""

    def __init__(self) -> None:
        """As models do it."""
        super().__init__()
        self.inner = nn.Linear(8, 6)
        self.norm = nn.LayerNorm(6)
        init.normal_(self.inner.weight, std=0.02)
        init.zeros_(self.inner.bias)


# ---- which numbers ------------------------------------------------------------------------------


def test_names() -> None:
    """A parameter is the stream of its qualified name; what is overwritten is not drawn."""
    with accelerate(seed=3) as context:
        model = nn.Sequential(Block(), Block())
    for k in range(2):
        block = model[k]
        check(block.inner.weight, normal(block.inner.weight, f"{k}.inner.weight", 0.02, seed=3))
        assert not bool(block.inner.bias.any())
        assert bool((block.norm.weight == 1).all())
    assert (context.taken, context.made, context.elements) == (6, 2, 96)
    assert repr(context) == "accelerate(seed=3, taken=6, made=2, elements=96, left={})"


def test_further_roots() -> None:
    """Their names have their number before them, which no name in a tree can begin with."""
    with accelerate(seed=0):
        first, loss, second = Block(), nn.MSELoss(), nn.Sequential(Block())
        third = nn.Sequential(Block())
    assert isinstance(loss, nn.MSELoss)
    check(first.inner.weight, normal(first.inner.weight, "inner.weight", 0.02))
    check(second[0].inner.weight, normal(first.inner.weight, "1..0.inner.weight", 0.02))
    check(third[0].inner.weight, normal(first.inner.weight, "2..0.inner.weight", 0.02))


def test_a_root_is_what_is_left_in_the_end() -> None:
    """Modules that are built alone and put into another later are named in it."""
    with accelerate(seed=0):
        inner = Block()
        outer = nn.ModuleDict({"a": inner})
    check(inner.inner.weight, normal(inner.inner.weight, "a.inner.weight", 0.02))
    assert outer["a"] is inner


def test_repeats() -> None:
    """The same code with the same seed; another seed; none."""

    def built(seed: int | None) -> torch.Tensor:
        with accelerate(seed):
            return nn.Linear(8, 8).weight.detach()

    assert torch.equal(built(1), built(1))
    assert not torch.equal(built(1), built(2))
    fastinit.seed(5)
    weight = built(None)
    fastinit.seed(None)
    assert torch.equal(weight, built(5))


def test_without_a_module() -> None:
    """Tensors that are no parameters draw from numbered streams, and so differ."""
    with accelerate(seed=0):
        tensors = [init.normal_(torch.empty(5, 5)) for _ in range(2)]
    for number, tensor in enumerate(tensors, 1):
        check(tensor, normal(tensor, number))


def test_tied() -> None:
    """One memory is drawn once, by its first name."""
    with accelerate(seed=0) as context:
        model = nn.ModuleDict({"a": nn.Embedding(9, 4), "b": nn.Linear(4, 9, bias=False)})
        model["b"].weight = model["a"].weight
    check(model["b"].weight, normal(model["a"].weight, "a.weight"))
    assert context.made == 1


def test_buffers() -> None:
    """They have names too."""
    with accelerate(seed=0):
        module = nn.Module()
        module.register_buffer("noise", torch.empty(6, 6).normal_())
    check(module.noise, normal(module.noise, "noise"))


def test_explicit_numbers() -> None:
    """``seed=`` and ``generator=`` are kept to."""
    with accelerate(seed=0):
        first = fastinit.torch.normal_(torch.empty(5), seed=7, name="w")
        second = init.normal_(torch.empty(5), generator=torch.Generator().manual_seed(1))
        third = init.normal_(torch.empty(5), generator=torch.Generator().manual_seed(1))
    check(first, normal(first, "w", seed=7))
    assert torch.equal(second, third)


def test_torchs_generator_is_left_alone() -> None:
    """Its state is as before."""
    state = torch.get_rng_state()
    with accelerate(seed=0):
        nn.Transformer(8, 2, 1, 1, 8, batch_first=True)
        orthogonal_(torch.empty(4, 4))
        torch.randn(3), torch.rand(3)
    assert torch.equal(torch.get_rng_state(), state)


# ---- pending, and drawn in time -----------------------------------------------------------------


def test_nothing_is_drawn_before_the_end() -> None:
    """Metadata, views and constants beside it do not need the values."""
    with accelerate(seed=0) as context:
        w = nn.Parameter(torch.full((4, 6), 7.0))
        init.normal_(w)
        assert w.shape == (4, 6)
        _ = w.device, w.numel(), w.is_contiguous(), w.requires_grad, w.data, w.T, w[0], w.view(-1)
        _ = torch.zeros_like(w), w.new_empty(3), len(w)
        assert context.made == 0
    assert context.made == 1
    check(w, normal(w, 1))


@pytest.mark.parametrize(
    "read",
    [
        lambda w: w.clone(),
        lambda w: w.data.numpy().copy(),
        lambda w: torch.cat([w[:2], w[2:]]),
        lambda w: torch.stack(list(w)),
        lambda w: w.detach().to(torch.float64).float(),
        lambda w: w[torch.arange(4)],
        lambda w: w.reshape(6, 4).reshape(4, 6).contiguous() + 0,
        lambda w: copy.deepcopy(w),
        lambda w: torch.tensor(w.tolist()),
    ],
)
def test_reads_see_the_values(read: Callable[[torch.Tensor], Any]) -> None:
    """Whatever reads, through whatever alias."""
    with accelerate(seed=0) as context:
        w = init.normal_(torch.full((4, 6), 7.0))
        seen = torch.as_tensor(read(w))
        assert context.made == 1
    check(seen, normal(w, 1))
    check(w, normal(w, 1))


@pytest.mark.parametrize(
    ("edit", "expected"),
    [
        (lambda w: w[1].zero_(), lambda x: np.where(np.arange(4)[:, None] == 1, 0, x)),
        (lambda w: init.zeros_(w[1]), lambda x: np.where(np.arange(4)[:, None] == 1, 0, x)),
        (lambda w: w.data[:, 2:4].fill_(3), lambda x: np.where(np.arange(6) // 2 == 1, 3, x)),
        (lambda w: w.mul_(2), lambda x: x * 2),
        (lambda w: w.__setitem__((0, 0), 9.0), lambda x: np.where(np.arange(24) == 0, 9, x.flat)),
        (lambda w: w.fill_(2), lambda x: np.full_like(x, 2)),
        (lambda w: w.view(-1).zero_(), lambda x: np.zeros_like(x)),
        (lambda w: w.t().fill_(1), lambda x: np.ones_like(x)),
    ],
)
def test_edits_in_order(edit: Callable[[Any], Any], expected: Callable[[Any], Any]) -> None:
    """What is written after a fill is there in the end."""
    with accelerate(seed=0), torch.no_grad():
        w = init.normal_(torch.empty(4, 6))
        edit(w)
    check(w, expected(normal(w, 1)).reshape(4, 6).astype(np.float32))


def test_draws_over_draws_in_order() -> None:
    """A part is drawn over the whole, and the whole over a part."""
    with accelerate(seed=0) as context:
        w = init.normal_(torch.empty(4, 600))
        init.uniform_(w[1:3])
        v = torch.zeros(4, 600)
        init.uniform_(v[1:3])
        init.normal_(v)
    assert context.made == 3
    expected = normal(w, 1)
    expected[1:3] = fastinit.uniform((2, 600), seed=0, name=2)
    check(w, expected)
    check(v, normal(v, 4))


def test_padding() -> None:
    """An embedding's padding row is zero, and its other rows are those of its name."""
    with accelerate(seed=0) as context:
        model = nn.Embedding(9, 4, padding_idx=2)
        init.normal_(model.weight, std=0.02)
        with torch.no_grad():
            model.weight[2].fill_(0)
    expected = normal(model.weight, "weight", 0.02)
    expected[2] = 0
    check(model.weight, expected)
    assert context.made == 2


def test_drawn_on_an_exception() -> None:
    """The error passes, and all that was asked for is there."""
    w = torch.full((4, 4), 7.0)

    def fail() -> None:
        with accelerate(seed=0):
            init.normal_(w)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    check(w, normal(w, 1))


def test_what_dies_is_not_drawn() -> None:
    """Nor is its memory kept."""
    with accelerate(seed=0) as context:
        model = nn.Linear(8, 8)
        del model
        gc.collect()
        assert not local.pending
    assert (context.taken, context.made) == (2, 0)


@pytest.mark.parametrize("convert", [lambda m: m.double(), lambda m: m.to(torch.bfloat16)])
def test_converted_inside(convert: Callable[[nn.Module], nn.Module]) -> None:
    """Once a model stands, a read of its parameters draws them by name."""
    with accelerate(seed=0):
        model = convert(nn.Sequential(Block()))
        rest = Block()
    weight = model.state_dict()["0.inner.weight"]
    expected = torch.from_numpy(normal(weight, "0.inner.weight", 0.02)).to(weight.dtype)
    assert torch.equal(weight, expected)
    check(rest.inner.weight, normal(rest.inner.weight, "1..inner.weight", 0.02))


def test_read_while_it_is_built() -> None:
    """Its name is not known yet, so a number names it; equal layers differ."""

    class Scaled(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.weight = nn.Parameter(torch.empty(5, 5))
            init.normal_(self.weight)
            self.scale = self.weight.detach().abs().max().item()

    with accelerate(seed=0):
        model = nn.Sequential(Scaled(), Scaled())
    check(model[0].weight, normal(model[0].weight, 1))
    check(model[1].weight, normal(model[1].weight, 2))
    assert model[0].scale == model[0].weight.detach().abs().max().item()


def test_copied_layers() -> None:
    """Copies of a layer are named where they are, once they are initialized again."""
    with accelerate(seed=0):
        model = nn.TransformerEncoder(nn.TransformerEncoderLayer(8, 2, 16, batch_first=True), 2)
        for p in model.parameters():
            init.normal_(p)
    for name in ("layers.1.linear1.weight", "layers.0.self_attn.in_proj_weight"):
        weight = model.get_parameter(name)
        check(weight, normal(weight, name))


def test_inside_a_module() -> None:
    """A context in a constructor names by what is built in it."""

    class Model(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            with accelerate(seed=0):
                self.body = Block()

    model = Model()
    check(model.body.inner.weight, normal(model.body.inner.weight, "inner.weight", 0.02))


# ---- nesting, threads, and what is put back -----------------------------------------------------


def test_nested() -> None:
    """The inner context has its own seed and names; the order over one memory is kept."""
    with accelerate(seed=0) as outer:
        w, v = torch.empty(4, 4), torch.empty(4, 4)
        init.normal_(w)
        init.normal_(v)
        with accelerate(seed=1) as inner:
            init.normal_(w)
            v[0].zero_()
            module = nn.Linear(4, 4)
        assert (inner.made, outer.made) == (4, 1)
        init.normal_(w)
    check(w, normal(w, 3))
    expected = normal(v, 2)
    expected[0] = 0
    check(v, expected)
    assert bool((module.weight.abs() < 0.5).all())
    assert (outer.taken, outer.made) == (3, 2)


def test_twice() -> None:
    """A context can be entered again, and goes on with its numbers."""
    context = accelerate(seed=0)
    with context:
        w = init.normal_(torch.empty(3))
    with context, context:
        v = init.normal_(torch.empty(3))
    check(w, normal(w, 1))
    check(v, normal(v, 2))


def test_other_threads() -> None:
    """They have torch's functions, and torch's numbers."""
    drawn: list[torch.Tensor] = []

    def build() -> None:
        drawn.append(init.trunc_normal_(init.normal_(torch.empty(4, 4))))
        drawn.append(init.trunc_normal_(torch.empty(4, 4)))
        drawn.append(nn.Linear(4, 4).weight.detach())

    torch.manual_seed(0)
    build()
    torch.manual_seed(0)
    with accelerate(seed=0) as context:
        thread = threading.Thread(target=build)
        thread.start()
        thread.join()
    assert context.taken == 0
    for before, beside in zip(drawn[:3], drawn[3:], strict=True):
        assert torch.equal(before, beside)


def test_everything_is_put_back(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also in a module that is imported meanwhile."""
    before = {name: getattr(init, name) for name in NAMES} | {"m": nn.Module.__init__}
    (tmp_path / "imported_meanwhile.py").write_text("from torch.nn.init import dirac_\n")
    monkeypatch.syspath_prepend(tmp_path)
    with accelerate(seed=0):
        assert dirac_ is not before["dirac_"]
        import imported_meanwhile  # type: ignore[import-not-found]

        assert imported_meanwhile.dirac_ is not before["dirac_"]
    assert {name: getattr(init, name) for name in NAMES} | {"m": nn.Module.__init__} == before
    assert dirac_ is before["dirac_"] is imported_meanwhile.dirac_
    assert torch.overrides._get_current_function_mode() is None  # type: ignore[no-untyped-call]


# ---- every function -----------------------------------------------------------------------------

FILLS: dict[str, Callable[[torch.Tensor], Any]] = {
    "uniform_": lambda w: init.uniform_(w, -1, 1),
    "Tensor.uniform_": lambda w: w.uniform_(-1, 1),
    "Tensor.uniform_ by name": lambda w: w.uniform_(**{"from": -1, "to": 1}),
    "normal_": lambda w: init.normal_(w),
    "Tensor.normal_": lambda w: w.normal_(mean=0.0, std=1.0),
    "Tensor.data": lambda w: w.data.normal_(),
    "trunc_normal_": lambda w: trunc_normal_(w),
    "xavier_uniform_": lambda w: init.xavier_uniform_(w),
    "xavier_normal_": lambda w: init.xavier_normal_(w),
    "kaiming_uniform_": lambda w: init.kaiming_uniform_(w),
    "kaiming_normal_": lambda w: init.kaiming_normal_(w),
    "sparse_": lambda w: init.sparse_(w, 0.5),
    "orthogonal_": lambda w: orthogonal_(w),
}
DISTRIBUTIONS: dict[str, Callable[..., Any]] = {
    "uniform_": lambda *a, **k: fastinit.uniform(*a, low=-1, high=1, **k),
    "normal_": fastinit.normal,
    "data": fastinit.normal,
    "trunc_normal_": fastinit.truncated_normal,
    "xavier_uniform_": fastinit.glorot_uniform,
    "xavier_normal_": fastinit.glorot_normal,
    "kaiming_uniform_": fastinit.he_uniform,
    "kaiming_normal_": fastinit.he_normal,
    "sparse_": lambda *a, **k: fastinit.sparse(*a, sparsity=0.5, **k),
    "orthogonal_": fastinit.orthogonal,
}


@pytest.mark.parametrize("kind", FILLS)
@pytest.mark.parametrize("layout", ["contiguous", "transposed"])
def test_fills(kind: str, layout: str) -> None:
    """Each is taken, and drawn as it is without a context."""
    w = torch.full((6, 6), 7.0)
    w = w.t() if layout == "transposed" else w
    with torch.no_grad(), accelerate(seed=0) as context:
        assert kind == "Tensor.data" or FILLS[kind](w) is w
        if kind == "Tensor.data":
            FILLS[kind](w)
        assert bool(context.taken)
        assert context.made == 0
    function = DISTRIBUTIONS[kind.removeprefix("Tensor.").removesuffix(" by name")]
    expected = function((6, 6), seed=0, name=1)
    np.testing.assert_allclose(w.numpy(), expected, rtol=2e-7)


def test_patterns() -> None:
    """eye_ and dirac_ need not wait, and what was pending below them is not drawn."""
    with accelerate(seed=0) as context:
        w, v = init.normal_(torch.empty(4, 4)), init.normal_(torch.empty(4, 4, 3))
        eye_(w)
        dirac_(v)
    assert torch.equal(w, torch.eye(4))
    assert torch.equal(v, init.dirac_(torch.empty(4, 4, 3)))
    assert context.made == 0


FACTORIES: dict[str, tuple[Callable[[], torch.Tensor], Callable[..., Any]]] = {
    "randn": (lambda: torch.randn(4, 5), fastinit.normal),
    "randn of a size": (lambda: torch.randn((4, 5), device="cpu"), fastinit.normal),
    "rand": (lambda: torch.rand([4, 5]), fastinit.uniform),
    "rand as a keyword": (lambda: torch.rand(size=(4, 5)), fastinit.uniform),
    "randn_like": (lambda: torch.randn_like(torch.zeros(4, 5)), fastinit.normal),
    "rand_like": (lambda: torch.rand_like(torch.zeros(4, 5)), fastinit.uniform),
    "normal": (lambda: torch.normal(0.0, 1.0, (4, 5)), fastinit.normal),
    "normal of tensors": (
        lambda: torch.normal(torch.zeros(4, 1), torch.ones(5)),
        fastinit.normal,
    ),
    "normal of one": (lambda: torch.normal(torch.zeros(4, 5), 1.0), fastinit.normal),
}


@pytest.mark.parametrize("kind", FACTORIES)
def test_factories(kind: str) -> None:
    """New random tensors are drawn at once, from the context's numbered streams."""
    make, function = FACTORIES[kind]
    with accelerate(seed=0) as context:
        first, second = make(), make()
        assert bool(first.any())
    check(first, function((4, 5), seed=0, name=1))
    check(second, function((4, 5), seed=0, name=2))
    assert (context.taken, context.left) == (0, {})


def test_factories_options() -> None:
    """dtype, device, requires_grad and generator are kept to."""
    with accelerate(seed=0):
        drawn = torch.randn(3, dtype=torch.float64, requires_grad=True)
        like = torch.randn_like(torch.zeros(3), dtype=torch.bfloat16)
        pair = [torch.randn(3, generator=torch.Generator().manual_seed(1)) for _ in range(2)]
        with torch.device("meta"):
            assert torch.randn(3).is_meta
        assert torch.randn(3, dtype=torch.complex64).is_complex()
    assert (drawn.dtype, drawn.requires_grad) == (torch.float64, True)
    check(drawn, fastinit.normal(3, dtype="float64", seed=0, name=1))
    assert like.dtype == torch.bfloat16
    assert torch.equal(*pair)


def test_what_is_left() -> None:
    """Other random functions are torch's, and counted."""
    torch.manual_seed(0)
    expected = torch.randperm(5), torch.empty(3).exponential_(), torch.randint(9, (2,))
    torch.manual_seed(0)
    with accelerate(seed=1) as context:
        found = torch.randperm(5), torch.empty(3).exponential_(), torch.randint(9, (2,))
        nn.functional.dropout(torch.ones(3))
    assert all(torch.equal(a, b) for a, b in zip(expected, found, strict=True))
    assert context.left == {"randperm": 1, "exponential_": 1, "randint": 1, "dropout": 1}


def test_orders_of_autograd() -> None:
    """In-place fills that autograd refuses or records are torch's."""
    leaf = torch.zeros(3, requires_grad=True)
    with accelerate(seed=0):
        with pytest.raises(RuntimeError, match="leaf Variable"):
            leaf.normal_()
        inner = leaf * 1
        inner.zero_()
        inner.sum().backward()
    assert not bool(leaf.grad.any())  # type: ignore[union-attr]


@pytest.mark.parametrize("dtype", [torch.int64, torch.bool])
def test_refused(dtype: torch.dtype) -> None:
    """Torch's own error, at the place of the call."""
    with accelerate(seed=0), pytest.raises(NotImplementedError):
        init.normal_(torch.zeros(3, dtype=dtype))


def test_left_tensors_in_order() -> None:
    """A fill that is torch's comes after one that was pending."""
    with accelerate(seed=0) as context:
        w = init.normal_(torch.empty(3, dtype=torch.complex64))
        init.zeros_(w)
        v = init.normal_(torch.empty(3))
        init.normal_(v, float("inf"))
    assert not bool(w.any())
    assert bool(v.isinf().all())
    assert context.left == {"normal_": 1}


@pytest.mark.parametrize("device", ["cpu", "meta"])
def test_default_devices(device: str) -> None:
    """Inside and around."""
    with accelerate(seed=0), torch.device(device):
        inside = nn.Linear(4, 4)
    with torch.device(device), accelerate(seed=0):
        around = nn.Linear(4, 4)
    assert inside.weight.device.type == around.weight.device.type == device
    if device == "cpu":
        assert torch.equal(inside.weight, around.weight)


def test_compile() -> None:
    """Compiled code runs uncompiled in a context, and so sees the values; then it is compiled."""
    torch._dynamo.reset()
    compiled: list[int] = []

    def backend(graph: Any, _: Any) -> Any:
        compiled.append(1)
        return graph

    function = torch.compile(lambda x: x * 2, backend=backend)
    with accelerate(seed=0):
        w = init.normal_(torch.empty(3))
        twice = function(w)
    assert not compiled
    check(twice, normal(w, 1) * np.float32(2))
    assert torch.equal(function(w), twice)
    assert compiled
    torch._dynamo.reset()


def test_compiled_around() -> None:
    """A context in compiled code, or code that is compiled in one before anything else is."""
    code = """
import torch, fastinit.torch
from torch import nn
with fastinit.torch.accelerate(seed=0):
    w = nn.Linear(3, 3).weight.detach()
    try:
        twice = torch.compile(lambda x: x * 2, backend="eager", fullgraph=True)(w)
    except Exception as error:
        print("after the context" in str(error))
    else:
        print(torch.equal(twice, w * 2))
def build():
    with fastinit.torch.accelerate(seed=0):
        return nn.Linear(3, 3).weight.detach()
try:
    torch.compile(build, backend="eager")()
except Exception as error:
    print("outside of compiled code" in str(error))
"""
    assert child(code).split() == ["True", "True"]


def test_func() -> None:
    """Transformations draw with torch's numbers, and read what is pending."""
    with accelerate(seed=0):
        w = init.normal_(torch.empty(3))
        grad = torch.func.grad(lambda x: (x * w).sum())(torch.zeros(3))
        with pytest.warns(UserWarning, match=r"torch\.func"):
            torch.func.vmap(lambda x: x.clone().normal_(), randomness="different")(w)
    check(grad, normal(w, 1))
