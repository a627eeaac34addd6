"""Buffers that only their module can compute: rotary frequencies, masks, position tables."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import torch

# Methods by which modules compute their own buffers anew: in this project's words, timm's,
# torchtune's, and torch's for modules that come from the meta device.
_METHODS = ("reset_buffers", "init_non_persistent_buffers", "rope_init", "reset_parameters")


@dataclass(frozen=True, slots=True)
class Owner:
    """A module, its tensors on the meta device that are no parameters, and what computes them."""

    name: str
    module: torch.nn.Module
    tensors: dict[str, torch.Tensor]
    """By attribute: registered buffers and plain attributes."""

    makers: tuple[Callable[[], Any], ...]
    """In the order in which they are tried."""

    def names(self, attributes: Iterable[str] | None = None) -> list[str]:
        """The qualified names of some of the tensors, or of all."""
        prefix = f"{self.name}." if self.name else ""
        return [prefix + each for each in (self.tensors if attributes is None else attributes)]

    def compute(self) -> list[str]:
        """Compute the tensors, which have memory by now; the names of those that nobody computed.

        A maker computes a tensor by writing to it or by putting another one in its place.
        """
        waiting = {attribute: tensor._version for attribute, tensor in self.tensors.items()}
        for make in self.makers:
            if not waiting:
                break
            make()
            waiting = {name: v for name, v in waiting.items() if not self._is_computed(name, v)}
        return self.names(waiting)

    def restore(self) -> None:
        """Put back the tensors in whose place a maker put another one."""
        for attribute, tensor in self.tensors.items():
            if getattr(self.module, attribute, None) is not tensor:
                setattr(self.module, attribute, tensor)

    def _is_computed(self, attribute: str, version: int) -> bool:
        now = getattr(self.module, attribute, None)
        if now is not self.tensors[attribute]:
            return isinstance(now, torch.Tensor) and not now.is_meta
        return now._version > version


def owners(root: torch.nn.Module, but: set[int]) -> list[Owner]:
    """The modules with tensors on the meta device that are no parameters, each tensor once.

    Args:
        root: the whole.
        but: the ids of tensors that are left out.
    """
    found = []
    seen = set(but)
    for name, module in root.named_modules():
        tensors = {}
        for attribute, value in {**module._buffers, **vars(module)}.items():
            is_tensor = isinstance(value, torch.Tensor) and value.is_meta
            if is_tensor and id(value) not in seen:
                seen.add(id(value))
                tensors[attribute] = value
        if tensors:
            found.append(Owner(name, module, tensors, tuple(_makers(root, name, module))))
    return found


def _makers(
    root: torch.nn.Module, name: str, module: torch.nn.Module
) -> Iterator[Callable[[], Any]]:
    for method in _METHODS:
        if callable(make := getattr(module, method, None)):
            yield make
    inside = name.split(".") if name else []
    for depth in range(len(inside), -1, -1):  # the module itself, then what it is in
        around = root.get_submodule(".".join(inside[:depth]))
        if callable(initialize := getattr(around, "_init_weights", None)):  # transformers
            yield lambda: initialize(module)
            return
