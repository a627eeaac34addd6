"""Errors, warnings and no-ops of fastinit.torch are those of torch.nn.init."""

import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch.nn import init as theirs

import fastinit.torch as ours
from helpers.torch_init_functions import ALL, OWN, RANDOM, outcome, shape_for


def empty(*shape: int, dtype: torch.dtype = torch.float32) -> torch.Tensor:
    return torch.zeros(shape, dtype=dtype)


INT, BOOL, C64 = torch.int64, torch.bool, torch.complex64
SAME: list[tuple[str, Callable[[], tuple[Any, ...]]]] = [
    *[(name, lambda: (empty(2),)) for name in ("xavier_uniform_", "xavier_normal_")],
    *[(name, lambda: (empty(2),)) for name in ("kaiming_uniform_", "kaiming_normal_")],
    *[(name, lambda: (empty(),)) for name in ("xavier_uniform_", "kaiming_normal_")],
    *[(name, lambda: (empty(0, 1),)) for name in sorted(RANDOM) if name != "sparse_"],
    *[(name, lambda: (empty(0, 0),)) for name in ("xavier_uniform_", "xavier_normal_")],
    *[(name, lambda: (empty(3, 3, dtype=INT),)) for name in sorted(RANDOM) if name != "sparse_"],
    *[(name, lambda: (empty(3, 3, dtype=BOOL),)) for name in ("normal_", "ones_", "zeros_")],
    *[(name, lambda: (empty(1).expand(9),)) for name in ("normal_", "uniform_", "ones_")],
    *[(name, lambda: ("w",)) for name in ("normal_", "uniform_", "constant_", "ones_", "eye_")],
    ("normal_", lambda: (empty(3), 0.0, -1.0)),
    ("normal_", lambda: (empty(3), 0.0, math.nan)),
    ("normal_", lambda: (empty(3), 0.0, "1")),
    ("normal_", lambda: (empty(3), None)),
    ("normal_", lambda: (empty(3), 1j)),
    ("normal_", lambda: (empty(3), torch.zeros(2))),
    ("uniform_", lambda: (empty(3), 2.0, 1.0)),
    ("uniform_", lambda: (empty(3), 0.0, math.inf)),
    ("uniform_", lambda: (empty(3), math.nan, 1.0)),
    ("uniform_", lambda: (empty(3), -3e38, 3e38)),
    ("uniform_", lambda: (empty(3, dtype=torch.float16), -1e6, 1e6)),
    ("trunc_normal_", lambda: (empty(3), 5.0)),
    ("trunc_normal_", lambda: (empty(3), -3.5, 0.5, -2.0, 2.0)),
    ("trunc_normal_", lambda: (empty(3), 0.0, 0.0)),
    ("trunc_normal_", lambda: (empty(3), 0.0, 1.0, 2.0, 1.0)),
    ("trunc_normal_", lambda: (empty(3, dtype=C64),)),
    ("trunc_normal_", lambda: (empty(3), "0")),
    ("kaiming_uniform_", lambda: (empty(3, 3), 0, "fan_avg")),
    ("kaiming_normal_", lambda: (empty(3, 3), 0, "FAN_OUT")),
    ("kaiming_normal_", lambda: (empty(3, 3), 0, "fan_in", "gelu")),
    ("kaiming_normal_", lambda: (empty(3, 3), True)),
    ("kaiming_normal_", lambda: (empty(3, 3), [1])),
    ("constant_", lambda: (empty(3, dtype=torch.uint8), 300)),
    ("constant_", lambda: (empty(3, dtype=INT), 1.5)),
    ("constant_", lambda: (empty(3), "1")),
    ("constant_", lambda: (empty(3), 1j)),
    ("eye_", lambda: (empty(3),)),
    ("eye_", lambda: (empty(3, 3, 3),)),
    *[("dirac_", lambda n=n: (empty(*[2] * n),)) for n in (1, 2, 6)],
    ("dirac_", lambda: (empty(3, 3, 3), 2)),
    ("dirac_", lambda: (empty(3, 3, 3), 0)),
    ("dirac_", lambda: (empty(3, 3, 0),)),
    *[("sparse_", lambda n=n: (empty(*[2] * n), 0.5)) for n in (1, 3)],
    ("orthogonal_", lambda: (empty(3),)),
    ("orthogonal_", lambda: (empty(0, 3),)),
    ("orthogonal_", lambda: (empty(3, 3, dtype=C64),)),
    ("sparse_", lambda: (empty(0, 3), 0.5)),
    ("sparse_", lambda: (empty(3, 3), 0.5, -1.0)),
    ("sparse_", lambda: (empty(3, 3), 1.5)),
    ("sparse_", lambda: (empty(3, 3), "1")),
    ("sparse_", lambda: (empty(3, 3, dtype=INT), 0.5)),
    ("calculate_gain", lambda: ("gelu",)),
    *[("calculate_gain", lambda p=p: ("leaky_relu", p)) for p in (True, [1], {"a": "b"})],
]


