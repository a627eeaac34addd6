"""Configs, files and trees as other libraries write them."""

import json
import math
import struct
from pathlib import Path
from typing import Any

import jax
import numpy as np
import pytest
import torch
import transformers
from safetensors.numpy import save_file

from fastinit import Manifest, Parameter, Plan

LLAMA: dict[str, Any] = {
    "architectures": ["LlamaForCausalLM"],
    "model_type": "llama",
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_attention_heads": 2,
    "num_hidden_layers": 1,
    "vocab_size": 60,
}
WEIGHTS = {"w.weight": np.zeros((2, 3), np.float32)}


def write(path: Path, data: Any) -> Path:
    path.write_text(json.dumps(data), encoding="utf-8")
    return path


def falcon() -> transformers.PreTrainedConfig:
    """A config that holds an infinity."""
    return transformers.FalconH1Config(
        hidden_size=32,
        intermediate_size=32,
        num_hidden_layers=1,
        num_attention_heads=2,
        num_key_value_heads=2,
        mamba_d_ssm=32,
        mamba_n_heads=2,
        mamba_d_head=16,
        vocab_size=64,
        architectures=["FalconH1ForCausalLM"],
    )


def test_config_with_an_infinity(tmp_path: Path) -> None:
    """It is read as transformers writes it, and the manifest stays plain JSON."""
    falcon().save_pretrained(tmp_path)
    written = json.loads((tmp_path / "config.json").read_text("utf-8"))
    assert written["time_step_limit"][1] == {"__float__": "Infinity"}
    manifest = Manifest.load(tmp_path / "config.json")
    assert manifest.config == written
    with torch.device("meta"):
        module = transformers.FalconH1ForCausalLM(falcon())
    built = Manifest.from_torch(module)
    assert [each.name for each in manifest.tensors] == [each.name for each in built.tensors]
    assert built.config is not None
    assert built.config["time_step_limit"][1] == {"__float__": "Infinity"}
    assert Manifest.from_dict(json.loads(built.to_json())) == built


@pytest.mark.parametrize("number", [math.inf, -math.inf])
def test_values_of_buffers_that_json_lacks(number: float) -> None:
    """A manifest of them is plain JSON, too."""
    buffer = Parameter("mask", (2,), value=(0.0, number))
    manifest = Manifest("m", (Parameter("w", (1,)),), buffers=(buffer,))

    def refuse(text: str) -> None:
        raise AssertionError(text)

    data = json.loads(manifest.to_json(), parse_constant=refuse)
    assert Manifest.from_dict(data) == manifest
    assert Plan(manifest, "default", seed=0).init()["mask"].tolist() == [0, number]


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        (transformers.GPT2Config(n_layer=1, n_embd=32, n_head=2), "GPT2Model"),
        (transformers.BertConfig(hidden_size=32, num_attention_heads=2), "BertModel"),
        (transformers.T5Config(d_model=32, num_layers=1, num_heads=2), "T5Model"),
    ],
)
def test_config_without_architectures(tmp_path: Path, config: Any, expected: str) -> None:
    """It describes the model that AutoModel makes."""
    config.save_pretrained(tmp_path)
    manifest = Manifest.load(tmp_path)
    assert (manifest.source or "").endswith(expected)
    with torch.device("meta"):
        built = Manifest.from_torch(transformers.AutoModel.from_config(config))
    assert [each.name for each in manifest.tensors] == [each.name for each in built.tensors]


@pytest.mark.parametrize(
    "change",
    [
        {"hidden_size": "32"},
        {"hidden_size": None},
        {"num_hidden_layers": 1.5},
        {"num_attention_heads": 0},
        {"vocab_size": -5},
        {"hidden_act": "nope"},
        {"dtype": "f5"},
        {"dtype": 5},
        {"id2label": 5},
        {"architectures": ["GPT2Model"]},
        {"initializer_range": {"__float__": "Infinity"}},
    ],
)
def test_wrongly_typed_fields(tmp_path: Path, change: dict[str, Any]) -> None:
    """The error is a ValueError that names the file and repeats what transformers says."""
    message = r"config\.json: transformers .* cannot build \w+ of this config: \w+: .*correct the"
    with pytest.raises(ValueError, match=message):
        Manifest.load(write(tmp_path / "config.json", LLAMA | change))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"model_type": ["llama"]}, r"model_type=\['llama'\] is not known to transformers"),
        ({"model_type": None}, "model_type=None is not known to transformers"),
        ({"architectures": 5}, "architectures=5 names no class"),
        ({"architectures": [5]}, r"architectures=\[5\] names no class"),
        ({"architectures": {}}, "architectures={} names no class"),
    ],
)
def test_wrong_models(tmp_path: Path, change: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=rf"config\.json: {message}"):
        Manifest.load(write(tmp_path / "config.json", LLAMA | change))


