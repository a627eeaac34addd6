"""Presets: classes with real signatures, and the functions, aliases and names made of them."""

import dataclasses
import inspect

import pytest

import fastinit
from fastinit import Initializer, VarianceScaling, initializers
from fastinit.initializers.distributions.presets import PRESETS
from fastinit.initializers.gains import torch_gain
from helpers.bits import check_bits

OPTIONS = ["mode", "gain", "nonlinearity", "a", "truncated", "layout", "groups", "fan"]
DRAWING = {"seed": None, "name": None, "dtype": None, "device": None, "out": None, "index": None}


@pytest.mark.parametrize("name", PRESETS)
def test_signature(name: str) -> None:
    """A function shows every option with its default: the preset's, then those of a draw."""
    parameters = inspect.signature(getattr(fastinit, name)).parameters
    options = inspect.signature(PRESETS[name]).parameters
    assert list(options)[: len(OPTIONS)] == OPTIONS
    assert list(parameters) == ["shape", *options, *DRAWING]
    assert all(each.kind is each.KEYWORD_ONLY for each in list(parameters.values())[1:])
    defaults = {key: each.default for key, each in options.items()} | DRAWING
    assert {key: each.default for key, each in parameters.items() if key != "shape"} == defaults


@pytest.mark.parametrize("name", vars(initializers)["__all__"])
def test_signatures_hide_nothing(name: str) -> None:
    parameters = inspect.signature(getattr(fastinit, name)).parameters.values()
    assert not any(each.kind in (each.VAR_KEYWORD, each.VAR_POSITIONAL) for each in parameters)


@pytest.mark.parametrize("preset", dict.fromkeys(PRESETS.values()))
def test_classes(preset: type[Initializer]) -> None:
    """A preset is an instance of its class, prints as one, and is what the public name says."""
    made = preset()
    assert isinstance(made, preset)
    assert repr(made) == f"{preset.__name__}()"
    assert Initializer.from_dict(made.to_dict()) == made
    assert made.to_dict() == {"type": preset.__name__}
    assert getattr(fastinit, preset.__name__) is preset


def test_equal_to_what_they_stand_for() -> None:
    """Initializers are equal if and only if they draw the same, whatever their classes."""
    assert fastinit.HeNormal() == VarianceScaling(2.0)
    assert VarianceScaling(2.0) == fastinit.HeNormal()
    assert hash(fastinit.HeNormal()) == hash(VarianceScaling(2.0))
    assert fastinit.HeNormal(truncated=True) == VarianceScaling(2.0, "fan_in", "truncated_normal")
    assert fastinit.LecunUniform() != fastinit.LecunNormal()
    assert fastinit.GlorotNormal() != fastinit.LecunNormal()
    assert fastinit.HeNormal() != 2.0


def test_table() -> None:
    """A row has a scale, a mode, a distribution and a paper; help() shows the paper and options."""
    for name, preset in PRESETS.items():
        assert preset.scale in (1 / 3, 1.0, 2.0)
        assert preset.distribution in ("normal", "uniform")
        for documented in (preset, getattr(fastinit, name)):
            assert preset.paper in (documented.__doc__ or "")
        assert "\n    Args:\n" in (preset.__doc__ or "")
    assert fastinit.kaiming_normal is fastinit.he_normal
    assert fastinit.xavier_uniform is fastinit.glorot_uniform


def test_unknown_options() -> None:
    with pytest.raises(
        TypeError, match=r"he_normal\(\) has no option 'size'; did you mean 'shape'"
    ):
        fastinit.he_normal((2, 3), size=3)  # type: ignore[call-arg]


@pytest.mark.parametrize("preset", dict.fromkeys(PRESETS.values()))
@pytest.mark.parametrize("name", ["mode", "gian"])
def test_immutable(preset: type[Initializer], name: str) -> None:
    """Neither fields nor misspelled fields can be set or deleted."""
    made = preset()
    with pytest.raises(dataclasses.FrozenInstanceError, match=f"cannot assign to field '{name}'"):
        setattr(made, name, 1)
    with pytest.raises(dataclasses.FrozenInstanceError):
        delattr(made, name)


@pytest.mark.parametrize("name", ["relu", "tanh", "leaky_relu", "linear"])
def test_a_gain_may_be_the_name_of_an_activation(name: str) -> None:
    """Wherever a number is taken: it means the same as the number, and as ``nonlinearity``."""
    number = torch_gain(name)
    assert fastinit.HeNormal(gain=name) == fastinit.HeNormal(nonlinearity=name)
    assert fastinit.GlorotUniform(gain=name) == fastinit.GlorotUniform(gain=number)
    for made in (fastinit.Orthogonal, fastinit.DeltaOrthogonal, fastinit.Identity, fastinit.Dirac):
        assert made(gain=name) == made(gain=number)
    where = {"seed": 0, "name": "w"}
    drawn = fastinit.orthogonal((8, 8), name, **where)  # type: ignore[arg-type]
    check_bits(drawn, fastinit.orthogonal((8, 8), number, **where))  # type: ignore[arg-type]
    check_bits(fastinit.identity((8, 8), name), fastinit.identity((8, 8), number))


def test_slope_of_a_named_gain() -> None:
    expected = fastinit.HeNormal(nonlinearity="leaky_relu", a=0.2)
    assert fastinit.HeNormal(gain="leaky_relu", a=0.2) == expected
    assert repr(expected) == "HeNormal(nonlinearity='leaky_relu', a=0.2)"
