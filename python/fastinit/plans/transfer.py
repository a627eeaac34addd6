"""Plans from checkpoints: other sizes, other depths, experts from a dense layer, more words."""

from __future__ import annotations

import dataclasses
import os
import re
from collections.abc import Callable, Mapping
from typing import Any

from fastinit.checks import positive_integer
from fastinit.initializers.base import Initializer
from fastinit.initializers.composites.splits import Split
from fastinit.initializers.composites.stacks import Stacked
from fastinit.initializers.composites.transposes import Transposed
from fastinit.initializers.distributions.constant import Constant
from fastinit.initializers.existing.existing import Existing, evenly
from fastinit.initializers.existing.growth import Redrawn, RowMixture
from fastinit.initializers.existing.loaded import Loaded, tensors_of
from fastinit.manifests import Manifest
from fastinit.manifests.given import model_of
from fastinit.plans.plan import Plan
from fastinit.recipes.given import RecipeLike
from fastinit.recipes.parameter import Parameter
from fastinit.recipes.patterns.pattern import Regex
from fastinit.recipes.recipe import Recipe
from fastinit.recipes.rule import Rule
from fastinit.streams import Seed
from fastinit.tables import listed

Names = Mapping[str, str] | Callable[[str], str | None] | None
_LAYER = re.compile(
    r"(?<=\.)(?:layers|layer|h|blocks|block)\.(\d+)(?=\.)|^(?:layers|h|blocks)\.(\d+)(?=\.)"
)
_DEPTHS = ("stack", "repeat", "even")
_EXPERT = re.compile(
    r"(?P<layer>.*\.\d+)\.(?P<block>[^.]+)\.experts\.(?:(?P<number>\d+)\."
    r"(?P<single>gate_proj|up_proj|down_proj|w1|w2|w3)\.weight|(?P<fused>gate_up_proj|down_proj))"
)
_DENSE = {"w1": "gate_proj", "w3": "up_proj", "w2": "down_proj"}
_TABLE = re.compile(r"(.*\.)?[^.]*(embed|wte|lm_head|output_projection|shared)[^.]*\.(weight|bias)")


def transfer(
    source: str | os.PathLike[str],
    model: Any,
    recipe: RecipeLike | None = None,
    *,
    names: Names = None,
    fit: str | Mapping[str, tuple[str, ...]] = "copy",
    depth: str | None = None,
    seed: Seed | None = None,
    dtype: Any = None,
) -> Plan:
    """Return a plan that takes what it can from a checkpoint, and draws the rest.

    The plan names the tensors that it takes, with their digests. ``Plan.save`` reads them by piece,
    in bounded memory, and ``fastinit.verify`` reads them again and compares every bit.

    Args:
        source: A safetensors file, an index, or a folder that holds one of them.
        model: The model of the plan, as for ``Plan``.
        recipe: The recipe for tensors, and parts of tensors, that the checkpoint lacks, as for
            ``Plan``. It is not needed where the checkpoint has everything.
        names: The map from the name of a tensor to that in the checkpoint: regular expressions with
            their replacements, as for ``re.sub``, or a function that returns None for tensors that
            are to be drawn. None for equal names.
        fit: The way to take a tensor of another shape: a map for all axes ("copy" takes what fits,
            "even" selects, "tile" and "repeat"), or a tuple of maps by regular expressions of
            names, see ``fastinit.Existing``; other tensors then have "copy".
        depth: The layer of the checkpoint that a layer is taken from, where it has another number
            of them: "stack" repeats all one after another, "repeat" each several times, "even"
            selects. None for the layer of the same number.
        seed: The seed, as for ``Plan``.
        dtype: The dtype, as for ``Plan``.

    Raises:
        OSError: A file is missing or cannot be read.
        TypeError: An argument has the wrong type.
        ValueError: An argument is not known, nothing of the model is in the checkpoint, or ``Plan``
            raises it for what is drawn.

    Example:
        >>> import fastinit, pathlib, tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     small = pathlib.Path(folder, "small.safetensors")
        ...     _ = fastinit.Plan({"fc.weight": (2, 2)}, [("*.weight", "ones")]).save(small)
        ...     plan = fastinit.transfer(small, {"fc.weight": (2, 3)}, "zeros", seed=0)
        ...     plan.init()["fc.weight"]
        array([[1., 1., 0.],
               [1., 1., 0.]], dtype=float32)
    """
    manifest = model_of(model).manifest
    found = tensors_of(source)
    renamed = _renamed(names)
    layers = _layers(depth, manifest, found)
    taken: dict[str, tuple[str, tuple[str, ...] | None]] = {}
    for each in manifest.tensors:
        wanted = renamed(each.name)
        wanted = None if wanted is None else layers(wanted)
        if wanted in found and len(found[wanted]) == len(each.shape) and not each.is_left_alone:
            is_equal = found[wanted] == each.shape
            taken[each.name] = wanted, None if is_equal else _axes(fit, each, found[wanted])
    if not taken:
        there = listed([f"{name} {shape}" for name, shape in found.items()])
        raise ValueError(f"{source} has no tensor of the model; pass names=. It has {there}")
    is_complete = len(taken) == len(manifest.tensors) and all(
        axes is None or "copy" not in axes for _, axes in taken.values()
    )
    base = None if is_complete else Plan(model, recipe, seed=seed, dtype=dtype)
    rules = {}
    for name, (wanted, axes) in taken.items():
        loaded: Initializer = Loaded.of(source, wanted)
        if axes is not None:
            rest = None if base is None else base.tensor(name).initializer
            loaded = Existing(loaded, axes=axes, rest=rest if "copy" in axes else None)
        rules[name] = loaded
    return _plan(model, rules, base, f"values of {source}", seed, dtype)


