"""Colors that can be seen on both pages and told apart, also by the color-blind."""

import itertools

import numpy as np
import numpy.typing as npt
import pytest

from fastinit.plots import style

PAGES = ("#ffffff", "#14171c")

# Machado, Oliveira and Fernandes 2009, severity 1, of linear RGB.
BLINDNESS = {
    "protanopia": [
        [0.152286, 1.052583, -0.204868],
        [0.114503, 0.786281, 0.099216],
        [-0.003882, -0.048116, 1.051998],
    ],
    "deuteranopia": [
        [0.367322, 0.860646, -0.227968],
        [0.280085, 0.672501, 0.047413],
        [-0.011820, 0.042940, 0.968881],
    ],
    "tritanopia": [
        [1.255528, -0.076749, -0.178779],
        [-0.078411, 0.930809, 0.147602],
        [0.004733, 0.691367, 0.303900],
    ],
}


def linear(color: str) -> npt.NDArray[np.float64]:
    values = np.array([int(color[k : k + 2], 16) for k in (1, 3, 5)]) / 255
    found: npt.NDArray[np.float64] = np.where(
        values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4
    )
    return found


def luminance(color: str) -> float:
    return float(np.dot(linear(color), [0.2126, 0.7152, 0.0722]))


def lab(rgb: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    to_xyz = [
        [0.4124564, 0.3575761, 0.1804375],
        [0.2126729, 0.7151522, 0.0721750],
        [0.0193339, 0.1191920, 0.9503041],
    ]
    x, y, z = np.cbrt(np.array(to_xyz) @ np.clip(rgb, 0, 1) / [0.95047, 1.0, 1.08883])
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


@pytest.mark.parametrize("color", style.COLORS)
@pytest.mark.parametrize("page", PAGES)
def test_contrast(color: str, page: str) -> None:
    """WCAG 2.2 asks for 3 of what must be seen in a picture."""
    dark, light = sorted((luminance(color), luminance(page)))
    assert (light + 0.05) / (dark + 0.05) >= 3


@pytest.mark.parametrize("kind", BLINDNESS)
def test_color_blindness(kind: str) -> None:
    """Distances of CIELAB, in which 2.3 is just noticeable; the first three are further apart."""
    seen = [lab(np.array(BLINDNESS[kind]) @ linear(color)) for color in style.COLORS]
    for most, colors in ((16, seen), (20, seen[:3])):
        for one, other in itertools.combinations(colors, 2):
            assert np.linalg.norm(one - other) > most


def test_grey() -> None:
    """No two series share a marker or dashes, so color is never needed."""
    count = len(style.COLORS)
    assert len({style.marker(k) for k in range(count)}) == count
    assert len({style.dashes(k) for k in range(count)}) == count


def test_shades() -> None:
    """Larger and smaller differ in color, and their strength in opacity."""
    assert style.shade(0.0)[1] == style.shade(float("nan"))[1] == 0
    assert style.shade(-1)[0] != style.shade(1)[0]
    assert style.shade(0.2)[1] < style.shade(1)[1] == style.shade(9)[1] < 1
