"""fastinit.torch compared with torch.nn.init, and models built with and without accelerate.

    python -m benchmarks.torch_init --json benchmarks/results/torch_init.json

An entry of ``results`` has ``task`` (the name of a function or a model), ``part`` ("large": a large
tensor that has been written before; "small": a 64 x 64 tensor; "model": a model in fresh memory),
``shape`` (null for models), ``values``, ``threads``, ``library``, ``seconds`` and ``note``.
``library`` is "fastinit" or "torch". For models it is also "memset" (fresh memory of the same sizes
is set to 0), "touch" (one value of each page of fresh memory is written, so that the system zeroes
the pages) and "draw" (the same values are drawn into memory that has been written before).
"""

from __future__ import annotations

import argparse
import ctypes
import gc
import math
import mmap
import sys
import time
import warnings
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import numpy as np
import torch
from torch.nn import init as theirs

import fastinit.torch as ours
from benchmarks import common
from fastinit import Constant, Normal
from fastinit.torch.memory.batch import FillBatch

SIGMAS = 6.0  # largest allowed error of a moment, in standard errors
SAMPLE = 1 << 20
PAGE, HUGE_PAGE = 4096, 2 << 20  # bytes
NOTES = [
    "Compare within one run only. Both may use the same number of threads; torch fills with one.",
    "transformers' AutoModelForCausalLM.from_config builds the models, each time in fresh memory.",
    "Before each of these timings, as much memory is set to 0 and freed. Otherwise the host of a "
    "virtual machine may take seconds to find a gigabyte of pages, not for every library alike.",
]
Arguments = tuple[Any, ...]

