"""Recordings of large models, from configurations that are written by hand."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

CONFIGS = Path(__file__).parent / "data" / "large"


def names() -> list[str]:
    """Return the names of the models."""
    return sorted(path.stem for path in CONFIGS.glob("*.json"))


def measure(only: Sequence[str] = ()) -> Iterator[dict[str, Any]]:
    """Yield the entries of models, each recorded in a process of its own."""
    for name in only or names():
        done = subprocess.run(
            [sys.executable, "-m", "benchmarks.coverage.large", str(CONFIGS / f"{name}.json")],
            capture_output=True,
            text=True,
            check=False,
        )
        entry: dict[str, Any] = {"group": "large", "model": name}
        if done.returncode:
            lines = done.stderr.strip().splitlines()
            yield entry | {"error": lines[-1] if lines else f"exit status {done.returncode}"}
        else:
            yield entry | json.loads(done.stdout.splitlines()[-1])


def record(path: str) -> dict[str, Any]:
    """Return the figures of the recording of a ``config.json``, beyond the imports."""
    import resource
    import time

    import fastinit.torch  # noqa: F401
    from fastinit import Plan
    from fastinit.torch.recording.builders import builder

    builder(path, (), {})  # imports the code of the model
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    start, used = time.perf_counter(), time.process_time()
    plan = Plan.record(path, seed=0)
    seconds, cpu_seconds = time.perf_counter() - start, time.process_time() - used
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return {
        "parameters": sum(math.prod(each.shape) for each in plan.manifest.parameters),
        "tensors": len(plan.tensors),
        "seconds": seconds,
        "cpu_seconds": cpu_seconds,
        "bytes": (peak - before) * 1024,
    }


if __name__ == "__main__":
    print(json.dumps(record(sys.argv[1])))
