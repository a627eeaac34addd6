"""The cost of a probe of JAX, relative to a compiled forward and backward pass of the same model.

    python -m benchmarks.jax_probe --json benchmarks/results/jax_probe.json

A probe is a program of its own, which is compiled for one call, so the passes are compiled anew
for each call, too. An entry of ``results`` has ``task`` (the model), ``library`` ("fastinit"),
``probe`` and ``passes`` (processor seconds of one thread, as ``seconds`` elsewhere) and ``ratio``,
the spread of the ratios of the rounds.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

import fastinit
import fastinit.jax as ours
from benchmarks import common
from benchmarks.jax_init import transformer

NOTES = [
    "Processor time, mostly of XLA's compiler; both contenders run in turn, in one process.",
    "The passes are jax.jit(jax.value_and_grad(loss)) with respect to all parameters.",
]


def main(argv: Sequence[str] | None = None) -> int:
    """Check, measure and print; write the results if a path is given."""
    parser = common.argument_parser("jax_probe", __doc__)
    parser.add_argument("--models", default=",".join(MODELS), help="which of them (%(default)s)")
    parser.add_argument("--repeats", type=int, default=3)
    options = parser.parse_args(argv)
    settings = {"models": options.models, "repeats": options.repeats}
    report = common.new_report("jax_probe", settings, NOTES, ("flax",))
    for name in common.listed(options.models):
        model, batch = MODELS[name]()
        variables = jax.jit(model.init)(jax.random.key(0), batch)
        _check(report, name, model, batch, variables)
        entry = _measured(name, model, batch, variables, options.repeats)
        report["results"].append(entry)
        ratio = entry["ratio"]["median"]
        print(f"{name}: {ratio:.2f} x the passes ({entry['passes']['median']:.3g} s)")
    common.write(options.json, report)
    return 0


def _mlp() -> tuple[Any, Any]:
    nn: Any = common.required("flax.linen")
    layers = [each for _ in range(8) for each in (nn.Dense(512), nn.relu)]
    return nn.Sequential(layers), jnp.asarray(fastinit.normal((256, 512), seed=0))


def _transformer() -> tuple[Any, Any]:
    tokens = np.arange(4 * 128).reshape(4, 128) * 37 % 8192
    return transformer(6, 384, jax.nn.initializers), jnp.asarray(tokens)


MODELS: dict[str, Callable[[], tuple[Any, Any]]] = {"transformer": _transformer, "mlp": _mlp}


def _loss(output: Any) -> Any:
    return jnp.mean(output**2)


def _passes(model: Any, batch: Any, variables: Any) -> float:
    program = jax.jit(jax.value_and_grad(lambda own, given: _loss(model.apply(own, given))))
    value, gradients = program(variables, batch)
    jax.block_until_ready(gradients)
    return float(value)


def _check(report: dict[str, Any], name: str, model: Any, batch: Any, variables: Any) -> None:
    """Check that the probe finds the loss of the passes."""
    expected = _passes(model, batch, variables)
    found = ours.probe(model, batch, _loss, variables=variables).loss
    ok = found is not None and abs(found - expected) <= 1e-4 * abs(expected)
    entry = {"what": f"loss of {name}", "library": "fastinit", "ok": ok, "loss": found}
    common.add_check(report, entry)


def _measured(name: str, model: Any, batch: Any, variables: Any, repeats: int) -> dict[str, Any]:
    def seconds(run: Callable[[], Any]) -> float:
        jax.clear_caches()
        start = time.process_time()
        run()
        return time.process_time() - start

    figures = common.interleaved(
        {
            "probe": lambda: seconds(lambda: ours.probe(model, batch, _loss, variables=variables)),
            "passes": lambda: seconds(lambda: _passes(model, batch, variables)),
        },
        repeats,
    )
    ratios = [a / b for a, b in zip(figures["probe"], figures["passes"], strict=True)]
    spreads = {what: common.spread(each) for what, each in figures.items()}
    return {"task": name, "library": "fastinit", **spreads, "ratio": common.spread(ratios)}


if __name__ == "__main__":
    raise SystemExit(main())
