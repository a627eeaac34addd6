"""The names in the nested braces of a function."""

from __future__ import annotations

from cuda_emulator.program.instruction import Function
from cuda_emulator.ptx_types import DIMENSIONS

_DIGITS = "0123456789"


class Scopes:
    """Gives each register and call parameter a name that is unique in its function."""

    def __init__(self, function: Function) -> None:
        self._function = function
        # What is visible in each open brace, the names of those around it included.
        self._names: list[dict[str, str]] = [{}]
        self._families: list[dict[str, tuple[str, str]]] = [{}]  # name -> (prefix, type)
        self._declared = 0

    @property
    def depth(self) -> int:
        """The number of open braces."""
        return len(self._names)

    def enter(self) -> None:
        self._names.append(dict(self._names[-1]))
        self._families.append(dict(self._families[-1]))

    def leave(self) -> None:
        self._names.pop()
        self._families.pop()

    def _prefix(self) -> str:
        self._declared += 1
        return "" if self.depth == 1 else f"s{self._declared}."

    def declare_register(self, name: str, type_: str) -> None:
        unique = self._prefix() + name
        self._names[-1][name] = unique
        self._function.registers[unique] = type_

    def declare_family(self, name: str, type_: str) -> None:
        """Declare %r<n>: the registers %r0, %r1, ..."""
        names = self._names[-1]
        for each in [known for known in names if known.rstrip(_DIGITS) == name]:
            del names[each]
        self._families[-1][name] = self._prefix(), type_

    def declare_parameter(self, name: str) -> None:
        self._declared += 1
        self._names[-1][name] = f"{name}.{self._declared}"

    def is_register(self, name: str) -> bool:
        return name in self._function.registers

    def lookup(self, name: str) -> str:
        """Return the unique name, which for names of the module is the name itself."""
        known = self._names[-1].get(name)
        if known is not None:
            return known
        if name == "_" or ("." in name and name.partition(".")[0] in DIMENSIONS):
            return name
        family = self._families[-1].get(name.rstrip(_DIGITS)) if name[-1] in _DIGITS else None
        if family is None:
            return name
        prefix, type_ = family
        self._function.registers.setdefault(prefix + name, type_)
        self._names[-1][name] = prefix + name
        return prefix + name
