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
    """Return the rows of the README: one large tensor with all threads, compared with torch."""
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
    """Return the section, with every task for the largest number of threads."""
    settings = report["settings"]
    size = settings["size"]
    conditions = (
        f"{where(report)} Rates in 10^9 values/s with {threads(max(settings['threads']))}, medians "
        f"of {settings['repeats']} runs, for {size} x {size} values in memory that has been "
        "written before unless the row says otherwise. `python -m benchmarks.fill`"
    )
    texts = [conditions, _tasks_table(report), _notes(report), *_with_avx2(report)]
    return "\n\n".join(["## Fills", *texts])


def by_threads(report: Report) -> str:
    """Return a row per fill, with its rate and its speedup over one thread."""
    counts = report["settings"]["threads"]
    found: dict[str, dict[int, float]] = {}
    for each in report["results"]:
        name = f"{_name(each['task'], each['memory'])}: {each['library']}"
        found.setdefault(name, {})[each["threads"]] = each["values_per_second"]
    rows = [
        [name, *(f"{rate(rates[n])} ({times(rates[n], rates[counts[0]])})" for n in counts)]
        for name, rates in found.items()
    ]
    return table(["10^9 values/s", *map(threads, counts)], rows)


def _tasks_table(report: Report) -> str:
    rows = []
    for task, memory in _tasks(report["results"]):
        found = _rates(report, task, memory)
        name = _name(task, memory)
        cells = [rate(found.get(library)) for library in ("fastinit", *PEERS, "memset")]
        rows.append([name, *cells, times(found.get("fastinit"), found.get("torch"))])
    return table(["", "fastinit", *PEERS, "`memset`", "speedup over torch"], rows)


def _name(task: str, memory: str) -> str:
    return task.replace("_", " ") + (", new array" if memory == "fresh" else "")


def _rates(report: Report, task: str, memory: str) -> dict[str, float]:
    """Return the rate of each library with all threads and the best instruction set."""
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
        "Compare ratios within one run only. numpy draws with one thread. jax always returns a new "
        "array, and its he_normal is truncated at 2 sigmas."
    ]
    if slow:
        notes.append(
            "Some libraries would take seconds, so they draw fewer values: " + ", ".join(slow) + "."
        )
    wrong = [f"{each['library']} {each['what']}" for each in report["checks"] if not each["ok"]]
    if wrong:
        notes.append(
            "The mean, standard deviation or bounds differ from those requested for: "
            + ", ".join(wrong)
            + "."
        )
    for task in ("uniform float32", "normal float32"):
        sets = _by_instruction_set(report, task)
        if sets:
            notes.append(f"Rates of {task} with one thread: {sets}.")
        for memory, name in (("touched", ""), ("fresh", ", new array,")):
            notes += _by_threads(report, task, memory, name)
    return " ".join(notes)


def _with_avx2(report: Report) -> list[str]:
    """Return a table of the rates with AVX2, beside the range of torch's, if they were measured."""
    count = max(report["settings"]["threads"])
    entries = {
        (each["task"], each["instruction_set"] or each["library"]): each
        for each in report["results"]
        if (each["memory"], each["threads"]) == ("touched", count)
    }
    rows = []
    for task in dict.fromkeys(task for task, _ in entries):
        own, torch = entries.get((task, "avx2")), entries.get((task, "torch"))
        if own is None or torch is None:
            continue
        speed, seconds = own["values_per_second"], torch["seconds"]
        fastest, slowest = (torch["values"] / seconds[end] for end in ("minimum", "maximum"))
        rows.append(
            [
                _name(task, "touched"),
                rate(speed),
                rate(torch["values_per_second"]),
                times(speed, torch["values_per_second"]),
                f"{times(speed, fastest)} to {times(speed, slowest)}",
            ]
        )
    if not rows:
        return []
    head = ["with AVX2", "fastinit", "torch", "speedup", "by torch's fastest and slowest run"]
    return [
        "The same with AVX2, which fastinit uses where there is no AVX-512; torch still chooses "
        "its own instructions. What the processor allows is in the budget of each kernel below.",
        table(head, rows),
    ]


def _by_instruction_set(report: Report, task: str) -> str:
    rates = {
        each["instruction_set"]: each["values_per_second"]
        for each in report["results"]
        if (each["task"], each["memory"], each["threads"], each["library"])
        == (task, "touched", 1, "fastinit")
    }
    return ", ".join(f"{name} {rate(value)}" for name, value in rates.items())


def _by_threads(report: Report, task: str, memory: str, name: str) -> list[str]:
    """Return a note on how rates grow with threads, where there are more than two counts."""
    best = report["environment"]["instruction_set"]
    rates = {
        each["threads"]: each["values_per_second"]
        for each in report["results"]
        if (each["task"], each["memory"], each["library"], each["instruction_set"])
        == (task, memory, "fastinit", best)
    }
    if len(rates) < 3:
        return []
    first, alone = next(iter(rates.items()))
    grown = ", ".join(
        f"{count}: {rate(found)} ({found / count / (alone / first):.2f})"
        for count, found in rates.items()
    )
    return [
        f"Rates of {task}{name} by the number of threads, and the rate of each thread as a share "
        f"of the first one's: {grown}."
    ]


def _tasks(results: Entries) -> list[tuple[str, str]]:
    return list(dict.fromkeys((each["task"], each["memory"]) for each in results))
