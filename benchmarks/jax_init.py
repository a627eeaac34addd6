"""fastinit.jax compared with compiled jax.nn.initializers, and a model of flax initialized.

    python -m benchmarks.jax_init --json benchmarks/results/jax_init.json

An entry of ``results`` has ``task`` (the name of an initializer, or "model"), ``way``, ``shape``
(null for the model), ``values``, ``threads``, ``library`` ("fastinit" or "jax") and ``seconds``.
The way is "eager", "jit" (a compiled program, which calls native code) or "callback" (a compiled
program that calls Python); for the model it is "flax" (``model.init``), "jit" (``jax.jit`` of it,
once more), "jit, first" (with its compilation) or "init_tree" (with its shapes, which are known).
Every call returns new memory.

Further ways say where the time goes. Task "memory": "zeros" fills new memory of fastinit with
zeros, "jit" is JAX's compiled zeros, "ready" a compiled program that calls Python for an array that
is there already, which JAX copies. Way "written" of an initializer draws into memory that has been
written before.
"""

from __future__ import annotations

import argparse
import functools
import gc
import math
import sys
from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

import fastinit
import fastinit.jax as ours
from benchmarks import common
from fastinit.jax import targets
from fastinit.native import xla

theirs = jax.nn.initializers
SIGMAS = 6.0  # largest allowed error of a moment, in standard errors
KEY = jax.random.key(0)
FUNCTIONS = {"he_normal": 1, "he_uniform": 1, "orthogonal": 4}  # and what divides --size
NOTES = [
    "Compare within one run only. Both may use the same processors.",
    "The model is a transformer of flax.linen, with flax's own initializers or those of fastinit.",
    "Before each timing the same call is done once and its memory is freed. Otherwise the host of "
    "a virtual machine has to find the pages of some calls and not of others.",
]


