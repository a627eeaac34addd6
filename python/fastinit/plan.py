"""Plans: what will be drawn for every tensor of a model, resolved before anything is."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastinit import arrays, checkpoint, native, streams
from fastinit.boxes import flat, whole
from fastinit.dtypes import CODES, DTYPES, dtype_of
from fastinit.initializers import Constant, Initializer
from fastinit.manifest import Manifest, Parameter
from fastinit.recipes import Recipe, Rule, recipe, recipe_of
from fastinit.requests import Draw, requests_of


@dataclass(frozen=True, slots=True)
class Planned:
    """What is drawn for one tensor; ``stream`` is the (seed, stream number) of its name."""

    parameter: Parameter
    rule: Rule
    distribution: Initializer
    dtype: np.dtype[Any]
    stream: tuple[int, int]

    @property
    def size(self) -> int:
        """Its bytes."""
        return self.parameter.elements * self.dtype.itemsize

    @property
    def draws(self) -> tuple[Draw, ...]:
        """What is drawn, in order, over the same memory."""
        if not self.parameter.elements:
            return ()
        return self.distribution.draws(self.parameter.shape, self.dtype)

    def records(self, address: int, start: int, count: int) -> list[bytes]:
        """Records that draw ``count`` elements from ``start`` on, in C order, at ``address``.

        A piece that is not the whole tensor can only be asked for where all draws are elementwise.
        """
        is_whole = count == self.parameter.elements
        box = whole(self.parameter.shape) if is_whole else flat(start, count)
        return [each for draw in self.draws for each in draw.place(box, address, *self.stream)]


class Plan:
    """What will be drawn for every tensor of a model: a manifest, a recipe and a seed, resolved.

    The stream of a tensor is its name, so each equals what the function of its initializer draws
    with ``seed=`` and ``name=``, whatever else the model holds.

    Args:
        model: a manifest, the name of a built-in one or the path of its JSON file.
        recipe: a recipe, the name of a built-in one or the path of its JSON file; None for the
            built-in one that is named like the model.
        seed: an integer in [0, 2**64); None for the process-wide seed.
        dtype: of all floating-point tensors; None for the manifest's, or else float32.

    Attributes:
        manifest: the manifest.
        recipe: the recipe.
        seed: the seed.
        tensors: a ``Planned`` for every tensor, in the manifest's order.

    Raises:
        FileNotFoundError: ``model`` or ``recipe`` is neither built in nor a file.
        OSError: one of their files cannot be read.
        TypeError: an argument of the wrong type.
        ValueError: a file's content is wrong, no recipe serves the model, no rule matches a name,
            or a rule's initializer does not fit a tensor's shape or dtype.

    Example:
        >>> import fastinit
        >>> from fastinit.manifest import Manifest, Parameter
        >>> from fastinit.plan import Plan
        >>> plan = Plan(Manifest("gpt2", (Parameter("wte.weight", (100, 8)),)), seed=0)
        >>> array = plan.init()["wte.weight"]
        >>> bool((array == fastinit.normal((100, 8), std=0.02, seed=0, name="wte.weight")).all())
        True
    """

    def __init__(
        self,
        model: Manifest | str | os.PathLike[str],
        recipe: Recipe | str | os.PathLike[str] | None = None,
        *,
        seed: int | None = None,
        dtype: Any = None,
    ) -> None:
        """Resolve everything; nothing is drawn."""
        self.manifest = model if isinstance(model, Manifest) else Manifest.load(model)
        self.recipe = _recipe(recipe, self.manifest)
        self.seed, _ = streams.resolve(seed, 0)
        wanted = None if dtype is None else dtype_of(dtype)
        rules, layers = self.recipe.match(each.name for each in self.manifest.tensors)
        self.tensors = tuple(
            _planned(each, rules[each.name], layers, self.seed, wanted)
            for each in self.manifest.tensors
        )

    def explain(self) -> list[dict[str, Any]]:
        """What is drawn by which rule, in the recipe's order.

        Returns:
            For every rule that matches, once for each distribution and dtype that it comes to: its
            ``pattern`` and ``initializer``, the ``distribution`` and ``dtype``, and how many
            ``parameters`` and ``elements`` are drawn so; all plain data.

        Example:
            >>> from fastinit.plan import Plan
            >>> [(row["pattern"], row["parameters"]) for row in Plan("gpt2").explain()][-2:]
            [('**.bias', 73), ('**.weight', 26)]
        """
        groups: dict[tuple[Rule, Initializer, np.dtype[Any]], list[int]] = {}
        for each in self.tensors:
            key = (each.rule, each.distribution, each.dtype)
            groups.setdefault(key, []).append(each.parameter.elements)
        return [
            {
                "pattern": rule.pattern,
                "initializer": rule.initializer.to_dict(),
                "distribution": distribution.to_dict(),
                "dtype": dtype.name,
                "parameters": len(elements),
                "elements": sum(elements),
            }
            for (rule, distribution, dtype), elements in sorted(
                groups.items(), key=lambda group: self.recipe.rules.index(group[0][0])
            )
        ]

    def init(self) -> dict[str, NDArray[Any]]:
        """Draw every tensor, in one call of the native code.

        Returns:
            New arrays by name; tied names are left out, as they are in a checkpoint.

        Raises:
            KeyboardInterrupt: on Ctrl-C.

        Example:
            >>> from fastinit.manifest import Manifest, Parameter
            >>> from fastinit.plan import Plan
            >>> Plan(Manifest("gpt2", (Parameter("ln_f.weight", (3,)),))).init()
            {'ln_f.weight': array([1., 1., 1.], dtype=float32)}
        """
        records = []
        drawn = {}
        for each in self.tensors:
            where = arrays.destination(each.parameter.shape, each.dtype, None, "cpu")
            records += each.records(where.address, 0, each.parameter.elements)
            drawn[each.parameter.name] = where.finish()
        native.fill(requests_of(records))
        return drawn

    def save(
        self,
        path: str | os.PathLike[str],
        *,
        force: bool = False,
        progress: Callable[[int], None] | None = None,
    ) -> checkpoint.Saved:
        """Draw every tensor into a safetensors file, through a few buffers of bounded size.

        The same plan gives the same bytes. The file appears whole, under its name, or not at all.

        Args:
            path: of the file.
            force: replace a file that exists.
            progress: called with a number of bytes whenever so many more are written.

        Returns:
            The file's path, size and digests.

        Raises:
            FileExistsError: the file exists, and ``force`` is not set.
            KeyboardInterrupt: on Ctrl-C.
            OSError: the folder is missing or not writeable, ``path`` is no regular file, or the
                disk is full.

        Example:
            >>> import pathlib, tempfile
            >>> from fastinit.manifest import Manifest, Parameter
            >>> from fastinit.plan import Plan
            >>> plan = Plan(Manifest("gpt2", (Parameter("ln_f.weight", (3,)),)))
            >>> with tempfile.TemporaryDirectory() as folder:
            ...     list(plan.save(pathlib.Path(folder, "model.safetensors")).digests)
            ['ln_f.weight']
        """
        return checkpoint.save(self, Path(path), force=force, progress=progress)


def _recipe(given: Recipe | str | os.PathLike[str] | None, manifest: Manifest) -> Recipe:
    if given is None:
        return recipe_of(manifest.model)
    return given if isinstance(given, Recipe) else recipe(given)


def _planned(
    parameter: Parameter, rule: Rule, layers: int, seed: int, wanted: np.dtype[Any] | None
) -> Planned:
    dtype = DTYPES["float32"] if parameter.dtype is None else dtype_of(parameter.dtype)
    if wanted is not None and dtype in CODES:  # counters and masks stay integers
        dtype = wanted
    try:
        # Fans of an empty tensor may be 0, and nothing is drawn of it.
        distribution = (
            rule.distribution(parameter.shape, layers) if parameter.elements else Constant()
        )
        distribution.draws(parameter.shape, dtype)
    except ValueError as error:
        raise ValueError(
            f"{parameter.name!r} of shape {parameter.shape}, by the rule {rule.pattern!r}: {error}"
        ) from error
    return Planned(parameter, rule, distribution, dtype, streams.resolve(seed, parameter.name))
