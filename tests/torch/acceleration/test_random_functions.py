"""Every random function in fastinit.torch.accelerate, and those left to torch."""

import functools
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import init
from torch.nn.init import dirac_, eye_, orthogonal_, trunc_normal_
from torch.overrides import TorchFunctionMode

import fastinit
from fastinit.torch import accelerate
from helpers.models.accelerated import check, normal
from helpers.processes import child

BETWEEN: Any = {"from": -1, "to": 1}
FILLS: dict[str, Callable[[torch.Tensor], Any]] = {
    "uniform_": lambda w: init.uniform_(w, -1, 1),
    "Tensor.uniform_": lambda w: w.uniform_(-1, 1),
    "Tensor.uniform_ by name": lambda w: w.uniform_(**BETWEEN),
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
    "uniform_": functools.partial(fastinit.uniform, low=-1, high=1),
    "normal_": fastinit.normal,
    "data": fastinit.normal,
    "trunc_normal_": fastinit.truncated_normal,
    "xavier_uniform_": fastinit.glorot_uniform,
    "xavier_normal_": fastinit.glorot_normal,
    "kaiming_uniform_": fastinit.he_uniform,
    "kaiming_normal_": fastinit.he_normal,
    "sparse_": functools.partial(fastinit.sparse, sparsity=0.5),
    "orthogonal_": fastinit.orthogonal,
}


@pytest.mark.parametrize("kind", FILLS)
@pytest.mark.parametrize("layout", ["contiguous", "transposed"])
def test_fills(kind: str, layout: str) -> None:
    """Each is intercepted, and drawn as it is without a context."""
    w = torch.full((6, 6), 7.0)
    w = w.t() if layout == "transposed" else w
    with torch.no_grad(), accelerate(seed=0) as context:
        assert kind == "Tensor.data" or FILLS[kind](w) is w
        if kind == "Tensor.data":
            FILLS[kind](w)
        assert bool(context.requested)
        assert context.drawn == 0
    function = DISTRIBUTIONS[kind.removeprefix("Tensor.").removesuffix(" by name")]
    expected = function((6, 6), seed=0, name=1)
    np.testing.assert_allclose(w.numpy(), expected, rtol=2e-7)


def test_patterns() -> None:
    """eye_ and dirac_ need not wait, and pending draws below them are dropped."""
    with accelerate(seed=0) as context:
        w, v = init.normal_(torch.empty(4, 4)), init.normal_(torch.empty(4, 4, 3))
        eye_(w)
        dirac_(v)
    assert torch.equal(w, torch.eye(4))
    assert torch.equal(v, init.dirac_(torch.empty(4, 4, 3)))
    assert context.drawn == 0


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
    assert (context.requested, context.left_to_torch) == (0, {})


def test_factories_options() -> None:
    """dtype, device, requires_grad and generator are respected."""
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


@pytest.mark.parametrize(
    "call",
    [
        lambda: torch.normal(0.0, torch.ones(3, device="meta")),
        lambda: torch.normal(torch.zeros(3, device="meta"), torch.ones(3, device="meta")),
        lambda: torch.randn_like(torch.eye(3).to_sparse_csr()),
        lambda: torch.randn_like(input=torch.ones(3, dtype=torch.int64)),
        lambda: torch.rand_like(torch.eye(3).to_sparse()),
        lambda: torch.rand_like(None),  # type: ignore[call-overload]
        lambda: torch.normal(torch.eye(3).to_sparse(), 1.0),
    ],
)
@pytest.mark.filterwarnings("ignore:Sparse")
def test_tensors_that_are_left(call: Callable[[], Any]) -> None:
    """Those without values or strides are torch's, whatever it does."""

    def outcome() -> Any:
        try:
            return call()
        except (NotImplementedError, RuntimeError, TypeError) as error:
            return str(error)

    expected = outcome()
    with accelerate(seed=0):
        found = outcome()
    if isinstance(expected, str):
        assert found == expected
    else:
        assert (found.shape, found.layout, found.device) == (
            expected.shape,
            expected.layout,
            expected.device,
        )


class Subclass(torch.Tensor):
    """A subclass without rules of its own."""


