"""The rate that each fill should reach on a GPU, which is the lower of two ceilings.

    python -m benchmarks.on_gpu.limits

prints the table of docs/cuda.md. A multiprocessor issues four instructions of 32 lanes per cycle,
so a kernel with ``n`` instructions per value draws at most ``multiprocessors * 128 * clock / n``
values per second; memory takes at most ``bandwidth / bytes per value``.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass

from benchmarks import common
from benchmarks.tables import cuda_static
from benchmarks.tables.text import Rows, table

LANES = 128  # that a multiprocessor issues per cycle
LEAST = 0.85  # of the lower ceiling; a kernel below has another limit, which must be found
# float64 has units of its own, from 2 to 64 lanes per multiprocessor, and is not predicted.
SIZES = {"float32": 4, "float16": 2, "bfloat16": 2}


@dataclass(frozen=True)
class Processor:
    """A kind of GPU. ``clock`` in Hz; ``bandwidth`` of its memory in bytes per second."""

    name: str
    architecture: str  # of which benchmarks/results/cuda_static.json has the counts
    multiprocessors: int
    clock: float
    bandwidth: float

    @property
    def lanes(self) -> float:
        """Return the lanes' instructions that it issues per second."""
        return self.multiprocessors * LANES * self.clock

    def slots(self, size: int) -> float:
        """Return the instructions that it can issue while memory stores a value of some bytes."""
        return self.lanes * size / self.bandwidth

    def reached(self, instructions: float, size: int) -> float:
        """Return the bytes per second of a fill: the lower ceiling."""
        return min(self.bandwidth, self.lanes * size / instructions)


# Clocks are those that give the float32 rate of NVIDIA's data sheets: 256 operations per cycle.
PROCESSORS = (
    Processor("A100 SXM 80 GB", "sm_80", 108, 1.41e9, 2.039e12),
    Processor("RTX 4090", "sm_80", 128, 2.52e9, 1.008e12),
    Processor("H100 SXM", "sm_90", 132, 1.98e9, 3.35e12),
    Processor("H200", "sm_90", 132, 1.98e9, 4.8e12),
    Processor("B200", "sm_100", 148, 1.965e9, 8.0e12),
)
SHOWN = (
    *(("uniform", "float32"), ("normal", "float32"), ("truncated center", "float32")),
    ("normal", "bfloat16"),
)


def instructions(architecture: str) -> dict[tuple[str, str], float]:
    """Return the counted instructions per value, by distribution and dtype."""
    report = common.read(common.RESULTS / cuda_static.FILE)
    return {
        (each["draw"], each["dtype"]): each["per_value"]
        for each in report["results"]
        if each["architecture"] == architecture and each["per_value"] is not None
    }


def counted_for(capability: str) -> str:
    """Return the architecture whose code a GPU of this compute capability ("89") resembles."""
    report = common.read(common.RESULTS / cuda_static.FILE)
    counted = {int(each["architecture"][3:]) for each in report["results"]}
    older = [number for number in counted if number <= int(capability)]
    return f"sm_{max(older, default=min(counted))}"


def predictions(processor: Processor) -> dict[str, float]:
    """Return the bytes per second that each task of ``benchmarks.cuda`` should reach."""
    draws = {"uniform": "uniform", "normal": "normal", "truncated center": "truncated_normal"}
    return {
        f"{draws[draw]} {dtype}": processor.reached(count, SIZES[dtype])
        for (draw, dtype), count in instructions(processor.architecture).items()
        if draw in draws and dtype in SIZES
    }


def overview() -> str:
    """Return the table of docs/cuda.md: what each kind of GPU should reach."""
    rows: Rows = []
    for each in PROCESSORS:
        counts = instructions(each.architecture)
        cells = [_cell(each, counts, draw, dtype) for draw, dtype in SHOWN]
        slots = f"{each.slots(4):.0f} / {each.slots(2):.0f}"
        rows.append([each.name, f"{each.bandwidth / 1e9:.0f}", slots, *cells])
    titles = [f"{draw} {dtype}" for draw, dtype in SHOWN]
    return table(["", "stores, GB/s", "slots for 4 / 2 bytes", *titles], rows)


def _cell(each: Processor, counts: Mapping[tuple[str, str], float], draw: str, dtype: str) -> str:
    rate = each.reached(counts[draw, dtype], SIZES[dtype])
    return f"{rate / 1e9:.0f} ({100 * rate / each.bandwidth:.0f} %)"


if __name__ == "__main__":
    print(overview())
    sys.exit(0)
