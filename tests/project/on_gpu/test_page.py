"""The page that ``benchmarks/on_gpu.sh`` writes."""

import json
from typing import Any

from benchmarks.on_gpu import summary
from benchmarks.on_gpu.session import (
    FAILED,
    PASSED,
    Session,
)


def figure(task: str, library: str, seconds: float, size: float, share: float) -> dict[str, Any]:
    return {
        "task": task,
        "library": library,
        "seconds": {"median": seconds},
        "bytes_per_second": size / seconds,
        "values_per_second": size / seconds / (2 if "bfloat16" in task else 4),
        "share": share,
    }


def test_page(session: Session) -> None:
    """Each figure stands beside its limit and its peers; goals are met, missed or open."""
    results = [
        figure("normal float32", "cudaMemset", 1e-3, 1e9, 1.0),
        figure("normal float32", "fastinit", 1.25e-3, 1e9, 0.8),
        figure("normal float32", "torch", 2.5e-3, 1e9, 0.4),
        figure("uniform float32", "fastinit", 2e-3, 1e9, 0.5),
        figure("normal bfloat16", "fastinit", 1e-3, 7e8, 0.7),
        figure("model", "fastinit", 1e-2, 1e10, 1.0),
    ]
    gpu = {"multiprocessors": 100, "clock": 1e9}
    report = {"environment": {"gpu": gpu}, "results": results}
    (session.out / "cuda.json").write_text(json.dumps(report))
    rates = [
        {"variant": "default", "rates": {"normal float32": 2e11}},
        {"variant": "good", "rates": {"normal float32": 2.5e11}},
    ]
    (session.out / "sweep.json").write_text(json.dumps({"results": rates}))
    page = summary.page(session, {"suite": {"status": PASSED, "seconds": 3.0, "note": "a | b"}})
    assert "| suite | passed | 3 s | a / b |" in page
    assert "| normal float32, share of `cudaMemset`'s rate | 0.8 | 0.80 | met |" in page
    assert "| uniform float32, share of `cudaMemset`'s rate | 0.9 | 0.50 | **missed** |" in page
    # 100 multiprocessors at 1 GHz issue 12.8e12 lanes, a value of 35 takes: 366e9 values/s.
    assert "per value | 0.85 | 0.96 | met |" in page
    assert "| 1024 x orthogonal 64, speedup over torch | 20 | – | – |" in page  # noqa: RUF001
    assert "| normal float32 | 1.25 ms | 800 | 80 % | 1000 (80 %, **refuted**) | 2.0x |" in page
    assert "| normal float32 | good | 1.000 | 1.250 |" in page


def test_page_without_figures(session: Session) -> None:
    page = summary.page(session, {"build": {"status": FAILED, "seconds": 1.0, "note": "why"}})
    assert page.splitlines()[-1] == "| build | failed | 1 s | why |"
