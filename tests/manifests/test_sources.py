"""Manifests of files, configs, torch modules and trees list the same tensors."""

import json
from pathlib import Path
from typing import Any

import jax
import ml_dtypes
import numpy as np
import pytest
import torch
import transformers
from safetensors.numpy import save_file

from fastinit import Manifest, Parameter, Plan
from fastinit.json_files import names
from fastinit.manifests import MODELS

TINY = {
    "architectures": ["LlamaForCausalLM"],
    "model_type": "llama",
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_attention_heads": 2,
    "num_hidden_layers": 2,
    "vocab_size": 60,
    "tie_word_embeddings": True,
}


def write(path: Path, data: Any) -> Path:
    path.write_text(json.dumps(data), encoding="utf-8")
    return path


@pytest.mark.parametrize("name", names(MODELS))
def test_built_in_manifests(name: str) -> None:
    """Each is canonical JSON, has its own recipe, and can be planned."""
    text = (MODELS / f"{name}.json").read_text("utf-8")
    manifest = Manifest.load(name)
    assert manifest.to_json() == text
    assert Manifest.from_dict(json.loads(text)) == manifest
    plan = Plan(name, seed=0)
    assert plan.recipe.name == manifest.architecture
    assert [each.parameter for each in plan.tensors] == list(manifest.tensors)


def test_buffers_of_resnet() -> None:
    """Running means are 0, variances 1, counters 0 as int64, whatever the dtype of the rest."""
    plan = Plan("resnet-50", seed=0, dtype="bfloat16")
    prefix = "resnet.embedder.embedder.normalization."
    drawn = plan.init(only=prefix + "*")
    assert not drawn[prefix + "running_mean"].any()
    assert (drawn[prefix + "running_var"] == 1).all()
    assert drawn[prefix + "num_batches_tracked"].dtype == np.int64


def test_config(tmp_path: Path) -> None:
    """A config.json gives what the model built from it has, with its config and ties."""
    path = write(tmp_path / "config.json", TINY | {"dtype": "bfloat16"})
    manifest = Manifest.load(path)
    module = transformers.LlamaForCausalLM(transformers.LlamaConfig(**TINY))
    built = Manifest.from_torch(module)
    assert [(p.name, p.shape, p.module) for p in manifest.tensors] == [
        (p.name, p.shape, p.module) for p in built.tensors
    ]
    assert {p.dtype for p in manifest.parameters} == {"bfloat16"}
    assert manifest.tied == built.tied == {"lm_head.weight": "model.embed_tokens.weight"}
    assert (manifest.architecture, manifest.config) == ("llama", TINY | {"dtype": "bfloat16"})
    assert Manifest.load(tmp_path) == manifest


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"model_type": "lama"}, "model_type='lama' is not known to transformers"),
        ({"architectures": "Lama"}, "architectures='Lama' names no class of transformers"),
        ({"architectures": ["Lama"]}, r"architectures=\['Lama'\] names no class of transformers"),
    ],
)
def test_config_errors(tmp_path: Path, change: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=rf"config\.json: {message}"):
        Manifest.load(write(tmp_path / "config.json", TINY | change))


def test_config_scales_the_recipe(tmp_path: Path) -> None:
    """The config's initializer_range is that of the model's own recipe."""
    path = write(tmp_path / "config.json", TINY | {"initializer_range": 0.5})
    row = Plan(path, seed=0).explain()[0]
    assert (row["name"], row["std"]) == ("model.embed_tokens.weight", 0.5)


ARRAYS = {
    "b.weight": np.zeros((2, 3), np.float32),
    "a.weight": np.zeros((4,), ml_dtypes.bfloat16),
    "bn.running_mean": np.zeros((4,), np.float32),
    "bn.num_batches_tracked": np.zeros((), np.int64),
}


def tensors(manifest: Manifest) -> set[tuple[str, tuple[int, ...], str | None]]:
    """Names, shapes and dtypes."""
    return {(each.name, each.shape, each.dtype) for each in manifest.tensors}


def test_safetensors_header(tmp_path: Path) -> None:
    """A tensor that is not a parameter is a buffer."""
    save_file(ARRAYS, tmp_path / "model.safetensors", {"format": "pt"})
    manifest = Manifest.load(tmp_path / "model.safetensors")
    assert tensors(manifest) == {
        (name, array.shape, array.dtype.name) for name, array in ARRAYS.items()
    }
    assert {each.name for each in manifest.buffers} == {name for name in ARRAYS if "bn" in name}
    assert Manifest.load(tmp_path) == manifest


def test_config_beside_a_file(tmp_path: Path) -> None:
    """It states the architecture, and so the recipe."""
    save_file(ARRAYS, tmp_path / "model.safetensors")
    write(tmp_path / "config.json", {"model_type": "gemma"})
    assert Plan(tmp_path / "model.safetensors", seed=0).recipe.name == "gemma"


