"""torch.nn.init's functions, replaced one by one by those of fastinit.torch."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn
from torch.nn import init

import fastinit.torch
from fastinit.torch import accelerate
from helpers.models.accelerated import Block, check, normal


@pytest.fixture
def _replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in dir(init):
        if name.endswith("_") and not name.startswith("_"):
            monkeypatch.setattr(init, name, getattr(fastinit.torch, name))


@pytest.mark.usefixtures("_replaced")
@pytest.mark.parametrize(
    ("call", "error"),
    [
        (lambda: nn.Linear(3, 4), None),
        (lambda: nn.Linear(3, 4, device="meta"), None),
        (lambda: nn.Conv2d(3, 4, 3, device="meta"), None),
        (lambda: nn.MultiheadAttention(4, 2, device="meta"), None),
        (lambda: init.normal_(torch.empty(3), std=float("inf")), None),
        (lambda: init.trunc_normal_(torch.empty(3, device="meta")), None),
        (lambda: init.orthogonal_(torch.empty(3, 3, device="meta")), None),
        (lambda: init.kaiming_normal_(torch.empty(3, 3, device="meta")), None),
        (lambda: init.xavier_uniform_(torch.empty(3, 3, device="meta")), None),
        (lambda: init.zeros_(torch.empty(3, device="meta")), None),
        (lambda: init.ones_(torch.eye(3).to_sparse()), NotImplementedError),
        (lambda: init.sparse_(torch.empty(3), 0.1), ValueError),
        (lambda: init.dirac_(torch.empty(3, 3)), ValueError),
        (lambda: init.orthogonal_(torch.empty(3)), ValueError),
        (lambda: init.uniform_(torch.empty(3, dtype=torch.int32)), NotImplementedError),
    ],
)
def test_they_do_not_call_themselves(
    call: Callable[[], Any], error: type[Exception] | None
) -> None:
    if error is None:
        call()
        with torch.device("meta"):
            call()
        return
    with pytest.raises(error) as raised:
        call()
    assert not isinstance(raised.value, RecursionError)


@pytest.mark.usefixtures("_replaced")
def test_they_serve_accelerate() -> None:
    with accelerate(seed=0):
        model = nn.Sequential(Block(), nn.Linear(4, 4, device="meta"))
        init.trunc_normal_(torch.empty(3))
    block: Any = model[0]
    check(block.inner.weight, normal(block.inner.weight, "0.inner.weight", 0.02))


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("uniform_", {"a": 10.0, "b": 20.0, "generator": None}),
        ("normal_", {"mean": 10.0, "std": 5.0, "generator": None}),
        ("constant_", {"val": 3.0}),
        (
            "kaiming_uniform_",
            {"a": 0, "mode": "fan_in", "nonlinearity": "leaky_relu", "generator": None},
        ),
    ],
)
@pytest.mark.parametrize("replaces", [False, True])
def test_subclasses_see_torchs_function(
    name: str, arguments: dict[str, Any], replaces: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Some have implementations by function, or pass a function on to the next subclass."""
    theirs, ours = getattr(init, name), getattr(fastinit.torch, name)
    seen: list[Any] = []

    redispatch: Any = torch.overrides.redispatch_function
    base: Any = torch.Tensor.__torch_function__

    class Passing(torch.Tensor):
        @classmethod
        def __torch_function__(
            cls, func: Any, types: Any, args: Any = (), kwargs: Any = None
        ) -> Any:
            if func is theirs or func is ours:
                seen.append((func, args, {k: v for k, v in kwargs.items() if k != "tensor"}))
                return redispatch(func, types, args, kwargs)
            return base.__func__(cls, func, types, args, kwargs)

    if replaces:
        monkeypatch.setattr(init, name, ours)
    tensor = torch.full((8, 2), -7.0).as_subclass(Passing)
    assert ours(tensor, *arguments.values()) is tensor
    assert seen == [(theirs, (), arguments)]
    assert not bool((torch.Tensor(tensor) == -7).any())
