"""Manifests: what they hold, and an error for everything that can be wrong with one."""

import json
from pathlib import Path
from typing import Any

import pytest

from fastinit import Manifest, Parameter

SMALL: dict[str, Any] = {
    "model": "small",
    "source": "this test",
    "count": 18,
    "parameters": [
        {"name": "wte.weight", "shape": [4, 3], "module": "Embedding"},
        {"name": "ln_f.weight", "shape": [6], "dtype": "bfloat16"},
    ],
    "tied": {"lm_head.weight": "wte.weight"},
    "buffers": [{"name": "step", "shape": [], "dtype": "int64"}],
}
WEIGHT = {"name": "w", "shape": [1]}


def load(folder: Path, data: Any) -> Manifest:
    """The manifest of a file with this content."""
    path = folder / "small.json"
    path.write_text(data if isinstance(data, str) else json.dumps(data), encoding="utf-8")
    return Manifest.load(path)


def parameters(*changes: dict[str, Any]) -> dict[str, Any]:
    """A manifest's change to these parameters."""
    return {"parameters": list(changes), "tied": {}, "count": 1}


def test_fields(tmp_path: Path) -> None:
    assert load(tmp_path, SMALL) == Manifest(
        "small",
        (
            Parameter("wte.weight", (4, 3), "Embedding"),
            Parameter("ln_f.weight", (6,), None, "bfloat16"),
        ),
        {"lm_head.weight": "wte.weight"},
        (Parameter("step", (), None, "int64"),),
        source="this test",
    )


def test_least(tmp_path: Path) -> None:
    """A model and its parameters are enough."""
    assert load(tmp_path, {"model": "m", "parameters": [WEIGHT]}).tied == {}


def test_path_as_text(tmp_path: Path) -> None:
    assert Manifest.load(str(tmp_path / load(tmp_path, SMALL).model) + ".json").model == "small"


def test_gpt2() -> None:
    """The built-in manifest is the real model's."""
    manifest = Manifest.load("gpt2")
    assert len(manifest.parameters) == 148
    assert sum(each.elements for each in manifest.parameters) == 124_439_808


def test_built_in_name_comes_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file or folder named like a built-in model does not hide it."""
    (tmp_path / "gpt2").mkdir()
    monkeypatch.chdir(tmp_path)
    assert Manifest.load("gpt2").model == "gpt2"


@pytest.mark.parametrize("source", ["gpt3", Path("gpt2"), "no/such.json"])
def test_unknown(source: str | Path) -> None:
    """A name is neither built in nor a file; a Path is never a built-in name."""
    with pytest.raises(FileNotFoundError, match=r"neither a built-in model nor.* built in: gpt2, "):
        Manifest.load(source)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"model": ""}, "model='' is not a name"),
        ({"model": 5}, "model=5 is not a name"),
        ({"parameters": []}, "parameters is empty"),
        ({"parameters": 5}, "parameters=5 is not a list"),
        (
            {"tie": {}},
            "field 'tie' is not known; allowed are model, parameters, archi",
        ),
        ({"count": 19}, "count=19, but the parameters have 18 elements"),
        ({"tied": []}, r"tied=\[\] is not an object"),
        ({"tied": {"a": "b"}}, "tied: 'a' is tied to 'b', which is not in parameters"),
        ({"tied": {"a": ["b"]}}, "tied: 'a' is tied to .* not in parameters"),
        ({"tied": {"wte.weight": "wte.weight"}}, "tied: 'wte.weight' is also in parameters"),
        ({"buffers": [{"name": "wte.weight", "shape": []}]}, "'wte.weight' occurs 2 times"),
        (parameters(WEIGHT, WEIGHT), "'w' occurs 2 times"),
        (parameters({"name": "w"}), r"parameters\[0\]: field 'shape' is missing"),
        (parameters(WEIGHT, {"shape": [1]}), r"parameters\[1\]: field 'name' is missing"),
        (parameters({**WEIGHT, "size": 1}), r"parameters\[0\]: field 'size' is not known"),
        (parameters({**WEIGHT, "shape": [1, -2]}), r"parameters\[0\]: shape=.* negative"),
        (parameters({**WEIGHT, "shape": [1.5]}), r"parameters\[0\]: shape=\[1.5\] .* integer"),
        (parameters({**WEIGHT, "shape": [True]}), r"parameters\[0\]: shape=\[True\] .* integer"),
        (parameters({**WEIGHT, "shape": 5}), r"parameters\[0\]: shape=5 of 'w' is not a list"),
        (parameters({**WEIGHT, "shape": [2**58]}), r"parameters\[0\]: shape=.* 2\*\*58"),
        (
            parameters({**WEIGHT, "name": ""}),
            r"parameters\[0\]: name='' is not the name",
        ),
        (parameters({**WEIGHT, "name": 5}), r"parameters\[0\]: name=5 is not the name"),
        (
            parameters({**WEIGHT, "name": "\n"}),
            r"parameters\[0\]: name='\\n' is not the name",
        ),
        (parameters({**WEIGHT, "name": "\ud800"}), r"name='\\ud800' is not the name"),
        (parameters({**WEIGHT, "name": "__metadata__"}), "but not '__metadata__'"),
        (parameters({**WEIGHT, "module": 5}), r"parameters\[0\]: module=5 of 'w' is not a string"),
        (parameters({**WEIGHT, "dtype": "f5"}), r"parameters\[0\]: dtype='f5' is not known"),
    ],
)
def test_errors(tmp_path: Path, change: dict[str, Any], message: str) -> None:
    """Each names the file and what is wrong in it."""
    with pytest.raises(ValueError, match=rf"small\.json: .*{message}"):
        load(tmp_path, SMALL | change)


@pytest.mark.parametrize("text", ["", "{", "model: x", "\ud800"])
def test_not_json(tmp_path: Path, text: str) -> None:
    """The text is not JSON, or not even UTF-8."""
    path = tmp_path / "small.json"
    path.write_bytes(text.encode("utf-8", "surrogatepass"))
    with pytest.raises(ValueError, match=r"small\.json: this is not JSON: "):
        Manifest.load(path)


def test_no_object(tmp_path: Path) -> None:
    """It is JSON, but a list."""
    with pytest.raises(ValueError, match=r"small\.json: \[\] is not an object"):
        load(tmp_path, [])


def test_folder(tmp_path: Path) -> None:
    """The folder holds none of the known files."""
    with pytest.raises(
        FileNotFoundError, match=r"does not hold model\.safetensors, .* or config\.json"
    ):
        Manifest.load(tmp_path)


def test_config_with_numbers_that_json_lacks() -> None:
    """A manifest is plain JSON, whoever made it."""
    config = {"limits": (0.0, float("inf")), "nested": {"low": float("-inf")}}
    manifest = Manifest("m", (Parameter("w", (2,)),), config=config)
    written = json.loads(manifest.to_json(), parse_constant=pytest.fail)
    assert Manifest.from_dict(written) == manifest
    assert manifest.config == {
        "limits": [0.0, {"__float__": "Infinity"}],
        "nested": {"low": {"__float__": "-Infinity"}},
    }
