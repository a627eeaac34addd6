"""Copies of torch's truncated normal in other packages, such as timm's, are drawn by fastinit."""

import importlib.util
import math
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from fastinit import TruncatedNormal
from fastinit.torch import accelerate, record
from helpers.bits import check_bits

# The functions of timm.layers.weight_init.
SOURCE = """
import math
import torch

def _trunc_normal_(tensor, mean, std, a, b):
    def norm_cdf(x):
        return (1. + math.erf(x / math.sqrt(2.))) / 2.
    l = norm_cdf((a - mean) / std)
    u = norm_cdf((b - mean) / std)
    tensor.uniform_(2 * l - 1, 2 * u - 1)
    tensor.erfinv_()
    tensor.mul_(std * math.sqrt(2.))
    tensor.add_(mean)
    tensor.clamp_(min=a, max=b)
    return tensor

def trunc_normal_(tensor, mean=0., std=1., a=-2., b=2.):
    with torch.no_grad():
        return _trunc_normal_(tensor, mean, std, a, b)

def trunc_normal_tf_(tensor, mean=0., std=1., a=-2., b=2.):
    with torch.no_grad():
        _trunc_normal_(tensor, 0, 1.0, a, b)
        tensor.mul_(std).add_(mean)
    return tensor
"""


@pytest.fixture
def imported(tmp_path: Path) -> Iterator[Any]:
    path = tmp_path / "weight_init.py"
    path.write_text(SOURCE)
    spec = importlib.util.spec_from_file_location("weight_init_of_a_package", path)
    assert spec is not None
    assert spec.loader is not None
    module = sys.modules[spec.name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    yield module
    del sys.modules[spec.name]


def linear(initialize: Any, **options: float) -> nn.Linear:
    """A layer with a large weight."""
    layer = nn.Linear(1 << 13, 1 << 10, bias=False)
    initialize(layer.weight, **options)
    return layer


def test_bounds_are_values(imported: Any) -> None:
    found = record(linear, 0, args=(imported.trunc_normal_,), kwargs={"std": 0.02, "b": 0.03})
    initializer = found.tensor("weight").initializer
    assert initializer == TruncatedNormal(0.0, 0.02, -100.0, 1.5)
    with accelerate(seed=0) as context:
        layer = nn.Linear(300, 200)
        imported.trunc_normal_(layer.weight, std=0.02, b=0.03)
    assert context.drawn == 2
    with accelerate(seed=0):
        expected = nn.Linear(300, 200)
        nn.init.trunc_normal_(expected.weight, std=0.02, b=0.03)
    assert torch.equal(layer.weight, expected.weight)


def test_bounds_are_in_sigmas(imported: Any) -> None:
    """The variant of TensorFlow and JAX scales and shifts what it has truncated."""
    options = {"mean": 0.5, "std": 0.02}
    found = record(linear, 0, args=(imported.trunc_normal_tf_,), kwargs=options)
    planned = found.tensor("weight").initializer
    with accelerate(seed=0):
        layer = linear(imported.trunc_normal_tf_, **options)
    rows = (slice(0, 100), slice(None))
    check_bits(layer.weight.detach().numpy()[rows], found.draw("weight", rows))
    standard = TruncatedNormal(0.5, 0.02)
    assert planned.moments((1, 1)) == pytest.approx(standard.moments((1, 1)), abs=1e-9)
    values = layer.weight.detach().double()
    assert 0.46 - 1e-7 <= float(values.min()) < float(values.max()) <= 0.54 + 1e-7
    error = 0.02 / math.sqrt(values.numel())
    assert float(values.mean()) == pytest.approx(0.5, abs=6 * error)
    assert float(values.std()) == pytest.approx(standard.moments((1, 1))[1], abs=6 * error)


def test_the_copy_is_back_after_the_context(imported: Any) -> None:
    before = imported._trunc_normal_
    torch.manual_seed(0)
    expected = imported.trunc_normal_(torch.empty(100))
    with accelerate(seed=0):
        assert imported._trunc_normal_ is not before
        with accelerate(seed=1):
            imported.trunc_normal_(torch.empty(3))
    assert imported._trunc_normal_ is before
    torch.manual_seed(0)
    assert torch.equal(imported.trunc_normal_(torch.empty(100)), expected)


def test_functions_of_the_same_name_that_are_no_copies(imported: Any) -> None:
    """They keep their own meaning."""

    def _trunc_normal_(tensor: Any, mean: Any, std: Any, a: Any, b: Any) -> Any:
        return tensor.normal_(mean, std).clamp_(a, b)

    imported._trunc_normal_ = _trunc_normal_
    with accelerate(seed=0):
        tensor = imported.trunc_normal_(nn.Linear(300, 200).weight, b=0.0)
    assert float(tensor.detach().max()) == 0.0
