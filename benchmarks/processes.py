"""The parts of ``benchmarks.overhead`` that need processes of their own."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from benchmarks.common import LeftOutError, installation, interleaved, peer, spread

BETWEEN_LOOKS = 0.001  # seconds between two looks at a process's memory


def _python(code: str) -> list[str]:
    return [sys.executable, "-c", code]


def _output(command: list[str]) -> str:
    """What a command prints."""
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        lines = done.stderr.strip().splitlines()
        raise LeftOutError(lines[-1] if lines else f"exit status {done.returncode}")
    return done.stdout


# ---- the import ---------------------------------------------------------------------------------

_NEEDED = "import numpy, ml_dtypes"
_INSIDE = f"""
{_NEEDED}, time
start = time.perf_counter()
import fastinit
print(time.perf_counter() - start)
"""


def import_time(repeats: int) -> list[dict[str, Any]]:
    """``import fastinit`` beyond ``import numpy, ml_dtypes``."""
    measures: dict[str, Callable[[], float]] = {
        "numpy, ml_dtypes": lambda: _seconds(_python(_NEEDED)),
        "fastinit": lambda: _seconds(_python(f"{_NEEDED}, fastinit")),
        "fastinit, inside the process": lambda: float(_output(_python(_INSIDE))),
    }
    interleaved(measures, 1)  # writes the bytecode, reads the files
    found = interleaved(measures, repeats)
    pairs = zip(found["fastinit"], found["numpy, ml_dtypes"], strict=True)
    note = "an editable installation, which looks for a new build first"
    common = {"task": "import", "note": note if installation() == "editable" else ""}
    inside = "fastinit, inside the process"
    return [
        {**common, "library": "fastinit", "seconds": spread(a - b for a, b in pairs)},
        {**common, "library": inside, "seconds": spread(found[inside])},
        {
            **common,
            "library": "numpy, ml_dtypes",
            "seconds": spread(found["numpy, ml_dtypes"]),
            "note": "the whole process",
        },
    ]


def _seconds(command: list[str]) -> float:
    start = time.perf_counter()
    _output(command)
    return time.perf_counter() - start


# ---- memory of one fill -------------------------------------------------------------------------

# Linux keeps the most that was ever resident; writing 5 to clear_refs starts it anew.
_PEAK = """
import pathlib

def status(field):
    lines = pathlib.Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(field + ":"))

{prepare}
draw(64)
pathlib.Path("/proc/self/clear_refs").write_text("5")
before = status("VmRSS")
kept = draw({rows})
print(status("VmHWM") - before - 2 * 1000 * {rows})
"""
_FASTINIT = """
import fastinit
draw = lambda rows: fastinit.normal((rows, 1000), dtype="bfloat16")
"""
_NUMPY = """
import ml_dtypes, numpy
draw_float32 = numpy.random.Generator(numpy.random.Philox(0)).standard_normal
draw = lambda rows: draw_float32((rows, 1000), numpy.float32).astype(ml_dtypes.bfloat16)
"""
_TORCH = """
import torch
draw = lambda rows: torch.nn.init.normal_(torch.empty(rows, 1000, dtype=torch.bfloat16))
"""


def peak_memory(rows: int, repeats: int, peers: Sequence[str]) -> list[dict[str, Any]]:
    """Resident memory of drawing ``rows`` x 1,000 bfloat16 normals, beyond the array itself."""
    preparations = {"fastinit": _FASTINIT, "numpy": _NUMPY, "torch": _TORCH}
    chosen = [name for name in preparations if name == "fastinit" or name in peers]
    measures = {
        library: lambda prepare=preparations[library]: float(
            _output(_python(_PEAK.format(prepare=prepare, rows=rows)))
        )
        for library in chosen
        if peer(library) is not None
    }
    note = f"beyond the array of {2 * 1000 * rows} bytes"
    return [
        {"task": "peak memory bfloat16", "library": library, "bytes": spread(found), "note": note}
        for library, found in interleaved(measures, repeats).items()
    ]


# ---- a whole command ----------------------------------------------------------------------------

_TRANSFORMERS = """
import sys, transformers
transformers.utils.logging.disable_progress_bar()
model = transformers.GPT2LMHeadModel(transformers.GPT2Config())
model.save_pretrained(sys.argv[1])
"""


def command(repeats: int, peers: Sequence[str]) -> list[dict[str, Any]]:
    """``fastinit init gpt2`` as a whole process: time, and anonymous memory beyond the imports'."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "gpt2.safetensors"
        own = [sys.executable, "-m", "fastinit", "init", "gpt2", "--out", str(file), "--seed", "0"]
        own_imports = _python("import fastinit.__main__, fastinit.cli.app")
        runs = {"fastinit": (own, own_imports)}
        if "transformers" in peers and peer("transformers") is not None:
            theirs = [*_python(_TRANSFORMERS), folder]
            runs["transformers"] = (theirs, _python("from transformers import GPT2LMHeadModel"))
        found: dict[str, list[tuple[float, int]]] = {library: [] for library in runs}
        for turn in range(repeats + 1):
            for library, (whole, imports) in runs.items():
                file.unlink(missing_ok=True)
                seconds, peak = watch(whole)
                if turn:  # the first round warms the disk's cache
                    found[library].append((seconds, peak - watch(imports)[1]))
    return [
        {
            "task": "init gpt2",
            "library": library,
            "seconds": spread(seconds for seconds, _ in measured),
            "bytes": spread(more for _, more in measured),
            "note": "bytes are anonymous memory beyond the imports', seen every millisecond",
        }
        for library, measured in found.items()
    ]


def watch(arguments: list[str]) -> tuple[float, int]:
    """(seconds, the most anonymous memory) of a process.

    Raises:
        LeftOutError: it failed.
    """
    with tempfile.TemporaryFile() as errors:
        start = time.perf_counter()
        process = subprocess.Popen(arguments, stdout=subprocess.DEVNULL, stderr=errors)
        peak = 0
        while process.poll() is None:
            peak = max(peak, _anonymous(process.pid))
            time.sleep(BETWEEN_LOOKS)
        seconds = time.perf_counter() - start
        if process.returncode:
            errors.seek(0)
            lines = errors.read().decode(errors="replace").strip().splitlines()
            raise LeftOutError(lines[-1] if lines else f"exit status {process.returncode}")
    return seconds, peak


def _anonymous(process: int) -> int:
    """Bytes of a process's resident anonymous memory, 0 once it has ended."""
    try:
        lines = Path(f"/proc/{process}/status").read_text().splitlines()
    except OSError:
        return 0
    for line in lines:
        if line.startswith("RssAnon:"):
            return int(line.split()[1]) * 1024
    return 0