@pytest.mark.parametrize(
    "stem", ["diffusion_pytorch_model", "adapter_model", "pytorch_lora_weights"]
)
def test_files_of_diffusers_and_peft(tmp_path: Path, stem: str) -> None:
    """Their folders are read as those of transformers."""
    save_file(WEIGHTS, tmp_path / f"{stem}.safetensors")
    manifest = Manifest.load(tmp_path)
    assert manifest == Manifest.load(tmp_path / f"{stem}.safetensors")
    assert manifest.model == stem
    assert [each.name for each in manifest.parameters] == ["w.weight"]


@pytest.mark.parametrize("suffix", ["index.json", "index.fp16.json"])
def test_index_of_diffusers(tmp_path: Path, suffix: str) -> None:
    """The config beside it names the model."""
    save_file(WEIGHTS, tmp_path / "diffusion_pytorch_model-00001-of-00001.safetensors")
    weight_map = dict.fromkeys(WEIGHTS, "diffusion_pytorch_model-00001-of-00001.safetensors")
    index = tmp_path / f"diffusion_pytorch_model.safetensors.{suffix}"
    write(index, {"metadata": {}, "weight_map": weight_map})
    write(tmp_path / "config.json", {"_class_name": "UNet2DConditionModel"})
    manifest = Manifest.load(index)
    assert manifest.model == "UNet2DConditionModel"
    if suffix == "index.json":
        assert Manifest.load(tmp_path) == manifest


def test_file_and_index_of_diffusers(tmp_path: Path) -> None:
    """Which of them counts is not guessed."""
    save_file(WEIGHTS, tmp_path / "adapter_model.safetensors")
    write(tmp_path / "adapter_model.safetensors.index.json", {"weight_map": {}})
    with pytest.raises(ValueError, match="delete the one that is out of date"):
        Manifest.load(tmp_path)


def test_several_files(tmp_path: Path) -> None:
    for name in "ab":
        save_file(WEIGHTS, tmp_path / f"{name}.safetensors")
    with pytest.raises(ValueError, match=r"holds a\.safetensors, b\.safetensors; pass the path of"):
        Manifest.load(tmp_path)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("adapter_model.bin", "is a pickle"),
        ("diffusion_pytorch_model.bin", "is a pickle"),
        ("pytorch_model.bin.index.json", "lists files that are pickles"),
        ("adapter_config.json", "describes an adapter of peft, but not its tensors"),
        ("model_index.json", "describes a pipeline of diffusers; pass one of its folders"),
    ],
)
def test_files_that_are_not_read(tmp_path: Path, name: str, message: str) -> None:
    """The error says what to pass, for a folder as for the file."""
    write(tmp_path / name, {"weight_map": {"w": "pytorch_model.bin"}})
    for path in (tmp_path / name, tmp_path):
        with pytest.raises(ValueError, match=rf"{name} {message}.*pass a safetensors file"):
            Manifest.load(path)


def test_other_pickles(tmp_path: Path) -> None:
    for name in ("model.pt", "model.ckpt", "model.pth", "other.bin.index.json"):
        with pytest.raises(ValueError, match=f"{name} is or lists pickles; pass a safetensors"):
            Manifest.load(write(tmp_path / name, {}))


def test_config_of_diffusers(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"config\.json: it describes a model of diffusers"):
        Manifest.load(write(tmp_path / "config.json", {"_class_name": "UNet2DConditionModel"}))


@pytest.mark.parametrize(
    "leaf",
    [
        jax.nn.relu,
        jax.random.key(0),
        jax.random.split(jax.random.key(0), 3),
        None,
        print,
        jax.jit(lambda x: x),
        np.float32,
        {},
        [None, math.sin],
    ],
)
def test_leaves_that_are_not_tensors(leaf: Any) -> None:
    """Functions, keys and None are left out, of any tree that jax knows."""
    for tree in ({"w": np.zeros((2, 2)), "x": leaf}, {"x": {"y": [leaf]}, "w": np.zeros((2, 2))}):
        assert [each.name for each in Manifest.from_tree(tree).tensors] == ["w"]


