"""The command line records a config.json whose model type no recipe serves."""

import json
from pathlib import Path

import pytest
from transformers import AutoConfig, AutoModel

import fastinit
from benchmarks.coverage import tiny_transformers
from fastinit.torch import accelerate
from helpers.bits import check_bits
from helpers.command_line import run


def config(kind: str, folder: Path) -> Path:
    """Write the config.json of a tiny model, and return its path."""
    made = tiny_transformers.config(kind)
    made.architectures = [type(AutoModel.from_config(made)).__name__]
    made.save_pretrained(folder)
    return folder / "config.json"


def test_a_type_that_no_recipe_serves_is_recorded(tmp_path: Path) -> None:
    path = config("falcon_mamba", tmp_path)
    done = run("init", path, "--out", tmp_path / "out", "--seed", 3)
    assert done.exit_code == 0, done.output
    plan = fastinit.load_plan(tmp_path / "out")
    assert plan.recipe.name == "recorded"
    assert fastinit.verify(tmp_path / "out").ok
    with accelerate(3):
        model = AutoModel.from_config(AutoConfig.from_pretrained(tmp_path))
    loaded = AutoModel.from_pretrained(tmp_path / "out")
    for name, tensor in model.state_dict().items():
        check_bits(loaded.state_dict()[name].numpy(), tensor.numpy())


def test_recording_in_place_of_a_recipe(tmp_path: Path) -> None:
    """--record asks for the model's own code; --against tells where the recipe differs."""
    path = config("gpt2", tmp_path)
    data = json.loads(run("plan", path, "--record", "--json").stdout)
    assert data["recipe"] == "recorded"
    assert any("_init_weights" in (row["origin"] or "") for row in data["parameters"])
    done = run("plan", path, "--record", "--against", path)
    assert (done.exit_code, "0 differently" in done.output) == (0, True), done.output


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("gpt2", "--record"), "--record needs the config.json of a model of transformers"),
        (("{path}", "--record", "--recipe", "default"), "both --record and --recipe are given"),
    ],
)
def test_wrong_usage(tmp_path: Path, arguments: tuple[str, ...], message: str) -> None:
    path = config("gpt2", tmp_path)
    done = run("plan", *(each.format(path=path) for each in arguments))
    assert done.exit_code == 2
    assert message in " ".join(done.output.split())
