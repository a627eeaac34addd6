"""Two factors in place of one weight: their shapes, their product's variance, and LoRA's start."""

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import fastinit
from helpers.bits import check_bits

SHAPES = [
    ((64, 48), "oi*", (64, 8), (8, 48)),
    ((64, 6, 3, 3), "oi*", (64, 8), (8, 6, 3, 3)),
    ((3, 3, 6, 64), "*io", (3, 3, 6, 8), (8, 64)),
    ((2, 40, 30), "boi", (2, 40, 8), (2, 8, 30)),
    ((5, 8, 20), "ooi", (5, 8, 8), (8, 20)),
]


def product(left: NDArray[Any], right: NDArray[Any], batch: int = 0) -> NDArray[Any]:
    """Left @ right, flattened to matrices after the batch axes."""
    head, rank = left.shape[:batch], left.shape[-1]
    product: NDArray[Any] = np.matmul(left.reshape(*head, -1, rank), right.reshape(*head, rank, -1))
    return product


@pytest.mark.parametrize(("shape", "layout", "left", "right"), SHAPES)
@pytest.mark.parametrize("spectral", [False, True])
def test_shapes(
    shape: tuple[int, ...],
    layout: str,
    left: tuple[int, ...],
    right: tuple[int, ...],
    spectral: bool,
) -> None:
    """One factor has the output axes and the rank, the other the rank and all other axes."""
    u, v = fastinit.factorized(shape, 8, layout=layout, spectral=spectral, seed=0)
    assert (u.shape, v.shape) == (left, right)
    assert u.dtype == v.dtype == np.float32


@pytest.mark.parametrize(
    "base",
    [
        "he_normal",
        "glorot_uniform",
        "lecun_normal",
        fastinit.HeNormal(truncated=True),
        fastinit.Normal(std=0.02),
        fastinit.TruncatedNormal(std=0.3, lower=-1, upper=1),
    ],
    ids=str,
)
def test_the_product_has_the_variance_of_the_base(base: Any) -> None:
    """Its mean is 0; 600 x 500 entries are within a few percent."""
    u, v = fastinit.factorized((600, 500), 64, base, seed=3, dtype="float64")
    if isinstance(base, str):
        expected = getattr(fastinit, base)((600, 500), seed=4, dtype="float64")
    else:
        expected = base((600, 500), seed=4, dtype="float64")
    found = u @ v
    assert abs(found.std() / expected.std() - 1) < 0.05
    assert abs(found.mean()) < 0.05 * expected.std()
    assert abs(u.std() / v.std() - 1) < 0.05


def test_the_factors_are_one_stream() -> None:
    """They are successive elements, so they are independent without a second name."""
    u, v = fastinit.factorized((6, 5), 2, fastinit.Normal(), seed=3, name="w")
    std = (1 / 2**0.5) ** 0.5
    flat = fastinit.normal(6 * 2 + 2 * 5, std=std, seed=3, name="w")
    check_bits(np.concatenate([u.ravel(), v.ravel()]), flat)


def test_automatic_streams_differ() -> None:
    """Without a seed and name, two calls draw different numbers, and each call one stream."""
    first, second = (fastinit.factorized((6, 5), 2)[0] for _ in range(2))
    assert not np.array_equal(first, second)


@pytest.mark.parametrize("shape", [(20, 12), (12, 20)])
def test_spectral_is_the_best_of_its_rank(shape: tuple[int, int]) -> None:
    """At full rank the product is the base's draw; below, the error is the next singular value."""
    full = fastinit.he_normal(shape, seed=5, dtype="float64")
    singular = np.linalg.svd(full, compute_uv=False)
    for rank in (12, 4):
        u, v = fastinit.factorized(shape, rank, spectral=True, seed=5, name=0, dtype="float64")
        left = singular[rank] if rank < 12 else 0.0
        assert abs(np.linalg.norm(full - u @ v, 2) - left) < 1e-12
        assert np.allclose(u.T @ u, v @ v.T, atol=1e-12)  # balanced


def test_spectral_batch_and_narrow() -> None:
    """Each matrix of a batch is factorized alone; bfloat16 is rounded from float32."""
    full = fastinit.he_normal((3, 9, 7), layout="boi", seed=5)
    u, v = fastinit.factorized(
        (3, 9, 7), 7, spectral=True, layout="boi", seed=5, name=0, dtype="float32"
    )
    assert np.abs(product(u, v, 1) - full).max() < 1e-6
    narrow, _ = fastinit.factorized(
        (3, 9, 7), 7, spectral=True, layout="boi", seed=5, name=0, dtype="bfloat16"
    )
    check_bits(narrow, u.astype(narrow.dtype))


@pytest.mark.parametrize(
    ("shape", "layout", "inner", "outer"),
    [
        ((64, 48), "oi*", (8, 48), (64, 8)),
        ((3, 3, 6, 64), "*io", (3, 3, 6, 8), (8, 64)),
    ],
)
def test_lora(
    shape: tuple[int, ...], layout: str, inner: tuple[int, ...], outer: tuple[int, ...]
) -> None:
    """A is torch's kaiming_uniform(a=sqrt 5) with the whole weight's fan_in, B is zero."""
    a, b = fastinit.lora(shape, 8, layout=layout, seed=1, name="w")
    assert (a.shape, b.shape) == (inner, outer)
    bound = 1 / np.prod([n for n in shape if n != 64]) ** 0.5
    check_bits(a, fastinit.uniform(inner, -bound, bound, seed=1, name="w"))
    assert not b.any()


WRONG: list[tuple[dict[str, Any], type[Exception], str]] = [
    ({"rank": 0}, ValueError, "rank=0 is not positive"),
    ({"rank": 1.5}, TypeError, "rank=1.5 is a float"),
    ({"layout": "oio"}, ValueError, "output axes o must come all first or all last"),
    ({"layout": "ooo"}, ValueError, "output axes o must come all first or all last"),
    ({"layout": "xyz"}, ValueError, "is not understood"),
    ({"shape": (4,)}, ValueError, "1 axis"),
    ({"dtype": "int8"}, ValueError, "dtype=int8 does not hold"),
]
WRONG_BASE: list[tuple[dict[str, Any], type[Exception], str]] = [
    ({"base": "cauchy"}, ValueError, "base='cauchy' is not known; use one of he_normal"),
    ({"base": 3}, TypeError, "base=3 is an int"),
    ({"base": fastinit.Normal(mean=1.0)}, ValueError, "with mean 0"),
    ({"base": fastinit.Constant(1.0)}, ValueError, "does not have factors of its own family"),
    ({"rank": 9, "spectral": True}, ValueError, "rank=9 is more than the 8 x 16 matrix has"),
    ({"device": "cuda", "spectral": True}, ValueError, "spectral=True works on the CPU"),
]


@pytest.mark.parametrize(("options", "error", "message"), WRONG + WRONG_BASE)
def test_factorized_refuses(options: dict[str, Any], error: type[Exception], message: str) -> None:
    given: dict[str, Any] = {"shape": (8, 4, 4), "rank": 2, "seed": 0, **options}
    with pytest.raises(error, match=message):
        fastinit.factorized(**given)


@pytest.mark.parametrize(("options", "error", "message"), WRONG)
def test_lora_refuses(options: dict[str, Any], error: type[Exception], message: str) -> None:
    given: dict[str, Any] = {"shape": (8, 4, 4), "rank": 2, "seed": 0, **options}
    with pytest.raises(error, match=message):
        fastinit.lora(**given)
