"""Torch tensors of every stride, dtype and device get the values of a contiguous array."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

import fastinit
from fastinit.torch.memory.batch import FillBatch
from helpers.bits import check_bits
from helpers.torch_arrays import to_numpy

SEED, STREAM = 7, 3
F32 = np.dtype(np.float32)
STRIDED: dict[str, Callable[[], torch.Tensor]] = {
    "contiguous": lambda: torch.empty(64, 64),
    "scalar": lambda: torch.empty(()),
    "transposed": lambda: torch.empty(2000, 1500).t(),
    "columns": lambda: torch.empty(300, 200)[:, 5:150],
    "columns of one row": lambda: torch.empty(1, 200)[:, 5:150],
    "few columns": lambda: torch.empty(300, 200)[:, 5:20],
    "every other row": lambda: torch.empty(20, 30, 40, 100)[3:9, :, ::2],
    "every third matrix": lambda: torch.empty(3, 30, 400)[:, ::3],
    "channels last": lambda: torch.empty(20, 30, 8, 9).to(memory_format=torch.channels_last),
    "one channel": lambda: torch.empty(20, 1, 8, 9).to(memory_format=torch.channels_last),
    "a diagonal": lambda: torch.empty(100, 100).diagonal(),
    "exchanged axes": lambda: torch.empty(5, 7, 100).transpose(0, 1),
    "many short rows": lambda: torch.empty(1100, 1030)[:, :1000],
    "no elements": lambda: torch.empty(3, 0, 5),
    "parameter": lambda: torch.nn.Parameter(torch.empty(9, 9)),
    "no leaf": lambda: torch.zeros(9, 9, requires_grad=True) * 2,
    "negated": lambda: torch._neg_view(torch.empty(30, 20)),
}


def draw(tensor: torch.Tensor, **part: tuple[tuple[int, int], ...] | tuple[int, ...]) -> None:
    """Draw a standard normal into a tensor."""
    dtype = np.dtype(np.float64) if tensor.dtype in (torch.float64, torch.complex128) else F32
    filling = FillBatch()
    templates = fastinit.Normal().templates(tuple(tensor.shape), dtype)
    filling.add(tensor, templates, (SEED, STREAM), **part)  # type: ignore[arg-type]
    filling.run()


@pytest.mark.parametrize("kind", STRIDED)
def test_strides(kind: str) -> None:
    """The values are those of their place in the tensor, and autograd sees the change."""
    tensor = STRIDED[kind]()
    version = tensor._version
    draw(tensor)
    expected = fastinit.normal(tuple(tensor.shape), seed=SEED, name=STREAM)
    check_bits(tensor.detach().resolve_neg().numpy(), expected)
    assert tensor._version > version


def test_nothing_else_is_written() -> None:
    """Memory between the runs of a view keeps its values."""
    whole = torch.full((300, 200), 5.0)
    view = whole[10:290:3, 50:150]
    draw(view)
    before, after = whole.numel() - view.numel(), int((whole == 5.0).sum())
    assert after == before
    assert not bool((view == 5.0).any())


@pytest.mark.parametrize("dtype", [torch.complex64, torch.complex128])
@pytest.mark.parametrize("kind", ["contiguous", "transposed", "columns", "conjugated"])
def test_complex(dtype: torch.dtype, kind: str) -> None:
    """A complex tensor is a real one with one more axis of 2."""
    view: Callable[[torch.Tensor], torch.Tensor] = {
        "contiguous": lambda x: x,
        "transposed": lambda x: x.t(),
        "columns": lambda x: x[:, 8:90],
        "conjugated": lambda x: x.conj(),
    }[kind]
    tensor = view(torch.empty(90, 100, dtype=dtype))
    draw(tensor)
    actual = torch.view_as_real(tensor.resolve_conj()).numpy()
    check_bits(actual, fastinit.normal(actual.shape, seed=SEED, name=STREAM, dtype=actual.dtype))


@pytest.mark.parametrize("kind", ["contiguous", "transposed"])
@pytest.mark.parametrize(
    "dtype",
    ["float64", "float32", "float16", "bfloat16", "float8_e4m3fn", "float8_e5m2"],
)
def test_dtypes(dtype: str, kind: str) -> None:
    tensor = torch.empty(70, 80, dtype=getattr(torch, dtype))
    tensor = tensor.t() if kind == "transposed" else tensor
    filling = FillBatch()
    expected = fastinit.normal(tuple(tensor.shape), seed=SEED, name=STREAM, dtype=dtype)
    templates = fastinit.Normal().templates(expected.shape, expected.dtype)
    filling.add(tensor, templates, (SEED, STREAM))
    filling.run()
    check_bits(to_numpy(tensor), expected)


@pytest.mark.parametrize("kind", ["contiguous", "transposed", "columns"])
def test_parts(kind: str) -> None:
    """A part of a larger tensor has the values of the whole's."""
    tensor = {
        "contiguous": lambda: torch.empty(10, 20),
        "transposed": lambda: torch.empty(20, 10).t(),
        "columns": lambda: torch.empty(10, 50)[:, 3:23],
    }[kind]()
    draw(tensor, shape=(100, 50), bounds=((30, 40), (9, 29)))
    whole = fastinit.normal((100, 50), seed=SEED, name=STREAM)
    check_bits(tensor.numpy(), np.ascontiguousarray(whole[30:40, 9:29]))