def main(argv: Sequence[str] | None = None) -> int:
    """Check, measure and print; write the results if a path is given."""
    options = _options(argv)
    count = max(common.thread_counts("all"))
    settings = {"size": options.size, "repeats": options.repeats, "threads": [count]}
    report = common.new_report("jax_init", settings, NOTES, ("flax",))
    with common.threads(count):
        memory(report, options.size, options.repeats)
        for name in common.listed(options.functions):
            function(report, name, options.size // FUNCTIONS[name], options.repeats)
        if options.layers:
            model(report, options.layers, options.width, options.repeats)
    common.write(options.json, report)
    return 0


def _options(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = common.argument_parser("jax_init", __doc__)
    parser.add_argument("--size", type=int, default=8192, help="rows and columns (%(default)s)")
    parser.add_argument("--repeats", type=int, default=5, help="of each timing (%(default)s)")
    parser.add_argument("--functions", default=",".join(FUNCTIONS), help="(%(default)s)")
    parser.add_argument("--layers", type=int, default=12, help="of the model (%(default)s)")
    parser.add_argument("--width", type=int, default=768, help="of the model (%(default)s)")
    return parser.parse_args(argv)


def memory(report: dict[str, Any], size: int, repeats: int) -> None:
    """Time what new memory costs, whatever is drawn into it."""
    shape = (size, size)
    there = np.ones(shape, np.float32)
    result = jax.ShapeDtypeStruct(shape, there.dtype)
    calls: dict[tuple[str, str], Callable[[], Any]] = {
        ("zeros", "fastinit"): lambda: fastinit.zeros(shape),
        ("jit", "jax"): compiled(theirs.zeros, shape),
        ("ready", "jax"): compiled(lambda *_: jax.pure_callback(lambda: there, result), shape),
    }
    found = common.interleaved(
        {which: functools.partial(once, call) for which, call in calls.items()}, repeats
    )
    for (way, library), seconds in found.items():
        enter(report, "memory", way, library, seconds, math.prod(shape), shape)


# ---- functions ----------------------------------------------------------------------------------


def function(report: dict[str, Any], name: str, size: int, repeats: int) -> None:
    """Check an initializer and time it, eagerly and in programs."""
    shape = (size, size)
    own, other = (getattr(module, name)() for module in (ours, theirs))
    calls: dict[tuple[str, str], Callable[[], Any]] = {
        ("eager", "fastinit"): lambda: own(KEY, shape),
        ("callback", "fastinit"): compiled(own, shape, by_python=True),
        ("jit", "jax"): compiled(other, shape),
    }
    if xla.extension() is not None:
        calls["jit", "fastinit"] = compiled(own, shape)
    check(report, name, {way: call() for (way, who), call in calls.items() if who == "fastinit"})
    drawn = own.resolve(shape)
    written = np.zeros(shape, np.float32)
    calls["written", "fastinit"] = lambda: drawn(shape, seed=0, name=0, out=written)
    found = common.interleaved(
        {which: functools.partial(once, call) for which, call in calls.items()}, repeats
    )
    for (way, library), seconds in found.items():
        enter(report, name, way, library, seconds, math.prod(shape), shape)


def compiled(init: Any, shape: tuple[int, ...], by_python: bool = False) -> Callable[[], Any]:
    """Return the call of a compiled program."""
    before = targets.registered
    if by_python:
        targets.registered = frozenset  # type: ignore[assignment]
    jax.clear_caches()
    program = jax.jit(lambda key: init(key, shape)).lower(KEY).compile()
    targets.registered = before
    return lambda: program(KEY)


def once(call: Callable[[], Any]) -> float:
    """Return the seconds of a call after another one, whose memory the system has again."""
    jax.block_until_ready(call())
    gc.collect()
    return common.once(lambda: jax.block_until_ready(call()))


def check(report: dict[str, Any], name: str, drawn: dict[str, Any]) -> None:
    """Check that all ways draw the same bits, which have the moments of JAX's."""
    first, *others = drawn.values()
    small = (512, 512)
    mine, expected = (
        np.asarray(getattr(module, name)()(KEY, small), np.float64) for module in (ours, theirs)
    )
    allowed = SIGMAS * math.sqrt(2 / mine.size)
    same = all(bool((each == first).all()) for each in others)
    entry = {"what": name, "library": "fastinit", "ways": list(drawn), "same": same}
    entry |= {"mean": float(mine.mean()), "std": float(mine.std())}
    entry["ok"] = bool(
        same
        and abs(mine.mean() - expected.mean()) <= allowed * expected.std()
        and abs(mine.std() / expected.std() - 1) <= allowed
    )
    common.add_check(report, entry)


# ---- a model ------------------------------------------------------------------------------------


def transformer(layers: int, width: int, module: Any) -> Any:
    """Return a transformer of flax, whose initializers are those of a module."""
    nn: Any = common.required("flax.linen")
    kernels = {"kernel_init": module.lecun_normal()}

    class Block(nn.Module):  # type: ignore[misc]
        @nn.compact  # type: ignore[untyped-decorator]
        def __call__(self, x: Any) -> Any:
            y = nn.LayerNorm()(x)
            x = x + nn.MultiHeadDotProductAttention(max(1, width // 64), **kernels)(y)
            y = nn.Dense(4 * width, **kernels)(nn.LayerNorm()(x))
            return x + nn.Dense(width, **kernels)(nn.gelu(y))

    class Model(nn.Module):  # type: ignore[misc]
        @nn.compact  # type: ignore[untyped-decorator]
        def __call__(self, tokens: Any) -> Any:
            tables = module.variance_scaling(1.0, "fan_in", "normal", out_axis=0)
            x = nn.Embed(32768 * width // 768, width, embedding_init=tables)(tokens)
            for _ in range(layers):
                x = Block()(x)
            return nn.LayerNorm()(x)

    return Model()


RULES = [
    ("**.scale", fastinit.Constant(1)),
    ("**.bias", fastinit.Constant(0)),
    ("**.embedding", fastinit.VarianceScaling(layout="oi")),
    ("**.out.kernel", fastinit.LecunNormal(layout="iio", truncated=True)),
    *(
        (f"**.{name}.kernel", fastinit.LecunNormal(layout="ioo", truncated=True))
        for name in ("query", "key", "value")
    ),
    ("**.kernel", fastinit.LecunNormal(layout="io", truncated=True)),
]


def model(report: dict[str, Any], layers: int, width: int, repeats: int) -> None:
    """Time the initialization of a model, with and without the compilation of its program."""
    tokens = jnp.zeros((1, 8), jnp.int32)
    models = {
        library: transformer(layers, width, module)
        for library, module in (("fastinit", ours), ("jax", theirs))
    }
    shapes = jax.eval_shape(models["jax"].init, KEY, tokens)
    calls: dict[tuple[str, str], Callable[[], Any]] = {
        ("init_tree", "fastinit"): lambda: ours.init_tree(shapes, RULES)
    }
    for library, built in models.items():
        program = jax.jit(built.init)
        calls["flax", library] = functools.partial(built.init, KEY, tokens)
        calls["jit", library] = functools.partial(program, KEY, tokens)
    check_model(report, {which: call() for which, call in calls.items()})
    found = common.interleaved(
        {which: functools.partial(once, call) for which, call in calls.items()}, repeats
    )
    for library, built in models.items():
        first = [_first(built, tokens) for _ in range(min(repeats, 3))]
        found["jit, first", library] = first
    count = sum(leaf.size for leaf in jax.tree.leaves(shapes))
    for (way, library), seconds in found.items():
        enter(report, "model", way, library, seconds, count, None)


def _first(built: Any, tokens: Any) -> float:
    jax.clear_caches()
    program = jax.jit(lambda key: built.init(key, tokens))
    return common.once(lambda: jax.block_until_ready(program(KEY)))


def check_model(report: dict[str, Any], drawn: dict[tuple[str, str], Any]) -> None:
    """Check that every parameter has the moments that flax's own has."""
    expected = jax.tree.leaves(drawn["flax", "jax"])
    for (way, library), tree in drawn.items():
        ok = True
        for mine, other in zip(jax.tree.leaves(tree), expected, strict=True):
            std = float(other.std())
            allowed = SIGMAS * math.sqrt(2 / mine.size)
            ok &= mine.shape == other.shape and abs(float(mine.std()) - std) <= allowed * std
            ok &= abs(float(mine.mean()) - float(other.mean())) <= allowed * std
        common.add_check(report, {"what": f"model, {way}", "library": library, "ok": bool(ok)})


# ---- the report ---------------------------------------------------------------------------------


def enter(
    report: dict[str, Any],
    task: str,
    way: str,
    library: str,
    seconds: list[float],
    count: int,
    shape: tuple[int, ...] | None,
) -> None:
    """Add a measurement to the report and print it."""
    spread = common.spread(seconds)
    report["results"].append(
        {
            "task": task,
            "way": way,
            "shape": shape,
            "values": count,
            "threads": report["settings"]["threads"][0],
            "library": library,
            "seconds": spread,
        }
    )
    low, high = spread["minimum"], spread["maximum"]
    print(f"{task:12}{way:12}{library:10}{spread['median']:12.6f} s   {low:.6f} to {high:.6f}")


if __name__ == "__main__":
    sys.exit(main())
