"""fastinit.keras compared with Keras's own initializers, on a transformer of 110 M parameters.

    python -m benchmarks.keras_init --json benchmarks/results/keras_init.json

The backend of Keras is torch unless KERAS_BACKEND says otherwise. An entry of ``results`` has
``task`` (the initializer of all kernels), ``part`` ("weights": all weights of a model that is built
are drawn again; "model": the model is built, which Keras does in both cases), ``values``,
``threads``, ``library`` ("fastinit" or "keras"), ``seconds``, and ``processor_seconds`` of all
threads together.
"""

from __future__ import annotations

import argparse
import gc
import os
import sys
import time
import warnings
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

os.environ.setdefault("KERAS_BACKEND", "torch")

import keras
import numpy as np
from keras import layers

import fastinit
import fastinit.keras as ours
from benchmarks import common
from fastinit.keras.variables import weights_of

SIGMAS = 6.0  # largest allowed error of a standard deviation, in standard errors
NOTES = [
    "Compare within one run only. Both may use the same number of threads.",
    "Keras's weights are drawn by the layers' own initializers, and assigned.",
]
TASKS = ("glorot_uniform", "he_normal")


def main(argv: Sequence[str] | None = None) -> int:
    """Check, measure and print; write the results if a path is given."""
    parser = common.argument_parser("keras_init", __doc__)
    parser.add_argument("--width", type=int, default=768, help="(%(default)s)")
    parser.add_argument("--depth", type=int, default=12, help="(%(default)s)")
    parser.add_argument("--vocabulary", type=int, default=32000, help="(%(default)s)")
    parser.add_argument("--repeats", type=int, default=5, help="of each timing (%(default)s)")
    parser.add_argument("--tasks", default=",".join(TASKS), help="(%(default)s)")
    options = parser.parse_args(argv)
    count = max(common.thread_counts("all"))
    settings = {name: getattr(options, name) for name in ("width", "depth", "vocabulary")}
    settings |= {"threads": [count], "backend": keras.backend.backend()}
    report = common.new_report("keras_init", settings, NOTES, ("keras",))
    with common.threads(count):
        for task in common.listed(options.tasks):
            measure(report, task, options)
    common.write(options.json, report)
    return 0


def build(initializer: str, options: argparse.Namespace) -> Any:
    """Return a transformer whose kernels all have one initializer."""
    width = options.width
    tokens = keras.Input((128,), dtype="int32")
    x = layers.Embedding(options.vocabulary, width, embeddings_initializer=initializer)(tokens)
    for _ in range(options.depth):
        y = layers.LayerNormalization()(x)
        heads = max(width // 64, 1)
        attention = layers.MultiHeadAttention(heads, 64, kernel_initializer=initializer)
        x = layers.Add()([x, attention(y, y)])
        y = layers.LayerNormalization()(x)
        y = layers.Dense(4 * width, activation="gelu", kernel_initializer=initializer)(y)
        x = layers.Add()([x, layers.Dense(width, kernel_initializer=initializer)(y)])
    return keras.Model(tokens, x)


def draw_by_keras(model: Any) -> None:
    """Draw all weights again with the layers' own initializers."""
    for weight in weights_of(model):
        name = weight.variable.name
        initializer = getattr(weight.layer, f"{name}_initializer")
        weight.variable.assign(initializer(weight.variable.shape, dtype=weight.variable.dtype))


def measure(report: dict[str, Any], task: str, options: argparse.Namespace) -> None:
    """Check a task, and time it for both libraries."""
    model = build(task, options)
    check(report, task, model)
    count = model.count_params()
    parts: dict[str, dict[str, Callable[[], Any]]] = {
        "weights": {
            "fastinit": lambda: ours.init_(model, seed=0),
            "keras": lambda: draw_by_keras(model),
        },
        "model": {
            "fastinit": lambda: accelerated(task, options),
            "keras": lambda: build(task, options),
        },
    }
    for part, contenders in parts.items():
        used: dict[str, list[float]] = {who: [] for who in contenders}
        measures = {who: partial(timed, run, used[who]) for who, run in contenders.items()}
        for who, seconds in common.interleaved(measures, options.repeats).items():
            enter(report, task, part, who, seconds, used[who], count)


def accelerated(task: str, options: argparse.Namespace) -> Any:
    """Build the model in fastinit's context."""
    with ours.accelerate():
        return build(task, options)


def timed(run: Callable[[], Any], used: list[float]) -> float:
    """Return the seconds of a call; append those of all processors to ``used``."""
    gc.collect()  # the memory of the previous one goes back to the system
    before = time.process_time()
    seconds = common.once(run)
    used.append(time.process_time() - before)
    return seconds


def check(report: dict[str, Any], task: str, model: Any) -> None:
    """Check that weights are the plan's bit for bit, and have the spread of Keras's."""
    theirs = {each.name: spread_of(each.variable) for each in weights_of(model)}
    ours.init_(model, seed=0)
    drawn = ours.plan(model, seed=0).init()
    wrong = []
    for each in weights_of(model):
        mine = keras.ops.convert_to_numpy(each.variable)
        allowed = SIGMAS * theirs[each.name] / np.sqrt(mine.size)
        is_as_theirs = abs(spread_of(each.variable) - theirs[each.name]) <= 2 * allowed
        is_as_planned = fastinit.digest(mine) == fastinit.digest(drawn[each.name])
        wrong += [] if is_as_theirs and is_as_planned else [each.name]
    entry = {"what": task, "library": "fastinit", "wrong": wrong, "ok": not wrong}
    common.add_check(report, entry)


def spread_of(variable: Any) -> float:
    """Return the standard deviation of a weight."""
    return float(keras.ops.convert_to_numpy(variable).std())


def enter(
    report: dict[str, Any],
    task: str,
    part: str,
    library: str,
    seconds: list[float],
    used: list[float],
    count: int,
) -> None:
    """Add a measurement to the report and print it."""
    spread, processor = common.spread(seconds), common.spread(used)
    report["results"].append(
        {
            "task": task,
            "part": part,
            "values": count,
            "threads": report["settings"]["threads"][0],
            "library": library,
            "seconds": spread,
            "processor_seconds": processor,
            "note": "",
        }
    )
    low, high = spread["minimum"], spread["maximum"]
    print(
        f"{task:16}{part:9}{library:10}{spread['median']:10.4f} s   {low:.4f} to {high:.4f}"
        f"   {processor['median']:10.4f} s of processors"
    )


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    sys.exit(main())
