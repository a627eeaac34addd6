"""What initializers draw, beside what they should."""

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from matplotlib.figure import Figure

import fastinit
from fastinit import LogUniform, Normal, Orthogonal, Sparse, TruncatedNormal, Uniform, describe
from fastinit.guide.densities import density, singular_values
from helpers.pages import numbers_are_finite, parsed, texts

DENSITIES = [
    Normal(0.3, 0.5),
    Uniform(-1.0, 3.0),
    TruncatedNormal(0.1, 2.0, -1.0, 2.5),
    TruncatedNormal(std=0.5, compensate=True),
    LogUniform(0.01, 2.0),
]


@pytest.mark.parametrize("initializer", DENSITIES, ids=repr)
def test_densities(initializer: fastinit.Initializer) -> None:
    """The integral is 1, the moments are the initializer's, and values follow it."""
    low, high = (-6.0, 6.0) if isinstance(initializer, (Normal, TruncatedNormal)) else (-1.0, 3.0)
    if isinstance(initializer, LogUniform):
        low, high = 0.01, 2.0
    line = density(initializer, np.linspace(low, high, 200001))
    assert line is not None
    x, y = map(np.array, line)
    moments = initializer.moments((10,))
    assert moments is not None
    mass, mean = np.trapezoid(y, x), np.trapezoid(x * y, x)
    std = math.sqrt(np.trapezoid((x - mean) ** 2 * y, x))
    assert mass == pytest.approx(1, rel=1e-4)
    assert (mean, std) == pytest.approx(moments, rel=1e-3)


@pytest.mark.parametrize("shape", [(300, 300), (400, 100), (64, 8, 5, 5)])
@pytest.mark.parametrize("name", ["he_normal", "lecun_uniform"])
def test_marchenko_pastur(name: str, shape: tuple[int, ...]) -> None:
    """Singular values of independent values are those of the law, to a few in a hundred."""
    found = describe(name, shape)
    drawn, expected = np.array(found.singular_values), np.array(found.expected_singular_values)
    assert drawn.shape == expected.shape
    assert np.abs(drawn - expected).max() < 0.05 * expected[0]
    sizes = math.prod(shape)
    assert found.expected is not None
    assert np.sum(expected**2) == pytest.approx(found.expected[1] ** 2 * sizes, rel=0.01)


def test_other_spectra() -> None:
    """Orthogonal matrices have their gain; of masked and of large matrices nothing is said."""
    found = describe(Orthogonal(gain=2.0), (32, 48))
    assert found.singular_values == pytest.approx(found.expected_singular_values, rel=1e-6)
    assert found.expected_singular_values == (2.0,) * 32
    assert singular_values(Sparse(nonzeros=4, base="he_normal"), (32, 32)) == ()
    assert describe("zeros", (4,)).singular_values == ()


def test_zeros() -> None:
    found = describe(Sparse(nonzeros=15, base="he_normal", per="out"), (100, 60))
    assert found.zeros == pytest.approx(0.75)
    assert np.array(found.mask).shape == (64, 60)
    assert (np.array(found.mask).sum(axis=1) == 15).all()
    assert describe("he_normal", (8, 8)).mask == ()


def test_page(tmp_path: Path) -> None:
    """A histogram, a spectrum and a mask; without what there is not."""
    sparse = describe(Sparse(nonzeros=15, base="he_normal"), (100, 60))
    sparse.html(tmp_path / "page.html")
    root = parsed((tmp_path / "page.html").read_text())
    assert numbers_are_finite(root)
    shown = texts(root)
    assert {"values that are not 0", "singular values", "density"} <= set(shown)
    assert "weights that are not 0, the first 64 x 60" in shown
    zeros = parsed(
        f'<html xmlns="http://www.w3.org/1999/xhtml">{describe("zeros", (3,))._repr_html_()}</html>'
    )
    assert texts(zeros) == []
    drawn = sparse.plot(Figure())
    assert len(drawn.axes) == 3


def test_print_and_data() -> None:
    found = describe("he_normal", (256, 128))
    assert str(found).splitlines()[0] == "HeNormal(), 256 x 128"
    assert repr(found) == str(found)
    data = json.loads(json.dumps(found.to_dict()))
    assert data["initializer"] == {"type": "HeNormal"}
    assert data["std"] == pytest.approx(0.125, rel=0.01)


WRONG: list[tuple[Any, Any, type[Exception], str]] = [
    ("he_norml", (4, 4), ValueError, "did you mean 'he_normal'"),
    (3, (4, 4), TypeError, "pass an initializer"),
    ("he_normal", (4,), ValueError, "shape"),
]


@pytest.mark.parametrize(("initializer", "shape", "error", "message"), WRONG)
def test_wrong_arguments(
    initializer: Any, shape: Any, error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        describe(initializer, shape)
