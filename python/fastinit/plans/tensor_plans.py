"""Tensors with what is drawn for each, found by name."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from fastinit.manifests import Manifest
from fastinit.recipes.parameter import Parameter
from fastinit.recipes.patterns.pattern import compiled, pattern_of
from fastinit.tensors.tensor_plan import TensorPlan


class TensorPlans(Mapping[str, TensorPlan]):
    """The draws of the tensors of a manifest, by name.

    Tied names are found too, and iteration leaves them out.

    Attributes:
        manifest: the manifest.
        tensors: a ``TensorPlan`` for every tensor that is drawn, in the manifest's order.
        left_alone: the tensors whose dtype is not drawn (float8_e8m0fnu, ...), and complex ones
            that no rule matches, such as complex buffers.
    """

    def __init__(self, manifest: Manifest, tensors: Sequence[TensorPlan]) -> None:
        self.manifest = manifest
        self.tensors = tuple(tensors)
        self._by_name = {each.parameter.name: each for each in self.tensors}
        self.left_alone: tuple[Parameter, ...] = tuple(
            each for each in manifest.tensors if each.name not in self._by_name
        )

    def __getitem__(self, name: str) -> TensorPlan:
        try:
            return self.tensor(name)
        except ValueError as error:
            raise KeyError(str(error)) from None

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and self.find(name) is not None

    def __iter__(self) -> Iterator[str]:
        return iter(self._by_name)

    def __len__(self) -> int:
        return len(self.tensors)

    __eq__ = object.__eq__  # a mapping would compare every tensor, and have no hash
    __hash__ = object.__hash__

    def tensor(self, name: str) -> TensorPlan:
        """Return what is drawn for a tensor; a tied name stands for the tensor that it shares.

        Raises:
            ValueError: the plan has no such tensor.
        """
        found = self.find(name)
        if found is None:
            if alone := [each for each in self.left_alone if each.name == name]:
                dtype, rule = alone[0].dtype, " without a rule" if alone[0].is_complex else ""
                raise ValueError(
                    f"{name!r} is left alone: values of dtype {dtype} are not drawn{rule}"
                )
            close = difflib.get_close_matches(str(name), self._by_name, n=3)
            hint = f"; did you mean {' or '.join(map(repr, close))}?" if close else ""
            raise ValueError(f"{name!r} is not a tensor of {self.manifest.model!r}{hint}")
        return found

    def find(self, name: str) -> TensorPlan | None:
        """Return what ``tensor`` does, or None where the plan has no such tensor.

        Example:
            >>> import fastinit
            >>> fastinit.Plan({"ln_f.weight": 3}, "gpt2").find("ln_f.bias") is None
            True
        """
        return self._by_name.get(self.manifest.tied.get(name, name))

    def select(self, only: Any = None) -> list[TensorPlan]:
        """The drawn tensors whose names match a pattern, in the manifest's order; None for all.

        Raises:
            TypeError: ``only`` is not a pattern.
            ValueError: a pattern that is not understood, or matches nothing.
        """
        if only is None:
            return list(self.tensors)
        expression = compiled(pattern_of(only))
        found = [each for each in self.tensors if expression.fullmatch(each.parameter.name)]
        if not found:
            raise ValueError(f"only={only!r} matches no tensor of {self.manifest.model!r}")
        return found