def index(folder: Path, **weights: str) -> Path:
    """The index of two files."""
    for file, name in (("1.safetensors", "a.weight"), ("2.safetensors", "b.weight")):
        save_file({name: ARRAYS[name]}, folder / file)
    data = {"metadata": {"total_size": 32}, "weight_map": weights}
    return write(folder / "model.safetensors.index.json", data)


def test_index(tmp_path: Path) -> None:
    """It reads the headers of all its files."""
    path = index(tmp_path, **{"a.weight": "1.safetensors", "b.weight": "2.safetensors"})
    expected = {("a.weight", (4,), "bfloat16"), ("b.weight", (2, 3), "float32")}
    assert tensors(Manifest.load(path)) == tensors(Manifest.load(tmp_path)) == expected


def test_index_without_a_tensor(tmp_path: Path) -> None:
    """A file lacks what the index says."""
    path = index(tmp_path, **{"b.weight": "1.safetensors"})
    with pytest.raises(ValueError, match=r"index\.json says that 'b\.weight' is in 1\.safetensors"):
        Manifest.load(path)


@pytest.mark.parametrize("content", [b"", b"abc", b"\x09" + bytes(7) + b"{}", b"\xff" * 100])
def test_no_safetensors(tmp_path: Path, content: bytes) -> None:
    """Files are cut short or something else."""
    (tmp_path / "m.safetensors").write_bytes(content)
    with pytest.raises(ValueError, match=r"m\.safetensors is not a whole safetensors file: "):
        Manifest.load(tmp_path / "m.safetensors")


class Net(torch.nn.Module):
    """A module with ties, padding, and buffers of all kinds."""

    def __init__(self) -> None:
        super().__init__()
        self.embed = torch.nn.Embedding(5, 4, padding_idx=2)
        self.norm = torch.nn.BatchNorm1d(4)
        self.head = torch.nn.Linear(4, 5, dtype=torch.bfloat16)
        self.tied = torch.nn.Linear(4, 5, bias=False)
        self.tied.weight = self.embed.weight
        self.register_buffer("scale", torch.full((3,), 2.5))
        self.register_buffer("table", torch.tensor([[1, 5], [7, 7]]))
        self.register_buffer("position_ids", torch.arange(6).expand(1, -1))
        self.register_buffer("passing", torch.ones(3), persistent=False)


def test_torch_module() -> None:
    """Names of the state dict, module types, dtypes, padding, ties and buffers' values are read."""
    net = Net()
    manifest = Manifest.from_torch(net)
    assert manifest.model == "Net"
    assert manifest.tied == {"tied.weight": "embed.weight"}
    assert {p.name for p in manifest.tensors} == net.state_dict().keys() - manifest.tied.keys()
    assert Parameter("embed.weight", (5, 4), "Embedding", None, 2) in manifest.parameters
    assert Parameter("head.bias", (5,), "Linear", "bfloat16") in manifest.parameters
    drawn = Plan(manifest, "torch", seed=0).init()
    assert not drawn["embed.weight"][2].any()
    for name, buffer in net.named_buffers():
        if name in drawn:
            np.testing.assert_array_equal(drawn[name], buffer.numpy(), name, strict=True)
    assert Manifest.from_dict(json.loads(manifest.to_json())) == manifest


def test_torch_module_on_the_meta_device() -> None:
    """Nothing is read, so buffers that only the model knows are an error at planning."""
    with torch.device("meta"):
        manifest = Manifest.from_torch(Net())
    with pytest.raises(ValueError, match=r"the buffers scale \(3,\), table \(2, 2\) hold is not"):
        Plan(manifest, "torch", seed=0)


def test_no_torch_module() -> None:
    with pytest.raises(TypeError, match=r"module is a dict; pass a torch\.nn\.Module"):
        Manifest.from_torch({})


def test_tree_of_jax() -> None:
    """The shapes come from jax.eval_shape, in nested mappings, sequences and registered classes."""

    def init() -> Any:
        return {"layers": [{"kernel": jax.numpy.zeros((3, 4), "bfloat16")}], "n": jax.numpy.ones(2)}

    manifest = Manifest.from_tree(jax.eval_shape(init), "net")
    assert tensors(manifest) == {("layers.0.kernel", (3, 4), "bfloat16"), ("n", (2,), "float32")}
    named = Manifest.from_tree(jax.eval_shape(init), separator="/").parameters[0].name
    assert named == "layers/0/kernel"


def test_tree_errors() -> None:
    """A leaf has no shape."""
    with pytest.raises(TypeError, match=r"the leaf 'a\.b' is an int, which has no shape"):
        Manifest.from_tree({"a": {"b": 3}})


def test_shapes() -> None:
    """They are tuples, integers or arrays."""
    manifest = Manifest.from_shapes({"a": (2, 3), "b": 4, "c": np.zeros(5, "f2")}, tied={"d": "a"})
    assert tensors(manifest) == {("a", (2, 3), None), ("b", (4,), None), ("c", (5,), "float16")}
    assert manifest.tied == {"d": "a"}
    with pytest.raises(TypeError, match="'x' of 'a' is not a shape"):
        Manifest.from_shapes({"a": "x"})
