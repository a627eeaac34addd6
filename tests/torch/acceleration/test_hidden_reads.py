"""Reads of pending draws that pass torch's modes by, or come through other kinds of tensors."""

import copy
import ctypes
import io
import pickle
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
import torch.utils.dlpack
from torch import nn
from torch.nn import init
from torch.testing._internal.two_tensor import TwoTensor

import fastinit
import fastinit.torch
from fastinit.torch import accelerate
from helpers.models.accelerated import check, normal

# ---- values of fills that are pending themselves ------------------------------------------------

VALUE_FILLS: dict[str, Callable[[torch.Tensor], torch.Tensor]] = {
    "fill_": lambda value: torch.empty(4).fill_(value),
    "fill_(value=)": lambda value: torch.empty(4).fill_(value=value),
    "torch.fill_": lambda value: torch.fill_(torch.empty(4), value),
    "torch.nn.init": lambda value: init.constant_(torch.empty(4), value),  # type: ignore[arg-type]
    "fastinit.torch": lambda value: fastinit.torch.constant_(torch.empty(4), value),
    "large": lambda value: init.constant_(torch.empty(1200, 1000), value),  # type: ignore[arg-type]
    "full_like": lambda value: torch.full_like(torch.empty(4), value),  # type: ignore[arg-type]
    "new_full": lambda value: torch.empty(1).new_full((4,), value),  # type: ignore[arg-type]
    "a view": lambda value: torch.zeros(2, 4)[0].fill_(value.view(1)[0]),
    "mean": lambda value: init.normal_(torch.empty(4), value, 0.0),  # type: ignore[arg-type]
    "mean=": lambda value: torch.empty(4).normal_(mean=value, std=0.0),  # type: ignore[arg-type]
}


@pytest.mark.parametrize("fill", VALUE_FILLS.values(), ids=VALUE_FILLS)
def test_the_value_of_a_fill_is_pending(fill: Callable[[torch.Tensor], torch.Tensor]) -> None:
    with accelerate(seed=0):
        value = torch.full((), 7.0).normal_()
        filled = fill(value)
    assert value.item() == fastinit.normal((), seed=0, name=1)
    assert bool((filled == value).all())


# ---- TorchScript --------------------------------------------------------------------------------


@pytest.mark.parametrize("fill", [init.normal_, lambda each: each.data.normal_()])
@pytest.mark.parametrize("make", [torch.jit.script, lambda m: torch.jit.trace(m, torch.ones(1, 4))])  # type: ignore[no-untyped-call]
@pytest.mark.filterwarnings("ignore:.*torch.jit.*:DeprecationWarning")
@pytest.mark.filterwarnings("ignore:.*torch.jit.*:FutureWarning")
def test_torchscript_reads(fill: Any, make: Any) -> None:
    """C++ reads the parameters of a scripted or traced module."""
    script = make(nn.Linear(4, 4))
    with accelerate(seed=0):
        for each in script.parameters():
            fill(each)
        inside = script(torch.ones(1, 4))
        method = script.forward(torch.ones(1, 4))
    assert torch.equal(inside, script(torch.ones(1, 4)))
    assert torch.equal(method, inside)


@pytest.mark.filterwarnings("ignore:.*torch.jit.*:DeprecationWarning")
@pytest.mark.filterwarnings("ignore:.*torch.jit.*:FutureWarning")
def test_torchscript_copies_and_saves() -> None:
    script = torch.jit.script(nn.Linear(4, 4))
    file = io.BytesIO()
    with accelerate(seed=0):
        for each in script.parameters():
            init.normal_(each)
        copied = copy.deepcopy(script)
        torch.jit.save(script, file)
    file.seek(0)
    for other in (copied, torch.jit.load(file)):  # type: ignore[no-untyped-call]
        assert torch.equal(other.weight, script.weight)


def _twice(x: torch.Tensor) -> torch.Tensor:
    return x * 2


