"""A parsed PTX module, and its kernels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from cuda_emulator.errors import PtxError
from cuda_emulator.kernel import Kernel
from cuda_emulator.memory.device import Device
from cuda_emulator.program.lint import Finding, lint
from cuda_emulator.program.parser import Parser


class Module:
    """The PTX that nvcc writes. Kernels are translated when they are first used."""

    def __init__(self, text: str) -> None:
        self.text = text
        parsed = Parser(text)
        self.functions, self.globals, self.shared = parsed.functions, parsed.globals, parsed.shared
        self._kernels: dict[str, Kernel] = {}

    def lint(self) -> list[Finding]:
        """Return the instructions whose results PTX does not fix to the bit."""
        functions = [each for each in self.functions.values() if each]
        return [found for each in functions for found in lint(each.code, each.name)]

    def kernel(self, name: str) -> Kernel:
        """Return the kernel of this name, or the only one whose name contains it."""
        if name not in self._kernels:
            function = self.functions.get(name)
            if function is None:
                entries = [each for each in self.functions.values() if each and each.is_entry]
                matching = [each for each in entries if name in each.name]
                if len(matching) != 1:
                    raise PtxError(f"no kernel {name!r} (have {list(self.functions)})")
                function = matching[0]
            self._kernels[name] = Kernel(self, function)
        return self._kernels[name]

    def launch(
        self,
        name: str,
        grid: int | Sequence[int],
        block: int | Sequence[int],
        args: Sequence[Any],
        device: Device,
        shared: int = 0,
        **options: Any,
    ) -> dict[str, Any]:
        """Run a kernel: see ``Kernel.launch``."""
        return self.kernel(name).launch(grid, block, args, device, shared, **options)
