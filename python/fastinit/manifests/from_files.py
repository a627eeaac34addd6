"""The parameters of a model, from its manifest's JSON, safetensors files or a config."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from fastinit import json_files, safetensors
from fastinit.manifests import from_configs
from fastinit.recipes.buffers import is_buffer
from fastinit.recipes.parameter import Parameter
from fastinit.safetensors import CONFIG, INDEX, SUFFIX, WHOLE, Checkpoint

_OPTIONAL = ("architecture", "source", "count", "tied", "buffers", "config")


def read(path: Path) -> tuple[Path, dict[str, Any]]:
    """Return the file that was read, of those in a folder, and the arguments of its manifest.

    Raises:
        FileNotFoundError: A folder holds none of the files.
        OSError: The file cannot be read.
        ValueError: Its content does not describe a model; the message says where.
    """
    if path.is_dir():
        path = _find(path)
    if path.suffix == SUFFIX:
        return path, _of_checkpoint(safetensors.read_checkpoint(path), path.stem)
    with json_files.located(str(path)):
        data = json_files.parse(path.read_bytes())
    other = data if isinstance(data, dict) and "parameters" not in data else {}
    if "weight_map" in other:
        return path, _of_checkpoint(safetensors.read_index(path), path.name.partition(".")[0])
    with json_files.located(str(path)):
        if "model_type" in other or "architectures" in other:
            return path, from_configs.read(other, path)
        return path, of_data(data)


def of_data(data: Any) -> dict[str, Any]:
    """Return the fields that ``Manifest.to_dict`` wrote: a manifest's arguments and their count.

    Raises:
        ValueError: A field is missing, not known or wrong; the message says where.
    """
    found = dict(json_files.fields(data, ("model", "parameters"), _OPTIONAL))
    for listed in ("parameters", "buffers"):
        parameters = []
        for where, item in json_files.items(data, listed):
            with json_files.located(where):
                parameters.append(Parameter.from_dict(item))
        found[listed] = tuple(parameters)
    return found


def _find(folder: Path) -> Path:
    """Return the file of a folder that describes the model: its weights come before its config."""
    found = safetensors.find(folder) or folder / CONFIG
    if not found.is_file():
        raise FileNotFoundError(
            f"the folder {folder} does not hold {WHOLE}, {INDEX} or {CONFIG}; pass the path of a "
            "file"
        )
    return found


def _of_checkpoint(checkpoint: Checkpoint, name: str) -> dict[str, Any]:
    """Return the arguments for the tensors of a checkpoint; of an index, those that it lists."""
    if checkpoint.misplaced:
        raise ValueError(f"{checkpoint.path.parent}: {checkpoint.misplaced[0]}")
    tensors = []
    for header in checkpoint.files:
        with json_files.located(str(header.path)):
            for each in header.entries:
                if checkpoint.index is None or each.name in checkpoint.index:
                    dtype = safetensors.dtype_of(each.dtype).name
                    tensors.append(Parameter(each.name, each.shape, None, dtype))
    config = None
    beside = checkpoint.path.parent / CONFIG
    if beside.is_file():
        with json_files.located(str(beside)):
            config = json_files.mapping(json_files.parse(beside.read_bytes()))
    architecture = None if config is None else config.get("model_type")
    return {
        "model": name if architecture is None else architecture,
        "parameters": tuple(each for each in tensors if not is_buffer(each)),
        "buffers": tuple(each for each in tensors if is_buffer(each)),
        "architecture": architecture,
        "config": config,
    }