@pytest.mark.parametrize(
    "make",
    [torch.jit.script, lambda function: torch.jit.trace(function, torch.ones(1, 4))],  # type: ignore[no-untyped-call]
)
@pytest.mark.filterwarnings("ignore:.*torch.jit.*:DeprecationWarning")
@pytest.mark.filterwarnings("ignore:.*torch.jit.*:FutureWarning")
def test_functions_in_torchscript_read_their_arguments(make: Any) -> None:
    function = make(_twice)
    with accelerate(seed=0):
        w = torch.full((4, 4), 7.0).normal_()
        doubled = function(w)
        again = function(x=init.uniform_(torch.full((4, 4), 7.0)))
    check(doubled, normal(w, 1) * 2)
    check(again, fastinit.uniform((4, 4), seed=0, name=2) * 2)


# ---- memory that others share -------------------------------------------------------------------


def _pointer(tensor: torch.Tensor) -> Callable[[], Any]:
    array = (ctypes.c_float * tensor.numel()).from_address(tensor.data_ptr())
    return lambda: np.array(array)


def _dlpack(tensor: torch.Tensor) -> Callable[[], Any]:
    imported = torch.from_dlpack(tensor)  # type: ignore[attr-defined]
    return lambda: imported.numpy().copy()


def _capsule(tensor: torch.Tensor) -> Callable[[], Any]:
    imported = torch.utils.dlpack.from_dlpack(torch.utils.dlpack.to_dlpack(tensor))  # type: ignore[attr-defined]
    return lambda: imported.numpy().copy()


def _storage(tensor: torch.Tensor) -> Callable[[], Any]:
    storage = tensor.untyped_storage()
    return lambda: np.array(storage.tolist(), np.uint8).view(np.float32)  # type: ignore[no-untyped-call]


SHARES: dict[str, Callable[[torch.Tensor], Callable[[], Any]]] = {
    "NumPy": lambda tensor: tensor.numpy().copy,
    "np.asarray": lambda tensor: np.asarray(tensor).copy,
    "np.from_dlpack": lambda tensor: np.from_dlpack(tensor).copy,
    "DLPack": _dlpack,
    "capsule": _capsule,
    "storage": _storage,
}


@pytest.mark.parametrize("share", [*SHARES.values(), _pointer], ids=[*SHARES, "pointer"])
def test_shared_after_the_draw_was_requested(share: Any) -> None:
    with accelerate(seed=0):
        w = torch.full((6,), 7.0).normal_()
        seen = share(w)()
    check(w, normal(w, 1))
    assert np.array_equal(seen, w.numpy())


@pytest.mark.parametrize("share", SHARES.values(), ids=SHARES)
def test_shared_before_the_draw_is_requested(share: Any) -> None:
    """Such a tensor is drawn at once."""
    with accelerate(seed=0):
        w = torch.full((6,), 7.0)
        read = share(w)
        w.normal_()
        seen = read()
    check(w, normal(w, 1))
    assert np.array_equal(seen, w.numpy())


def test_a_pointer_is_not_followed() -> None:
    """docs/torch.md names this: a draw that is requested after the pointer was taken is pending."""
    with accelerate(seed=0):
        w = torch.full((6,), 7.0)
        read = _pointer(w)
        w.normal_()
        assert np.array_equal(read(), np.full(6, 7.0))
    check(w, normal(w, 1))


def test_memory_of_numpy_and_of_other_processes() -> None:
    array = np.full(6, 7.0, np.float32)
    shared = torch.full((6,), 7.0).share_memory_()  # type: ignore[no-untyped-call]
    read = _pointer(shared)
    with accelerate(seed=0):
        torch.from_numpy(array).normal_()
        shared.normal_()
        seen = array.copy(), read()
    assert np.array_equal(seen[0], fastinit.normal(6, seed=0, name=1))
    assert np.array_equal(seen[1], fastinit.normal(6, seed=0, name=2))


# ---- tensors with inner tensors -----------------------------------------------------------------