@pytest.mark.parametrize(("name", "arguments"), SAME, ids=[str(k) for k in range(len(SAME))])
def test_errors_and_warnings(name: str, arguments: Callable[[], tuple[Any, ...]]) -> None:
    """A wrong or questionable call has the same error and warnings as torch's."""
    assert outcome(getattr(ours, name), *arguments()) == outcome(
        getattr(theirs, name), *arguments()
    )


@pytest.mark.parametrize(
    ("name", "args"),
    [
        ("kaiming_uniform_", (empty(0, 1),)),
        ("kaiming_normal_", (empty(0, 1),)),
        ("trunc_normal_", (empty(3), 5.0)),
    ],
)
def test_warnings_point_at_the_caller(name: str, args: tuple[Any, ...]) -> None:
    with pytest.warns(UserWarning) as caught:  # noqa: PT030  (its words are tested above)
        getattr(ours, name)(*args)
    assert caught[0].filename == __file__


@pytest.mark.parametrize("name", sorted(ALL))
def test_meta(name: str) -> None:
    """Nothing is drawn, and no bits of torch's generator are used."""
    tensor = torch.empty(shape_for(name), device="meta")
    state = torch.get_rng_state()
    assert getattr(ours, name)(tensor, *ALL[name]) is tensor
    assert tensor.is_meta
    if name in OWN:
        getattr(ours, name)(tensor, *ALL[name], seed=0, name="w")
    assert torch.equal(torch.get_rng_state(), state)


@pytest.mark.parametrize("name", sorted(ALL))
@pytest.mark.parametrize("kind", ["plain", "leaf", "parameter", "view", "no leaf"])
def test_result(name: str, kind: str) -> None:
    """The tensor itself is returned; its version counter rises, its history stays."""
    base = torch.full(shape_for(name), 7.0)
    make: Callable[[], Any] = {
        "plain": lambda: base,
        "leaf": lambda: base.requires_grad_(),
        "parameter": lambda: torch.nn.Parameter(base),
        "view": lambda: base[:],
        "no leaf": lambda: base.requires_grad_() * 1,
    }[kind]
    tensor = make()
    before = tensor._version, tensor.data_ptr(), tensor.grad_fn, tensor.requires_grad
    assert getattr(ours, name)(tensor, *ALL[name]) is tensor
    assert not bool((tensor == 7.0).any())
    assert tensor._version > before[0]
    assert (tensor.data_ptr(), tensor.grad_fn, tensor.requires_grad) == before[1:]


def test_autograd_sees_the_change() -> None:
    """A tensor that a backward pass needs must not have been filled meanwhile."""
    w = torch.ones(3, requires_grad=True)
    loss: Any = (w * w).sum()
    ours.normal_(w)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        loss.backward()


@pytest.mark.parametrize("name", ["normal_", "ones_", "kaiming_uniform_"])
def test_inference_mode(name: str) -> None:
    """Tensors of inference mode are filled there, and refused elsewhere with torch's message."""
    with torch.inference_mode():
        tensor = torch.full((9, 9), 7.0)
        getattr(ours, name)(tensor)
        assert not bool((tensor == 7.0).any())
    assert outcome(getattr(ours, name), tensor) == outcome(getattr(theirs, name), tensor)
