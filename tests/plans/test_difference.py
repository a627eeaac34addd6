"""Plan.diff names exactly the tensors whose drawn values differ, and says in what."""

import json
from typing import Any

import pytest

import fastinit
from fastinit import Constant, HeNormal, Manifest, Normal, Parameter, Plan, Recipe, Rule, Uniform
from fastinit.plans.difference import Difference

SHAPES = {"h.0.ln.weight": 6, "h.0.w.weight": (6, 4), "h.0.w.bias": 6, "wte.weight": (9, 4)}
MODEL = Manifest.from_shapes(SHAPES)


def plan(
    *rules: tuple[str, fastinit.Initializer], model: Manifest = MODEL, seed: int = 0, **options: Any
) -> Plan:
    """A plan by these rules, and then N(0, 0.02)."""
    every = (*(Rule(*each) for each in rules), Rule("**", Normal(std=0.02)))
    return Plan(model, Recipe("r", "test", every), seed=seed, **options)


def reasons(found: Difference) -> dict[str, str]:
    return {row["name"]: row["differs"] for row in found}


def check_against_values(one: Plan, other: Plan) -> None:
    """The names are those of drawn arrays that differ in dtype, shape or a bit."""
    left, right = one.init(), other.init()
    differ = {
        name
        for name in left.keys() | right.keys()
        if name not in left
        or name not in right
        or left[name].dtype != right[name].dtype
        or left[name].shape != right[name].shape
        or left[name].tobytes() != right[name].tobytes()
    }
    found = one.diff(other)
    assert set(reasons(found)) == differ
    assert found.equal == len(left.keys() | right.keys()) - len(differ)


@pytest.mark.parametrize(
    ("other", "expected"),
    [
        (plan(), {}),
        (plan(seed=1), dict.fromkeys(SHAPES, "seed")),
        (plan(dtype="float16"), dict.fromkeys(SHAPES, "dtype")),
        (plan(("**.bias", Constant(0))), {"h.0.w.bias": "distribution"}),
        (
            plan(("**.bias", Constant(0)), seed=1, dtype="bfloat16"),
            dict.fromkeys(SHAPES, "dtype, seed") | {"h.0.w.bias": "distribution, dtype"},
        ),
        (
            plan(model=Manifest.from_shapes(SHAPES | {"wte.weight": (8, 4)})),
            {"wte.weight": "shape"},
        ),
        (
            plan(model=Manifest.from_shapes({"h.0.w.weight": (6, 4), "new": 3})),
            dict.fromkeys(SHAPES.keys() - {"h.0.w.weight"}, "only the first has it")
            | {"new": "only the second has it"},
        ),
    ],
)
def test_reasons(other: Plan, expected: dict[str, str]) -> None:
    assert reasons(plan().diff(other)) == expected
    check_against_values(plan(), other)


def test_constants_have_no_seed() -> None:
    """Neither has the identity, which is constants; their random neighbors differ."""
    rules = (("**.bias", Constant(0)), ("**.w.weight", fastinit.Identity()))
    one, other = plan(*rules), plan(*rules, seed=1)
    assert reasons(one.diff(other)) == {"h.0.ln.weight": "seed", "wte.weight": "seed"}
    check_against_values(one, other)


def test_other_names_of_the_same_distribution() -> None:
    """What is drawn counts, not how the rule is written."""
    std = HeNormal().resolve((6, 4)).to_dict()["std"]
    one, other = plan(("**.w.weight", HeNormal())), plan(("**.w.weight", Normal(std=std)))
    assert reasons(one.diff(other)) == {}
    other = plan(("**.w.weight", Uniform(-1, 1)))
    assert reasons(one.diff(other)) == {"h.0.w.weight": "distribution"}


def test_zero_row() -> None:
    rows = [
        Plan(
            Manifest("m", (Parameter("w", (4, 3), zero_row=row),)),
            Recipe("r", "test", (Rule("**", Normal()),)),
            seed=0,
        )
        for row in (None, 1, 2)
    ]
    assert [reasons(rows[0].diff(each)) for each in rows] == [{}, *[{"w": "zero row"}] * 2]
    check_against_values(rows[1], rows[2])


def test_ties() -> None:
    """A name that one plan ties and the other draws differs; one that both tie is compared once."""
    shapes = {"wte.weight": (9, 4)}
    tied = plan(model=Manifest.from_shapes(shapes, tied={"head": "wte.weight"}))
    apart = plan(model=Manifest.from_shapes(shapes | {"head": (9, 4)}))
    assert reasons(tied.diff(apart)) == {"head": "stream"}
    assert "shares wte.weight" in str(tied.diff(apart))
    assert (list(tied.diff(tied)), tied.diff(tied).equal) == ([], 1)
    assert reasons(tied.diff(plan(model=Manifest.from_shapes(shapes)))) == {}
    shapes |= {"other": (9, 4)}
    one, two = (
        plan(model=Manifest.from_shapes(shapes, tied={"head": target})) for target in shapes
    )
    assert reasons(one.diff(two)) == {"head": "stream"}


def test_left_alone() -> None:
    """Tensors that neither plan draws are equal if their dtypes are."""
    models = [
        Manifest("m", (Parameter("w", (2,)), Parameter("x", (2,), None, dtype)))
        for dtype in ("float8_e8m0fnu", "float8_e4m3fnuz", "float32")
    ]
    first, second, third = (plan(model=each) for each in models)
    assert reasons(first.diff(first)) == {}
    assert reasons(first.diff(second)) == {"x": "dtype"}
    assert reasons(first.diff(third)) == {"x": "distribution, dtype"}


def test_rows_and_tables() -> None:
    """Rows are plain data with both sides; rules have a row for each pair."""
    found = plan(("**.weight", Normal())).diff(plan())
    assert json.loads(json.dumps(found)) == found
    assert [(row["left"]["std"], row["right"]["std"]) for row in found] == [(1.0, 0.02)] * 3
    (rule,) = found.by_rule()
    assert (rule["pattern"], rule["parameters"], rule["elements"]) == ("**.weight / **", 3, 66)
    lines = str(found.by_rule()).splitlines()
    assert lines[1].split("  ")[-2:] == ["Normal()", "Normal(std=0.02)"]
    assert str(plan().diff(plan())).splitlines() == ["name  differs  left  right"]


def test_built_in_model_by_two_recipes() -> None:
    """Both recipes start the 25 LayerNorms of GPT-2 alike, and nothing else."""
    found = Plan("gpt2", "torch", seed=0).diff(Plan("gpt2", seed=0))
    assert (found.equal, len(found)) == (2 * 25, 148 - 2 * 25)
    assert not any(".ln_" in row["name"] for row in found)
