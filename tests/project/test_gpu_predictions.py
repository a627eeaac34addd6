"""What docs/cuda.md predicts for GPUs follows from the committed counts."""

from pathlib import Path

import pytest

from benchmarks import common
from benchmarks.on_gpu import limits

PAGE = (Path(__file__).parents[2] / "docs" / "cuda.md").read_text()
PROCESSOR = limits.Processor("Test card", "sm_90", 100, 1e9, 1e12)


def test_ceilings() -> None:
    """12.8e12 instructions of lanes per second beside 1e12 bytes: 51.2 per float32 value."""
    assert PROCESSOR.slots(4) == pytest.approx(51.2)
    assert PROCESSOR.reached(34.5, 4) == 1e12
    assert PROCESSOR.reached(34.5, 2) == pytest.approx(12.8e12 / 34.5 * 2)
    assert limits.counted_for("90") == "sm_90"
    assert limits.counted_for("89") == "sm_80"
    assert limits.counted_for("50") == "sm_75"
    expected = limits.predictions(PROCESSOR)
    assert {"uniform float32", "normal bfloat16", "truncated_normal float32"} <= set(expected)


def test_predictions_of_the_page() -> None:
    """The page has the table that the committed counts give."""
    assert limits.overview() in PAGE, "run python -m benchmarks.on_gpu.limits"


def test_parts_of_a_normal() -> None:
    """The page's parts of a float32 normal add up to the committed count."""
    _, _, rest = PAGE.partition("| part of a float32 normal")
    rows = [row.split("|") for row in rest.partition("\n\n")[0].splitlines()[2:]]
    parts = {row[1].strip(): int(row[2]) for row in rows}
    total = parts.pop("all")
    assert sum(parts.values()) == total
    static = common.read(common.RESULTS / "cuda_static.json")["results"]
    counts = [
        each["per_value"]
        for each in static
        if (each["draw"], each["dtype"], each["architecture"]) == ("normal", "float32", "sm_90")
    ]
    assert counts == [total / 16]
