"""The name of a parameter's stream, from the module tree that the parameter ends up in.

A parameter's qualified name is known once its model has been built, so fills wait for it. Roots
have numbers. The parameters of the first root have their names in it, as in its state dict; the
parameter ``weight`` of root number 1 is ``"1..weight"`` (no name in a module tree has two
consecutive dots). After ``torch.manual_seed`` the numbers of further roots begin at 0 again.

A module may vanish while its tensors live on. It leaves their names with their pending fills.
"""

from __future__ import annotations

import bisect
import sys
import weakref
from collections import Counter
from collections.abc import Iterator

import torch

from fastinit.torch.memory.pending import PENDING, Owner, Part, PendingStorage, part_of
from fastinit.torch.memory.storages import storage_of
from fastinit.torch.shards.wrappers import own_paths

Location = tuple[int, Part]
"""The key of a storage, and a part of it."""

Waiting = list[tuple[int, PendingStorage, Part]]
"""The parts of storages whose names are asked for, with the keys of the storages."""


class Modules:
    """The modules that were built in a context, and the numbers of the roots among them."""

    def __init__(self) -> None:
        self._built: list[weakref.ref[torch.nn.Module]] = []
        self._indices: dict[int, int] = {}  # in _built, by the id of the module
        self._numbers: dict[int, int] = {}  # by the module's index in _built
        self._starts = [0]  # the indices from which roots are numbered from 0
        self._draws: Counter[str] = Counter()  # by the name of the module that drew

    def add(self, module: torch.nn.Module) -> None:
        """Add a module whose construction begins."""
        self._indices[id(module)] = len(self._built)
        self._built.append(weakref.ref(module))

    def restart(self) -> None:
        """Number the roots that are built from now on from 0."""
        self._starts.append(len(self._built))
        self._draws.clear()

    def leave_names(self, module: torch.nn.Module, owner: Owner) -> None:
        """Keep the names of tensors in a module that is about to vanish."""
        index = self._indices.get(id(module))
        if index is None or self._built[index]() not in (None, module):
            return
        del self._indices[id(module)]
        for name, tensor in reversed(_tensors(module)):
            PENDING.remember(tensor, owner, index, name)

    def names(self, owner: Owner, waiting: Waiting, *, only: bool) -> dict[Location, str]:
        """Return the names of parameters and buffers; of tied ones, the first name.

        Args:
            owner: The context that the modules were built in.
            waiting: What asks for names.
            only: Whether only the roots with tensors among those count.
        """
        roots = self._living_roots()
        named = {location for locations in roots.values() for location in locations}
        for key, storage, part in waiting:
            left = storage.last_names.get((owner, part))
            if left is not None and (key, part) not in named:
                roots.setdefault(left[0], {})[key, part] = left[1]
        keys = {key for key, _, _ in waiting}
        found: dict[Location, str] = {}
        for index, locations in sorted(roots.items()):
            if not locations or (only and keys.isdisjoint(key for key, _ in locations)):
                continue  # a loss or an activation takes no number
            number = self._number(index)
            prefix = f"{number}.." if number else ""
            found = {location: prefix + name for location, name in locations.items()} | found
        return found

    def name_of_storage(self, key: int) -> str | None:
        """Return the name of a tensor that lies in a storage, as far as it is known now."""
        for locations in self._living_roots().values():
            for (found, _), name in locations.items():
                if found == key:
                    return name
        return None

    def name_of_draw(self, thread: int) -> str | None:
        """Return the name of a draw that a module's own initialization makes, or None.

        It is the name of the module in the outermost one that is being built, or else in its root,
        three dots and the number of the draw within it: no tensor has such a name.

        Args:
            thread: The thread that draws.
        """
        calls = _calls(thread)
        module = _initialized(calls)
        if module is None:
            return None
        building = [each for name, each in calls if name == "__init__"]
        root = building[-1] if building else self._root_of(module)
        index = None if root is None else self._indices.get(id(root))
        if root is None or index is None:
            return None
        path = next((own for _, own, each in own_paths(root) if each is module), None)
        if path is None:
            return None
        number = self._number(index)
        name = f"{number}..{path}" if number else path
        self._draws[name] += 1
        return f"{name}...{self._draws[name] - 1}"

    def _root_of(self, module: torch.nn.Module) -> torch.nn.Module | None:
        """Return the root that a module is in, or None for a module that was not built here."""
        for index in self._living_roots():
            root = self._built[index]()
            if root is not None and any(each is module for each in root.modules()):
                return root
        return None

    def _number(self, index: int) -> int:
        if index not in self._numbers:
            starts = [bisect.bisect(self._starts, each) for each in (index, *self._numbers)]
            self._numbers[index] = starts[1:].count(starts[0])
        return self._numbers[index]

    def _living_roots(self) -> dict[int, dict[Location, str]]:
        """Return the tensors of each root that is alive, by the index of the root."""
        alive = {
            index: module
            for index, each in enumerate(self._built)
            if (module := each()) is not None
        }
        children: set[int] = set()
        stack = list(alive.values())
        while stack:  # includes copied modules, which were not built
            for child in list(stack.pop().children()):
                if id(child) not in children:
                    children.add(id(child))
                    stack.append(child)
        return {
            index: dict(_locations(module))
            for index, module in alive.items()
            if id(module) not in children
        }


def _locations(root: torch.nn.Module) -> Iterator[tuple[Location, str]]:
    for name, tensor in reversed(_tensors(root)):
        storage, part = storage_of(tensor), part_of(tensor)
        if storage is not None and part is not None:
            yield (storage._cdata, part), name


def _tensors(root: torch.nn.Module) -> list[tuple[str, torch.Tensor]]:
    """Return the parameters and then the buffers of a root, by their names in the state dict."""
    found: dict[str, list[tuple[str, torch.Tensor]]] = {"_parameters": [], "_buffers": []}
    for _, path, module in own_paths(root):
        for kind, tensors in found.items():
            for name, tensor in list(getattr(module, kind).items()):
                if tensor is not None:
                    tensors.append((f"{path}.{name}" if path else name, tensor))
    return found["_parameters"] + found["_buffers"]


def _calls(thread: int) -> list[tuple[str, torch.nn.Module]]:
    """Return the functions that a thread is in and that have a module, the innermost first.

    Of a function with several modules it is the last: ``_init_weights(self, module)``.
    """
    found = []
    frame = sys._current_frames().get(thread)
    while frame is not None:
        code = frame.f_code
        for name in reversed(code.co_varnames[: code.co_argcount]):
            if isinstance(module := frame.f_locals.get(name), torch.nn.Module):
                found.append((code.co_name, module))
                break
        frame = frame.f_back
    return found


def _initialized(calls: list[tuple[str, torch.nn.Module]]) -> torch.nn.Module | None:
    """Return the module whose own initialization is running: it, or a function, says so by name."""
    for name, module in calls:
        if name == "__init__":
            return None
        if "init" in name or "reset" in name:
            return module
    return None


def is_building(thread: int) -> bool:
    """Return whether a module's ``__init__`` is running, so that names are not known yet.

    Args:
        thread: The thread that builds.
    """
    frame = sys._current_frames().get(thread)
    while frame is not None:
        code = frame.f_code
        if code.co_name == "__init__" and code.co_argcount:
            owner = frame.f_locals.get(code.co_varnames[0])
            if isinstance(owner, torch.nn.Module):
                return True
        frame = frame.f_back
    return False