@pytest.mark.parametrize("leaf", [3, 1.5, True, "text"])
def test_leaves_that_could_be_anything(leaf: Any) -> None:
    """A number may be an option or a weight, which is not guessed."""
    with pytest.raises(TypeError, match=r"the leaf 'x' is an? \w+, which has no shape"):
        Manifest.from_tree({"w": np.zeros((2, 2)), "x": leaf})


def test_statistics_of_flax() -> None:
    """They are buffers, with any separator."""
    layer = {"scale": np.zeros(4), "bias": np.zeros(4)}
    statistics = {"mean": np.zeros(4), "var": np.zeros(4)}
    tree = {"params": {"bn": layer}, "batch_stats": {"bn": statistics}}
    for separator in ("/", "."):
        manifest = Manifest.from_tree(tree, separator=separator)
        names = [separator.join(("batch_stats", "bn", each)) for each in statistics]
        assert [each.name for each in manifest.buffers] == names
    drawn = Plan(manifest, "default", seed=0).init()
    assert {name: array[0] for name, array in drawn.items()} == {
        "params.bn.scale": 1,
        "params.bn.bias": 0,
        "batch_stats.bn.mean": 0,
        "batch_stats.bn.var": 1,
    }


INTEGERS: dict[str, Any] = {
    "step": np.int32(7),
    "table": np.array([[1, 5], [7, -2]]),
    "mask": np.array([True, False]),
    "large": jax.numpy.array([2**31 - 1], "int32"),
    "unsigned": np.array([2**64 - 1], np.uint64),
}


@pytest.mark.parametrize("read", [Manifest.from_tree, Manifest.from_shapes])
def test_values_of_integers(read: Any) -> None:
    """A manifest keeps them, as JSON too, and a plan writes them."""
    manifest = read({"w": np.zeros((2, 2), np.float32), **INTEGERS})
    assert Manifest.from_dict(json.loads(manifest.to_json())) == manifest
    drawn = Plan(manifest, "default", seed=0).init()
    for name, array in INTEGERS.items():
        np.testing.assert_array_equal(drawn[name], np.asarray(array), name, strict=True)


def test_integers_without_values() -> None:
    """They are an error that lists them."""
    shapes = {"w": np.zeros(2), "step": jax.ShapeDtypeStruct((), "int32")}
    manifest = Manifest.from_tree(shapes)
    with pytest.raises(ValueError, match=r"the buffers step \(\) hold is not known; give each a"):
        Plan(manifest, "default", seed=0)


def test_values_of_boolean_buffers() -> None:
    """A module's masks are kept as booleans."""
    module = torch.nn.Linear(2, 2)
    module.register_buffer("mask", torch.tensor([True, False]))
    manifest = Manifest.from_torch(module)
    assert manifest.buffers[0].value == (True, False)
    assert Plan(manifest, "torch", seed=0).init()["mask"].tolist() == [True, False]


def test_quantized_file(tmp_path: Path) -> None:
    """Scales are right, tables are an error until the manifest has their values."""
    arrays: dict[str, np.ndarray[Any, Any]] = {
        "l.weight": np.zeros((2, 2), np.float32),
        "l.scales": np.zeros((1, 2), np.float16),
        "l.g_idx": np.zeros(2, np.int32),
    }
    save_file(arrays, tmp_path / "model.safetensors")
    data = Manifest.load(tmp_path).to_dict()
    with pytest.raises(ValueError, match=r"the buffers l\.g_idx \(2,\) hold is not known"):
        Plan(Manifest.from_dict(data), "default", seed=0)
    next(each for each in data["buffers"] if each["name"] == "l.g_idx")["value"] = [0, 1]
    drawn = Plan(Manifest.from_dict(data), "default", seed=0).init()
    assert drawn["l.g_idx"].tolist() == [0, 1]
    assert (drawn["l.scales"] == 1).all()


def test_file_of_scales_alone(tmp_path: Path) -> None:
    """A shard may hold nothing else."""
    text = json.dumps({"l.scales": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}}).encode()
    path = tmp_path / "a.safetensors"
    path.write_bytes(struct.pack("<Q", len(text)) + text + bytes(4))
    assert Plan(path, "default", seed=0).init()["l.scales"] == 1
