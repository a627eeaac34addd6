"""Recipes for whole models: what each parameter is taken for, and reasons."""

import dataclasses
import errno
import json
import os
from typing import Any
from unittest.mock import Mock

import numpy as np
import pytest

import fastinit
from fastinit import Manifest, Plan
from fastinit.guide.models.recipe_recommendation import Advised
from fastinit.guide.models.roles import architecture_of
from helpers.command_line import run
from helpers.pages import parsed

MODELS = {
    "gpt2": "transformer",
    "llama-3.2-1b": "transformer",
    "resnet-50": "resnet",
    "vit-base": "transformer",
}


@pytest.mark.parametrize("model", MODELS)
def test_built_in_models(model: str) -> None:
    """Every parameter has advice, and the recipe draws what it says."""
    manifest = Manifest.load(model)
    found = fastinit.recommend_recipe(manifest)
    assert found.case.architecture == architecture_of(manifest) == MODELS[model]
    assert [row.name for row in found.rows] == [each.name for each in manifest.parameters]
    assert all(row.reason.endswith(".") and row.source for row in found.rows)
    drawn = {row["name"]: row for row in Plan(manifest, found.recipe, seed=0).explain()}
    for row in found.rows:
        assert drawn[row.name]["distribution"] == row.initializer.to_dict()


def test_gpt2_is_its_own() -> None:
    """The advice for GPT-2 is what its authors did."""
    manifest = Manifest.load("gpt2")
    ours, theirs = (
        [row["distribution"] for row in Plan(manifest, recipe, seed=0).explain()]
        for recipe in (fastinit.recommend_recipe(manifest).recipe, "gpt2")
    )
    assert ours == theirs


def test_recipe_is_data() -> None:
    found = fastinit.recommend_recipe(Manifest.load("resnet-50")).recipe
    assert fastinit.Recipe.from_json(found.to_json()) == found


def test_other_frameworks() -> None:
    """Kernels of JAX and Keras have their outputs last."""
    tree = {
        "conv": {"kernel": np.zeros((3, 3, 8, 16)), "bias": np.zeros(16)},
        "norm": {"scale": np.zeros(16), "bias": np.zeros(16)},
        "dense": {"kernel": np.zeros((64, 32))},
        "cell": {"recurrent_kernel": np.zeros((32, 128))},
    }
    found = fastinit.recommend_recipe(
        Manifest.from_tree(tree), activation="relu", architecture="cnn"
    )
    rows = {row.name: row for row in found.rows}
    assert rows["conv.kernel"].std == pytest.approx((2 / (9 * 16)) ** 0.5)  # fan_out
    assert rows["dense.kernel"].std == pytest.approx((2 / 32) ** 0.5)
    gate = fastinit.Orthogonal(layout="*io")
    assert rows["cell.recurrent_kernel"].initializer == fastinit.Split((gate,) * 4, axis=1)
    assert rows["norm.scale"].initializer == fastinit.Constant(1)


CASES: dict[str, tuple[dict[str, Any], str]] = {
    "mlp": ({"0.weight": (8, 4), "2.weight": (2, 8)}, "mlp"),
    "cnn": ({"0.weight": (8, 4, 3, 3), "fc.weight": (2, 8)}, "cnn"),
    "rnn": ({"rnn.weight_ih_l0": (8, 4), "rnn.weight_hh_l0": (8, 8)}, "rnn"),
    "resnet": ({"layer1.0.conv1.weight": (8, 8, 3, 3)}, "resnet"),
    "transformer": ({"layers.0.self_attn.q_proj.weight": (8, 8)}, "transformer"),
}


@pytest.mark.parametrize("name", CASES)
def test_architectures(name: str) -> None:
    shapes, expected = CASES[name]
    assert architecture_of(Manifest.from_shapes(shapes)) == expected


def test_depth_that_names_do_not_say() -> None:
    manifest = Manifest.from_shapes({"a.weight": (8, 8), "b.weight": (8, 8)})
    options: dict[str, Any] = {"normalization": "none", "residual": True}
    with pytest.raises(ValueError, match="depends on the number of layers; pass depth="):
        fastinit.recommend_recipe(manifest, activation="relu", **options)
    found = fastinit.recommend_recipe(manifest, activation="relu", depth=4, **options)
    assert found.rows[0].std == pytest.approx((2 / 8) ** 0.5 / 2)


