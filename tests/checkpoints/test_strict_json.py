"""The one reader of JSON: what it refuses, whoever reads."""

import json
import math
from pathlib import Path
from typing import Any

import pytest

import fastinit
from fastinit import Manifest, Plan, Recipe, Rule, json_files
from helpers.small_checkpoint import small
from helpers.work import bounded

WRONG = (
    (b"", "this is not JSON"),
    (b'{"a": 1', "this is not JSON"),
    (b'{"a": 1} x', "this is not JSON"),
    (b"\xff", "this is not JSON: 'utf-8' codec"),
    (b'\xef\xbb\xbf{"a": 1}', "byte-order mark"),
    ('{"a": 1}'.encode("utf-16"), "this is not JSON"),
    ('{"a": 1}'.encode("utf-32-le"), "this is not JSON"),
    (b'{"a": NaN}', "NaN is not JSON"),
    (b'{"a": [Infinity]}', "Infinity is not JSON"),
    (b"-Infinity", "-Infinity is not JSON"),
    (b'{"a": 1e999}', "1e999 is beyond float64"),
    (b'{"a": -1e400}', "-1e400 is beyond float64"),
    (b'{"a": 1, "b": 2, "a": 1}', "field 'a' occurs 2 times"),
    (b'[{"a": {"b": 1, "b": 2}}]', "field 'b' occurs 2 times"),
    (b'{"a": 1, "\\u0061": 1}', "field 'a' occurs 2 times"),
    (b'{"__float__": "inf"}', "__float__ is 'inf'"),
    (b"9" * 101, "an integer has 101 digits"),
    (b"[-" + b"9" * 5000 + b"]", "an integer has 5001 digits"),
    (b"[" * 65 + b"]" * 65, "more than 64 levels"),
    (b'{"a":' * 100_000 + b"1" + b"}" * 100_000, "more than 64 levels"),
    (b"[" * 1_000_000, "more than 64 levels"),
    (b'{"a":[' * 40 + b"]}" * 40, "more than 64 levels"),
    (b"[" + b"0," * 10_000_001 + b"0]", "more than 10000000 values"),
    (b'"' + b"a" * 100_000_000 + b'"', "it has 100000002 bytes"),
)
RIGHT = (
    (b"[" * 64 + b"]" * 64, None),
    (b'["' + b"[" * 1000 + b'"]', ["[" * 1000]),
    (b'["\\"' + b"[" * 1000 + b'"]', ['"' + "[" * 1000]),
    (b'["\\\\", "' + b"[" * 1000 + b'"]', ["\\", "[" * 1000]),
    (b"9" * 100, int("9" * 100)),
    (b'{"a": {"__float__": "-Infinity"}}', {"a": -math.inf}),
    (b'{"__float__": {"a": 1}}', {"__float__": {"a": 1}}),
    ('"\u03b2"'.encode(), "\u03b2"),
)


@pytest.mark.parametrize(("text", "message"), WRONG, ids=range(len(WRONG)))
def test_wrong_texts(tmp_path: Path, text: bytes, message: str) -> None:
    """Each is an error with the path, after bounded work, in a file and in the metadata of one."""
    path = tmp_path / "a.json"
    path.write_bytes(text)
    with bounded(500_000):
        with pytest.raises(ValueError, match=message):
            json_files.parse(text)
        for reader in (Manifest.load, fastinit.recipe, fastinit.verify):
            with pytest.raises(ValueError, match=rf"a\.json.*{message}"):
                reader(path)


@pytest.mark.parametrize(("text", "data"), RIGHT, ids=range(len(RIGHT)))
def test_right_texts(text: bytes, data: Any) -> None:
    found = json_files.parse(text)
    assert data is None or found == data


@pytest.mark.parametrize("value", [math.inf, -math.inf])
def test_infinite_values_come_back(tmp_path: Path, value: float) -> None:
    """A plan with them is JSON, and its file is read again."""
    rules = Recipe("r", "test", (Rule("**", fastinit.Constant(value)),))
    plan = Plan(Manifest("m", small().manifest.parameters[:1], config={"a": [value]}), rules)
    plan.save(tmp_path / "m")
    assert b"Infinity," not in (tmp_path / "m" / "config.json").read_bytes()
    assert json.loads((tmp_path / "m" / "config.json").read_bytes())["a"][0].keys() == {"__float__"}
    assert fastinit.load_plan(tmp_path / "m").to_dict() == plan.to_dict()
    assert fastinit.verify(tmp_path / "m").ok


def test_long_messages_are_cut(tmp_path: Path) -> None:
    """A message quotes a part of a large value, not all of it."""
    path = tmp_path / "a.json"
    path.write_text(json.dumps({"model": "m", "parameters": "x" * 10_000_000}))
    with pytest.raises(ValueError, match=r"a\.json: .*xxx ") as caught:
        Manifest.load(path)
    assert len(str(caught.value)) < 3000


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("format", True),
        ("format", "1"),
        ("stream_version", True),
        ("seed", True),
        ("seed", "0"),
        ("seed", None),
        ("seed", -1),
        ("seed", 2**64),
        ("seed", 0.5),
        ("dtype", 5),
        ("dtype", ["float32"]),
        ("dtype", "f5"),
        ("recipe", []),
        ("recipe", "gpt2"),
        ("manifest", None),
    ],
)
def test_wrong_plans(field: str, value: Any) -> None:
    with pytest.raises(ValueError, match=field):
        Plan.from_dict({**small().to_dict(), field: value})


def test_too_many_rules() -> None:
    """Matching them would take minutes."""
    data = small().to_dict()
    rules = [data["recipe"]["rules"][-1]] * 10_001
    with pytest.raises(ValueError, match="10001 rules and scales for 10 tensors; at most 10000"):
        Plan.from_dict({**data, "recipe": {**data["recipe"], "rules": rules}})


@pytest.mark.parametrize("field", ["scale", "multipliers"])
def test_too_many_scales(field: str) -> None:
    """Each would be worked out for each tensor."""
    data = small().to_dict()
    scales = [{"of": {"layers": "{layer}.*"}}] * 10_000
    more = {"scale": scales} if field == "scale" else {"multipliers": {"forward": scales}}
    rule = data["recipe"]["rules"][-1] | more
    with pytest.raises(ValueError, match="rules and scales for 10 tensors; at most 10000 rules"):
        Plan.from_dict({**data, "recipe": {**data["recipe"], "rules": [rule]}})


@pytest.mark.parametrize("shape", [[2**62] * 1_000_000, [2] * 1_000_000, [1] * 10 + [2**58]])
def test_shapes_of_many_sizes(tmp_path: Path, shape: list[int]) -> None:
    """They are refused; if their product were worked out, this test would take minutes."""
    path = tmp_path / "a.json"
    path.write_text(json.dumps({"model": "m", "parameters": [{"name": "w", "shape": shape}]}))
    message = r"a\.json: parameters\[0\]: shape=.* is too large"
    with pytest.raises(ValueError, match=message):
        Manifest.load(path)


@pytest.mark.parametrize("dtype", ["a", "{", "f4," * 10_000, "(2,2)f4", "V8", "object", "\0"])
def test_names_of_dtypes(tmp_path: Path, dtype: str) -> None:
    """NumPy's words for structures and for dtypes that are not drawn are errors of our own."""
    path = tmp_path / "a.json"
    entry = {"name": "w", "shape": [1], "dtype": dtype}
    path.write_text(json.dumps({"model": "m", "parameters": [entry]}))
    with pytest.raises(ValueError, match=r"a\.json: parameters\[0\]: dtype=.* is not known"):
        Manifest.load(path)