class Subclassing(TorchFunctionMode):
    """A mode in which functions return tensors of a subclass."""

    def __torch_function__(
        self, func: Any, types: Any, args: Any = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        return func(*args, **(kwargs or {})).as_subclass(Subclass)


@pytest.mark.parametrize("draw", [torch.randn, lambda n: torch.normal(0.0, 1.0, (n,))])
def test_what_a_mode_makes_of_a_draw(draw: Callable[[int], torch.Tensor]) -> None:
    """A mode outside of the context sees the function, and not another one in its place."""
    with Subclassing(), accelerate(seed=0) as context:
        drawn = draw(5)
    assert type(drawn) is Subclass
    assert context.left_to_torch.total() == 1
    assert 0 < drawn.as_subclass(torch.Tensor).abs().max() < 9


def test_what_is_left() -> None:
    """Other random functions are torch's, and counted."""
    torch.manual_seed(0)
    expected = torch.randperm(5), torch.empty(3).exponential_(), torch.randint(9, (2,))
    torch.manual_seed(0)
    with accelerate(seed=1) as context:
        found = torch.randperm(5), torch.empty(3).exponential_(), torch.randint(9, (2,))
        nn.functional.dropout(torch.ones(3))
    assert all(torch.equal(a, b) for a, b in zip(expected, found, strict=True))
    assert context.left_to_torch == {"randperm": 1, "exponential_": 1, "randint": 1, "dropout": 1}


def test_orders_of_autograd() -> None:
    """In-place fills that autograd refuses or records are torch's."""
    leaf = torch.zeros(3, requires_grad=True)
    with accelerate(seed=0):
        with pytest.raises(RuntimeError, match="leaf Variable"):
            leaf.normal_()
        inner: Any = leaf * 1
        inner.zero_()
        inner.sum().backward()
    assert not bool(leaf.grad.any())  # type: ignore[union-attr]


@pytest.mark.parametrize("dtype", [torch.int64, torch.bool])
def test_refused(dtype: torch.dtype) -> None:
    """The error is torch's own, at the place of the call."""
    with accelerate(seed=0), pytest.raises(NotImplementedError):
        init.normal_(torch.zeros(3, dtype=dtype))


def test_left_tensors_in_order() -> None:
    """A fill left to torch comes after one that was pending."""
    with accelerate(seed=0) as context:
        w = init.normal_(torch.empty(3, dtype=torch.complex64))
        init.zeros_(w)
        v = init.normal_(torch.empty(3))
        init.normal_(v, float("inf"))
    assert not bool(w.any())
    assert bool(v.isinf().all())
    assert context.left_to_torch == {"normal_": 1}


@pytest.mark.parametrize("device", ["cpu", "meta"])
def test_default_devices(device: str) -> None:
    """They are set inside and around."""
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
    """A context in compiled code, or compiled code in a context, comes before anything else."""
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


class Steps(nn.Module):
    """A module whose own initialization draws numbers that it transforms."""

    def __init__(self) -> None:
        super().__init__()
        self.steps = nn.Parameter(torch.empty(8))

    def reset_parameters(self) -> None:
        with torch.no_grad():
            self.steps.copy_(torch.rand(8).exp() + torch.rand(8))


class Model(nn.Module):
    """A model that initializes its parts at the end of its constructor, as transformers' do."""

    def __init__(self, count: int) -> None:
        super().__init__()
        self.layers = nn.ModuleList(Steps() for _ in range(count))
        for layer in reversed(self.layers):
            self._init_weights(layer)

    def _init_weights(self, module: Any) -> None:
        module.reset_parameters()


def expected_steps(name: str) -> Any:
    first, second = (
        torch.from_numpy(fastinit.uniform(8, seed=0, name=f"{name}...{k}")) for k in range(2)
    )
    return (first.exp() + second).numpy()


def test_draws_within_a_modules_own_initialization_have_its_name() -> None:
    """The order of layers, and how many there are, changes none of them."""
    with accelerate(seed=0):
        torch.rand(3)
        model = Model(3)
        second = Model(1)
    for k, layer in enumerate(model.layers):
        check(layer.steps, expected_steps(f"layers.{k}"))
    check(second.layers[0].steps, expected_steps("1..layers.0"))


def test_draws_in_a_constructor_are_numbered() -> None:
    """The name of the module is not known by then."""

    class Drawing(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.weight = nn.Parameter(torch.randn(6))

    with accelerate(seed=0):
        model = nn.Sequential(Drawing(), Drawing())
    for k, layer in enumerate(model):
        check(layer.weight, fastinit.normal(6, seed=0, name=k + 1))
