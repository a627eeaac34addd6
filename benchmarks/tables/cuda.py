"""The tables of ``cuda.json``."""

from __future__ import annotations

from benchmarks.tables.text import NONE, Report, Rows, seconds, table, times, where

FILE = "cuda.json"
PEERS = ("torch", "cupy", "jax")
HEADLINES = ("normal float32", "model", "orthogonal 4096", "1024 x orthogonal 64")


def headline(report: Report) -> Rows:
    """Return the rows of the README: a tensor, a model and a matrix, compared with torch."""
    card = report["environment"]["gpu"]["name"]
    rows = []
    for task in HEADLINES:
        found = _seconds(report, task)
        if "fastinit" in found and "torch" in found:
            own, theirs = found["fastinit"], found["torch"]
            name = f"{_title(report, task)} on {card}"
            rows.append([name, seconds(own), f"torch {seconds(theirs)}", times(theirs, own)])
    return rows


def section(report: Report) -> str:
    """Return the section, with every task and its share of cudaMemset's rate."""
    facts, settings = report["environment"], report["settings"]
    major, minor = facts["gpu"]["compute_capability"]
    conditions = (
        f"{facts['gpu']['name']} (compute capability {major}.{minor}), CUDA "
        f"{facts['cuda'] // 1000}.{facts['cuda'] % 1000 // 10}, CuPy {facts['cupy']}, "
        f"{where(report)} Medians of {settings['repeats']} runs; a single tensor has "
        f"{settings['size']} bytes. `python -m benchmarks.cuda`"
    )
    rows = []
    for task in dict.fromkeys(each["task"] for each in report["results"]):
        found = _seconds(report, task)
        cells = [_cell(found.get(name)) for name in ("fastinit", *PEERS)]
        shares = [
            f"{100 * each['share']:.0f} %"
            for each in report["results"]
            if (each["task"], each["library"]) == (task, "fastinit")
        ]
        ratio = times(found.get("torch"), found.get("fastinit"))
        rows.append([_title(report, task), *cells, *(shares or [NONE]), ratio])
    head = ["", "fastinit", *PEERS, "share of `cudaMemset`'s rate", "speedup over torch"]
    return "\n\n".join(["## CUDA: drawing on a GPU", conditions, table(head, rows)])


def _seconds(report: Report, task: str) -> dict[str, float]:
    return {
        each["library"]: each["seconds"]["median"]
        for each in report["results"]
        if each["task"] == task
    }


def _title(report: Report, task: str) -> str:
    name = task.replace("_", " ")
    return f"{report['settings']['model']}, bfloat16, all tensors" if task == "model" else name


def _cell(value: float | None) -> str:
    return NONE if value is None else seconds(value)
