"""Manifests of files: their own JSON, safetensors headers and indices, configs of transformers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from fastinit import json_files
from fastinit.dtypes import dtype_of_safetensors
from fastinit.manifests import Manifest, Parameter
from fastinit.rules.buffers import is_buffer

INDEX = "model.safetensors.index.json"
WHOLE = "model.safetensors"
CONFIG = "config.json"
_LARGEST_HEADER = 100_000_000  # bytes, as the safetensors package has it


def load(path: Path) -> Manifest:
    """The manifest of a file, or of what a folder holds.

    Raises:
        FileNotFoundError: a folder without any of the files.
        OSError: the file cannot be read.
        ValueError: its content is no manifest; the message says where.
    """
    if path.is_dir():
        path = _inside(path)
    with json_files.located(str(path)):
        if path.suffix == ".safetensors":
            return _of_headers(path.parent, path.stem, {path: None})
        data = json_files.parse(path.read_bytes())
        if isinstance(data, dict) and "parameters" not in data:
            if "weight_map" in data:
                return _of_index(path, data)
            if "model_type" in data or "architectures" in data:
                from fastinit.manifests import from_configs

                return from_configs.manifest(data, path)
        return Manifest.from_dict(data)


def _inside(folder: Path) -> Path:
    for name in (INDEX, WHOLE, CONFIG):
        if (folder / name).is_file():
            return folder / name
    raise FileNotFoundError(
        f"the folder {folder} holds no {WHOLE}, {INDEX} or {CONFIG}; pass the path of a file"
    )


def _of_index(path: Path, index: dict[str, Any]) -> Manifest:
    placed = json_files.mapping(index["weight_map"])
    files: dict[Path, set[str] | None] = {}
    for name, file in placed.items():
        names = files.setdefault(path.parent / str(file), set())
        assert names is not None
        names.add(name)
    return _of_headers(path.parent, path.name.partition(".")[0], files)


def _of_headers(folder: Path, model: str, files: dict[Path, set[str] | None]) -> Manifest:
    """The tensors of files, each with the names that it must have, or None."""
    tensors: list[Parameter] = []
    for file, names in files.items():
        with json_files.located(str(file)):
            header = read_header(file)
            if names is not None and (missing := sorted(names - header.keys())):
                raise ValueError(f"the file lacks {missing[0]!r}, which the index says it has")
            for name, entry in header.items():
                if name != "__metadata__" and (names is None or name in names):
                    dtype = dtype_of_safetensors(entry["dtype"]).name
                    tensors.append(Parameter(name, tuple(entry["shape"]), None, dtype))
    config = None
    if (folder / CONFIG).is_file():
        config = json_files.mapping(json_files.parse((folder / CONFIG).read_bytes()))
    architecture = None if config is None else config.get("model_type")
    return Manifest(
        model if architecture is None else architecture,
        tuple(each for each in tensors if not is_buffer(each)),
        {},
        tuple(each for each in tensors if is_buffer(each)),
        architecture,
        config=config,
    )


def read_header(path: Path) -> dict[str, Any]:
    """The header of a safetensors file.

    Raises:
        OSError: the file cannot be read.
        ValueError: it is no safetensors file.
    """
    with path.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
        text = file.read(length) if length <= _LARGEST_HEADER else b""
    if not text or len(text) < length:
        raise ValueError("this is no safetensors file: its header is cut short")
    try:
        header = json_files.mapping(json.loads(text))
        for name, entry in header.items():
            if name != "__metadata__":
                json_files.fields(entry, ("dtype", "shape", "data_offsets"))
    except ValueError as error:
        raise ValueError(f"this is no safetensors file: {error}") from None
    return header
