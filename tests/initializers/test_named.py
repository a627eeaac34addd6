"""``base=`` takes the name of every function whose object needs no arguments."""

import re
from typing import Any

import pytest

import fastinit
from fastinit import Constant, Initializer, Sparse
from fastinit.initializers.named import named
from helpers.bits import check_bits
from helpers.records.initializers import RECORDS

PLAIN = [
    name
    for name, record in RECORDS.items()
    if record.initializer is not None
    and not record.required
    and not hasattr(record.objects[0], "base")  # a name is a base, and bases have none
]
ALIASES = {
    "kaiming_normal": "he_normal",
    "kaiming_uniform": "he_uniform",
    "xavier_normal": "glorot_normal",
    "xavier_uniform": "glorot_uniform",
}


@pytest.mark.parametrize("name", PLAIN)
def test_every_name(name: str) -> None:
    make = RECORDS[name].initializer
    assert make is not None
    assert named(name, "base") == make()
    assert repr(named(name, "base")) == repr(make())


@pytest.mark.parametrize("name", ALIASES)
def test_aliases(name: str) -> None:
    assert named(name, "base") == named(ALIASES[name], "base")


def test_constants() -> None:
    assert named("ones", "base") == Constant(1)
    assert named("zeros", "base") == Constant(0)
    assert named("eye", "base") == fastinit.Identity()


@pytest.mark.parametrize(
    "name",
    ["orthogonal", "normal", "truncated_normal", "uniform", "eye", "kaiming_uniform", "ones"],
)
def test_bases(name: str) -> None:
    """The nonzeros are the values of the base; layouts are the mask's."""
    where: dict[str, Any] = {"seed": 3, "name": "w"}
    drawn = fastinit.sparse((8, 6), 0.5, base=name, layout="io", **where)
    dense = named(name, "base", "io")((8, 6), **where)
    kept = fastinit.mask((8, 6), 0.5, layout="io", **where)
    check_bits(drawn, dense * kept + 0)


@pytest.mark.parametrize("name", ["he", "log_uniform", "lora", "HeNormal", "mask", "n_m", "sparse"])
def test_unknown_names(name: str) -> None:
    """The error lists those that are known."""
    message = f"base={name!r} is not known; use one of he_normal, "
    with pytest.raises(ValueError, match=re.escape(message)):
        Sparse(0.5, base=name)


def test_factors() -> None:
    drawn = fastinit.factorized((8, 6), 2, "normal", seed=1, name=0)
    expected = fastinit.factorized((8, 6), 2, fastinit.Normal(), seed=1, name=0)
    for one, other in zip(drawn, expected, strict=True):
        check_bits(one, other)


def test_repr_is_short() -> None:
    """Only what is not a default is shown, and nested objects too."""
    made: list[tuple[Initializer, str]] = [
        (fastinit.HeNormal(), "HeNormal()"),
        (fastinit.Normal(std=0.02), "Normal(std=0.02)"),
        (fastinit.Normal(mean=-0.0), "Normal()"),
        (Constant(1), "Constant(value=1)"),
        (Constant(0), "Constant(value=0)"),
        (fastinit.LogUniform(1, 2), "LogUniform(low=1.0, high=2.0)"),
        (Sparse(0.5, base="he_normal"), "Sparse(sparsity=0.5, base=HeNormal())"),
        (fastinit.NM(), "NM()"),
    ]
    assert [repr(each) for each, _ in made] == [text for _, text in made]


def test_n_of_m_is_n_m() -> None:
    assert fastinit.n_of_m is fastinit.n_m