def upcycle(
    source: str | os.PathLike[str],
    model: Any,
    recipe: RecipeLike | None = None,
    *,
    drop: float = 0.0,
    seed: Seed | None = None,
    dtype: Any = None,
) -> Plan:
    """Return a plan whose experts are copies of the dense layers of a checkpoint.

    Sparse upcycling (Komatsuzaki et al. 2022, arXiv 2212.05055): each expert starts as the
    feed-forward layer of the dense model, all else is taken as it is, and ``recipe`` draws the
    routers. With ``drop`` a share of the hidden units of each expert is drawn again from the
    moments of their weights (Drop-Upcycling, Nakamura et al. 2025, arXiv 2502.19261; 0.5 there).

    Args:
        source: The dense model: a safetensors file, an index, or a folder that holds one of them,
            with ``gate_proj``, ``up_proj`` and ``down_proj`` in each layer.
        model: The model with experts, as for ``Plan``; its experts are stacked
            (``experts.gate_up_proj``, ``experts.down_proj``) or separate (``experts.0.w1.weight``).
        recipe: The recipe for the rest, as for ``Plan``.
        drop: The share of hidden units that are drawn again.
        seed: The seed, as for ``Plan``.
        dtype: The dtype, as for ``Plan``.

    Raises:
        OSError: A file is missing or cannot be read.
        ValueError: The model has no experts, the checkpoint no dense layer of their sizes, or
            ``Plan`` raises it.

    Example:
        >>> import fastinit, pathlib, tempfile
        >>> dense = {f"layers.0.mlp.{k}_proj.weight": (4, 2) for k in ("gate", "up")}
        >>> dense["layers.0.mlp.down_proj.weight"] = (2, 4)
        >>> experts = {"layers.0.mlp.experts.gate_up_proj": (3, 8, 2)}
        >>> experts["layers.0.mlp.gate.weight"] = (3, 2)
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = pathlib.Path(folder, "dense.safetensors")
        ...     weights = fastinit.Plan(dense, "he_normal", seed=0).init()
        ...     _ = fastinit.Plan(dense, "he_normal", seed=0).save(path)
        ...     w = fastinit.upcycle(path, experts, "normal", seed=1).init()
        >>> up = weights["layers.0.mlp.up_proj.weight"]
        >>> bool((w["layers.0.mlp.experts.gate_up_proj"][2, 4:] == up).all())
        True
    """
    manifest = model_of(model).manifest
    found = tensors_of(source)
    base = Plan(model, recipe, seed=seed, dtype=dtype)
    rules: dict[str, Initializer] = {}
    count = 0
    for each in manifest.tensors:
        match = _EXPERT.fullmatch(each.name)
        if match is not None:
            rules[each.name] = _expert(source, found, each, match, drop)
            count += 1
        elif found.get(each.name) == each.shape and not each.is_left_alone:
            rules[each.name] = Loaded.of(source, each.name)
    if not count:
        raise ValueError(
            f"{manifest.model!r} has no experts; their names end as in experts.gate_up_proj or "
            "experts.0.w1.weight"
        )
    return _plan(model, rules, base, f"upcycled from {source}", seed, dtype)


