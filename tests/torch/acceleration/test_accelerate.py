"""fastinit.torch.accelerate draws what a model's code initializes at the end, by name."""

import functools
import gc
import threading
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn
from torch.distributed.algorithms._checkpoint.checkpoint_wrapper import checkpoint_wrapper
from torch.nn import init
from torch.nn.init import dirac_, orthogonal_

import fastinit
from fastinit.torch import accelerate
from helpers.models.accelerated import Block, check, normal

NAMES = ("trunc_normal_", "_no_grad_trunc_normal_", "eye_", "dirac_", "orthogonal_", "sparse_")


# ---- which numbers ------------------------------------------------------------------------------


def test_names() -> None:
    """A parameter is the stream of its qualified name; what is overwritten is not drawn."""
    with accelerate(seed=3) as context:
        model = nn.Sequential(Block(), Block())
    for k in range(2):
        block: Any = model[k]
        check(block.inner.weight, normal(block.inner.weight, f"{k}.inner.weight", 0.02, seed=3))
        assert not bool(block.inner.bias.any())
        assert bool((block.norm.weight == 1).all())
    assert (context.requested, context.drawn, context.elements) == (6, 2, 96)
    assert (
        repr(context) == "accelerate(seed=3, requested=6, drawn=2, elements=96, left_to_torch={})"
    )


def test_further_roots() -> None:
    """Their names start with their number, which no name in a tree can start with."""
    with accelerate(seed=0):
        first, loss = Block(), nn.MSELoss()
        second: Any = nn.Sequential(Block())
        third: Any = nn.Sequential(Block())
    assert isinstance(loss, nn.MSELoss)
    check(first.inner.weight, normal(first.inner.weight, "inner.weight", 0.02))
    check(second[0].inner.weight, normal(first.inner.weight, "1..0.inner.weight", 0.02))
    check(third[0].inner.weight, normal(first.inner.weight, "2..0.inner.weight", 0.02))


def test_a_root_is_what_is_left_in_the_end() -> None:
    """Modules built alone and put into another later are named in it."""
    with accelerate(seed=0):
        inner = Block()
        outer = nn.ModuleDict({"a": inner})
    check(inner.inner.weight, normal(inner.inner.weight, "a.inner.weight", 0.02))
    assert outer["a"] is inner


def test_repeats() -> None:
    """The same seed repeats; another seed, or none, does not."""

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
    """Tensors that are not parameters draw from numbered streams, and so differ."""
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
    assert context.drawn == 1


def test_buffers() -> None:
    """They have names too."""
    with accelerate(seed=0):
        module = nn.Module()
        module.register_buffer("noise", torch.empty(6, 6).normal_())
    check(module.noise, normal(module.noise, "noise"))


def test_explicit_numbers() -> None:
    """``seed=`` and ``generator=`` are respected."""
    with accelerate(seed=0):
        first = fastinit.torch.normal_(torch.empty(5), seed=7, name="w")
        second = init.normal_(torch.empty(5), generator=torch.Generator().manual_seed(1))
        third = init.normal_(torch.empty(5), generator=torch.Generator().manual_seed(1))
    check(first, normal(first, "w", seed=7))
    assert torch.equal(second, third)


def test_torchs_generator_is_left_alone() -> None:
    state = torch.get_rng_state()
    with accelerate(seed=0):
        nn.Transformer(8, 2, 1, 1, 8, batch_first=True)
        orthogonal_(torch.empty(4, 4))
        torch.randn(3), torch.rand(3)
    assert torch.equal(torch.get_rng_state(), state)


# ---- seeds --------------------------------------------------------------------------------------


def test_manual_seed_seeds_what_follows() -> None:
    """Streams and roots are numbered anew, so that equal seeds give equal values."""
    with accelerate(seed=0) as context:
        first = Block()
        torch.manual_seed(5)
        second, noise = Block(), torch.randn(3)
        torch.manual_seed(5)
        third, fourth, again = Block(), Block(), torch.empty(3).normal_()
        assert context.seed == 5
    check(first.inner.weight, normal(first.inner.weight, "inner.weight", 0.02))
    for each in (second, third):
        check(each.inner.weight, normal(each.inner.weight, "inner.weight", 0.02, seed=5))
    check(fourth.inner.weight, normal(fourth.inner.weight, "1..inner.weight", 0.02, seed=5))
    assert not torch.equal(noise, again), "a randn takes a number, and so do a module's fills"


