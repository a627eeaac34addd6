"""The plan of a command: by a recipe, or recorded from the model's own code."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from fastinit import json_files
from fastinit.manifests import MODELS
from fastinit.manifests.from_files import find_config
from fastinit.plans.plan import Plan
from fastinit.recipes.recipe import find_recipe


def resolve(model: str, recipe: str | None, *, record: bool, seed: int, dtype: str | None) -> Plan:
    """Return the plan of a model.

    A ``config.json`` whose model type no recipe serves is recorded: transformers builds the model
    without memory, and its own initialization becomes the plan.

    Raises:
        ValueError: A model is to be recorded that is not a ``config.json``, or with a recipe.
    """
    config = _config(model)
    if record and recipe is not None:
        raise ValueError("both --record and --recipe are given; give one of them")
    if record and config is None:
        raise ValueError(
            f"--record needs the config.json of a model of transformers, which {model!r} is not; "
            "record other models in Python: fastinit.Plan.record(build)"
        )
    if config is None or recipe is not None:
        return Plan(model, recipe, seed=seed, dtype=dtype)
    path, content = config
    if record or find_recipe(str(content.get("model_type"))) is None:
        return Plan.record(path, seed, dtype)
    return Plan(path, seed=seed, dtype=dtype)


def facts_of(plan: Plan) -> dict[str, Any]:
    """Return what a plan was made of, for ``--json``."""
    return {"model": plan.manifest.model, "recipe": plan.recipe.name, "seed": plan.seed}


def _config(model: str) -> tuple[Path, dict[str, Any]] | None:
    """Return the path and the content of a model's ``config.json``, where it is given as one."""
    path = Path(model)
    if model in json_files.names(MODELS) or not path.exists():
        return None
    return find_config(path)
