"""The table of ``orthogonal.json``."""

from __future__ import annotations

from benchmarks.tables.text import (
    NONE,
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

FILE = "orthogonal.json"
NOTES = (
    "Matrices are float32, except that scipy's ortho_group draws float64.",
    "torch, JAX and scipy draw the matrices of a batch one after the other, torch into the same "
    "tensor.",
    "JAX is compiled before it is timed, and uses all processors on which the process may run.",
)
PEERS = ("torch", "jax", "scipy")
HEADLINES = {
    "2048 x 2048": "`orthogonal((2048, 2048))`",
    "1024 of 64 x 64": "1024 orthogonal matrices of 64 x 64",
}


def headline(report: Report) -> Rows:
    """Return the rows of the README: a large matrix and a batch, compared with torch."""
    results, best = report["results"], report["environment"]["instruction_set"]
    return [
        line(
            name,
            median(results, task=task, library="fastinit", instruction_set=best),
            "torch",
            median(results, task=task, library="torch"),
        )
        for task, name in HEADLINES.items()
    ]


def section(report: Report) -> str:
    """Return the section, with one row per task and instruction set."""
    results, settings = report["results"], report["settings"]
    products = " and ".join(
        f"{each['gflops']:.0f} GFLOP/s with {name}" for name, each in report["products"].items()
    )
    conditions = (
        f"{where(report)} Medians of {settings['repeats']} runs with "
        f"{threads(settings['threads'])}. `python -m benchmarks.orthogonal`"
    )
    rows = []
    for each in results:
        if each["library"] != "fastinit":
            continue
        own = each["seconds"]["median"]
        peers = [median(results, task=each["task"], library=peer) for peer in PEERS]
        theirs = next(
            other["deviation"]
            for other in results
            if (other["task"], other["library"]) == (each["task"], PEERS[0])
        )
        rows.append(
            [
                f"{each['task']} ({each['instruction_set']})",
                seconds(own),
                *(NONE if peer is None else seconds(peer) for peer in peers),
                times(peers[0], own),
                f"{each['gflops']:.0f}",
                f"{each['share_of_product']:.2f}",
                f"{each['deviation']:.1e} ({theirs:.1e})",
            ]
        )
    head = ["", "fastinit", *PEERS, "speedup over torch", "GFLOP/s", "share of NumPy's product"]
    shown = table([*head, "max abs(Q'Q - I) (torch's)"], rows)
    product_note = f"NumPy multiplies two 2048 x 2048 matrices with OpenBLAS at {products}."
    notes = " ".join([*NOTES, product_note])
    return "\n\n".join(["## Orthogonal matrices", conditions, shown, notes])