def test_one_call_for_all() -> None:
    """Tensors that are added are not written until all are."""
    tensors = [torch.zeros(n, 8) for n in range(5)]
    filling = FillBatch()
    for k, tensor in enumerate(tensors):
        filling.add(tensor, fastinit.Normal().templates(tuple(tensor.shape), F32), (SEED, k))
    assert not any(bool(tensor.any()) for tensor in tensors)
    filling.run()
    for k, tensor in enumerate(tensors):
        check_bits(tensor.numpy(), fastinit.normal(tuple(tensor.shape), seed=SEED, name=k))
    tensors[-1].zero_()
    filling.run()
    assert not bool(tensors[-1].any()), "what was drawn is forgotten"


@pytest.mark.parametrize("shape", [(9,), (500, 100)])
def test_shared_elements(shape: tuple[int, ...]) -> None:
    """An expanded tensor is refused as torch refuses it, and keeps its value."""
    one = torch.ones(1)
    with pytest.raises(RuntimeError, match="single memory location"):
        draw(one.expand(shape))
    assert one.item() == 1


@pytest.mark.parametrize("failing", ["contiguous", "transposed"])
def test_what_has_no_values_writes_nothing(failing: str) -> None:
    """Not in the tensors before it either, whether they are drawn in place or in a buffer."""
    tensors = {"contiguous": torch.full((6, 4), 7.0), "transposed": torch.full((4, 6), 7.0).t()}
    batch = FillBatch()
    for name, tensor in tensors.items():
        kind = fastinit.Mapped("normal", "log") if name == failing else fastinit.Normal()
        batch.add(tensor, kind.templates((6, 4), F32), (SEED, STREAM))
    with pytest.raises(ValueError, match="has no finite value"):
        batch.run()
    assert all((tensor == 7).all() for tensor in tensors.values())


@pytest.mark.parametrize(
    "view",
    [
        lambda w: w[:1].expand(3, 4),
        lambda w: w[0, :1].expand(4),
        lambda w: w.t()[1:],
        lambda w: torch.complex(w, w).conj(),
        lambda w: torch.complex(w, w).conj().imag,
        lambda w: w.bfloat16()[:, ::2],
    ],
)
def test_digests_of_views(view: Any) -> None:
    given = view(torch.arange(12.0).view(3, 4))
    plain = given.clone().resolve_conj().resolve_neg().contiguous()
    assert fastinit.digest(given) == fastinit.digest(to_numpy(plain))