def resize_vocabulary(
    source: str | os.PathLike[str],
    rows: int,
    *,
    covariance: float = 1e-9,
    seed: Seed | None = None,
    dtype: Any = None,
) -> Plan:
    """Return a plan for the model of a checkpoint with another number of words.

    The words that there are keep their rows, in the embedding and in the output. New rows have the
    mean of the old ones and their covariance times ``covariance``, see ``fastinit.RowMixture``
    (Hewitt 2021; transformers' ``resize_token_embeddings`` has the same factor).

    Args:
        source: A safetensors file, an index, or a folder that holds one of them.
        rows: The number of words.
        covariance: The factor on the covariance; 0 for copies of the mean.
        seed: The seed, as for ``Plan``.
        dtype: The dtype, as for ``Plan``.

    Raises:
        OSError: A file is missing or cannot be read.
        ValueError: No table of words is found, or ``rows`` is not positive.

    Example:
        >>> import fastinit, pathlib, tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = pathlib.Path(folder, "model.safetensors")
        ...     _ = fastinit.Plan({"embed.weight": (100, 8)}, "normal", seed=0).save(path)
        ...     fastinit.resize_vocabulary(path, 120, seed=0).init()["embed.weight"].shape
        (120, 8)
    """
    rows = positive_integer(rows, "rows")
    manifest = Manifest.load(source)
    tables = [each for each in manifest.parameters if _TABLE.fullmatch(each.name)]
    count = max((each.shape[0] for each in tables if len(each.shape) == 2), default=0)
    words = {each.name for each in tables if each.shape[0] == count}
    if not count:
        names = listed([each.name for each in manifest.parameters])
        raise ValueError(f"{source} has no table of words among {names}")
    parameters = tuple(
        dataclasses.replace(each, shape=(rows, *each.shape[1:])) if each.name in words else each
        for each in manifest.parameters
    )
    config = manifest.config
    if config is not None and "vocab_size" in config:
        config = {**config, "vocab_size": rows}
    resized = dataclasses.replace(manifest, parameters=parameters, config=config)
    rules: dict[str, Initializer] = {}
    for each in resized.tensors:
        loaded = Loaded.of(source, each.name)
        if each.name not in words or rows == count:
            rules[each.name] = loaded
            continue
        rest: Initializer = Constant(0)
        if len(each.shape) == 2:
            rest = RowMixture(loaded, covariance=covariance)
        rules[each.name] = Existing(loaded, rest=rest if rows > count else None)
    return _plan(resized, rules, None, f"values of {source}", seed, dtype)


def _plan(
    model: Any,
    rules: Mapping[str, Initializer],
    base: Plan | None,
    source: str,
    seed: Seed | None,
    dtype: Any,
) -> Plan:
    """Return a plan with a rule for each tensor that is taken, before those of a recipe."""
    own = tuple(Rule(Regex(re.escape(name)), each) for name, each in rules.items())
    rest = () if base is None else base.recipe.rules
    wanted = None if base is None else base.recipe.dtype
    name = "taken" if base is None else f"taken, {base.recipe.name}"
    text = source if base is None else f"{source}; else {base.recipe.source}"
    recipe = Recipe(name, text, (*own, *rest), dtype=wanted, complete=base is None)
    return Plan(model, recipe, seed=seed if base is None else base.stream, dtype=dtype)


