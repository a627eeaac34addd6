"""The report of ``probe``: a row per call of a layer, and verdicts."""

from __future__ import annotations

import dataclasses
import math
from typing import Any


@dataclasses.dataclass
class ProbeRow:
    """The first call of a module, or of a function that is an activation.

    Attributes:
        name: the qualified name of the module; of a function, that of the module that calls it with
            the function's name.
        kind: the type of the module, or the name of the function.
        shape: of the output.
        input_rms: the root mean square of the first input; NaN if that is not floating-point.
        output_rms: that of the output.
        varies: the root mean square of how the output differs between inputs of the batch.
        dead: the fraction of channels that are 0 for the whole batch.
        saturated: of tanh and sigmoid, the fraction of values beyond 98 % of their range.
        gradient_rms: of the gradient at the output; NaN if none reaches it.
        weight_rms: of the module's weight; NaN if it has none.
        bias_rms: of its bias; NaN if it has none.
        weight_gradient_rms: of the gradient of its weight; NaN if none reaches it.
        is_block: whether it is one of the blocks of a stack.
    """

    name: str
    kind: str
    shape: tuple[int, ...]
    input_rms: float
    output_rms: float
    varies: float
    dead: float
    saturated: float = math.nan
    gradient_rms: float = math.nan
    weight_rms: float = math.nan
    bias_rms: float = math.nan
    weight_gradient_rms: float = math.nan
    is_block: bool = False


@dataclasses.dataclass(frozen=True)
class ProbeReport:
    """What signals and gradients do in a model.

    Attributes:
        rows: one per module with weights, activation and repeated block, in the order of the calls.
        output_rms: the root mean square of the model's output.
        loss: the loss; None where no loss was given and the model computes none.
        verdicts: what is wrong; empty where nothing is.
    """

    rows: tuple[ProbeRow, ...]
    output_rms: float
    loss: float | None
    verdicts: tuple[str, ...]

    @property
    def ok(self) -> bool:
        """Whether nothing is wrong."""
        return not self.verdicts

    def assert_healthy(self) -> None:
        """Raise an error if anything is wrong, as a test of a model may.

        Raises:
            AssertionError: there are verdicts; the message has all of them.
        """
        if self.verdicts:
            raise AssertionError("; ".join(self.verdicts))

    def to_dict(self) -> dict[str, Any]:
        """Return plain data."""
        return {
            "rows": [dataclasses.asdict(each) for each in self.rows],
            "output_rms": self.output_rms,
            "loss": self.loss,
            "verdicts": list(self.verdicts),
        }

    def __str__(self) -> str:
        fields = ("input_rms", "output_rms", "dead", "saturated", "gradient_rms", "weight_rms")
        titles = ("in", "out", "dead", "saturated", "gradient", "weight")
        table = [["layer", "kind", *titles]]
        for row in self.rows:
            numbers = (getattr(row, field) for field in fields)
            cells = ("" if math.isnan(each) else f"{each:.3g}" for each in numbers)
            table.append([row.name, row.kind, *cells])
        widths = [max(map(len, column)) for column in zip(*table, strict=True)]
        lines = []
        for name, kind, *rest in table:
            cells = (cell.rjust(width) for cell, width in zip(rest, widths[2:], strict=True))
            lines.append("  ".join([name.ljust(widths[0]), kind.ljust(widths[1]), *cells]).rstrip())
        told = self.verdicts or ("nothing is wrong",)
        return "\n".join([*lines, "", *told])
