"""The name of a parameter's stream, from the module tree that the parameter ends up in.

A parameter's qualified name is known once its model has been built, so fills wait for it. Roots
have numbers. The parameters of the first root have their names in it, as in its state dict; the
parameter ``weight`` of root number 1 is ``"1..weight"`` (no name in a module tree has two
consecutive dots).
"""

from __future__ import annotations

import sys
import weakref
from collections.abc import Iterator

import torch

from fastinit.torch.acceleration.pending import Location, location_of


class Modules:
    """The modules that were built in a context, and the numbers of the roots among them."""

    def __init__(self) -> None:
        self._built: list[weakref.ref[torch.nn.Module]] = []
        self._numbers: dict[int, int] = {}  # by the module's index in _built

    def add(self, module: torch.nn.Module) -> None:
        """Add a module whose construction begins."""
        self._built.append(weakref.ref(module))

    def names(self, storage: int | None = None) -> dict[Location, str]:
        """Return the names of parameters and buffers; of tied ones, the first name.

        Args:
            storage: The key of a storage. Only the root with a tensor in it counts; None means all
                roots.
        """
        found: dict[Location, str] = {}
        for index, root in self._roots():
            locations = {
                location: name
                for name, tensor in reversed(_tensors(root))
                if (location := location_of(tensor)) is not None
            }
            if not locations or storage not in {None, *(key for key, _, _ in locations)}:
                continue  # a loss or an activation takes no number
            number = self._numbers.setdefault(index, len(self._numbers))
            prefix = f"{number}.." if number else ""
            found = {location: prefix + name for location, name in locations.items()} | found
        return found

    def _roots(self) -> Iterator[tuple[int, torch.nn.Module]]:
        alive = {
            index: module
            for index, each in enumerate(self._built)
            if (module := each()) is not None
        }
        children: set[int] = set()
        stack = list(alive.values())
        while stack:  # includes copied modules, which were not built
            for child in stack.pop().children():
                if id(child) not in children:
                    children.add(id(child))
                    stack.append(child)
        for index, module in alive.items():
            if id(module) not in children:
                yield index, module


def _tensors(root: torch.nn.Module) -> list[tuple[str, torch.Tensor]]:
    return [*root.named_parameters(), *root.named_buffers()]


def is_building() -> bool:
    """Return whether a module's ``__init__`` is running, so that names are not known yet."""
    frame = sys._getframe(1)
    while frame is not None:
        code = frame.f_code
        if code.co_name == "__init__" and code.co_argcount:
            owner = frame.f_locals.get(code.co_varnames[0])
            if isinstance(owner, torch.nn.Module):
                return True
        frame = frame.f_back  # type: ignore[assignment]
    return False
