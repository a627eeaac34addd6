"""Names: which stream a parameter draws from, by the module tree that it has come to be in.

A parameter's qualified name is known once its model stands, so draws wait for it. The roots are
told apart by number: the first one's parameters have their names in it, as in its state dict; the
parameter ``weight`` of the root of number 1 is ``"1..weight"`` (no name in a module tree has two
dots in a row).
"""

from __future__ import annotations

import sys
import weakref
from collections.abc import Iterator

import torch

from fastinit.torch.acceleration.pending import Place, place_of


class Modules:
    """The modules that were built in a context, and the numbers of the roots among them."""

    def __init__(self) -> None:
        """None."""
        self._built: list[weakref.ref[torch.nn.Module]] = []
        self._numbers: dict[int, int] = {}  # by the module's place in _built

    def add(self, module: torch.nn.Module) -> None:
        """A module whose construction begins."""
        self._built.append(weakref.ref(module))

    def names(self, storage: int | None = None) -> dict[Place, str]:
        """The names of parameters and buffers in memory of their own; tied ones by their first.

        Args:
            storage: only those of the root that has a tensor in this storage; None for all.
        """
        found: dict[Place, str] = {}
        for index, root in self._roots():
            places = {
                place: name
                for name, tensor in reversed(_tensors(root))
                if (place := place_of(tensor)) is not None
            }
            if not places or storage not in {None, *(key for key, _, _ in places)}:
                continue  # a loss or an activation takes no number
            number = self._numbers.setdefault(index, len(self._numbers))
            prefix = f"{number}.." if number else ""
            found = {place: prefix + name for place, name in places.items()} | found
        return found

    def _roots(self) -> Iterator[tuple[int, torch.nn.Module]]:
        alive = {
            index: module
            for index, each in enumerate(self._built)
            if (module := each()) is not None
        }
        children: set[int] = set()
        stack = list(alive.values())
        while stack:  # through copied modules too, which were not built
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
    """Whether a module's ``__init__`` is running, so that names are not known yet."""
    frame = sys._getframe(1)
    while frame is not None:
        code = frame.f_code
        if code.co_name == "__init__" and code.co_argcount:
            owner = frame.f_locals.get(code.co_varnames[0])
            if isinstance(owner, torch.nn.Module):
                return True
        frame = frame.f_back  # type: ignore[assignment]
    return False