def test_unknown_parameters() -> None:
    """They are named, and a plan needs rules for them; those of adapters have known values."""
    shapes = {"mixer.A_log": (8, 4), "mixer.weight": (8, 8), "mixer.lora_B.weight": (8, 2)}
    found = fastinit.recommend_recipe(Manifest.from_shapes(shapes), activation="relu")
    assert found.unknown == ("mixer.A_log",)
    assert [row.layer for row in found.rows] == ["hidden", "adapter_up"]
    assert "No advice is for mixer.A_log" in str(found)
    with pytest.raises(ValueError, match=r"no general rule draws mixer.A_log"):
        Plan(Manifest.from_shapes(shapes), found.recipe, seed=0)
    with pytest.raises(ValueError, match="no advice is for any parameter of 'model', as 'A_log'"):
        fastinit.recommend_recipe(Manifest.from_shapes({"A_log": (8, 4)}), activation="relu")


def test_small_parts() -> None:
    """LayerScale by depth, logit scales, tokens."""
    shapes: dict[str, Any] = {"blocks.0.ls1.gamma": 8, "logit_scale": (), "query_tokens": (1, 4, 8)}
    for depth, value in ((12, 0.1), (24, 1e-5), (48, 1e-6), (None, 1e-5)):
        found = fastinit.recommend_recipe(
            Manifest.from_shapes(shapes), architecture="vit", depth=depth
        )
        assert [row.layer for row in found.rows] == ["layer_scale", "logit_scale", "position"]
        assert found.rows[0].initializer == fastinit.Constant(value)


def test_width_of_a_model() -> None:
    """It is that of the norms; tied embeddings are the weight of the output as well."""
    shapes: dict[str, Any] = {
        "wte.weight": (100, 64),
        "wpe.weight": (16, 64),
        "h.0.ln_1.weight": (64,),
        "h.0.attn.q_proj.weight": (64, 64),
        "h.0.mlp.c_proj.weight": (64, 256),
    }
    manifest = Manifest.from_shapes(shapes)
    found = {row.name: row.std for row in fastinit.recommend_recipe(manifest).rows}
    assert found["wte.weight"] == found["wpe.weight"] == 1
    assert found["h.0.attn.q_proj.weight"] == pytest.approx((2 / 64) ** 0.5)
    assert found["h.0.mlp.c_proj.weight"] == pytest.approx((1 / 512) ** 0.5)
    tied = dataclasses.replace(manifest, tied={"lm_head.weight": "wte.weight"})
    found = {row.name: row.std for row in fastinit.recommend_recipe(tied).rows}
    assert found["wte.weight"] == pytest.approx(1 / 8)
    assert found["wpe.weight"] == pytest.approx(1 / 8)
    assert found["h.0.mlp.c_proj.weight"] == pytest.approx((1 / 256 / 64 / 4) ** 0.5)


def test_tables_that_share_no_output() -> None:
    """Vectors of tokens that an encoder and a decoder share alone are vectors of tokens."""
    shapes: dict[str, Any] = {"shared.weight": (64, 32), "encoder.norm.weight": (32,)}
    tied = {"encoder.embed_tokens.weight": "shared.weight"}
    manifest = dataclasses.replace(Manifest.from_shapes(shapes), tied=tied)
    (row, _) = fastinit.recommend_recipe(manifest, architecture="transformer").rows
    assert (row.layer, row.std) == ("embedding", 1.0)


def test_inputs_of_conv1d() -> None:
    """transformers' Conv1D has its inputs first."""
    shapes: dict[str, Any] = {"h.0.ln_1.weight": (64,), "h.0.attn.c_attn.weight": (64, 192)}
    shapes["h.0.mlp.c_proj.weight"] = (256, 64)
    manifest = Manifest.from_shapes(shapes)
    parts = [dataclasses.replace(e, module="Conv1D") for e in manifest.parameters[1:]]
    parameters = (manifest.parameters[0], *parts)
    found = fastinit.recommend_recipe(dataclasses.replace(manifest, parameters=parameters))
    stds = [row.std for row in found.rows[1:]]
    assert stds == pytest.approx([(2 / 64) ** 0.5, (1 / 256 / 2) ** 0.5])


def test_models_of_frameworks() -> None:
    """The graph of a torch module is read, and names and trees are what plans take."""
    import torch

    import fastinit.torch

    model = torch.nn.Sequential(torch.nn.Linear(8, 16), torch.nn.Tanh(), torch.nn.Linear(16, 2))
    found = fastinit.recommend_recipe(model, depth=3)
    assert found.to_dict() == fastinit.torch.recommend_recipe(model, depth=3).to_dict()
    assert [row.activation for row in found.rows if row.activation] == ["tanh", "linear"]
    of_name = fastinit.recommend_recipe("gpt2")
    assert of_name.recipe == fastinit.recommend_recipe(Manifest.load("gpt2")).recipe
    of_tree = fastinit.recommend_recipe({"up": {"kernel": np.zeros((8, 16))}})
    assert [row.name for row in of_tree.rows] == ["up.kernel"]


