"""Rules of unknown origin are refused at once, whatever they would take to work out."""

from typing import Any

import pytest

from fastinit import Constant, Manifest, Normal, Parameter, Plan, Recipe, Rule
from fastinit.recipes import Axis, Scale


@pytest.mark.parametrize(
    "pattern", ["(?:){4000000000}w", "(?:(?:(?:){1999}){1999}){1999}w", "(?:a{0}){2001}w"]
)
def test_repeats_of_parts_without_characters(pattern: str) -> None:
    data = {"pattern": {"re": pattern}, "initializer": {"type": "Normal"}}
    with pytest.raises(ValueError, match="it repeats"):
        Rule.from_dict(data)


@pytest.mark.parametrize("power", ["1e400000000", "1" * 100_000, "1/" + "9" * 100_000])
def test_long_powers(power: str) -> None:
    with pytest.raises(ValueError, match="is not a fraction"):
        Scale.from_dict({"of": "layer", "power": power})


def test_long_names() -> None:
    with pytest.raises(ValueError, match="is not the name of a tensor"):
        Parameter("parametrizations." * 20_000 + "w", (2,))


@pytest.mark.parametrize(
    ("pattern", "of"), [("**", Axis(0)), ("{layer}.*", "layers"), ("{layer}.*", "layer")]
)
def test_scales_of_buffers(pattern: str, of: Any) -> None:
    """A complete recipe draws buffers, too, and knows their shapes and layers."""
    manifest = Manifest("m", (Parameter("w", (2,)),), buffers=(Parameter("3.b", (4,)),))
    rules = (Rule("w", Constant(1)), Rule(pattern, Normal(), scale=(Scale(of),)))
    plan = Plan(manifest, Recipe("r", "a test", rules, complete=True), seed=0)
    assert plan.init()["3.b"].shape == (4,)
