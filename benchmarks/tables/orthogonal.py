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
PEERS = ("torch", "jax", "scipy")
HEADLINES = {
    "2048 x 2048": "`orthogonal((2048, 2048))`",
    "1024 of 64 x 64": "1024 orthogonal matrices of 64 x 64",
}


def headline(report: Report) -> Rows:
    """A large matrix and a batch, beside torch."""
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
    """One row a task and instruction set."""
    results, settings = report["results"], report["settings"]
    products = ", ".join(
        f"{each['gflops']:.0f} GFLOP/s with {name}" for name, each in report["products"].items()
    )
    conditions = (
        f"{where(report)} Medians of {settings['repeats']}, {threads(settings['threads'])}. "
        f"NumPy's (OpenBLAS's) product of two 2048 x 2048 matrices: {products}. "
        f"`python -m benchmarks.orthogonal` {' '.join(report['notes'])}"
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
    head = ["", "fastinit", *PEERS, "fastinit / torch", "GFLOP/s", "of the product"]
    shown = table([*head, "max abs(Q'Q - I) (torch's)"], rows)
    return "\n\n".join(["## Orthogonal matrices", conditions, shown])
