"""Checkpoint files: a model compared with constant data, the memory of a large one, planning time.

    python -m benchmarks.checkpoints --json benchmarks/results/checkpoints.json

An entry of ``results`` has ``task``, ``library``, ``note`` and what was measured: ``seconds`` of
one run and, depending on the task, ``size`` (bytes of the file), ``bytes`` (anonymous memory beyond
that of the imports) or ``ratio``. ``task`` is one of

- "save": Llama-3.2-1B in bfloat16 in one file. "fastinit" draws, digests and writes it and waits
  for the disk. "constant" writes as many bytes of a constant with the same writer, without digests,
  and also waits. "fastinit, verify" reads the file, draws again and compares. ``ratio`` compares
  the first two; it is the median of the ratios of the rounds.
- "large": the process of ``fastinit init`` for Llama-3-8B in bfloat16, which writes 16 GB.
- "plan": the process of ``fastinit plan`` for the manifest of Llama-3-70B.

Each file is removed immediately after its measurement.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import fastinit
from benchmarks import common
from benchmarks.common import interleaved, spread
from benchmarks.processes import watch
from benchmarks.tables.checkpoints import NOTES
from fastinit.checkpoints.atomic_file import atomic_file
from fastinit.checkpoints.pipeline import BUFFER, Bytes, run
from fastinit.checkpoints.write import DIRECT

COMMAND = [sys.executable, "-m", "fastinit"]


def main(argv: Sequence[str] | None = None) -> int:
    """Check, measure and print; write the results if a path is given."""
    options = _options(argv)
    settings = {name: getattr(options, name) for name in ("repeats", "model", "large", "layers")}
    report = common.new_report("checkpoints", settings, NOTES)
    with tempfile.TemporaryDirectory(dir=options.folder) as name:
        folder = Path(name)
        parts: dict[str, Callable[[], list[dict[str, Any]]]] = {
            "save": lambda: save(folder, options.model, options.repeats, report),
            "large": lambda: large(folder, options.large),
            "plan": lambda: plan(folder, options.layers, options.repeats),
        }
        for part in options.parts.split(","):
            for entry in parts[part]():
                report["results"].append(entry)
                print(describe(entry))
    common.write(options.json, report)
    return 0


def _options(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser("python -m benchmarks.checkpoints", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--json", metavar="PATH", help="write the report there")
    parser.add_argument("--folder", type=Path, help="where to write the files")
    parser.add_argument("--repeats", type=int, default=7, help="of everything (%(default)s)")
    parser.add_argument("--model", default="llama-3.2-1b", help="of save (%(default)s)")
    parser.add_argument("--large", default="llama-3-8b", help="of large (%(default)s)")
    parser.add_argument("--layers", type=int, default=80, help="of plan (%(default)s)")
    parser.add_argument("--parts", default="save,large,plan", help="(%(default)s)")
    return parser.parse_args(argv)


def describe(entry: dict[str, Any]) -> str:
    """Return a line of text about an entry."""
    text = f"{entry['task']:8}{entry['library']:20}{entry['seconds']['median']:9.3f} s"
    if "size" in entry:
        text += f"{entry['size'] / entry['seconds']['median'] / 1e9:8.2f} GB/s"
    if "bytes" in entry:
        text += f"{entry['bytes']['median'] / 1e6:10.1f} MB"
    if "ratio" in entry:
        text += f"   ratio {entry['ratio']:.2f}"
    return text


def save(folder: Path, model: str, repeats: int, report: dict[str, Any]) -> list[dict[str, Any]]:
    """Time a model drawn into a file, and as many constant bytes."""
    drawn = fastinit.Plan(model, seed=0, dtype="bfloat16")
    path = folder / "model.safetensors"
    size = drawn.save(path).size
    found = fastinit.verify(path)
    what = "save: the file holds what is drawn, to the bit"
    common.add_check(report, {"what": what, "library": "fastinit", "ok": found.ok})
    measures = {
        "fastinit": lambda: _timed(path, lambda: drawn.save(path)),
        "constant": lambda: _timed(path, lambda: _constant(path, size)),
    }
    seconds = interleaved(measures, repeats)
    drawn.save(path, force=True)
    seconds["fastinit, verify"] = [
        common.once(lambda: fastinit.verify(path)) for _ in range(max(1, repeats // 3))
    ]
    path.unlink()
    note = f"{model} bfloat16, {fastinit.get_num_threads()} threads"
    entries: list[dict[str, Any]] = [
        {"task": "save", "library": key, "seconds": spread(value), "size": size, "note": note}
        for key, value in seconds.items()
    ]
    pairs = zip(seconds["fastinit"], seconds["constant"], strict=True)
    entries[0]["ratio"] = statistics.median(a / b for a, b in pairs)
    return entries


def _timed(path: Path, write: Callable[[], Any]) -> float:
    path.unlink(missing_ok=True)
    os.sync()
    start = time.perf_counter()
    write()
    return time.perf_counter() - start


def _constant(path: Path, size: int) -> None:
    """Write ``size`` bytes of a constant with the writer of checkpoints."""
    with atomic_file(path, size, direct=size >= DIRECT) as file:

        def write(offset: int, buffer: Bytes) -> int:
            content = buffer[: min(BUFFER, size - offset)]
            if content[0] == 0:
                content[:] = 1
            file.write(content.data, offset)
            return content.size

        run(range(0, size, BUFFER), write, lambda *_: None)


def large(folder: Path, model: str) -> list[dict[str, Any]]:
    """Measure the time and memory of writing a large model with the command."""
    out = folder / "large.safetensors"
    command = [*COMMAND, "init", model, "--out", str(out), "--dtype", "bfloat16"]
    _, imports = watch([sys.executable, "-c", "import fastinit.cli.app"])
    seconds, peak = watch(command)
    size = out.stat().st_size
    out.unlink()
    note = f"{model} bfloat16; bytes are anonymous memory beyond that of the imports"
    entry = {"task": "large", "library": "fastinit", "seconds": spread([seconds]), "note": note}
    return [{**entry, "size": size, "bytes": spread([float(peak - imports)])}]


def plan(folder: Path, layers: int, repeats: int) -> list[dict[str, Any]]:
    """Time printing a large plan with the command."""
    path = folder / "manifest.json"
    path.write_text(json.dumps(llama(layers)))
    command = [*COMMAND, "plan", str(path), "--recipe", "llama"]
    if "llama" not in fastinit.list_recipes():
        command[-1] = "default"
    watch(command)
    seconds = [watch(command)[0] for _ in range(repeats)]
    note = f"{layers} layers, the whole process"
    return [{"task": "plan", "library": "fastinit", "seconds": spread(seconds), "note": note}]


def llama(layers: int) -> dict[str, Any]:
    """Return the manifest of Llama-3-70B, with a given number of layers."""
    hidden, inner, narrow, words = 8192, 28672, 1024, 128256
    block = {
        "self_attn.q_proj": (hidden, hidden),
        "self_attn.k_proj": (narrow, hidden),
        "self_attn.v_proj": (narrow, hidden),
        "self_attn.o_proj": (hidden, hidden),
        "mlp.gate_proj": (inner, hidden),
        "mlp.up_proj": (inner, hidden),
        "mlp.down_proj": (hidden, inner),
        "input_layernorm": (hidden,),
        "post_attention_layernorm": (hidden,),
    }
    shapes: dict[str, tuple[int, ...]] = {"model.embed_tokens.weight": (words, hidden)}
    for k in range(layers):
        shapes |= {f"model.layers.{k}.{name}.weight": shape for name, shape in block.items()}
    shapes |= {"model.norm.weight": (hidden,), "lm_head.weight": (words, hidden)}
    parameters = [{"name": name, "shape": list(shape)} for name, shape in shapes.items()]
    return {"model": "llama-3-70b", "parameters": parameters}


if __name__ == "__main__":
    sys.exit(main())