# Each function's arguments, and the shape of its large tensor in units of --size.
FUNCTIONS: dict[str, tuple[Arguments, Callable[[int], tuple[int, ...]]]] = {
    **{
        name: ((), lambda n: (n, n))
        for name in (
            *("uniform_", "normal_", "trunc_normal_", "xavier_uniform_", "xavier_normal_"),
            *("kaiming_uniform_", "kaiming_normal_", "ones_", "zeros_", "eye_"),
        )
    },
    "constant_": ((0.5,), lambda n: (n, n)),
    "dirac_": ((), lambda n: (n // 8, n // 8, 3, 3)),
    "orthogonal_": ((), lambda n: (n // 4, n // 4)),
    "sparse_": ((0.9,), lambda n: (n // 2, n // 2)),
}
SLOW = ("trunc_normal_", "sparse_", "orthogonal_")  # in torch, so they are repeated less often


def main(argv: Sequence[str] | None = None) -> int:
    """Check, measure and print; write the results if a path is given."""
    options = _options(argv)
    count = max(common.thread_counts("all"))
    settings = {"size": options.size, "repeats": options.repeats, "threads": [count]}
    report = common.new_report("torch_init", settings, NOTES)
    with common.threads(count):
        for name in common.listed(options.functions):
            large(report, name, options.size, options.repeats)
            small(report, name, options.calls)
        for name in common.listed(options.models):
            model(report, name, options.repeats, options.slow_repeats)
    common.write(options.json, report)
    return 0


def _options(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = common.argument_parser("torch_init", __doc__)
    parser.add_argument("--size", type=int, default=8192, help="rows and columns (%(default)s)")
    parser.add_argument("--repeats", type=int, default=7, help="of each timing (%(default)s)")
    parser.add_argument(
        "--slow-repeats", type=int, default=2, help="of torch's building of models (%(default)s)"
    )
    parser.add_argument("--calls", type=int, default=1000, help="calls per batch (%(default)s)")
    parser.add_argument("--functions", default=",".join(FUNCTIONS), help="(%(default)s)")
    parser.add_argument("--models", default=",".join(MODELS), help="(%(default)s)")
    return parser.parse_args(argv)


# ---- functions ----------------------------------------------------------------------------------


def large(report: dict[str, Any], name: str, size: int, repeats: int) -> None:
    """Check a function and time it on a large tensor that has been written before."""
    args, shape_of = FUNCTIONS[name]
    tensor = torch.zeros(shape_of(size))
    check(report, name, tensor, args)
    functions = {"fastinit": getattr(ours, name), "torch": getattr(theirs, name)}
    measures = {
        who: lambda function=function: common.once(lambda: function(tensor, *args))
        for who, function in functions.items()
    }
    found = common.interleaved(measures, 3 if name in SLOW else repeats)
    for who, each in found.items():
        enter(report, name, "large", who, each, tensor.numel(), tuple(tensor.shape))


def small(report: dict[str, Any], name: str, calls: int) -> None:
    """Time many calls on one parameter of 64 x 64."""
    args, _ = FUNCTIONS[name]
    shape = (64, 64, 1) if name == "dirac_" else (64, 64)
    calls = max(1, calls // 100) if name in ("dirac_", *SLOW) else calls
    tensor = torch.nn.Parameter(torch.zeros(shape))

    def timed(function: Callable[..., Any]) -> float:
        start = time.perf_counter()
        for _ in range(calls):
            function(tensor, *args)
        return (time.perf_counter() - start) / calls

    functions = {"fastinit": getattr(ours, name), "torch": getattr(theirs, name)}
    found = common.interleaved(
        {who: partial(timed, function) for who, function in functions.items()}, 7
    )
    for who, each in found.items():
        enter(report, name, "small", who, each, tensor.numel(), shape)


def check(report: dict[str, Any], name: str, tensor: torch.Tensor, args: Arguments) -> None:
    """Check that constants equal torch's, and that random values have the moments of torch's."""
    small_shape = tuple(min(size, 512) for size in tensor.shape)
    mine, expected = (
        getattr(module, name)(torch.zeros(small_shape), *args).double().flatten()
        for module in (ours, theirs)
    )
    is_constant = name in ("ones_", "zeros_", "constant_", "eye_", "dirac_")
    entry: dict[str, Any] = {"what": name, "library": "fastinit", "values": len(mine)}
    if is_constant:
        entry["ok"] = torch.equal(mine, expected)
    else:
        allowed = SIGMAS * math.sqrt(2 / len(mine))
        entry |= {"mean": float(mine.mean()), "std": float(mine.std())}
        entry["ok"] = (
            abs(entry["mean"] - float(expected.mean())) <= allowed * float(expected.std())
            and abs(entry["std"] / float(expected.std()) - 1) <= allowed * 3
        )
    common.add_check(report, entry)


# ---- models -------------------------------------------------------------------------------------


def gpt2() -> Any:
    """Return the configuration of GPT-2, with 124 million parameters."""
    import transformers

    return transformers.GPT2Config()


def llama() -> Any:
    """Return a configuration with the sizes of Llama-3.2-1B, with 1.24 billion parameters."""
    import transformers

    return transformers.LlamaConfig(
        vocab_size=128256,
        hidden_size=2048,
        intermediate_size=8192,
        num_hidden_layers=16,
        num_attention_heads=32,
        num_key_value_heads=8,
        head_dim=64,
        tie_word_embeddings=True,
    )


def tiny() -> Any:
    """Return the configuration of a small model for tests."""
    import transformers

    return transformers.GPT2Config(n_layer=1, n_embd=8, n_head=2, vocab_size=32)


MODELS: dict[str, Callable[[], Any]] = {"GPT-2": gpt2, "Llama-3.2-1B": llama}
_TINY = {"tiny": tiny}


def model(report: dict[str, Any], name: str, repeats: int, slow_repeats: int) -> None:
    """Time the construction of a model in fresh memory, and the least time for that memory."""
    from transformers import AutoModelForCausalLM

    config = (MODELS | _TINY)[name]()

    def plain() -> torch.nn.Module:
        built: torch.nn.Module = AutoModelForCausalLM.from_config(config)
        return built

    def accelerated() -> torch.nn.Module:
        with ours.accelerate(seed=0):
            return plain()

    built = accelerated()
    check_model(report, name, built, config)
    shapes = [tuple(each.shape) for each in built.parameters()]
    count = sum(map(math.prod, shapes))
    del built
    written = [[torch.zeros(shape) for shape in shapes]]

    def memset() -> list[torch.Tensor]:
        return _fill(_zero, [torch.empty(shape) for shape in shapes])

    def touch() -> list[torch.Tensor]:
        return _touch([torch.empty(shape) for shape in shapes])

    def in_fresh_memory(build: Callable[[], Any]) -> float:
        gc.collect()  # the memory of the previous one goes back to the system
        memset()
        return common.once(build)

    measures = {
        "fastinit": lambda: in_fresh_memory(accelerated),
        "memset": lambda: in_fresh_memory(memset),
        "touch": lambda: in_fresh_memory(touch),
        "draw": lambda: common.once(lambda: _fill(_normal, written[0])),
    }
    found = common.interleaved(measures, repeats)
    written.clear()
    found["torch"] = [in_fresh_memory(plain) for _ in range(slow_repeats)]
    for who, each in found.items():
        enter(report, name, "model", who, each, count, None)


_zero = Constant(0.0).templates((1,), np.dtype(np.float32))
_normal = Normal(0.0, 0.02).templates((1,), np.dtype(np.float32))


def _fill(templates: Any, tensors: list[torch.Tensor]) -> list[torch.Tensor]:
    filling = FillBatch()
    for stream, tensor in enumerate(tensors):
        filling.add(tensor, templates, (0, stream))
    filling.run()
    return tensors


def _touch(tensors: list[torch.Tensor]) -> list[torch.Tensor]:
    """Write one value of every page, with all threads, so that the system hands out zeroed pages.

    Huge pages are asked for as fastinit does (csrc/cpu/huge_pages.h).
    """
    threads = torch.get_num_threads()
    parts = []
    for each in tensors:
        begin, end = each.data_ptr(), each.data_ptr() + each.numel() * each.element_size()
        first, last = -(-begin // HUGE_PAGE) * HUGE_PAGE, end // HUGE_PAGE * HUGE_PAGE
        if first < last:
            _madvise(first, last - first, mmap.MADV_HUGEPAGE)
        parts += np.array_split(each.view(-1).numpy()[:: PAGE // each.element_size()], threads)
    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(lambda part: part.fill(0), parts))
    return tensors


_madvise = ctypes.CDLL(None).madvise
_madvise.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]


def check_model(report: dict[str, Any], name: str, built: torch.nn.Module, config: Any) -> None:
    """Check that each matrix has the std of the configuration, or GPT-2's residual std."""
    std = config.initializer_range
    residual = std / math.sqrt(2 * config.num_hidden_layers)
    is_gpt2 = config.model_type == "gpt2"
    wrong = []
    for key, parameter in built.named_parameters():
        sample = parameter.detach().flatten()[:SAMPLE]
        if parameter.dim() == 1:
            ok = bool((sample == (0.0 if key.endswith("bias") else 1.0)).all())
        else:
            expected = residual if is_gpt2 and key.endswith("c_proj.weight") else std
            error = abs(float(sample.std()) / expected - 1)
            ok = error <= SIGMAS / math.sqrt(len(sample))
        wrong += [] if ok else [key]
    entry = {"what": name, "library": "fastinit", "wrong": wrong, "ok": not wrong}
    common.add_check(report, entry)


# ---- the report ---------------------------------------------------------------------------------


def enter(
    report: dict[str, Any],
    task: str,
    part: str,
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
            "part": part,
            "shape": shape,
            "values": count,
            "threads": report["settings"]["threads"][0],
            "library": library,
            "seconds": spread,
            "note": "",
        }
    )
    low, high = spread["minimum"], spread["maximum"]
    print(f"{task:18}{part:7}{library:10}{spread['median']:12.6f} s   {low:.6f} to {high:.6f}")


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    sys.exit(main())
