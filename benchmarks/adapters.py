"""PiSSA: the principal part of a weight as an adapter, compared with peft.

    python -m benchmarks.adapters --json benchmarks/results/adapters.json

It needs peft (``pip install --no-deps peft accelerate``). An entry of ``results`` has ``task``,
``library``, ``seconds`` of one run and ``error``: the norm of the weight without the adapter's
product, divided by the least norm that this rank allows. "peft" is its default, a whole SVD, and
"peft, niter 4" its randomized one, whose bits depend on the process. ``ratio`` is the time of
peft's default divided by that of fastinit, the median of the rounds.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

import fastinit
from benchmarks import common
from benchmarks.common import spread

NOTES = ["The weight is N(0, 0.02^2) plus a part with the singular values 1 / k, as trained ones."]


def main(argv: Sequence[str] | None = None) -> int:
    """Check, measure and print; write the results if a path is given."""
    parser = argparse.ArgumentParser("python -m benchmarks.adapters", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--json", metavar="PATH", help="write the report there")
    parser.add_argument("--size", type=int, default=4096, help="of the weight (%(default)s)")
    parser.add_argument("--rank", type=int, default=16, help="(%(default)s)")
    parser.add_argument("--repeats", type=int, default=3, help="(%(default)s)")
    options = parser.parse_args(argv)
    settings = {name: getattr(options, name) for name in ("size", "rank", "repeats")}
    report = common.new_report("adapters", settings, NOTES, ("peft",))
    weight = weight_of(options.size)
    least = least_error(weight, options.rank)
    runs: dict[str, Callable[[], float]] = {
        "fastinit": lambda: _fastinit(weight, options.rank),
        "peft": lambda: _peft(weight, options.rank, "pissa"),
        "peft, niter 4": lambda: _peft(weight, options.rank, "pissa_niter_4"),
    }
    seconds: dict[str, list[float]] = {name: [] for name in runs}
    errors: dict[str, float] = {}
    for _ in range(options.repeats):
        for name, run in runs.items():
            start = time.perf_counter()
            rest = run()
            seconds[name].append(time.perf_counter() - start)
            errors[name] = rest / least
            if name == "fastinit":
                what = "pissa: the error is within 1 % of the least"
                ok = errors[name] <= 1.01
                common.add_check(report, {"what": what, "library": name, "ok": ok})
    for name in runs:
        entry: dict[str, Any] = {"task": "pissa", "library": name, "error": errors[name]}
        entry["seconds"] = spread(seconds[name])
        if name == "fastinit":
            pairs = zip(seconds["peft"], seconds[name], strict=True)
            entry["ratio"] = statistics.median(a / b for a, b in pairs)
        report["results"].append(entry)
        print(f"{name:16}{entry['seconds']['median']:9.2f} s   error {errors[name]:.5f}")
    common.write(options.json, report)
    return 0


def weight_of(size: int) -> Any:
    """Return a weight with a few large singular values."""
    left, right = (fastinit.orthogonal((size, 64), seed=0, name=name) for name in ("u", "v"))
    noise = fastinit.normal((size, size), std=0.02 / size**0.5, seed=0, name="w")
    return (left / np.arange(1, 65, dtype=np.float32)) @ right.T + noise


def least_error(weight: Any, rank: int) -> float:
    """Return the least norm of a weight without a product of a rank.

    Its square is the sum of the squares of the small singular values. What remains of all squares
    has more digits than these values, which are found in float32.
    """
    largest = np.linalg.svd(weight, compute_uv=False)[:rank].astype(np.float64)
    return float(np.sqrt((weight.astype(np.float64) ** 2).sum() - (largest**2).sum()))


def _fastinit(weight: Any, rank: int) -> float:
    rest = fastinit.pissa(weight, rank, seed=0, name="adapter")[2]
    return float(np.linalg.norm(rest.astype(np.float64)))


def _peft(weight: Any, rank: int, init: Any) -> float:
    import torch
    from peft import LoraConfig
    from peft.tuners.lora import Linear

    rows, columns = weight.shape
    base = torch.nn.Linear(columns, rows, bias=False)
    with torch.no_grad():
        base.weight.copy_(torch.from_numpy(weight))
    config = LoraConfig(r=rank, lora_alpha=rank, init_lora_weights=init)
    Linear(base, "default", config=config, r=rank, lora_alpha=rank, init_lora_weights=init)
    return float(torch.linalg.norm(base.weight.detach().double()))


if __name__ == "__main__":
    sys.exit(main())
