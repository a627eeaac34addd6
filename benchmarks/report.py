"""Generate docs/benchmarks.md, and the tables in README.md and other pages, from the results.

    python -m benchmarks.report [--check]

The README gets a few rows of every result file between its two markers, docs/benchmarks.md gets all
figures, and between their markers docs/cuda.md gets those of the compiled kernels and docs/guide.md
those of starts. With ``--check`` nothing is written, and the exit status is 1 if a page would
change. A peer without figures becomes a dash, and a missing result file is left out.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from benchmarks import common
from benchmarks.tables import (
    adapters,
    checkpoints,
    coverage,
    cuda,
    cuda_static,
    fills,
    growth,
    guide,
    jax_init,
    keras_init,
    models,
    orthogonal,
    overheads,
    ports,
    sparse,
    torch_init,
)
from benchmarks.tables.text import Report, Rows, table, threads

BEGIN, END = "<!-- benchmarks: begin -->", "<!-- benchmarks: end -->"
ROOT = Path(__file__).parent.parent


class Tables(Protocol):
    """The interface of the modules in ``benchmarks.tables``."""

    FILE: str

    def headline(self, report: Report, /) -> Rows:
        """Return rows of the README: task, fastinit's figure, a peer's and the speedup."""

    def section(self, report: Report, /) -> str:
        """Return the Markdown section with all figures."""


TABLES: tuple[Tables, ...] = (
    fills,
    overheads,
    orthogonal,
    ports,
    sparse,
    torch_init,
    jax_init,
    keras_init,
    models,
    checkpoints,
    growth,
    adapters,
    cuda,
    cuda_static,
    coverage,
    guide,
)
TITLE = """# Benchmarks

`python -m benchmarks.report` generates this page from the files in benchmarks/results. Every
benchmark checks the results before it times them, and takes the measurements of the libraries in
turn. Machines differ and are noisy: compare ratios within one table only."""


def main(argv: Sequence[str] | None = None) -> int:
    """Generate the pages, or check that they are up to date."""
    parser = argparse.ArgumentParser("python -m benchmarks.report", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--check", action="store_true", help="only check the pages")
    parser.add_argument("--root", type=Path, default=ROOT, help="of the project", metavar="FOLDER")
    options = parser.parse_args(argv)
    readme, page = options.root / "README.md", options.root / "docs" / "benchmarks.md"
    results = options.root / "benchmarks" / "results"
    wanted = {readme: replaced(readme.read_text(), summary(results)), page: details(results)}
    if (results / cuda_static.FILE).exists():
        kernels = options.root / "docs" / "cuda.md"
        overview = cuda_static.overview(common.read(results / cuda_static.FILE))
        wanted[kernels] = replaced(kernels.read_text(), f"{overview}\n")
    if (results / guide.FILE).exists():
        starts = options.root / "docs" / "guide.md"
        overview = guide.overview(common.read(results / guide.FILE))
        wanted[starts] = replaced(starts.read_text(), f"{overview}\n")
    stale = [path for path, text in wanted.items() if not path.exists() or path.read_text() != text]
    for path in stale:
        if options.check:
            print(f"{path} is out of date; run python -m benchmarks.report")
        else:
            path.write_text(wanted[path])
    return 1 if stale and options.check else 0


def replaced(text: str, content: str) -> str:
    """Return ``text`` with ``content`` between the markers.

    Raises:
        ValueError: The text does not contain each marker once, in order.
    """
    head, begin, rest = text.partition(BEGIN)
    _, end, tail = rest.partition(END)
    if not begin or not end or BEGIN in tail or END in tail:
        raise ValueError(f"a page must contain {BEGIN} once and, after it, {END} once")
    return f"{head}{BEGIN}\n{content}{END}{tail}"


def summary(results: Path) -> str:
    """Return the README's table, with the machines, the dates and the versions."""
    rows: Rows = []
    machines: dict[str, set[str]] = {}
    versions: dict[str, str] = {}
    for each, report in _reports(results):
        headline = each.headline(report)
        if not headline:  # nothing of this report is in the table
            continue
        rows += headline
        facts = report["environment"]
        machine = (
            f"{facts['processor']} ({facts['instruction_set']}) with {threads(facts['processors'])}"
        )
        machines.setdefault(machine, set()).add(facts["date"][:10])
        versions |= {name: value for name, value in facts["versions"].items() if value}
    listed = ", ".join(f"{name} {value}" for name, value in versions.items())
    measured = (f"{name}, {' and '.join(sorted(machines[name]))}" for name in sorted(machines))
    where = f"{'; '.join(measured)}; {listed}."
    return f"{table(['', 'fastinit', 'compared with', 'speedup'], rows)}\n\n{where}\n"


def details(results: Path) -> str:
    """Return the page with all figures."""
    sections = [each.section(report) for each, report in _reports(results)]
    return "\n\n".join([TITLE, *sections]) + "\n"


def _reports(results: Path) -> list[tuple[Tables, Report]]:
    found = [(each, results / each.FILE) for each in TABLES]
    return [(each, common.read(path)) for each, path in found if path.exists()]


if __name__ == "__main__":
    sys.exit(main())
