"""The table of ``overhead.json``."""

from __future__ import annotations

from benchmarks.tables.text import NONE, Entries, Report, Rows, rate, seconds, table, where

FILE = "overhead.json"


def headline(report: Report) -> Rows:
    """Return the rows of the README: a small call and a whole command."""
    results: Entries = report["results"]
    rows = []
    for task, name, other in (
        ("he_normal (64, 64)", "`he_normal((64, 64))`", "torch"),
        ("init gpt2", "`fastinit init gpt2`, whole process", "transformers"),
    ):
        own, theirs = (_median(results, task, who) for who in ("fastinit", other))
        if own is not None and theirs is not None:
            ratio = f"{theirs / own:.1f}x"
            rows.append([name, seconds(own), f"{other} {seconds(theirs)}", ratio])
    return rows


def section(report: Report) -> str:
    """Return the section, with one row per measurement."""
    conditions = (
        f"{where(report)} Medians; the memory of a fill does not include the array itself. Beyond "
        "its values a tensor takes a fraction of a microsecond: its formula is found, its numbers "
        "are put in all lanes, the first values wait for a chain of about 180 cycles, and the last "
        "ones are part of a whole set. `python -m benchmarks.overhead`"
    )
    results: Entries = report["results"]
    rows = [_calls(results, task) for task in dict.fromkeys(_small_calls(results))]
    for each in results:
        if "ratio" in each:
            one = _median(results, each["task"], "fastinit, one tensor")
            text = f"{rate(each['values_per_second'])} x 10^9 values/s, {each['ratio']:.2f} times"
            theirs = [other["values_per_second"] for other in _of(results, each["task"], "torch")]
            cell = f"{rate(theirs[0])} x 10^9 values/s" if theirs else NONE
            rows.append([f"{each['note']}, one call", f"{text} the rate of one tensor", cell])
            if one is not None:
                beyond = (each["seconds"]["median"] - one) / report["settings"]["size"]
                rows.append(["the same, per tensor, beyond its values", seconds(beyond), NONE])
    rows += [
        _line(
            results, "import", "`import fastinit` beyond numpy and ml_dtypes", "seconds", "torch"
        ),
        _line(results, "peak memory bfloat16", "peak memory of a bfloat16 fill", "bytes", "torch"),
        _line(
            results, "init gpt2", "`fastinit init gpt2`, whole process", "seconds", "transformers"
        ),
        _line(
            results,
            "init gpt2",
            "memory of that process beyond its imports",
            "bytes",
            "transformers",
        ),
    ]
    title = "## Small calls, many tensors and a whole process"
    return "\n\n".join([title, conditions, table(["", "fastinit", "torch or transformers"], rows)])


def _of(results: Entries, task: str, library: str) -> Entries:
    return [each for each in results if each["task"] == task and each["library"] == library]


def _median(results: Entries, task: str, library: str) -> float | None:
    found = [each["seconds"]["median"] for each in _of(results, task, library)]
    return found[0] if found else None


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
            return seconds(median) if what == "seconds" else f"{median / 1e6:.1f} MB"
    return NONE
