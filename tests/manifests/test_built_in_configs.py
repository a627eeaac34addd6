"""The config.json of built-in models: transformers builds of it what the manifest lists."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import transformers

import fastinit
from fastinit import Manifest
from fastinit.json_files import names
from fastinit.manifests import MODELS

pytestmark = pytest.mark.filterwarnings("ignore")  # of transformers

# Changes that make a model of the same type small.
SMALL: dict[str, dict[str, Any]] = {
    "gpt2": {"n_embd": 16, "n_layer": 2, "n_head": 2, "vocab_size": 50, "n_positions": 8},
    "llama": {
        "hidden_size": 16,
        "intermediate_size": 24,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "num_key_value_heads": 1,
        "head_dim": 8,
        "vocab_size": 50,
    },
    "resnet": {"embedding_size": 8, "hidden_sizes": [8, 16], "depths": [1, 2]},
    "vit": {
        "hidden_size": 16,
        "intermediate_size": 24,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
    },
}
CAUSAL = {"gpt2", "llama"}


def manifest_of(config: dict[str, Any], folder: Path) -> Manifest:
    """The manifest that transformers' model of a config has."""
    path = folder / "config.json"
    path.write_text(json.dumps(config), encoding="utf-8")
    return Manifest.load(path)


def check_loads(folder: Path, drawn: dict[str, Any], architecture: str) -> None:
    """The Auto classes load a folder without a missing key, and every value is the plan's."""
    loaders = [transformers.AutoModel]
    if architecture in CAUSAL:
        loaders.append(transformers.AutoModelForCausalLM)
    else:
        loaders.append(transformers.AutoModelForImageClassification)
    for loader in loaders:
        model, report = loader.from_pretrained(folder, output_loading_info=True)
        assert not report["mismatched_keys"]
        assert not report["missing_keys"] or loader is transformers.AutoModel
        state = model.state_dict()
        found = {
            name: state[key]
            for name in drawn
            if (key := name if name in state else name.partition(".")[2]) in state
        }
        for name, tensor in found.items():
            np.testing.assert_array_equal(tensor.numpy(), drawn[name], err_msg=name)
        assert len(found) == len(drawn) or loader is transformers.AutoModel
        assert len(found) >= len(drawn) - 2  # the base model has no head


@pytest.mark.parametrize("name", names(MODELS))
def test_config_describes_the_model(name: str, tmp_path: Path) -> None:
    """transformers' model of the config has the tensors of the manifest, and no others."""
    manifest = Manifest.load(name)
    assert manifest.config is not None
    built = manifest_of(manifest.config, tmp_path)
    assert built.parameters == manifest.parameters
    assert [(b.name, b.shape) for b in built.buffers] == [
        (b.name, b.shape) for b in manifest.buffers
    ]
    assert (built.tied, built.architecture) == (manifest.tied, manifest.architecture)


@pytest.mark.parametrize("name", names(MODELS))
def test_saved_config(name: str, tmp_path: Path) -> None:
    """A folder gets the config."""
    plan = fastinit.Plan(name, seed=0)
    smallest = min(plan.tensors, key=lambda each: each.size).parameter.name
    folder = plan.save(tmp_path / "m", only=smallest).path
    assert json.loads((folder / "config.json").read_text("utf-8")) == plan.manifest.config


@pytest.mark.parametrize("name", names(MODELS))
def test_auto_classes_load_a_small_model(name: str, tmp_path: Path) -> None:
    """Those of the same config with other sizes."""
    manifest = Manifest.load(name)
    assert manifest.config is not None
    assert manifest.architecture is not None
    small = manifest_of(manifest.config | SMALL[manifest.architecture], tmp_path)
    plan = fastinit.Plan(small, seed=0)
    check_loads(plan.save(tmp_path / "m").path, plan.init(), manifest.architecture)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["gpt2", "resnet-50", "vit-base"])
def test_auto_classes_load_the_model(name: str, tmp_path: Path) -> None:
    plan = fastinit.Plan(name, seed=0)
    assert plan.manifest.architecture is not None
    check_loads(plan.save(tmp_path / "m").path, plan.init(), plan.manifest.architecture)


def test_weights_keep_their_dtype(tmp_path: Path) -> None:
    """The configs do not name one, so transformers takes that of the weights."""
    manifest = Manifest.load("gpt2")
    assert manifest.config is not None
    small = manifest_of(manifest.config | SMALL["gpt2"], tmp_path)
    folder = fastinit.Plan(small, seed=0, dtype="bfloat16").save(tmp_path / "m").path
    model = transformers.AutoModel.from_pretrained(folder)
    assert {each.dtype for each in model.parameters()} == {torch.bfloat16}
