"""The README's benchmark section, from the result files.

    python -m benchmarks.report [--check]

Rewrites what stands between the two markers in README.md; ``--check`` only says, by exit status 1,
whether it would differ. Missing peers and missing results become a dash.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks import common

BEGIN, END = "<!-- benchmarks: begin -->", "<!-- benchmarks: end -->"
ROOT = Path(__file__).parent.parent
PEERS = ("torch", "numpy", "jax")
NONE = "–"  # noqa: RUF001  (a dash, as the table shows it)

Entries = list[dict[str, Any]]


def main(argv: Sequence[str] | None = None) -> int:
    """Rewrite README.md, or check it."""
    parser = argparse.ArgumentParser("python -m benchmarks.report", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 if it differs")
    parser.add_argument("--results", type=Path, default=common.RESULTS, metavar="FOLDER")
    parser.add_argument("--readme", type=Path, default=ROOT / "README.md", metavar="FILE")
    options = parser.parse_args(argv)
    before = options.readme.read_text()
    after = replaced(before, section(options.results))
    if before == after:
        return 0
    if options.check:
        print(f"{options.readme} differs from the results; run python -m benchmarks.report")
        return 1
    options.readme.write_text(after)
    return 0


def replaced(text: str, content: str) -> str:
    """``text`` with other content between the markers.

    Raises:
        ValueError: the markers are not there once each, in order.
    """
    head, begin, rest = text.partition(BEGIN)
    _, end, tail = rest.partition(END)
    if not begin or not end or BEGIN in tail or END in tail:
        raise ValueError(f"README.md needs one {BEGIN} and after it one {END}")
    return f"{head}{BEGIN}\n{content}{END}{tail}"


def section(results: Path) -> str:
    """All of the section, from ``fill.json`` and ``overhead.json``."""
    fill = common.read(results / "fill.json")
    overhead = common.read(results / "overhead.json")
    blocks = [where(fill), fills(fill), fill_notes(fill), overheads(overhead), footer(overhead)]
    return "\n".join(f"{block}\n" for block in blocks)


# ---- fills --------------------------------------------------------------------------------------


def where(report: dict[str, Any]) -> str:
    """The machine, the threads, the date and everybody's version."""
    facts, settings = report["environment"], report["settings"]
    versions = ", ".join(f"{name} {value}" for name, value in facts["versions"].items() if value)
    count = max(settings["threads"])
    size = settings["size"]
    return (
        f"{facts['processor']} ({facts['instruction_set']}), {_threads(count)}, "
        f"{facts['date'][:10]}, Python {facts['python']}, {versions}. 10^9 values a second, "
        f"median of {settings['repeats']}, {size} x {size} values into memory that has been "
        "written before unless the row says otherwise."
    )


def fills(report: dict[str, Any]) -> str:
    """One row a task, with all the threads there were."""
    count = max(report["settings"]["threads"])
    rows = []
    for task, memory in _tasks(report["results"]):
        found = {
            each["library"]: each["values_per_second"]
            for each in report["results"]
            if (each["task"], each["memory"], each["threads"]) == (task, memory, count)
            and each["instruction_set"] in (None, report["environment"]["instruction_set"])
        }
        name = task.replace("_", " ") + (", new array" if memory == "fresh" else "")
        cells = [_rate(found.get(library)) for library in ("fastinit", *PEERS, "memset")]
        rows.append([name, *cells, _times(found.get("fastinit"), found.get("torch"))])
    return _table(["", "fastinit", *PEERS, "`memset`", "fastinit / torch"], rows)


def fill_notes(report: dict[str, Any]) -> str:
    """How to read the table, and what the instruction sets and one thread give."""
    slow = sorted(
        {
            f"{each['library']} {each['task'].replace('_', ' ')} {each['values']}"
            for each in report["results"]
            if each["values"] != report["settings"]["size"] ** 2
        }
    )
    notes = [
        "Only ratios within one run count. numpy draws with one thread; jax always returns a new "
        "array, and its he normal is truncated at 2 sigmas."
    ]
    if slow:
        notes.append("Fewer values, where the whole would take seconds: " + ", ".join(slow) + ".")
    wrong = [f"{each['library']} {each['what']}" for each in report["checks"] if not each["ok"]]
    if wrong:
        notes.append(
            "Mean, deviation or bounds are not what was asked for: " + ", ".join(wrong) + "."
        )
    for task in ("uniform float32", "normal float32"):
        sets = _by_instruction_set(report, task)
        if sets:
            notes.append(f"{task.capitalize()} with one thread: {sets}.")
    return " ".join(notes)