def test_manual_seed_repeats_numbered_streams() -> None:
    with accelerate(seed=0):
        drawn = []
        for seed in (7, 7, 8, -1):
            torch.random.manual_seed(seed)
            drawn.append(torch.randn(4))
    assert torch.equal(drawn[0], drawn[1])
    assert not torch.equal(drawn[0], drawn[2])
    check(drawn[0], fastinit.normal(4, seed=7, name=1))
    check(drawn[3], fastinit.normal(4, seed=2**64 - 1, name=1))


def test_manual_seed_while_a_model_is_built() -> None:
    """The names stay those of the whole model."""

    class Model(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.a = Block()
            torch.manual_seed(9)
            self.b = Block()

    torch.manual_seed(1)
    with accelerate(seed=0):
        model = Model()
    check(model.a.inner.weight, normal(model.a.inner.weight, "a.inner.weight", 0.02))
    check(model.b.inner.weight, normal(model.b.inner.weight, "b.inner.weight", 0.02, seed=9))
    after = torch.rand(3)
    torch.manual_seed(9)
    assert torch.equal(after, torch.rand(3)), "torch's generator is seeded too"


# ---- modules that vanish, wrap others, or cannot be drawn ---------------------------------------


def test_a_vanished_model_leaves_its_names() -> None:
    """Whatever keeps its tensors: the values are those of a model that lives."""

    class Model(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.blocks = nn.Sequential(Block(), Block())

    class Cyclic(Model):
        def __init__(self) -> None:
            super().__init__()
            self.__dict__["itself"] = self

    with accelerate(seed=0):
        state = Model().state_dict()
        parameters = dict(Model().named_parameters())
        weight = Model().blocks[1].inner.weight  # type: ignore[union-attr]
        detached = [each.detach() for each in Cyclic().parameters()]
        gc.collect()
        last = Model()
    for prefix, named in (("", state), ("1..", parameters), ("4..", last.state_dict())):
        for k in range(2):
            name = f"blocks.{k}.inner.weight"
            check(named[name], normal(named[name], prefix + name, 0.02))
    check(weight, normal(weight, "2..blocks.1.inner.weight", 0.02))
    check(detached[0], normal(detached[0], "3..blocks.0.inner.weight", 0.02))


def test_a_layer_that_vanishes_does_not_rename_the_others() -> None:
    with accelerate(seed=0):
        model = nn.Sequential(Block(), Block())
        model[1] = nn.Identity()
        kept = nn.Module()
        kept.weight = nn.Linear(6, 6, bias=False).weight
        init.normal_(kept.weight)
    check(model[0].inner.weight, normal(model[0].inner.weight, "0.inner.weight", 0.02))  # type: ignore[union-attr]
    check(kept.weight, normal(kept.weight, "1..weight"))


@pytest.mark.parametrize(
    "wrap",
    [
        checkpoint_wrapper,
        functools.partial(torch.compile, backend="eager"),
        nn.DataParallel,
        lambda module: nn.DataParallel(checkpoint_wrapper(module)),
    ],
)
@pytest.mark.parametrize("outside", [False, True])
def test_wrappers_do_not_count_in_names(wrap: Callable[[nn.Module], Any], outside: bool) -> None:
    """Names are those of the state dict of the bare model."""
    with accelerate(seed=0):
        block = Block()
        model = nn.Sequential(wrap(block))
        whole = wrap(model) if outside else model
    check(block.inner.weight, normal(block.inner.weight, "0.inner.weight", 0.02))
    fastinit.torch.init_(whole, [("**", fastinit.Normal())], 3)
    check(block.inner.weight, normal(block.inner.weight, "0.inner.weight", seed=3))


@pytest.mark.parametrize(
    "lazy", [lambda: nn.LazyLinear(4), lambda: nn.LazyConv1d(4, 3), nn.LazyBatchNorm1d]
)
def test_lazy_modules_leave_nothing_else_undrawn(lazy: Callable[[], nn.Module]) -> None:
    with accelerate(seed=0):
        model = nn.Sequential(Block(), lazy(), Block())
    for k in (0, 2):
        block: Any = model[k]
        check(block.inner.weight, normal(block.inner.weight, f"{k}.inner.weight", 0.02))


def test_a_lazy_module_that_gets_its_shape_inside() -> None:
    with accelerate(seed=0):
        layer = nn.LazyLinear(4, bias=False)
        layer(torch.ones(1, 3))
    check(layer.weight, fastinit.uniform((4, 3), -(3**-0.5), 3**-0.5, seed=0, name="weight"))


def test_an_error_in_one_tensor_leaves_nothing_else_undrawn() -> None:
    """Elements that share memory are an error of the call, as in torch."""
    with accelerate(seed=0):
        block = Block()
        with pytest.raises(RuntimeError, match="single memory location"):
            init.normal_(torch.empty(1, 4).expand(3, 4))
        with pytest.raises(RuntimeError, match="single memory location"):
            torch.empty(3, 1).expand(3, 4).uniform_()
    check(block.inner.weight, normal(block.inner.weight, "inner.weight", 0.02))


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
        assert (inner.drawn, outer.drawn) == (4, 1)
        init.normal_(w)
    check(w, normal(w, 3))
    expected = normal(v, 2)
    expected[0] = 0
    check(v, expected)
    assert bool((module.weight.abs() < 0.5).all())
    assert (outer.requested, outer.drawn) == (3, 2)


def test_entered_again() -> None:
    """A context that is entered again inside another one ends where it was entered first."""
    with accelerate(seed=0) as context:
        with accelerate(seed=1), context:
            w = init.normal_(torch.empty(4, 4))
        assert context.drawn == 0
    check(w, normal(w, 1))


def test_as_a_decorator() -> None:
    """Each call runs in a context of its own, so equal seeds draw equal numbers."""

    @accelerate(seed=3)
    def build() -> nn.Linear:
        return nn.Linear(4, 4)

    with accelerate(seed=3):
        expected = nn.Linear(4, 4)
    for _ in range(2):
        assert torch.equal(build().weight, expected.weight)


def test_help_shows_what_a_user_calls() -> None:
    """The names of ``accelerate`` are its counts: torch's mode and its hooks are not among them."""
    shown = {name for name in dir(accelerate) if not name.startswith("_")}
    assert shown == {"seed", "requested", "drawn", "elements", "left_to_torch"}


def test_twice() -> None:
    """A context can be entered again, and continues with its numbers."""
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
    assert context.requested == 0
    for before, beside in zip(drawn[:3], drawn[3:], strict=True):
        assert torch.equal(before, beside)


def test_everything_is_put_back(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """This includes a module that is imported meanwhile."""
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


class WrongArguments(nn.Module):
    """A module that torch refuses to construct."""

    def __init__(self) -> None:
        self.inner_attribute = 0  # which torch allows before its own constructor
        super().__init__(unknown=1)


class NotReached(nn.Module):
    """A module whose constructor fails before torch's own."""

    def __init__(self) -> None:
        raise KeyError("not reached")


class Interrupted(nn.Module):
    """A module whose constructor fails after torch's own, with a parameter."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(4, 4).normal_())
        raise KeyError("interrupted")


@pytest.mark.parametrize("kind", [WrongArguments, NotReached, Interrupted])
def test_failed_constructors_leave_the_rest_drawn(kind: type[nn.Module]) -> None:
    """The program may keep the error, and so the module that was not constructed."""
    with accelerate(seed=0):
        kept = None
        try:
            kind()
        except (KeyError, TypeError) as error:
            kept = error
        model = Block()
    assert kept is not None
    number = "1.." if kind is Interrupted else ""
    check(model.inner.weight, normal(model.inner.weight, f"{number}inner.weight", 0.02))
