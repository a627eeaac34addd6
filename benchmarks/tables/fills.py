"""The tables of ``fill.json``."""

from __future__ import annotations

from benchmarks.tables.text import Entries, Report, Rows, rate, table, threads, times, where

FILE = "fill.json"
PEERS = ("torch", "numpy", "jax")
HEADLINES = {
    "normal float32": "normal",
    "uniform float32": "uniform",
    "truncated_normal float32": "truncated normal",
    "normal bfloat16": "normal, bfloat16",
}


def headline(report: Report) -> Rows:
    """The rates of one large tensor with all threads, beside torch."""
    rows = []
    for task, name in HEADLINES.items():
        found = _rates(report, task, "touched")
        rows.append(
            [
                f"{name}, 10^9 values/s",
                rate(found.get("fastinit")),
                f"torch {rate(found.get('torch'))}",
                times(found.get("fastinit"), found.get("torch")),
            ]
        )
    return rows


def section(report: Report) -> str:
    """Every task, with all the threads there were, and how to read it."""
    settings = report["settings"]
    size = settings["size"]
    conditions = (
        f"{where(report)} {threads(max(settings['threads'])).capitalize()}, 10^9 values a second, "
        f"median of {settings['repeats']}, {size} x {size} values into memory that has been "
        "written before unless the row says otherwise. `python -m benchmarks.fill`"
    )
    return "\n\n".join(["## Fills", conditions, _tasks_table(report), _notes(report)])


def _tasks_table(report: Report) -> str:
    rows = []
    for task, memory in _tasks(report["results"]):
        found = _rates(report, task, memory)
        name = task.replace("_", " ") + (", new array" if memory == "fresh" else "")
        cells = [rate(found.get(library)) for library in ("fastinit", *PEERS, "memset")]
        rows.append([name, *cells, times(found.get("fastinit"), found.get("torch"))])
    return table(["", "fastinit", *PEERS, "`memset`", "fastinit / torch"], rows)


def _rates(report: Report, task: str, memory: str) -> dict[str, float]:
    """Each library's rate with all threads and its best instruction set."""
    count = max(report["settings"]["threads"])
    return {
        each["library"]: each["values_per_second"]
        for each in report["results"]
        if (each["task"], each["memory"], each["threads"]) == (task, memory, count)
        and each["instruction_set"] in (None, report["environment"]["instruction_set"])
    }


def _notes(report: Report) -> str:
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


def _by_instruction_set(report: Report, task: str) -> str:
    rates = {
        each["instruction_set"]: each["values_per_second"]
        for each in report["results"]
        if (each["task"], each["memory"], each["threads"], each["library"])
        == (task, "touched", 1, "fastinit")
    }
    return ", ".join(f"{name} {rate(value)}" for name, value in rates.items())


def _tasks(results: Entries) -> list[tuple[str, str]]:
    return list(dict.fromkeys((each["task"], each["memory"]) for each in results))
