"""Names in which the numbers of layers and experts do not count."""

import pytest

from fastinit.recipes.patterns.numbers import without_numbers


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("h.11.mlp.weight", "h.*.mlp.weight"),
        ("0.experts.12.w", "*.experts.*.w"),
        ("layers.3.4", "layers.*.*"),
        ("7", "*"),
        ("conv1.weight", "conv1.weight"),
        ("a.1b.c2", "a.1b.c2"),
        ("a/1/b", "a/1/b"),
        ("h.\u0663.w", "h.\u0663.w"),  # a digit of another script, which no layer has
        ("h.\u00b2.w", "h.\u00b2.w"),
        ("", ""),
    ],
)
def test_without_numbers(name: str, expected: str) -> None:
    assert without_numbers(name) == expected