def _by_instruction_set(report: dict[str, Any], task: str) -> str:
    rates = {
        each["instruction_set"]: each["values_per_second"]
        for each in report["results"]
        if (each["task"], each["memory"], each["threads"], each["library"])
        == (task, "touched", 1, "fastinit")
    }
    return ", ".join(f"{name} {_rate(rate)}" for name, rate in rates.items())


def _tasks(results: Entries) -> list[tuple[str, str]]:
    return list(dict.fromkeys((each["task"], each["memory"]) for each in results))


# ---- overheads ----------------------------------------------------------------------------------


def overheads(report: dict[str, Any]) -> str:
    """One row a measurement."""
    results: Entries = report["results"]
    rows = [_calls(results, task) for task in dict.fromkeys(_small_calls(results))]
    for each in results:
        if "ratio" in each:
            text = f"{_rate(each['values_per_second'])} x 10^9 values/s, {each['ratio']:.2f} times"
            theirs = [other["values_per_second"] for other in _of(results, each["task"], "torch")]
            cell = f"{_rate(theirs[0])} x 10^9 values/s" if theirs else NONE
            rows.append([f"{each['note']}, one call", f"{text} the rate of one tensor", cell])
    rows += [
        _line(
            results, "import", "`import fastinit` beyond numpy and ml_dtypes", "seconds", "torch"
        ),
        _line(results, "peak memory bfloat16", "peak memory of a bfloat16 fill", "bytes", "torch"),
        _line(results, "init gpt2", "`fastinit init gpt2`, process", "seconds", "transformers"),
        _line(results, "init gpt2", "its memory beyond the imports'", "bytes", "transformers"),
    ]
    return _table(["", "fastinit", "torch"], rows)


def footer(report: dict[str, Any]) -> str:
    """When and where the second table was measured."""
    facts = report["environment"]
    text = f"{facts['processor']}, {facts['date'][:10]}, medians"
    return f"{text}. The memory of a fill is beyond the array itself."


def _of(results: Entries, task: str, library: str) -> Entries:
    return [each for each in results if each["task"] == task and each["library"] == library]


def _small_calls(results: Entries) -> list[str]:
    return [each["task"] for each in results if each["task"].endswith(")")]


def _calls(results: Entries, task: str) -> list[str]:
    return [
        f"`{task}`",
        *(_measured(results, task, who, "seconds") for who in ("fastinit", "torch")),
    ]


def _line(results: Entries, task: str, name: str, what: str, other: str) -> list[str]:
    return [name, *(_measured(results, task, who, what) for who in ("fastinit", other))]


def _measured(results: Entries, task: str, library: str, what: str) -> str:
    for each in _of(results, task, library):
        if what in each:
            median = each[what]["median"]
            return _seconds(median) if what == "seconds" else f"{median / 1e6:.1f} MB"
    return NONE


# ---- text ---------------------------------------------------------------------------------------


def _table(head: list[str], rows: list[list[str]]) -> str:
    rule = ["---", *("---:" for _ in head[1:])]
    return "\n".join("| " + " | ".join(row) + " |" for row in [head, rule, *rows])


def _threads(count: int) -> str:
    return "1 thread" if count == 1 else f"{count} threads"


def _rate(values_per_second: float | None) -> str:
    if values_per_second is None:
        return NONE
    billions = values_per_second / 1e9
    return f"{billions:.2f}" if billions >= 0.1 else f"{billions:.3f}"


def _times(own: float | None, other: float | None) -> str:
    if own is None or other is None:
        return NONE
    ratio = own / other
    return f"{ratio:.0f}x" if ratio >= 10 else f"{ratio:.1f}x"


def _seconds(value: float) -> str:
    for unit, size in (("s", 1.0), ("ms", 1e-3)):
        if abs(value) >= size:
            return f"{value / size:.3g} {unit}"
    return f"{value / 1e-6:.3g} µs"


if __name__ == "__main__":
    sys.exit(main())
