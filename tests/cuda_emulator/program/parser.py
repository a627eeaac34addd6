"""The parser of PTX: declarations, and instructions with their operands.

An operand is a tuple whose first element says what it is::

    ("reg", name)   ("sym", name)   ("symoff", name, offset)   ("imm", integer)
    ("f32", bits)   ("f64", bits)   ("addr", operand, offset)  ("not", operand)
    ("pair", operand, operand)      ("vec", operands)          ("list", operands)
"""

from __future__ import annotations

import re

import numpy as np

from cuda_emulator.errors import PtxError
from cuda_emulator.program.instruction import Function, Instruction, Label, Parameter, Variable
from cuda_emulator.program.scopes import Scopes
from cuda_emulator.ptx_types import DTYPES, SIZES, UNSIGNED, Operand, u1

_TOKEN = re.compile(
    r'"[^"]*"|0[fF][0-9a-fA-F]{8}|0[dD][0-9a-fA-F]{16}|0[xX][0-9a-fA-F]+U?|\d+U?(?![\w.])'
    r"|[%$_A-Za-z.](?:[\w$.]|::(?=\w))*|\d+\.\d*(?:[eE][-+]?\d+)?|[{}\[\](),;:|!@+=<>\-*~]"
)
_FLOAT_PREFIXES = ("0f", "0d", "0F", "0D")


