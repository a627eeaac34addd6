"""The report of ``audit``."""

from __future__ import annotations

import dataclasses
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

from fastinit.plots.report import Report
from fastinit.plots.summary import Summary
from fastinit.recipes.patterns.numbers import without_numbers
from fastinit.tables import Table, plural

Verdict = Literal[
    "never written",
    "partly never written",
    "read before written",
    "depends on construction order",
    "depends on rank",
    "constant",
    "initialization lost",
    "changed unseen",
    "std",
    "not finite",
    "dtype",
    "device",
    "overwritten after load",
    "not built",
]
"""What a finding says of a tensor; docs/audit.md has what each means."""


class Moments(NamedTuple):
    """The mean, the standard deviation, and the smallest and the largest value, where known."""

    mean: float
    std: float
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True, slots=True)
class Finding:
    """The finding of an audit on one tensor.

    Attributes:
        name: The name of the tensor; "" for the whole model.
        verdict: What it is.
        detail: What was found, as a sentence.
        origin: The function and the line of code, if one is to blame.
        is_failure: Whether ``assert_clean`` fails, or this is only a note.
    """

    name: str
    verdict: Verdict
    detail: str
    origin: str | None
    is_failure: bool

    def __str__(self) -> str:
        at = f" ({self.origin})" if self.origin else ""
        return f"{self.name or 'the model'}: {self.verdict}: {self.detail}{at}"


@dataclass(frozen=True, slots=True)
class AuditRow:
    """One parameter or buffer.

    Attributes:
        name: Its name; of tied ones, the first.
        kind: "parameter", "buffer", or "buffer, not saved".
        shape: The sizes of its axes.
        dtype: The name of its dtype.
        writes: The number of times that it was written.
        writers: The functions and lines that wrote it, in order, without repetitions.
        initializer: What is drawn for it, or computed, as text; None where that is not known.
        expected: The moments of that initializer, where they are known.
        found: The moments of its values, for a tensor with memory.
        verdicts: The verdicts of its findings.
    """

    name: str
    kind: str
    shape: tuple[int, ...]
    dtype: str
    writes: int
    writers: tuple[str, ...]
    initializer: str | None
    expected: Moments | None
    found: Moments | None
    verdicts: tuple[Verdict, ...]


@dataclass(frozen=True, slots=True, repr=False)
class AuditReport(Report):
    """The result of ``audit``: ``print`` shows it as a table.

    Attributes:
        model: The type of the model.
        rows: One row per parameter and buffer.
        findings: What is wrong, in the order of the rows.
        notes: What is worth a look, and may be meant.
    """

    model: str
    rows: tuple[AuditRow, ...]
    findings: tuple[Finding, ...]
    notes: tuple[Finding, ...]

    def assert_clean(self) -> None:
        """Check that nothing is wrong.

        Raises:
            AssertionError: There are findings; the message lists parameter, verdict and code line.
        """
        if self.findings:
            listed = "\n".join(f"  {each}" for each in self.findings)
            raise AssertionError(
                f"the initialization of {self.model} has {plural(len(self.findings), 'fault')}; "
                f"fastinit's docs/audit.md says what each verdict means:\n{listed}"
            )

    def to_dict(self) -> dict[str, Any]:
        """Return plain data, as JSON has it."""
        return {
            "model": self.model,
            "findings": [dataclasses.asdict(each) for each in self.findings],
            "notes": [dataclasses.asdict(each) for each in self.notes],
            "rows": [_row(each) for each in self.rows],
        }

    def summary(self) -> Summary:
        """Return what is wrong, what may be, and a row for tensors that are alike."""
        return Summary(
            title=f"{self.model}: {plural(len(self.rows), 'tensor')}, "
            f"{plural(len(self.findings), 'finding')}, {plural(len(self.notes), 'note')}",
            subtitle="What construction wrote to each parameter and buffer.",
            tables=(("Tensors", _grouped(self.rows)),),
            notes=tuple(_said(self.notes)),
            verdicts=tuple(_said(self.findings)),
        )

    def details(self) -> tuple[tuple[str, Table], ...]:
        """Return a row per tensor."""
        titles = ("tensor", "kind", "shape", "dtype", "initializer", "writers")
        cells = [
            (
                *(row.name, row.kind, " x ".join(map(str, row.shape)) or "scalar", row.dtype),
                *(_rounded(row.initializer or "-"), "; ".join(row.writers)),
            )
            for row in self.rows
        ]
        return (("Every tensor", Table(titles, cells, names=frozenset(("tensor",)))),)


def _said(findings: tuple[Finding, ...]) -> Iterator[str]:
    """Yield a sentence for findings that say the same of tensors in several layers."""
    groups = Counter(
        dataclasses.replace(each, name=without_numbers(each.name)) for each in findings
    )
    for each, count in groups.items():
        yield f"{each}" if count == 1 else f"({count}) {each}"


def _row(row: AuditRow) -> dict[str, Any]:
    data = dataclasses.asdict(row)
    for name in ("expected", "found"):
        moments = getattr(row, name)
        data[name] = None if moments is None else moments._asdict()
    return data


def _grouped(rows: tuple[AuditRow, ...]) -> Table:
    """Return a row for tensors that differ in the numbers of their names alone."""
    groups = Counter(
        (
            *(without_numbers(row.name), str(row.writes)),
            *(_rounded(row.initializer or "-"), ", ".join(row.verdicts)),
        )
        for row in rows
    )
    titles = ("tensors", "n", "writes", "initializer", "verdicts")
    cells = [(name, str(count), *rest) for (name, *rest), count in groups.items()]
    found = Table(titles, cells, frozenset(("n", "writes")), frozenset(("tensors",)))
    return found.without_empty("verdicts")


def _rounded(text: str) -> str:
    """Return a text in which numbers have four digits."""
    return re.sub(r"\d+\.\d{4,}(e-?\d+)?", lambda found: f"{float(found[0]):.4g}", text)