def _renamed(names: Names) -> Callable[[str], str | None]:
    if names is None:
        return lambda name: name
    if not isinstance(names, Mapping):
        return names
    expressions = [(re.compile(pattern), replacement) for pattern, replacement in names.items()]

    def rename(name: str) -> str:
        for pattern, replacement in expressions:
            name = pattern.sub(replacement, name)
        return name

    return rename


def _axes(
    fit: str | Mapping[str, tuple[str, ...]], tensor: Parameter, there: tuple[int, ...]
) -> tuple[str, ...]:
    """Return the map of each axis; axes of equal sizes are copied."""
    if isinstance(fit, str):
        chosen: tuple[str, ...] = (fit,) * len(tensor.shape)
    else:
        matching = (maps for pattern, maps in fit.items() if re.fullmatch(pattern, tensor.name))
        chosen = tuple(next(matching, ("copy",) * len(tensor.shape)))
    if len(chosen) != len(tensor.shape):
        raise ValueError(
            f"fit has {len(chosen)} maps for {tensor.name!r} of shape {tensor.shape}; pass one for "
            "each axis"
        )
    sizes = zip(chosen, tensor.shape, there, strict=True)
    return tuple(
        "copy" if size == other and kind == "even" else kind for kind, size, other in sizes
    )


def _layers(
    depth: str | None, manifest: Manifest, found: Mapping[str, Any]
) -> Callable[[str], str]:
    """Return what finds the name of the layer that a layer is taken from."""
    if depth is None:
        return lambda name: name
    if depth not in _DEPTHS:
        raise ValueError(f"depth={depth!r} is not known; use one of {', '.join(_DEPTHS)}")
    size = _count(found)
    wanted = _count(each.name for each in manifest.tensors)
    if not size or not wanted:
        raise ValueError("depth= needs numbered layers, as in layers.0., h.0. or blocks.0.")

    def layer_of(match: re.Match[str]) -> str:
        number = int(match[1] or match[2])
        if depth == "stack":
            number %= size
        elif depth == "repeat":
            number = number * size // wanted
        else:
            number = int(evenly(number, size, wanted))
        return f"{match[0].rpartition('.')[0]}.{number}"

    return lambda name: _LAYER.sub(layer_of, name, count=1)


def _count(names: Any) -> int:
    numbers = [int(m[1] or m[2]) for name in names if (m := _LAYER.search(name)) is not None]
    return max(numbers, default=-1) + 1


def _expert(
    source: str | os.PathLike[str],
    found: Mapping[str, tuple[int, ...]],
    tensor: Parameter,
    match: re.Match[str],
    drop: float,
) -> Initializer:
    """Return what draws the experts of a tensor."""

    def dense(part: str, shape: tuple[int, ...], units: str) -> Initializer:
        name = f"{match['layer']}.mlp.{part}.weight"
        there = found.get(name)
        if there is None or shape not in (there, there[::-1]):
            raise ValueError(
                f"{tensor.name!r} needs {name!r} of shape {shape}, and {source} has it "
                f"{'not' if there is None else f'of shape {there}'}"
            )
        base: Initializer = Loaded.of(source, name)
        if drop:
            base = Redrawn(base, 1 if part == "down_proj" else 0, drop, units)
        return base if shape == there else Transposed(base)

    if match["single"] is not None:
        part = _DENSE.get(match["single"], match["single"])
        return dense(part, tensor.shape, "{grandparent}.units")
    inner = tensor.shape[1:]
    if match["fused"] == "down_proj":
        down = dense("down_proj", inner, "{parent}.units")
        return Stacked(down, names="{parent}.{part}.down_proj")
    gate = found.get(f"{match['layer']}.mlp.gate_proj.weight", (0, 0))
    axis = 0 if inner == (2 * gate[0], gate[1]) else 1
    half = (inner[0] // 2, inner[1]) if axis == 0 else (inner[0], inner[1] // 2)
    parts = {each: dense(each, half, "{parent}.units") for each in ("gate_proj", "up_proj")}
    return Stacked(Split(parts, axis), names="{parent}.{part}")