def test_wrong_models() -> None:
    with pytest.raises(TypeError, match=r"graph depends on its inputs; call fastinit.jax.recomm"):
        fastinit.recommend_recipe(np.tanh)
    with pytest.raises(TypeError, match="model is None; pass the name or path of a model"):
        fastinit.recommend_recipe(None)
    with pytest.raises(FileNotFoundError, match="is neither a built-in model nor a file"):
        fastinit.recommend_recipe("gpt22")


def test_print(monkeypatch: pytest.MonkeyPatch) -> None:
    """Layers that differ in numbers share a line; a reason is said once."""
    monkeypatch.setenv("COLUMNS", "160")
    text = str(fastinit.recommend_recipe(Manifest.load("gpt2")))
    assert "transformer.h.*.mlp.c_proj.weight      12  3072 x 768" in text
    assert text.count("Each of the 2 L branches") == 1


def test_command(tmp_path: Any) -> None:
    assert run("recommend", "relu", "--architecture", "cnn").stdout.startswith(
        "HeNormal(mode='fan_out') for relu, cnn\n\nformula  N(0, gain^2 / fan_out)"
    )
    data = json.loads(run("recommend", "gelu", "--json").stdout)
    assert data["initializer"]["gain"] == 1.5335304412
    out = tmp_path / "recipe.json"
    done = run("recommend", "--model", "gpt2", "--out", out)
    assert "residual_output" in done.stdout
    assert run("plan", "gpt2", "--recipe", out).exit_code == 0
    again = run("recommend", "--model", "gpt2", "--out", out)
    assert (again.exit_code, "recipe.json exists; pass the path" in again.stderr) == (2, True)
    whole = json.loads(run("recommend", "--model", "gpt2", "--json").stdout)
    assert len(whole["parameters"]) == 148
    assert run("recommend").exit_code == 2


def test_recipe_that_cannot_be_written(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """No part of it is left."""
    full = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    monkeypatch.setattr(os, "fsync", Mock(side_effect=full))
    done = run("recommend", "--model", "gpt2", "--out", tmp_path / "recipe.json")
    assert (done.exit_code, "recipe.json could not be written: No space" in done.stderr) == (
        2,
        True,
    )
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("what", [["swiglu"], ["--layer", "bias"], ["--model", "gpt2"]])
def test_pictures(what: list[str], tmp_path: Any) -> None:
    """A page has the advice, and charts of what it does where signals can be simulated."""
    path = tmp_path / "page.html"
    assert run("recommend", *what, "--html", path).exit_code == 0
    page = path.read_text()
    parsed(page)
    has_charts = what[0] != "--layer"
    assert ("<svg" in page) == has_charts
    assert "avoid" in page or "Reasons" in page


def test_command_of_wrong_options(tmp_path: Any) -> None:
    out = tmp_path / "recipe.json"
    plot = tmp_path / "advice.png"
    assert "has nothing to draw" in run("recommend", "--layer", "bias", "--plot", plot).stderr
    assert "pass --model with it" in run("recommend", "relu", "--out", out).stderr
    for given, message in (
        (["geluu"], "did you mean 'gelu'"),
        ([], "pass ACTIVATION, or --architecture\n"),
        (["relu", "--architecture", "cn"], "error: --architecture cn is not known; did you mean"),
        (["relu", "--depth", "0"], "error: --depth 0 is not positive; pass 1 or more\n"),
        (["--architecture", "gpt", "--layer", "residual_output"], "; pass --depth\n"),
    ):
        done = run("recommend", *given)
        assert done.exit_code == 2
        assert message in done.stderr


@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "float16"])
def test_rounded_constants_do_not_differ(dtype: str) -> None:
    """A constant that a dtype rounds has a small std; another constant, or scatter, differs."""
    value = 1 / 3
    initializer = fastinit.Constant(value)
    advised = Advised("w", (16,), "scale", None, initializer, value, 0.0, "reason.", "source")
    rounded = float(fastinit.constant((), value, dtype=dtype))
    for current, differs in (
        ((rounded, abs(rounded - value)), False),
        ((0.3, 0.0), True),
        ((rounded, 0.1), True),
    ):
        assert dataclasses.replace(advised, current=current).differs is differs
