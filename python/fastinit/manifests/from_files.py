"""The parameters of a model, from its manifest's JSON, safetensors files or a config."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from fastinit import json_files, safetensors
from fastinit.manifests import from_configs
from fastinit.recipes.buffers import divided
from fastinit.recipes.parameter import Parameter
from fastinit.safetensors import CONFIG, INDEX, SUFFIX, WHOLE, Checkpoint

# Other names of the files of a checkpoint, of diffusers and peft, in the order of preference.
_STEMS = ("diffusion_pytorch_model", "adapter_model")

# Files that say what a folder holds, and why its tensors cannot be read from them.
_OTHERS = {
    "adapter_config.json": "describes an adapter of peft, but not its tensors",
    "model_index.json": "describes a pipeline of diffusers; pass one of its folders, such as unet",
    "pytorch_model.bin.index.json": "lists files that are pickles",
    "pytorch_model.bin": "is a pickle",
    "diffusion_pytorch_model.bin": "is a pickle",
    "adapter_model.bin": "is a pickle",
}
_PICKLES = (".bin", ".pt", ".pth", ".ckpt", ".bin.index.json")
_INSTEAD = "pass a safetensors file, or build the model and use Manifest.from_torch"

# The dtypes of headers that plans list and leave alone.
_LEFT_ALONE = {
    "F8_E8M0": "float8_e8m0fnu",
    "F8_E4M3FNUZ": "float8_e4m3fnuz",
    "F8_E5M2FNUZ": "float8_e5m2fnuz",
    "F6_E2M3": "float6_e2m3fn",
    "F6_E3M2": "float6_e3m2fn",
    "F4": "float4_e2m1fn",
}

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
    _check_readable(path)
    if path.suffix == SUFFIX:
        return path, _of_checkpoint(safetensors.read_checkpoint(path), path.stem)
    with json_files.located(str(path)):
        data = json_files.read(path)
    other = data if isinstance(data, dict) and "parameters" not in data else {}
    if "weight_map" in other:
        return path, _of_checkpoint(safetensors.read_index(path), path.name.partition(".")[0])
    with json_files.located(str(path)):
        if "_class_name" in other:
            raise ValueError(f"it describes a model of diffusers, but not its tensors; {_INSTEAD}")
        if _is_config(other):
            return path, from_configs.read(other, path)
        if "manifest" in other:
            raise ValueError("it is a plan; pass what fastinit.load_plan returns for it")
        if "rules" in other:
            raise ValueError("it is a recipe, which needs a model: Plan(model, recipe)")
        return path, of_data(data)


def find_config(path: Path) -> tuple[Path, dict[str, Any]] | None:
    """Return the ``config.json`` of transformers that ``read`` would read, or None."""
    found = _find(path) if path.is_dir() else path
    if found.suffix != ".json":
        return None
    with json_files.located(str(found)):
        data = json_files.read(found)
    is_manifest = not isinstance(data, dict) or "parameters" in data
    return (found, data) if not is_manifest and _is_config(data) else None


def _is_config(data: dict[str, Any]) -> bool:
    return "model_type" in data or "architectures" in data


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


def _check_readable(path: Path) -> None:
    reason = _OTHERS.get(path.name)
    if reason is None and path.name.endswith(_PICKLES):
        reason = "is or lists pickles"
    if reason is not None:
        raise ValueError(f"{path} {reason}; {_INSTEAD}")


def _find(folder: Path) -> Path:
    """Return the file of a folder that describes the model: its weights come before its config."""
    found = safetensors.find(folder) or _of_other_names(folder) or folder / CONFIG
    if found.is_file():
        return found
    files = [each for each in sorted(folder.glob(f"*{SUFFIX}")) if each.is_file()]
    if len(files) == 1:
        return files[0]
    if len(files) > 1:
        names = ", ".join(each.name for each in files)
        raise ValueError(f"the folder {folder} holds {names}; pass the path of one of them")
    for name in _OTHERS:
        if (folder / name).is_file():
            return folder / name
    raise FileNotFoundError(
        f"the folder {folder} does not hold {WHOLE}, {INDEX} or {CONFIG}, nor the files of "
        "diffusers or peft; pass the path of a file"
    )


def _of_other_names(folder: Path) -> Path | None:
    """Return the file or the index of diffusers or peft in a folder.

    Raises:
        ValueError: The folder holds both.
    """
    for stem in _STEMS:
        whole, index = folder / f"{stem}{SUFFIX}", folder / f"{stem}{SUFFIX}.index.json"
        if whole.is_file() and index.is_file():
            raise ValueError(
                f"the folder {folder} holds {whole.name} and {index.name}; delete the one that is "
                "out of date, or pass the path of the other"
            )
        for path in (whole, index):
            if path.is_file():
                return path
    return None


def _of_checkpoint(checkpoint: Checkpoint, name: str) -> dict[str, Any]:
    """Return the arguments for the tensors of a checkpoint; of an index, those that it lists."""
    if checkpoint.misplaced:
        raise ValueError(f"{checkpoint.path.parent}: {checkpoint.misplaced[0]}")
    tensors = []
    for header in checkpoint.files:
        with json_files.located(str(header.path)):
            for each in header.entries:
                if checkpoint.index is None or each.name in checkpoint.index:
                    dtype = _LEFT_ALONE.get(each.dtype) or safetensors.dtype_of(each.dtype).name
                    tensors.append(Parameter(each.name, each.shape, None, dtype))
    config = None
    beside = checkpoint.path.parent / CONFIG
    if beside.is_file():
        with json_files.located(str(beside)):
            config = json_files.mapping(json_files.read(beside))
    architecture = None if config is None else config.get("model_type")
    of_diffusers = None if config is None else config.get("_class_name")
    # A complex tensor of a file is a table of rotations, as a rule.
    parameters, buffers = divided(each for each in tensors if not each.is_complex)
    rotations = tuple(each for each in tensors if each.is_complex)
    parameters, buffers = parameters or rotations, buffers + (rotations if parameters else ())
    return {
        "model": architecture or of_diffusers or name,
        "parameters": parameters,
        "buffers": buffers,
        "architecture": architecture,
        "config": config,
    }
