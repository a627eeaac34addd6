"""A rule with a misspelled name draws nothing and warns; one for absent parts does not warn."""

import warnings
from typing import Any

import pytest

import fastinit

MODEL = {"h.0.fc1.weight": (4, 3), "h.0.fc1.bias": (4,), "h.0.norm.weight": (4,)}
REST: list[Any] = [("**.bias", "zeros"), ("**.norm.weight", "ones"), ("**", "he_normal")]


@pytest.mark.parametrize(
    ("wrong", "meant"),
    [
        ("**.weihgt", "**.weight"),
        ("h.0.fc1.weigght", "h.0.fc1.weight"),
        ("h.{layer}.fc1.weigt", "h.{layer}.fc1.weight"),
        ("**.nrom.weight", "**.norm.weight"),
    ],
)
def test_warning(wrong: str, meant: str) -> None:
    """It belongs to the line that made the plan, and names the rule and what was meant."""
    with pytest.warns(UserWarning, match="matches no tensor; did you mean") as caught:
        fastinit.Plan(MODEL, [(wrong, "zeros"), *REST], seed=0)
    message = str(caught[0].message)
    assert f"the rule {wrong!r} matches no tensor; did you mean {meant!r}?" == message
    assert caught[0].filename == __file__


@pytest.mark.parametrize(
    "other",
    [
        "**.embed.weight",
        "**.fc2.weight",
        "lm_head.weight",
        "**.nora.weight",
        "**.*bias*",
        "h.7.fc1.weight",
    ],
)
def test_rules_for_other_models(other: str) -> None:
    """A list of rules may serve models that lack some of the parts, or have fewer of them."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        fastinit.Plan(MODEL, [(other, "zeros"), *REST], seed=0)
