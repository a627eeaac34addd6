"""The functions of fastinit.torch that torch.nn.init lacks, and gains by name."""

import re
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch.nn import init as theirs

import fastinit
import fastinit.torch as ours
from helpers.bits import check_bits
from helpers.torch_arrays import dtype_name, to_numpy

CASES: list[tuple[str, str, dict[str, Any]]] = [
    ("lecun_normal_", "lecun_normal", {}),
    ("lecun_normal_", "lecun_normal", {"layout": "io*", "groups": 2}),
    ("lecun_uniform_", "lecun_uniform", {}),
    ("lecun_uniform_", "lecun_uniform", {"fan": 7.5}),
    ("fan_in_uniform_", "fan_in_uniform", {}),
    ("fan_in_uniform_", "fan_in_uniform", {"layout": "io*", "groups": 2}),
    *(
        (
            "variance_scaling_",
            "variance_scaling",
            {"scale": 0.3, "mode": mode, "distribution": kind},
        )
        for mode in ("fan_in", "fan_out", "fan_avg", "fan_geo_avg")
        for kind in ("normal", "uniform", "truncated_normal")
    ),
    ("truncated_normal_", "truncated_normal", {}),
    ("truncated_normal_", "truncated_normal", {"mean": 0.1, "std": 0.02, "lower": -1, "upper": 3}),
    ("truncated_normal_", "truncated_normal", {"std": 0.02, "compensate": True}),
]
NAMES = sorted({name for name, _, _ in CASES})


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16])
@pytest.mark.parametrize(("name", "core", "options"), CASES)
def test_bits_are_those_without_torch(
    name: str, core: str, options: dict[str, Any], dtype: torch.dtype
) -> None:
    tensor = torch.empty(12, 8, 3, dtype=dtype)
    where = {"seed": 5, "name": "w"}
    assert getattr(ours, name)(tensor, **options, **where) is tensor
    drawn = getattr(fastinit, core)((12, 8, 3), dtype=dtype_name(dtype), **options, **where)
    check_bits(to_numpy(tensor), drawn)


@pytest.mark.parametrize("name", NAMES)
def test_torchs_generator(name: str) -> None:
    """torch.manual_seed governs these too, and two calls never repeat."""
    function: Callable[..., torch.Tensor] = getattr(ours, name)
    torch.manual_seed(3)
    first, second = function(torch.empty(8, 8)), function(torch.empty(8, 8))
    generator = torch.Generator().manual_seed(3)
    assert torch.equal(first, function(torch.empty(8, 8), generator=generator))
    assert torch.equal(second, function(torch.empty(8, 8), generator=generator))
    assert not torch.equal(first, second)


@pytest.mark.parametrize("name", NAMES)
def test_in_a_context(name: str) -> None:
    """The parameter draws from the stream of its name."""

    class Layer(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.weight = torch.nn.Parameter(torch.empty(8, 6))
            getattr(ours, name)(self.weight)

    with ours.accelerate(seed=5):
        module = Layer()
    expected = getattr(ours, name)(torch.empty(8, 6), seed=5, name="weight")
    assert torch.equal(module.weight, expected)


@pytest.mark.parametrize("name", NAMES)
def test_tensors_without_values(name: str) -> None:
    """Meta tensors stay as they are; torch draws where a mode intercepts, in the same range."""
    assert getattr(ours, name)(torch.empty(3, 3, device="meta"), seed=0).is_meta
    assert getattr(ours, name)(torch.empty(0, 3), seed=0).shape == (0, 3)

    class Seen(torch.overrides.TorchFunctionMode):
        def __torch_function__(
            self, func: Any, types: Any, args: Any = (), kwargs: Any = None
        ) -> Any:
            return func(*args, **(kwargs or {}))

    with Seen():
        assert bool((getattr(ours, name)(torch.zeros(9, 9)) != 0).all())
        with pytest.raises(ValueError, match="cannot keep to seed="):
            getattr(ours, name)(torch.zeros(9, 9), seed=0)


def test_bounds_in_sigmas_where_torch_draws() -> None:
    class Plain(torch.Tensor):
        """A subclass, which is left to torch."""

    tensor = torch.zeros(100, 100).as_subclass(Plain)
    ours.truncated_normal_(tensor, std=0.02)
    assert 0.03 < float(tensor.abs().max()) <= 0.04


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("lecun_normal_", {"layout": "io"}, "has 3 axes, layout='io' 2"),
        ("lecun_uniform_", {"groups": 5}, "groups=5 does not divide"),
        ("variance_scaling_", {"scale": -1}, "scale=-1 is negative"),
        ("variance_scaling_", {"mode": "fan"}, "mode='fan' is not known"),
        ("variance_scaling_", {"distribution": "cauchy"}, "distribution='cauchy' is not known"),
        ("truncated_normal_", {"lower": 2, "upper": 1}, "lower=2.0 is not below upper=1.0"),
        ("truncated_normal_", {"std": -1}, "std=-1 is negative"),
    ],
)
def test_errors(name: str, options: dict[str, Any], message: str) -> None:
    """They are those of the functions without torch, and nothing is written."""
    tensor = torch.full((4, 3, 2), 7.0)
    with pytest.raises(ValueError, match=re.escape(message)):
        getattr(ours, name)(tensor, **options)
    assert bool((tensor == 7.0).all())


def test_the_default_of_torch_by_its_name() -> None:
    """torch calls it a Kaiming uniform distribution with another slope."""
    given, named = torch.empty(12, 25), torch.empty(12, 25)
    ours.kaiming_uniform_(given, a=5**0.5, seed=3, name="fc.weight")
    ours.fan_in_uniform_(named, seed=3, name="fc.weight")
    assert bool((given == named).all())
    assert 0.19 < float(named.abs().max()) < 0.2


@pytest.mark.parametrize("name", ["xavier_normal_", "xavier_uniform_", "orthogonal_"])
def test_a_gain_may_be_the_name_of_an_activation(name: str) -> None:
    drawn = getattr(ours, name)(torch.empty(6, 6), gain="tanh", seed=1, name=0)
    number = getattr(ours, name)(
        torch.empty(6, 6), gain=theirs.calculate_gain("tanh"), seed=1, name=0
    )
    assert torch.equal(drawn, number)
    with pytest.raises(ValueError, match="gain='gelu' has no gain in the table"):
        getattr(ours, name)(torch.empty(6, 6), gain="gelu")
