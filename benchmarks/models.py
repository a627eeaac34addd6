"""Whole models in memory: fastinit, transformers and ``memset``.

    python -m benchmarks.models --json benchmarks/results/models.json

An entry of ``results`` has ``task`` (the model and the dtype), ``memory`` ("touched": arrays that
have been written before; "fresh": new arrays each time), ``library``, ``threads``, ``values``,
``seconds`` and ``values_per_second`` (at the median). "fastinit" plans and draws. "memset" sets as
many bytes in the same or in new arrays. "transformers" is the constructor of the model, which
allocates and draws. ``ratios`` contains medians over the rounds:

- ``transformers / touched``: the seconds of transformers over those of fastinit in touched memory.
- ``fresh / limit``: the seconds of fastinit in fresh memory over the larger of ``memset`` in fresh
  memory and fastinit in touched memory. No program that allocates and draws as much can go below
  this limit.
"""

from __future__ import annotations

import argparse
import statistics
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np

import fastinit
from benchmarks import common
from benchmarks.contenders import set_bytes
from benchmarks.tables.models import NOTES

SIGMAS = 6.0  # largest allowed error of a moment, in standard errors
SMALL = {"num_hidden_layers": 1, "vocab_size": 1000}  # for the model whose values are checked
Arrays = dict[str, Any]


def main(argv: Sequence[str] | None = None) -> int:
    """Check, measure and print; write the results if a path is given."""
    options = _options(argv)
    manifest = fastinit.Manifest.load(options.model)
    settings = {name: getattr(options, name) for name in ("model", "dtype", "repeats")}
    report = common.new_report("models", settings, NOTES)

    def plan() -> fastinit.Plan:
        return fastinit.Plan(manifest, seed=0, dtype=options.dtype)

    touched = plan().init()
    for entry in _checks(plan(), touched):
        common.add_check(report, entry)
    theirs = None
    if "transformers" in common.listed(options.peers):
        try:
            theirs = _constructor(manifest, options.dtype)
        except common.LeftOutError as reason:
            common.leave_out(report, options.model, "transformers", reason)
    if theirs is not None:
        entry = _check_moments(theirs)
        common.add_check(report, entry)
        if not entry["ok"]:
            sys.exit("transformers draws other moments than the recipe, so nothing is timed")
    with ThreadPoolExecutor(fastinit.get_num_threads()) as pool:
        measures = _measures(plan, touched, theirs, pool)
        found = common.interleaved(measures, options.repeats)
    _report(
        report, found, f"{options.model} {options.dtype}", sum(a.size for a in touched.values())
    )
    common.write(options.json, report)
    return 0


