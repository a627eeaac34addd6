"""Distributions of fastinit.torch are those of torch.nn.init, by Kolmogorov-Smirnov tests.

Seeds are fixed and each p-value is of one test, so a failure is a changed distribution or changed
bits. A correct one has a chance of 1e-3 to fail when its bits change.
"""

from collections.abc import Callable
from contextlib import nullcontext
from typing import Any

import numpy as np
import pytest
import torch
from scipy import stats  # type: ignore[import-untyped]
from torch.nn import init as theirs

import fastinit
import fastinit.torch as ours
from helpers.bits import check_bits
from helpers.torch_arrays import to_numpy

SMALLEST_P = 1e-3
ARGUMENTS: list[tuple[str, dict[str, Any]]] = [
    ("uniform_", {}),
    ("uniform_", {"a": -3.0, "b": 0.5}),
    ("uniform_", {"a": 2, "b": 2.25}),
    ("normal_", {}),
    ("normal_", {"mean": -2.0, "std": 0.02}),
    ("normal_", {"mean": torch.tensor(3.0), "std": np.float32(1.5)}),
    ("trunc_normal_", {}),
    ("trunc_normal_", {"std": 0.02}),
    ("trunc_normal_", {"mean": 1.0, "std": 0.5, "a": 0.9, "b": 3.0}),
    ("trunc_normal_", {"a": 2.0, "b": 3.0}),
    ("trunc_normal_", {"a": -9.0, "b": -1.0}),
    ("xavier_uniform_", {}),
    ("xavier_uniform_", {"gain": 0.3}),
    ("xavier_normal_", {}),
    ("xavier_normal_", {"gain": 5 / 3}),
    *[
        (f"kaiming_{kind}_", options)
        for kind in ("uniform", "normal")
        for options in (
            {},
            {"a": 5**0.5},
            {"mode": "fan_out"},
            {"nonlinearity": "relu"},
            {"nonlinearity": "tanh", "mode": "FAN_OUT"},
            {"nonlinearity": "selu", "a": 3},
        )
    ],
]


def sample(
    module: Any, name: str, shape: tuple[int, ...], dtype: torch.dtype, **options: Any
) -> Any:
    """A function's values as float64; a complex tensor's real and imaginary parts."""
    tensor = getattr(module, name)(torch.empty(shape, dtype=dtype), **options)
    real = torch.view_as_real(tensor) if dtype.is_complex else tensor
    return real.double().flatten().numpy()


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.complex64], ids=str)
@pytest.mark.parametrize("shape", [(250, 120), (20, 25, 6, 10)], ids=str)
@pytest.mark.parametrize(("name", "options"), ARGUMENTS)
def test_equal_to_torchs(
    name: str, options: dict[str, Any], shape: tuple[int, ...], dtype: torch.dtype
) -> None:
    """Two samples of 30000 values are compared, with every argument."""
    if name == "trunc_normal_" and dtype.is_complex:
        with pytest.raises(NotImplementedError):
            sample(ours, name, shape, dtype, **options)
        return
    torch.manual_seed(1)
    theirs_, ours_ = (sample(each, name, shape, dtype, **options) for each in (theirs, ours))
    assert stats.ks_2samp(theirs_, ours_).pvalue > SMALLEST_P


@pytest.mark.parametrize("dims", [1, 2, 4])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
def test_cut_anywhere(dims: int, dtype: torch.dtype) -> None:
    """Truncations at random places within 2 sigmas keep the distribution and the dtype's bounds."""
    random = np.random.default_rng(dims)
    shape = tuple(random.integers(8, 14, dims) * (300 if dims == 1 else 1))
    mean, std = random.uniform(-3, 3), random.uniform(0.01, 1)
    a, b = random.uniform(mean - 2 * std, mean), random.uniform(mean, mean + 2 * std)
    values = sample(ours, "trunc_normal_", shape, dtype, mean=mean, std=std, a=a, b=b, seed=dims)
    assert values.min() >= a
    assert values.max() <= b
    cut = stats.truncnorm((a - mean) / std, (b - mean) / std, mean, std)
    assert stats.kstest(values, cut.cdf).pvalue > SMALLEST_P


@pytest.mark.parametrize(
    ("dtype", "least"),
    [
        (torch.float64, 9990),
        (torch.float32, 9990),
        (torch.float16, 3000),
        (torch.bfloat16, 1000),
        (torch.float8_e4m3fn, 100),
    ],
    ids=str,
)
def test_cut_in_every_dtype(dtype: torch.dtype, least: int) -> None:
    """Values are within the bounds, finite, and many different ones."""
    values = sample(ours, "trunc_normal_", (10_000,), dtype, seed=0)
    assert abs(values).max() <= 2
    assert np.isfinite(values).all()
    assert len(np.unique(values)) > least


