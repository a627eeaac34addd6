"""The README's table, docs/benchmarks.md and the table in docs/cuda.md, from the result files.

    python -m benchmarks.report [--check]

The README gets a few lines of every result file between its two markers, docs/benchmarks.md all
figures, docs/cuda.md the compiler's between its markers. ``--check`` only says, by exit status 1,
whether they would differ. Missing peers become a dash, a missing result file is left out.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from benchmarks import common
from benchmarks.tables import (
    checkpoints,
    cuda,
    cuda_static,
    fills,
    models,
    orthogonal,
    overheads,
    sparse,
    torch_init,
)
from benchmarks.tables.text import Report, Rows, table

BEGIN, END = "<!-- benchmarks: begin -->", "<!-- benchmarks: end -->"
ROOT = Path(__file__).parent.parent


class Tables(Protocol):
    """What a module of ``benchmarks.tables`` has."""

    FILE: str

    def headline(self, report: Report, /) -> Rows:
        """Lines of the README: what, fastinit's figure, a peer's, the ratio."""

    def section(self, report: Report, /) -> str:
        """Markdown with all figures."""


TABLES: tuple[Tables, ...] = (
    fills,
    overheads,
    orthogonal,
    sparse,
    torch_init,
    models,
    checkpoints,
    cuda,
    cuda_static,
)
TITLE = """# Benchmarks

Made by `python -m benchmarks.report` from the files in benchmarks/results. Every benchmark checks
its answers before it times them and interleaves the contenders in one process. Machines differ and
are noisy: only the ratios within one table count."""


def main(argv: Sequence[str] | None = None) -> int:
    """Rewrite the pages, or check them."""
    parser = argparse.ArgumentParser("python -m benchmarks.report", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 if it differs")
    parser.add_argument("--root", type=Path, default=ROOT, help="of the project", metavar="FOLDER")
    options = parser.parse_args(argv)
    readme, page = options.root / "README.md", options.root / "docs" / "benchmarks.md"
    results = options.root / "benchmarks" / "results"
    wanted = {readme: replaced(readme.read_text(), summary(results)), page: details(results)}
    if (results / cuda_static.FILE).exists():
        kernels = options.root / "docs" / "cuda.md"
        overview = cuda_static.overview(common.read(results / cuda_static.FILE))
        wanted[kernels] = replaced(kernels.read_text(), f"{overview}\n")
    stale = [path for path, text in wanted.items() if not path.exists() or path.read_text() != text]
    for path in stale:
        if options.check:
            print(f"{path} differs from the results; run python -m benchmarks.report")
        else:
            path.write_text(wanted[path])
    return 1 if stale and options.check else 0


def replaced(text: str, content: str) -> str:
    """``text`` with other content between the markers.

    Raises:
        ValueError: the markers are not there once each, in order.
    """
    head, begin, rest = text.partition(BEGIN)
    _, end, tail = rest.partition(END)
    if not begin or not end or BEGIN in tail or END in tail:
        raise ValueError(f"a page needs one {BEGIN} and after it one {END}")
    return f"{head}{BEGIN}\n{content}{END}{tail}"


def summary(results: Path) -> str:
    """The README's lines, and where and when they were measured."""
    rows: Rows = []
    machines: set[str] = set()
    versions: dict[str, str] = {}
    for each, report in _reports(results):
        rows += each.headline(report)
        facts = report["environment"]
        machines.add(f"{facts['processor']} ({facts['instruction_set']}), {facts['date'][:10]}")
        versions |= {name: value for name, value in facts["versions"].items() if value}
    listed = ", ".join(f"{name} {value}" for name, value in versions.items())
    where = f"{'; '.join(sorted(machines))}; 2 threads; {listed}."
    return f"{table(['', 'fastinit', 'beside', ''], rows)}\n\n{where}\n"


def details(results: Path) -> str:
    """The page of all figures."""
    sections = [each.section(report) for each, report in _reports(results)]
    return "\n\n".join([TITLE, *sections]) + "\n"


def _reports(results: Path) -> list[tuple[Tables, Report]]:
    found = [(each, results / each.FILE) for each in TABLES]
    return [(each, common.read(path)) for each, path in found if path.exists()]


if __name__ == "__main__":
    sys.exit(main())