def _options(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = common.argument_parser("models", __doc__)
    parser.add_argument("--model", default="llama-3.2-1b", help="a built-in model (%(default)s)")
    parser.add_argument("--dtype", default="float32", help="of all weights (%(default)s)")
    parser.add_argument("--repeats", type=int, default=5, help="of each timing (%(default)s)")
    parser.add_argument("--peers", default="transformers", help="other libraries (%(default)s)")
    return parser.parse_args(argv)


# ---- checks -------------------------------------------------------------------------------------


def _checks(plan: fastinit.Plan, touched: Arrays) -> list[dict[str, Any]]:
    """Check each tensor against a separate draw and against the moments in the plan."""
    checks = []
    for row in plan.explain():
        name, values = row["name"], touched[row["name"]].ravel()
        alone = plan.draw(name, np.s_[:1] if row["shape"] else None).ravel()
        same = bool((alone.view(np.uint8) == values[: alone.size].view(np.uint8)).all())
        checks.append({"what": f"{name} alone", "library": "fastinit", "ok": same})
        sample = values[: 1 << 20].astype(np.float64)
        checks.append(_moments(name, "fastinit", sample, row))
    return checks


def _moments(name: str, library: str, sample: Any, row: dict[str, Any]) -> dict[str, Any]:
    mean, std = float(sample.mean()), float(sample.std())
    near_mean = abs(mean - row["mean"]) <= SIGMAS * row["std"] / sample.size**0.5 + 1e-9
    near_std = abs(std - row["std"]) <= (SIGMAS / (2 * sample.size) ** 0.5 + 2e-3) * row["std"]
    facts = {"mean": mean, "std": std, "ok": near_mean and near_std}
    return {"what": f"{name} moments", "library": library} | facts


def _constructor(manifest: fastinit.Manifest, dtype: str) -> Callable[..., Any]:
    """Return a function that builds the model in transformers, with changes to its config."""
    common.required("torch")
    transformers = common.required("transformers")
    if manifest.architecture != "llama":
        raise common.LeftOutError("only the config of Llama can be derived from the shapes")
    shapes = {each.name: each.shape for each in manifest.parameters}
    first = "model.layers.0."
    layers = sum(name.endswith("self_attn.q_proj.weight") for name in shapes)
    vocabulary, width = shapes["model.embed_tokens.weight"]
    head = width // 32
    fields = {
        "vocab_size": vocabulary,
        "hidden_size": width,
        "intermediate_size": shapes[first + "mlp.up_proj.weight"][0],
        "num_hidden_layers": layers,
        "num_attention_heads": 32,
        "num_key_value_heads": shapes[first + "self_attn.k_proj.weight"][0] // head,
        "tie_word_embeddings": "lm_head.weight" in manifest.tied,
        "dtype": dtype,
    }

    def build(**changes: int) -> Any:
        config = transformers.LlamaConfig(**(fields | changes))
        return transformers.LlamaForCausalLM._from_config(config)

    return build


def _check_moments(build: Callable[..., Any]) -> dict[str, Any]:
    """Check that a small model of transformers has the moments in fastinit's plan."""
    module = build(**SMALL)
    plan = fastinit.Plan(fastinit.Manifest.from_torch(module), seed=0)
    state = module.state_dict()
    found = [
        _moments(row["name"], "transformers", state[row["name"]].double().numpy(), row)
        for row in plan.explain()
    ]
    return {
        "what": f"moments of {len(found)} tensors",
        "library": "transformers",
        "ok": all(each["ok"] for each in found),
    }


# ---- timing -------------------------------------------------------------------------------------

_Key = tuple[str, str]  # library, memory


def _measures(
    plan: Callable[[], fastinit.Plan],
    touched: Arrays,
    theirs: Callable[..., Any] | None,
    pool: ThreadPoolExecutor,
) -> dict[_Key, Callable[[], float]]:
    def memset(arrays: Sequence[Any]) -> Sequence[Any]:
        for array in arrays:
            set_bytes(array.ctypes.data, array.nbytes, pool)
        return arrays

    def fresh() -> list[Any]:
        return [np.empty_like(array) for array in touched.values()]

    runs: dict[_Key, Callable[[], Any]] = {
        ("fastinit", "touched"): lambda: plan().init_into(touched),
        ("memset", "touched"): lambda: memset(list(touched.values())),
        ("fastinit", "fresh"): lambda: plan().init(),
        ("memset", "fresh"): lambda: memset(fresh()),
    }
    if theirs is not None:
        runs["transformers", "fresh"] = theirs

    def measure(key: _Key) -> float:
        if key[1] == "fresh":  # touches the same pages and frees them: see the notes
            common.once(runs["memset", "fresh"] if key[0] == "transformers" else runs[key])
        return common.once(runs[key])

    return {key: lambda key=key: measure(key) for key in runs}  # type: ignore[misc]


def _report(report: dict[str, Any], found: dict[_Key, list[float]], task: str, values: int) -> None:
    for (library, memory), seconds in found.items():
        figures = common.spread(seconds)
        rate = values / figures["median"]
        report["results"].append(
            {
                "task": task,
                "memory": memory,
                "library": library,
                "threads": fastinit.get_num_threads(),
                "values": values,
                "seconds": figures,
                "values_per_second": rate,
            }
        )
        print(
            f"{task} {memory:8} {library:13} {figures['median']:8.3f} s  {rate / 1e9:6.3f} x 10^9/s"
        )
    limit = map(max, found["memset", "fresh"], found["fastinit", "touched"])
    ratios = {
        "fresh / limit": statistics.median(
            own / least for own, least in zip(found["fastinit", "fresh"], limit, strict=True)
        )
    }
    if ("transformers", "fresh") in found:
        pairs = zip(found["transformers", "fresh"], found["fastinit", "touched"], strict=True)
        ratios["transformers / touched"] = statistics.median(a / b for a, b in pairs)
    report["ratios"] = ratios
    for name, ratio in ratios.items():
        print(f"{task} {name}: {ratio:.3g}")


if __name__ == "__main__":
    sys.exit(main())
