"""The report of ``lsuv_``."""

from __future__ import annotations

from dataclasses import dataclass

from fastinit.tables import on_screen


@dataclass(frozen=True, slots=True)
class LsuvRow:
    """The result for one layer.

    Attributes:
        layer: The qualified name of the module. Projections of an attention module have ``.q``,
            ``.k`` or ``.v`` appended.
        before: The variance of its output when the model first called it, with all layers before
            it settled. NaN if it was never called.
        after: The final variance.
        rounds: The number of times that its weight was rescaled.
        note: What was unusual, or "".
    """

    layer: str
    before: float
    after: float
    rounds: int
    note: str


@dataclass(frozen=True, slots=True)
class LsuvReport:
    """The result of ``lsuv_``.

    Attributes:
        rows: One row per layer, in the order of the model's calls.
        forwards: The number of times that the whole model ran.
    """

    rows: tuple[LsuvRow, ...]
    forwards: int

    def __repr__(self) -> str:
        return on_screen(str(self))

    def __str__(self) -> str:
        width = max(len("layer"), *(len(row.layer) for row in self.rows))
        lines = [f"{'layer':{width}}  {'before':>10}  {'after':>10}  rounds"]
        lines += [
            f"{row.layer:{width}}  {row.before:10.4g}  {row.after:10.4g}  {row.rounds:6}"
            + (f"  {row.note}" if row.note else "")
            for row in self.rows
        ]
        passes = "1 forward pass" if self.forwards == 1 else f"{self.forwards} forward passes"
        return "\n".join([*lines, passes])