@pytest.mark.parametrize(
    "dtype", [torch.float64, torch.float32, torch.float16, torch.bfloat16], ids=str
)
def test_far_bounds_do_not_occur(dtype: torch.dtype) -> None:
    """No value is moved to a bound of 20 sigmas."""
    values = sample(ours, "trunc_normal_", (10_000,), dtype, std=0.1, a=-2.0, b=2.0, seed=0)
    assert abs(values).max() < 0.6


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.float16], ids=str)
@pytest.mark.parametrize(("a", "b"), [(2.0, 3.0), (0.1, 0.3), (-2.0, -1.9)])
def test_bounds_are_never_passed(a: float, b: float, dtype: torch.dtype) -> None:
    """The bounds hold as given, also where a number of sigmas would round."""
    with pytest.warns(UserWarning, match="more than 2 std") if a > 1 or b < -1 else nullcontext():
        values = sample(ours, "trunc_normal_", (20_000,), dtype, std=0.3, a=a, b=b, seed=0)
    assert a <= values.min()
    assert values.max() <= b


@pytest.mark.parametrize(("name", "bounds"), [("uniform_", (-0.1, 0.3)), ("uniform_", (0.0, 1.0))])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16], ids=str)
def test_open_interval(name: str, bounds: tuple[float, float], dtype: torch.dtype) -> None:
    """No bound ever occurs, in any dtype."""
    values = sample(ours, name, (1_000_000,), dtype, a=bounds[0], b=bounds[1], seed=0)
    assert bounds[0] < values.min()
    assert values.max() < bounds[1]


@pytest.mark.parametrize("layout", ["contiguous", "transposed"])
@pytest.mark.parametrize(("sparsity", "std"), [(0.3, 0.01), (0.15, 0.2), (0, 1), (1, 1.0)])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16], ids=str)
def test_sparse(sparsity: float, std: float, layout: str, dtype: torch.dtype) -> None:
    """Each column has as many zeros as torch's; the others are normal.

    torch's are counted in float32 for bfloat16, in which torch 2.11 draws zeros as normals.
    """
    shape = (120, 250)
    options: dict[str, Any] = {"sparsity": sparsity, "std": std}
    torch.manual_seed(2)
    precise = torch.float32 if dtype == torch.bfloat16 else dtype
    expected = theirs.sparse_(torch.empty(shape, dtype=precise), **options)
    tensor = torch.empty(shape, dtype=dtype)
    if layout == "transposed":
        tensor = torch.empty(shape[::-1], dtype=dtype).t()
    ours.sparse_(tensor, **options, seed=4)
    assert torch.equal((tensor == 0).sum(dim=0), (expected == 0).sum(dim=0))
    check_bits(
        to_numpy(tensor),
        fastinit.sparse(shape, sparsity=sparsity, std=std, dtype=tensor.dtype, seed=4, name=0),
    )
    kept = [each[each != 0].double().numpy() for each in (tensor, expected)]
    if len(kept[0]) and dtype != torch.bfloat16:
        assert stats.ks_2samp(*kept).pvalue > SMALLEST_P


def test_sparse_places() -> None:
    """Each row is zeroed equally often (chi-square), and so is each pair of neighbors."""
    zeros = ours.sparse_(torch.empty(20, 40_000), 0.25, seed=0) == 0
    found = zeros.sum(dim=1).double().numpy()
    variance = 40_000 * 0.25 * 0.75 * 20 / 19  # of 20 counts that add up
    statistic = ((found - 10_000) ** 2).sum() / variance
    assert stats.chi2.sf(statistic, 19) > SMALLEST_P
    pairs = float((zeros[:-1] & zeros[1:]).double().mean())
    assert abs(pairs - 0.25 * 4 / 19) < 5e-4


