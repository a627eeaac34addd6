"""Buffers that only their module can compute: rotary frequencies, masks, position tables."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import torch

# Methods by which modules compute their own buffers again: fastinit's name for it, timm's,
# torchtune's, and torch's for modules that come from the meta device.
_METHODS = ("reset_buffers", "init_non_persistent_buffers", "rope_init", "reset_parameters")


@dataclass(frozen=True, slots=True)
class Owner:
    """A module, its meta tensors that are not parameters, and the methods that compute them."""

    name: str
    module: torch.nn.Module
    tensors: dict[str, torch.Tensor]
    """By attribute: registered buffers and plain attributes."""

    methods: tuple[Callable[[], Any], ...]
    """In the order in which they are called."""

    def names(self, attributes: Iterable[str] | None = None) -> list[str]:
        """Return the qualified names of some of the tensors, or of all."""
        prefix = f"{self.name}." if self.name else ""
        return [prefix + each for each in (self.tensors if attributes is None else attributes)]

    def compute(self) -> list[str]:
        """Compute the tensors, which have memory by now, and return the names of the others.

        A method computes a tensor by writing to it or by replacing it.
        """
        waiting = {attribute: tensor._version for attribute, tensor in self.tensors.items()}
        for method in self.methods:
            if not waiting:
                break
            method()
            waiting = {name: v for name, v in waiting.items() if not self._is_computed(name, v)}
        return self.names(waiting)

    def restore(self) -> None:
        """Restore the tensors that a method replaced."""
        for attribute, tensor in self.tensors.items():
            if getattr(self.module, attribute, None) is not tensor:
                setattr(self.module, attribute, tensor)

    def _is_computed(self, attribute: str, version: int) -> bool:
        now = getattr(self.module, attribute, None)
        if now is not self.tensors[attribute]:
            return isinstance(now, torch.Tensor) and not now.is_meta
        return now._version > version


def owners(root: torch.nn.Module, parameters: set[int]) -> list[Owner]:
    """Return the modules with meta tensors that are not parameters, each tensor once.

    Args:
        root: The whole module.
        parameters: The ids of tensors to leave out.
    """
    found = []
    seen = set(parameters)
    for name, module in root.named_modules():
        tensors = {}
        for attribute, value in {**module._buffers, **vars(module)}.items():
            is_meta = isinstance(value, torch.Tensor) and value.is_meta
            if is_meta and id(value) not in seen:
                seen.add(id(value))
                tensors[attribute] = value
        if tensors:
            found.append(Owner(name, module, tensors, tuple(_methods(root, name, module))))
    return found


def _methods(
    root: torch.nn.Module, name: str, module: torch.nn.Module
) -> Iterator[Callable[[], Any]]:
    for each in _METHODS:
        if callable(method := getattr(module, each, None)):
            yield method
    path = name.split(".") if name else []
    for depth in range(len(path), -1, -1):  # the module itself, then those that contain it
        around = root.get_submodule(".".join(path[:depth]))
        if callable(initialize := getattr(around, "_init_weights", None)):  # transformers
            yield lambda: initialize(module)
            return
