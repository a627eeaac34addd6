"""The tables of ``jax_init.json``."""

from __future__ import annotations

from benchmarks.tables.text import (
    NONE,
    Entries,
    Report,
    Rows,
    line,
    median,
    seconds,
    table,
    threads,
    times,
    where,
)

FILE = "jax_init.json"

_WAYS = {
    "flax": "`model.init`, not compiled",
    "jit, first": "`jax.jit(model.init)`, with its compilation",
    "jit": "`jax.jit(model.init)`, again",
}

_MEMORY = (
    "Where that time goes. The system zeroes new memory. A program that calls Python copies the "
    "array into memory of XLA, which has pages of 4 kB; with "
    "`GLIBC_TUNABLES=glibc.malloc.hugetlb=1` in the environment it has huge pages."
)
_COSTS = (
    ("zeros", "fastinit", "new memory of fastinit, filled with zeros"),
    ("jit", "jax", "JAX's compiled zeros"),
    ("ready", "jax", "a compiled program that calls Python for an array which is there already"),
)


def headline(report: Report) -> Rows:
    """Return the rows of the README: an initializer in a program, and the model."""
    results: Entries = report["results"]
    rows = []
    for way, what in (("eager", "`fastinit.jax.he_normal()`"), ("jit", "the same under `jit`")):
        own = median(results, task="he_normal", way=way, library="fastinit")
        theirs = median(results, task="he_normal", way="jit", library="jax")
        if own is not None and theirs is not None:
            rows.append(line(f"{what}, 8192 x 8192", own, "jax", theirs))
    own = median(results, task="model", way="init_tree", library="fastinit")
    theirs = median(results, task="model", way="jit", library="jax")
    if own is not None and theirs is not None:
        rows.append(line(f"{_size(results)} of flax, `init_tree`", own, "jax", theirs))
    return rows


def section(report: Report) -> str:
    """Return the section, with one table for the initializers and one for the model."""
    results: Entries = report["results"]
    parts = [
        "## fastinit.jax compared with jax.nn.initializers",
        f"{where(report)} Medians with {threads(report['settings']['threads'][0])}, of calls that "
        "return new memory. The speedups are over JAX's own compiled program. "
        "`python -m benchmarks.jax_init`",
    ]
    rows = []
    tasks = [each["task"] for each in results if each["task"] not in ("model", "memory")]
    for task in dict.fromkeys(tasks):
        theirs = median(results, task=task, way="jit", library="jax")
        shape = next(each["shape"] for each in results if each["task"] == task)
        cells = [" x ".join(map(str, shape)), NONE if theirs is None else seconds(theirs)]
        for way in ("eager", "jit", "callback"):
            own = median(results, task=task, way=way, library="fastinit")
            cells += [NONE if own is None else seconds(own), times(theirs, own)]
        rows.append([f"`{task}`", *cells])
    head = ["", "shape", "jax, compiled", "eager", "speedup", "compiled, native code", "speedup"]
    parts.append(table([*head, "compiled, calls Python", "speedup"], rows))
    if any(each["task"] == "memory" for each in results):
        parts += [_MEMORY, _memory(results)]
    if any(each["task"] == "model" for each in results):
        parts += [f"{_size(results)} of flax.linen, initialized:", _model(results)]
    return "\n\n".join(parts)


def _memory(results: Entries) -> str:
    rows = []
    for way, library, what in _COSTS:
        found = median(results, task="memory", way=way, library=library)
        rows.append([what, NONE if found is None else seconds(found)])
    for task in ("he_normal", "he_uniform"):
        found = median(results, task=task, way="written", library="fastinit")
        what = f"`{task}` into memory that has been written before"
        rows.append([what, NONE if found is None else seconds(found)])
    shape = next(each["shape"] for each in results if each["task"] == "memory")
    return table([f"{' x '.join(map(str, shape))} float32", ""], rows)


def _model(results: Entries) -> str:
    rows = []
    for way, what in _WAYS.items():
        own, theirs = (
            median(results, task="model", way=way, library=who) for who in ("fastinit", "jax")
        )
        cells = [NONE if each is None else seconds(each) for each in (own, theirs)]
        rows.append([what, *cells, times(theirs, own)])
    own = median(results, task="model", way="init_tree", library="fastinit")
    theirs = median(results, task="model", way="jit", library="jax")
    cells = [NONE if each is None else seconds(each) for each in (own, theirs)]
    rows.append(["`init_tree`, and the compiled program again", *cells, times(theirs, own)])
    return table(["", "fastinit", "jax", "speedup"], rows)


def _size(results: Entries) -> str:
    values = next(each["values"] for each in results if each["task"] == "model")
    return f"A model of {values / 1e6:.0f} million parameters"
