"""Models that can be recorded: functions, classes, configurations of transformers, config.json."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

from fastinit import json_files
from fastinit.checks import type_of
from fastinit.manifests import from_configs
from fastinit.torch.running.arguments import check_build
from fastinit.torch.shards.wrappers import unwrapped


def checked(module: Any) -> torch.nn.Module:
    """Return the module that a function has built, without what a framework has put around it.

    Raises:
        TypeError: It is something else.
    """
    if not isinstance(module, torch.nn.Module):
        raise TypeError(f"build returned {type_of(module)}; pass a function that returns a module")
    return unwrapped(module)


def builder(build: Any, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Callable[[], Any]:
    """Return a function without arguments that builds a model.

    Raises:
        FileNotFoundError: A path does not exist.
        TypeError: ``build`` is none of what can be recorded.
        ValueError: A ``config.json`` does not describe a model of transformers.
    """
    if isinstance(build, (str, os.PathLike)):
        path = Path(build)
        path = path / "config.json" if path.is_dir() else path
        if not path.exists():
            raise FileNotFoundError(
                f"build={str(build)!r} is not the path of a config.json, or of a folder with one; "
                "pass such a path, or a function that returns a module"
            )
        with json_files.located(str(path)):
            config = json_files.mapping(json_files.read(path))
            made, model = from_configs.model_of(config, path)
        return lambda: from_configs.build(made, model)
    if hasattr(build, "to_diff_dict") and hasattr(build, "model_type"):
        made, model = from_configs.model_of(build.to_dict(), Path("config.json"))
        return lambda: from_configs.build(build, model)
    check_build(build, *args, **kwargs)
    return lambda: build(*args, **kwargs)
