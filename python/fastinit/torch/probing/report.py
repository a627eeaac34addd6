"""The report of ``probe``: signals, weights, attention and stacks of a model, and verdicts."""

from __future__ import annotations

import dataclasses
import math
import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from fastinit import records
from fastinit.plots.page import Page
from fastinit.tables import Table
from fastinit.torch.probing.pages import page_of

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclasses.dataclass(frozen=True)
class ProbeRow:
    """The first call of a module, or a call of a function that is an activation.

    Attributes:
        name: the qualified name of the module, "" for the model itself; of a function, that of the
            module that calls it with the function's name: "blocks.0:relu", then "blocks.0:relu.2".
        kind: the type of the module, or the name of the function.
        shape: of the output, on one rank.
        input_rms: the root mean square of the first input; NaN if that is not floating-point.
        output_rms: that of the output.
        varies: the root mean square of how the output differs between inputs of the batch.
        dead: of activations, the fraction of channels that are 0 for the whole batch.
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
    dead: float = math.nan
    saturated: float = math.nan
    gradient_rms: float = math.nan
    weight_rms: float = math.nan
    bias_rms: float = math.nan
    weight_gradient_rms: float = math.nan
    is_block: bool = False

    @property
    def label(self) -> str:
        """The name, and a word for the model itself."""
        return self.name or "(model)"


@dataclasses.dataclass(frozen=True)
class ProbeWeight:
    """A parameter.

    Attributes:
        name: its qualified name.
        shape: its whole shape.
        rms: the root mean square of its values.
        gradient_rms: that of its gradient; NaN if none reaches it.
        is_alike: whether it is a matrix whose rows are all equal, and not 0.
        update_to_weight: by optimizer, the root mean square of the first update over ``rms``; empty
            where no learning rate was given. Infinite for a weight of 0.
    """

    name: str
    shape: tuple[int, ...]
    rms: float
    gradient_rms: float
    is_alike: bool
    update_to_weight: Mapping[str, float] = dataclasses.field(default_factory=dict)

    @property
    def gradient_to_weight(self) -> float:
        """The root mean square of the gradient over that of the values."""
        return self.gradient_rms / self.rms if self.rms else math.nan


@dataclasses.dataclass(frozen=True)
class ProbeAttention:
    """The attention of a module.

    Attributes:
        name: the qualified name of the module.
        entropy: of the probabilities over keys, relative to the logarithm of the number of keys
            that a query sees: 1 where all are equal, 0 where one has it all. The mean over up to 64
            queries of 4 inputs, without queries that see one key.
        logit_std: the standard deviation of a query's logits over the keys.
        heads: the number of heads.
        keys: the number of keys.
    """

    name: str
    entropy: float
    logit_std: float
    heads: int
    keys: int


@dataclasses.dataclass(frozen=True)
class ProbeStack:
    """Blocks of one list that follow each other, or the layers of a plain network.

    Attributes:
        title: what it is.
        names: the names of its rows, in order.
        signal: the factor by which the root mean square of the output grows per block, in the later
            half of the stack.
        gradient: that of the gradient, backward.
    """

    title: str
    names: tuple[str, ...]
    signal: float
    gradient: float

    @property
    def late(self) -> tuple[str, ...]:
        """The later half, over which the factors are taken."""
        return self.names[(len(self.names) - 1) // 2 :]


@dataclasses.dataclass(frozen=True)
class ProbeReport:
    """What signals and gradients do in a model.

    Attributes:
        rows: one per module with weights, activation and repeated block, in the order of the calls.
        output_rms: the root mean square of the model's output.
        loss: the loss; None where what is differentiated is not one.
        verdicts: what is wrong, and what to do; empty where nothing is.
        weights: one per parameter, in the model's order.
        attention: one per call of an attention.
        stacks: blocks that follow each other.
        classes: the number of classes of the cross-entropy that the loss is; None if it is none.
        ranks: the number of processes over which the figures are pooled.

    Example:
        >>> import fastinit.torch, torch
        >>> from fastinit.torch import ProbeReport
        >>> report = fastinit.torch.probe(torch.nn.Linear(4, 2), torch.ones(3, 4))
        >>> str(ProbeReport.from_dict(report.to_dict())) == str(report)
        True
    """

    rows: tuple[ProbeRow, ...]
    output_rms: float
    loss: float | None
    verdicts: tuple[str, ...]
    weights: tuple[ProbeWeight, ...] = ()
    attention: tuple[ProbeAttention, ...] = ()
    stacks: tuple[ProbeStack, ...] = ()
    classes: int | None = None
    ranks: int = 1

    @property
    def ok(self) -> bool:
        """Whether nothing is wrong."""
        return not self.verdicts

    @property
    def expected_loss(self) -> float | None:
        """The cross-entropy of equal probabilities, ln(classes); None without classes."""
        return None if self.classes is None else math.log(self.classes)

    def assert_healthy(self) -> None:
        """Raise an error if anything is wrong, as a test of a model may.

        Raises:
            AssertionError: there are verdicts; the message has all of them.
        """
        if self.verdicts:
            raise AssertionError("; ".join(self.verdicts))

    def to_dict(self) -> dict[str, Any]:
        """Return plain data; NaN and infinities are as in ``fastinit.records``."""
        return records.to_data(self)

    @staticmethod
    def from_dict(data: Any) -> ProbeReport:
        """Return the report that ``to_dict`` described.

        Raises:
            ValueError: A field is missing or unknown.
        """
        return records.from_data(ProbeReport, data)

    def page(self) -> Page:
        """Return the charts and tables, of which ``plot`` and ``html`` make pictures."""
        tables = [("Modules, in the order of the calls", self._table())]
        if self.attention:
            tables.append(("Attention", self._attention_table()))
        return page_of(self, tables)

    def plot(self, figure: Figure | None = None) -> Figure:
        """Draw signals, gradients, weights and attention, module by module.

        Args:
            figure: a figure of matplotlib to draw into; None for a new one of pyplot.

        Raises:
            ModuleNotFoundError: matplotlib is not installed.
        """
        return self.page().figure(figure)

    def html(self, path: str | os.PathLike[str]) -> None:
        """Write charts, verdicts and tables to an HTML file that needs no other, nor a network.

        Raises:
            OSError: it cannot be written.
        """
        self.page().write(path)

    def _repr_html_(self) -> str:
        return self.page().fragment()

    def _table(self) -> Table:
        fields = ("input_rms", "output_rms", "dead", "saturated", "gradient_rms", "weight_rms")
        titles = ("in", "out", "dead", "saturated", "gradient", "weight")
        cells = [
            [row.label, row.kind, *(_cell(getattr(row, field)) for field in fields)]
            for row in self.rows
        ]
        return Table(("layer", "kind", *titles), cells, frozenset(titles))

    def __str__(self) -> str:
        """Return a row per layer, activation and block, attention, the loss and the verdicts."""
        lines = [self._table().text(), ""]
        if self.attention:
            lines += [self._attention_table().text(), ""]
        if self.loss is not None:
            equal = self.expected_loss
            beside = "" if equal is None else f"; ln({self.classes}) is {equal:.4g}"
            lines += [f"loss {self.loss:.4g}{beside}"]
        return "\n".join([*lines, *(self.verdicts or ("nothing is wrong",))])

    def _attention_table(self) -> Table:
        titles = ("entropy", "logit std", "heads", "keys")
        cells = [
            [each.name, _cell(each.entropy), _cell(each.logit_std), str(each.heads), str(each.keys)]
            for each in self.attention
        ]
        return Table(("attention", *titles), cells, frozenset(titles))


def _cell(number: float) -> str:
    return "" if math.isnan(number) else f"{number:.3g}"
