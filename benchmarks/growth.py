"""Plans from checkpoints: experts and words for Llama-3.2-1B, compared with copying the same bytes.

    python -m benchmarks.growth --json benchmarks/results/growth.json

An entry of ``results`` has ``task``, ``library``, ``note``, ``seconds`` of one run, ``size`` (bytes
of the file) and for fastinit ``bytes`` (anonymous memory of the process beyond that of the imports)
and ``ratio``: the rate of fastinit divided by that of the copy, the median of the rounds.
``reading`` says whether what is read is in the page cache ("memory") or not ("disk"), for fastinit
and the copy alike. ``task`` is one of

- "upcycle": the model with 8 experts in the place of each feed-forward layer, in bfloat16.
- "vocabulary": the model with 160,000 words in the place of 128,256.

"fastinit" is the whole process that makes the plan, reads the source, compares its digests, draws
the rest, writes the file with digests and waits for the disk. "copy" reads the file that fastinit
wrote and writes it again with the same writer, without digests, and also waits. The source is
drawn by fastinit, and states its digests. Before anything is timed, ``fastinit.verify`` compares
every bit of both files.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import fastinit
from benchmarks import common
from benchmarks.common import spread
from benchmarks.processes import watch
from fastinit.checkpoints.atomic_file import atomic_file
from fastinit.checkpoints.pipeline import BUFFER, Bytes, run
from fastinit.checkpoints.read import Reader
from fastinit.checkpoints.write import DIRECT

NOTES = ["What a run reads is brought into the page cache, or dropped from it, before each run."]
UPCYCLE = """
import fastinit, sys
from benchmarks.growth import with_experts
model = with_experts(int(sys.argv[3]))
fastinit.upcycle(sys.argv[1], model, "mixtral", seed=1, dtype="bfloat16").save(sys.argv[2])
"""
VOCABULARY = """
import fastinit, sys
fastinit.resize_vocabulary(sys.argv[1], int(sys.argv[3]), seed=1).save(sys.argv[2])
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Check, measure and print; write the results if a path is given."""
    options = _options(argv)
    settings = {name: getattr(options, name) for name in ("repeats", "experts", "words")}
    report = common.new_report("growth", settings, NOTES)
    with tempfile.TemporaryDirectory(dir=options.folder) as name:
        folder = Path(name)
        source = folder / "dense.safetensors"
        fastinit.Plan("llama-3.2-1b", seed=0, dtype="bfloat16").save(source)
        tasks = {"vocabulary": (VOCABULARY, options.words), "upcycle": (UPCYCLE, options.experts)}
        for task in options.tasks.split(","):
            code, number = tasks[task]
            grown = folder / "grown.safetensors"
            command = [sys.executable, "-c", code, str(source), str(grown), str(number)]
            for entry in measure(task, command, source, grown, options.repeats, report):
                report["results"].append(entry)
                print(describe(entry))
    common.write(options.json, report)
    return 0


def _options(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser("python -m benchmarks.growth", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--json", metavar="PATH", help="write the report there")
    parser.add_argument("--folder", type=Path, help="where to write the files")
    parser.add_argument("--repeats", type=int, default=3, help="of everything (%(default)s)")
    parser.add_argument("--experts", type=int, default=8, help="(%(default)s)")
    parser.add_argument("--words", type=int, default=160_000, help="(%(default)s)")
    parser.add_argument("--tasks", default="vocabulary,upcycle", help="(%(default)s)")
    return parser.parse_args(argv)


def describe(entry: dict[str, Any]) -> str:
    """Return a line of text about an entry."""
    seconds = entry["seconds"]["median"]
    rate = entry["size"] / seconds / 1e9
    text = f"{entry['task']:12}{entry['reading']:8}{entry['library']:10}"
    text += f"{seconds:9.2f} s{rate:8.2f} GB/s"
    if "bytes" in entry:
        text += f"{entry['bytes']['median'] / 1e6:10.1f} MB   ratio {entry['ratio']:.2f}"
    return text


def measure(
    task: str, command: list[str], source: Path, grown: Path, repeats: int, report: dict[str, Any]
) -> Iterator[dict[str, Any]]:
    """Time a plan that is saved, and a copy of its file, one after the other."""
    _, imports = watch([sys.executable, "-c", "import fastinit.plans.transfer"])
    watch(command)
    what = f"{task}: the file holds what the plan draws, to the bit"
    ok = fastinit.verify(grown).ok
    common.add_check(report, {"what": what, "library": "fastinit", "ok": ok})
    size = grown.stat().st_size
    note = f"llama-3.2-1b bfloat16, {fastinit.get_num_threads()} threads"
    for reading, prepare in READINGS.items():
        seconds: dict[str, list[float]] = {"fastinit": [], "copy": []}
        peaks = []
        for _ in range(repeats):
            grown.unlink()
            prepare(source)
            taken, peak = watch(command)
            seconds["fastinit"].append(taken)
            peaks.append(float(peak - imports))
            prepare(grown)
            start = time.perf_counter()
            copy(grown, grown.with_name("copy.safetensors"))
            seconds["copy"].append(time.perf_counter() - start)
            grown.with_name("copy.safetensors").unlink()
        entries: list[dict[str, Any]] = [
            {"task": task, "reading": reading, "library": key, "seconds": spread(value)}
            | {"size": size, "note": note}
            for key, value in seconds.items()
        ]
        pairs = zip(seconds["copy"], seconds["fastinit"], strict=True)
        entries[0] |= {"bytes": spread(peaks), "ratio": statistics.median(a / b for a, b in pairs)}
        yield from entries
    grown.unlink()


def keep(path: Path) -> None:
    """Bring a file into the page cache."""
    with path.open("rb", buffering=0) as file:
        buffer = bytearray(BUFFER)
        while file.readinto(buffer):
            pass


def drop(path: Path) -> None:
    """Drop a file from the page cache."""
    with path.open("rb") as file:
        os.fsync(file.fileno())  # pages that are not on the disk yet would stay
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


READINGS = {"memory": keep, "disk": drop}


def copy(source: Path, target: Path) -> None:
    """Copy a file with the writer of checkpoints."""
    size = source.stat().st_size
    reader = Reader(source)
    with atomic_file(target, size, direct=size >= DIRECT) as file:

        def act(offset: int, buffer: Bytes) -> int:
            content = reader.read(offset, min(BUFFER, size - offset), buffer)
            file.write(content.data, offset)
            return content.size

        run(range(0, size, BUFFER), act, lambda *_: None)
    reader.close()


def with_experts(count: int) -> fastinit.Manifest:
    """Return Llama-3.2-1B with experts, in the names of Mixtral."""
    shapes: dict[str, tuple[int, ...]] = {}
    for each in fastinit.Manifest.load("llama-3.2-1b").parameters:
        before, _, part = each.name.partition(".mlp.")
        if not part:
            shapes[each.name] = each.shape
        elif part == "gate_proj.weight":
            rows, columns = each.shape
            shapes[f"{before}.mlp.gate.weight"] = (count, columns)
            shapes[f"{before}.mlp.experts.gate_up_proj"] = (count, 2 * rows, columns)
            shapes[f"{before}.mlp.experts.down_proj"] = (count, columns, rows)
    return fastinit.Manifest.from_shapes(shapes, "llama-3.2-1b with experts")


if __name__ == "__main__":
    sys.exit(main())