class Parser:
    """Parses a module when it is made."""

    def __init__(self, text: str) -> None:
        self.functions: dict[str, Function | None] = {}
        self.globals: dict[str, Variable] = {}
        self.shared = 0
        self._tokens: list[str] = []
        self._lines: list[int] = []
        self._position = 0
        self._split(text)
        while self._peek():
            self._declaration(self._next())

    # ---- tokens

    def _split(self, text: str) -> None:
        text = re.sub(r"/\*.*?\*/", lambda m: "\n" * m.group().count("\n"), text, flags=re.S)
        text = re.sub(r"//[^\n]*", "", text)
        text = re.sub(r"(?m)^\s*\.(loc|file)\b[^\n]*", "", text)
        debugging = re.search(r"(?m)^\s*\.section\b", text)
        if debugging:
            text = text[: debugging.start()]
        for number, line in enumerate(text.split("\n"), start=1):
            found = _TOKEN.findall(line)
            self._tokens += found
            self._lines += [number] * len(found)
        self._tokens.append("")

    def _peek(self) -> str:
        """Return the next token, or "" at the end."""
        return self._tokens[self._position]

    def _next(self) -> str:
        self._position += 1
        return self._tokens[self._position - 1]

    @property
    def _line(self) -> int:
        return self._lines[self._position - 1]

    def _takes(self, token: str) -> bool:
        """Move on if this token comes next."""
        found = self._tokens[self._position] == token
        self._position += found
        return found

    def _expect(self, token: str) -> None:
        found = self._next()
        if found != token:
            raise PtxError(f"line {self._line}: expected {token!r}, got {found!r}")

    def _skip_to(self, token: str) -> None:
        while self._next() != token:
            pass

    def _integer(self) -> int:
        token = self._next()
        return -self._integer() if token == "-" else int(token.rstrip("U"), 0)

    # ---- declarations

    def _declaration(self, token: str) -> None:
        if token == ".target":
            self._next()
            while self._takes(","):
                self._next()
        elif token in (".version", ".address_size"):
            self._next()
        elif token in (".entry", ".func"):
            self._function(token == ".entry")
        elif token in (".global", ".const", ".shared"):
            self._variables(token[1:], None)
        elif token in (".pragma", ".alias"):
            self._skip_to(";")
        elif token not in (".visible", ".extern", ".weak", ".common", ".noreturn", ";"):
            raise PtxError(f"line {self._line}: unexpected {token!r}")

    def _variables(self, space: str, function: Function | None) -> None:
        """.space [.align n] .type name[dims] [= init];"""
        align, type_ = 1, ""
        while self._peek().startswith(".") and self._peek() != ".":
            token = self._next()
            if token == ".align":
                align = self._integer()
            elif token[1:] in DTYPES:
                type_ = token[1:]
            elif token == ".attribute":
                self._skip_to(")")
        while True:
            name = self._next()
            count = self._dimensions()
            values = self._values() if self._takes("=") else []
            self._place(name, space, function, (type_, align, count), values)
            if self._next() == ";":
                return

    def _dimensions(self) -> int | None:
        """Return the number of elements, or None if it is known at the launch."""
        count: int | None = 1
        while self._takes("["):
            if self._peek() == "]":
                count = None
            elif count is not None:
                count *= self._integer()
            self._expect("]")
        return count

    def _values(self) -> list[int | str]:
        values: list[int | str] = []
        depth = 0
        while True:
            token = self._next()
            if token in "{}":
                depth += 1 if token == "{" else -1
            elif token == "-":
                values.append(-self._integer())
            elif token[:2] in _FLOAT_PREFIXES:
                values.append(int(token[2:], 16))
            elif token != ",":
                values.append(int(token.rstrip("U"), 0) if token[0].isdigit() else token)
            if depth == 0:
                return values

    def _place(
        self,
        name: str,
        space: str,
        function: Function | None,
        shape: tuple[str, int, int | None],
        values: list[int | str],
    ) -> None:
        """Enter a variable where it is visible, at an offset in its space or with its data."""
        type_, align, count = shape
        align = max(align, SIZES[type_])
        visible = function.variables if function else self.globals
        if space == "shared" and count is None:
            visible[name] = "shared", None
            return
        size = (count or 0) * SIZES[type_]
        if space == "shared":
            owner = function or self
            offset = -(-owner.shared // align) * align
            owner.shared = offset + size
            visible[name] = "shared", offset
        elif space == "local" and function:
            offset = -(-function.local // align) * align
            function.local = offset + size
            visible[name] = "local", offset
        else:
            data = np.zeros(count or 0, UNSIGNED[SIZES[type_]])
            mask = 2 ** (8 * SIZES[type_]) - 1
            for k, value in enumerate(values):
                if isinstance(value, str):
                    raise PtxError("symbol in the initializer of " + name)
                data[k] = value & mask
            self.globals[name] = "global", data.view(u1)

    def _parameters(self) -> list[Parameter]:
        found = []
        self._expect("(")
        while self._peek() != ")":
            token = self._next()
            if token == ",":
                continue
            type_, align, count = "", 1, 1
            while token.startswith("."):
                if token == ".align":
                    align = self._integer()
                elif token[1:] in DTYPES:
                    type_ = token[1:]
                token = self._next()
            if self._takes("["):
                count = 0 if self._peek() == "]" else self._integer()
                self._expect("]")
            size = SIZES[type_]
            found.append(Parameter(token, type_, max(align, size), count * size))
        self._next()
        return found

    # ---- functions

    def _function(self, is_entry: bool) -> None:
        returned = self._parameters() if self._peek() == "(" else []
        function = Function(self._next(), is_entry, returned=returned)
        if self._peek() == "(":
            function.params = self._parameters()
        while self._peek() not in ("{", ";"):
            self._next()
        if self._next() == ";":
            self.functions.setdefault(function.name, None)
            return
        scopes = Scopes(function)
        while scopes.depth:
            self._statement(function, scopes, self._next())
        self.functions[function.name] = function

    def _statement(self, function: Function, scopes: Scopes, token: str) -> None:
        if token == "{":
            scopes.enter()
        elif token == "}":
            scopes.leave()
        elif token == ".reg":
            self._registers(scopes)
        elif token in (".local", ".shared", ".const", ".global"):
            self._variables(token[1:], function)
        elif token == ".param":
            while self._peek().startswith("."):
                if self._next() == ".align":
                    self._integer()
            scopes.declare_parameter(self._next())
            self._skip_to(";")
        elif token == ".pragma":
            self._skip_to(";")
        elif self._takes(":"):
            self._label(function, token)
        elif token != ";":
            self._instruction(function, scopes, token)

    def _registers(self, scopes: Scopes) -> None:
        type_ = self._next()[1:]
        while True:
            name = self._next()
            if self._takes("<"):
                self._integer()
                self._expect(">")
                scopes.declare_family(name, type_)
            else:
                scopes.declare_register(name, type_)
            if self._next() == ";":
                return

    def _label(self, function: Function, name: str) -> None:
        if self._takes(".branchtargets"):
            targets = function.tables[name] = []
            while (token := self._next()) != ";":
                if token != ",":
                    targets.append(token)
        elif self._peek() in (".callprototype", ".calltargets"):
            self._skip_to(";")
        else:
            function.code.append(Label(name))

    def _instruction(self, function: Function, scopes: Scopes, token: str) -> None:
        line, guard = self._line, None
        if token == "@":
            negated = self._takes("!")
            guard = scopes.lookup(self._next()), negated
            token = self._next()
        operands = self._operands(scopes, ";")
        function.code.append(Instruction(token, operands, guard, line))

    # ---- operands

    def _operands(self, scopes: Scopes, end: str) -> list[Operand]:
        found = []
        while not self._takes(end):
            if not self._takes(","):
                found.append(self._operand(scopes))
        return found

    def _operand(self, scopes: Scopes) -> Operand:
        token = self._next()
        if token == "{":
            return ("vec", self._operands(scopes, "}"))
        if token == "(":
            return ("list", self._operands(scopes, ")"))
        if token == "[":
            return self._address(scopes)
        if token == "!":
            return ("not", self._operand(scopes))
        if token == "-":
            return ("imm", -self._integer())
        if token[:2] in _FLOAT_PREFIXES:
            return ("f32" if token[1] in "fF" else "f64", int(token[2:], 16))
        if token[0].isdigit():
            return ("imm", int(token.rstrip("U"), 0))
        name = scopes.lookup(token)
        operand: Operand = ("reg" if scopes.is_register(name) else "sym", name)
        if self._takes("|"):
            return ("pair", operand, self._operand(scopes))
        if operand[0] == "sym" and self._takes("+"):
            return ("symoff", name, self._integer())
        return operand

    def _address(self, scopes: Scopes) -> Operand:
        base, offset = self._operand(scopes), 0
        while self._peek() in ("+", "-"):
            offset += self._integer() if self._next() == "+" else -self._integer()
        if base[0] == "imm":
            base, offset = ("imm", 0), offset + base[1]
        elif base[0] == "symoff":
            _, name, own = base
            base, offset = ("sym", name), offset + own
        self._expect("]")
        return ("addr", base, offset)