@pytest.mark.parametrize("gain", [1, 0.3, -2.0])
@pytest.mark.parametrize("shape", [(3, 4), (4, 3), (40, 40), (20, 2, 3, 4), (2, 3, 4, 5)], ids=str)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.float16], ids=str)
def test_orthogonal(gain: float, shape: tuple[int, ...], dtype: torch.dtype) -> None:
    """Rows or columns are orthonormal, times the gain; the bits are fastinit.orthogonal's."""
    tensor = ours.orthogonal_(torch.empty(shape, dtype=dtype), gain, seed=3, name="q")
    matrix = tensor.reshape(shape[0], -1).double()
    matrix = matrix if matrix.shape[0] <= matrix.shape[1] else matrix.t()
    identity = torch.eye(len(matrix), dtype=torch.float64) * gain**2
    limit = {torch.float64: 1e-14, torch.float32: 1e-6, torch.float16: 2e-3}[dtype]
    assert (matrix @ matrix.t() - identity).abs().max() < limit * max(1, gain**2)
    strided = torch.empty((*shape[::-1],), dtype=dtype).permute(*reversed(range(len(shape))))
    assert torch.equal(ours.orthogonal_(strided, gain, seed=3, name="q"), tensor)
    expected = fastinit.orthogonal(shape, gain=gain, dtype=dtype, seed=3, name="q")
    check_bits(to_numpy(tensor), expected)


@pytest.mark.parametrize("shape", [(6, 6), (8, 3), (3, 8)], ids=str)
def test_orthogonal_is_torchs_distribution(shape: tuple[int, ...]) -> None:
    """Entries, traces and a product of two entries of 2000 matrices agree."""
    torch.manual_seed(5)
    samples = []
    for module in (ours, theirs):
        drawn = [module.orthogonal_(torch.empty(shape)) for _ in range(2000)]
        samples.append(torch.stack(drawn).double())
    statistics: list[Callable[[torch.Tensor], torch.Tensor]] = [
        lambda x: x[:, 0, 0],
        lambda x: x[:, -1, -1],
        lambda x: x.diagonal(dim1=1, dim2=2).sum(dim=1),
        lambda x: x[:, 0, 0] * x[:, 1, 1],
    ]
    for statistic in statistics:
        mine, torchs = (statistic(each).numpy() for each in samples)
        assert stats.ks_2samp(mine, torchs).pvalue > SMALLEST_P


@pytest.mark.parametrize("dims", [3, 4, 5])
@pytest.mark.parametrize("groups", [1, 2, 3, 5])
@pytest.mark.parametrize("inputs", [1, 2, 4])
@pytest.mark.parametrize("layout", ["contiguous", "transposed"])
def test_dirac(dims: int, groups: int, inputs: int, layout: str) -> None:
    """The bits are torch's, in every dtype and layout."""
    shape = (2 * groups, inputs, 3, 4, 5)[:dims]
    for dtype in (torch.float32, torch.bfloat16, torch.complex64, torch.int64, torch.bool):
        expected = theirs.dirac_(torch.ones(shape, dtype=dtype), groups)
        tensor = torch.ones(shape, dtype=dtype)
        if layout == "transposed":
            tensor = torch.ones((*shape[::-1],), dtype=dtype).permute(*reversed(range(dims)))
        assert torch.equal(ours.dirac_(tensor, groups), expected)


CONSTANTS: list[tuple[torch.dtype, Any]] = [
    (torch.float32, 0.1),
    (torch.float32, float("nan")),
    (torch.float64, -1e300),
    (torch.bfloat16, 0.1),
    (torch.float8_e4m3fn, 0.3),
    (torch.float8_e5m2fnuz, 0.3),
    (torch.complex64, 1 + 2j),
    (torch.complex128, 1j),
    (torch.int8, -5),
    (torch.int64, 2**62 + 1),
    (torch.uint8, 255),
    (torch.bool, True),
    (torch.int32, 2.7),
    (torch.float32, torch.tensor(0.25)),
]


@pytest.mark.parametrize(("dtype", "value"), CONSTANTS, ids=str)
@pytest.mark.parametrize("shape", [(3, 4), (1 << 16, 5), ()], ids=str)
def test_constants(dtype: torch.dtype, value: Any, shape: tuple[int, ...]) -> None:
    """The bits of small and large ones are torch's, in every dtype."""

    def make(shape: tuple[int, ...], dtype: torch.dtype) -> torch.Tensor:
        return torch.empty(shape, dtype=dtype)

    expected = theirs.constant_(make(shape, dtype), value)
    actual = ours.constant_(make(shape, dtype), value)
    assert torch.equal(*(each.reshape(-1).view(torch.uint8) for each in (actual, expected)))
    for name in ("ones_", "zeros_"):
        assert torch.equal(
            getattr(ours, name)(make(shape, dtype)).to(torch.complex128),
            getattr(theirs, name)(make(shape, dtype)).to(torch.complex128),
        )