@pytest.mark.parametrize("layout", ["coo", "csr", "csc"])
@pytest.mark.filterwarnings("ignore:Sparse .* tensor support is in beta:UserWarning")
@pytest.mark.filterwarnings("ignore:Sparse invariant checks:UserWarning")
def test_values_of_sparse_tensors(layout: str) -> None:
    sparse = getattr(torch.eye(3), f"to_sparse_{layout}")()
    with accelerate(seed=0):
        init.normal_(sparse._values() if layout == "coo" else sparse.values())
        dense = sparse.to_dense()
    check(dense.diagonal(), fastinit.normal(3, seed=0, name=1))
    assert torch.equal(dense, sparse.to_dense())


def test_a_sparse_tensor_of_pending_values() -> None:
    # torch 2.11 and 2.12 warn where this is not said.
    unchecked = torch.sparse.check_sparse_tensor_invariants(False)  # type: ignore[no-untyped-call]
    with unchecked, accelerate(seed=0):
        values = torch.full((3,), 7.0).normal_()
        sparse = torch.sparse_coo_tensor([[0, 1, 2]], values, (4,))  # type: ignore[arg-type]
        dense = sparse.to_dense()
    check(dense[:3], fastinit.normal(3, seed=0, name=1))


@pytest.mark.parametrize(
    "zero", [init.zeros_, fastinit.torch.zeros_, torch.zero_, torch.Tensor.zero_]
)
def test_zeros_of_sparse_tensors(zero: Callable[[torch.Tensor], torch.Tensor]) -> None:
    with accelerate(seed=0):
        sparse = torch.eye(3).to_sparse()
        assert zero(sparse) is sparse
    assert not sparse.to_dense().any()


def test_inner_tensors_of_subclasses() -> None:
    with accelerate(seed=0):
        pair = TwoTensor(torch.full((3,), 7.0).normal_(), torch.full((3,), 7.0).normal_())  # type: ignore[no-untyped-call]
        result: Any = pair + 0
    check(result.a, fastinit.normal(3, seed=0, name=1))
    check(result.b, fastinit.normal(3, seed=0, name=2))


def test_a_jagged_tensor() -> None:
    with accelerate(seed=0):
        parts = [torch.ones(2), torch.ones(3)]
        jagged = torch.nested.nested_tensor(parts, layout=torch.jagged)
        jagged.values().normal_()
        seen = (jagged + 0).values()
    check(seen, fastinit.normal(5, seed=0, name=1))


# ---- copies -------------------------------------------------------------------------------------


def _saved(module: nn.Module) -> nn.Module:
    file = io.BytesIO()
    torch.save(module, file)
    file.seek(0)
    return torch.load(file, weights_only=False)  # type: ignore[no-any-return]


@pytest.mark.parametrize(
    "copy_of", [copy.deepcopy, copy.copy, lambda m: pickle.loads(pickle.dumps(m)), _saved]
)
def test_copies_of_modules(copy_of: Callable[[nn.Module], Any]) -> None:
    with accelerate(seed=0):
        layer = nn.Linear(4, 4)
        init.normal_(layer.weight)
        other = copy_of(layer)
    check(other.weight, normal(layer.weight, "weight"))
    check(layer.weight, normal(layer.weight, "weight"))


# ---- transformations ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "draw",
    [
        lambda x: torch.randn(3) + x[0],
        lambda x: torch.rand(3) + x[0],
        torch.randn_like,
        lambda x: torch.normal(x, 1.0),
    ],
)
def test_random_functions_in_vmap(draw: Callable[[torch.Tensor], torch.Tensor]) -> None:
    """They are torch's: each sample has numbers of its own, and the default is an error."""
    with accelerate(seed=0) as context:
        drawn = torch.func.vmap(draw, randomness="different")(torch.zeros(4, 2))
        with pytest.raises(RuntimeError, match="randomness"):
            torch.func.vmap(draw)(torch.zeros(4, 2))
    assert len({tuple(each.tolist()) for each in drawn}) == 4
    assert context.left_to_torch.total() == 2
