"""The contenders of ``benchmarks.fill``: which library can do a task, and with which memory."""

from __future__ import annotations

import ctypes
import itertools
import math
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import ml_dtypes
import numpy as np
from numpy.typing import NDArray

import fastinit
from benchmarks.common import (
    LeftOutError,
    instruction_sets,
    peer,
    required,
    select_instruction_set,
)

Shape = tuple[int, int]
Memory = NDArray[np.uint8]


@dataclass(frozen=True)
class Task:
    """A task that all contenders draw."""

    distribution: str
    dtype: str

    @property
    def name(self) -> str:
        """Name of the task in the results."""
        return f"{self.distribution} {self.dtype}"

    @property
    def numpy_dtype(self) -> np.dtype[Any]:
        """NumPy's object of the dtype."""
        return np.dtype(getattr(ml_dtypes, self.dtype, self.dtype))


TASKS = (
    Task("uniform", "float32"),
    Task("normal", "float32"),
    Task("truncated_normal", "float32"),
    Task("normal", "bfloat16"),
    Task("normal", "float16"),
    Task("normal", "float64"),
    Task("he_normal", "float32"),
)

# Libraries that would take seconds draw only 1/n of the rows; rates are per second.
DIVISORS = {
    ("torch", "truncated_normal"): 16,
    ("numpy", "normal"): 8,
    ("jax", "uniform"): 8,
    ("jax", "normal"): 8,
    ("jax", "truncated_normal"): 8,
    ("jax", "he_normal"): 8,
}


@dataclass(frozen=True)
class Contender:
    """``run()`` draws once, and ``read`` turns its result into an array of the values."""

    library: str
    instruction_set: str | None
    values: int
    run: Callable[[], Any]
    read: Callable[[Any], NDArray[Any]]
    note: str = ""


def shape_for(library: str, task: Task, size: int) -> Shape:
    """Return a shape of ``size`` columns and as many rows as the library is given."""
    return max(1, size // DIVISORS.get((library, task.distribution), 1)), size


# ---- fastinit and memset ------------------------------------------------------------------------


def of_fastinit(task: Task, memory: Memory, size: int, names: Sequence[str]) -> Iterator[Contender]:
    """Yield a contender per instruction set."""
    shape = (size, size)
    out = _view(memory, task.numpy_dtype, shape)
    draw = getattr(fastinit, task.distribution)
    for name in names:

        def run(name: str = name) -> Any:
            select_instruction_set(name)
            return draw(shape, seed=0, name=0, out=out)

        yield Contender("fastinit", name, out.size, run, np.asarray)


def of_memset(task: Task, memory: Memory, size: int, pool: ThreadPoolExecutor) -> Contender:
    """Set as many bytes with the C library's ``memset``, with the current number of threads."""
    values = size * size
    count = values * task.numpy_dtype.itemsize

    def run() -> None:
        set_bytes(memory.ctypes.data, count, pool)

    return Contender("memset", None, values, run, lambda _: memory[:count])


def set_bytes(address: int, count: int, pool: ThreadPoolExecutor) -> None:
    """Set bytes with ``memset``, in one equal piece per thread."""
    parts = fastinit.get_num_threads()
    borders = [count * k // parts for k in range(parts + 1)]
    pieces = [(address + low, high - low) for low, high in itertools.pairwise(borders)]
    waiting = [pool.submit(ctypes.memset, at, 1, length) for at, length in pieces[1:]]
    ctypes.memset(pieces[0][0], 1, pieces[0][1])
    for each in waiting:
        each.result()


# ---- the peers ----------------------------------------------------------------------------------


def of_torch(task: Task, memory: Memory, size: int) -> Contender:
    """Fill the same memory with torch.nn.init."""
    torch = required("torch")
    shape = shape_for("torch", task, size)
    array = _view(memory, task.numpy_dtype, shape)
    if task.dtype == "bfloat16":
        tensor = torch.from_numpy(array.view(np.uint16)).view(torch.bfloat16)
    else:
        tensor = torch.from_numpy(array)
    init = torch.nn.init
    torch.manual_seed(0)
    draws = {
        "uniform": lambda: init.uniform_(tensor),
        "normal": lambda: init.normal_(tensor),
        "truncated_normal": lambda: init.trunc_normal_(tensor, a=-2.0, b=2.0, std=1.0),
        "he_normal": lambda: init.kaiming_normal_(tensor),
    }
    return Contender("torch", None, array.size, draws[task.distribution], lambda _: array)


def of_numpy(task: Task, memory: Memory, size: int) -> Contender:
    """Fill the same memory with NumPy's Generator over Philox."""
    if task.distribution not in ("uniform", "normal") or task.dtype not in ("float32", "float64"):
        raise LeftOutError(f"numpy's Generator does not draw {task.name}")
    shape = shape_for("numpy", task, size)
    out: NDArray[Any] = _view(memory, task.numpy_dtype, shape)
    generator = np.random.Generator(np.random.Philox(0))
    method: Any = generator.random if task.distribution == "uniform" else generator.standard_normal
    return Contender(
        "numpy",
        None,
        out.size,
        lambda: method(out=out, dtype=out.dtype),
        np.asarray,
        "always one thread",
    )


def of_jax(task: Task, memory: Memory, size: int) -> Contender:  # noqa: ARG001
    """Draw with jax.random in one jitted function, which returns new arrays."""
    jax = required("jax")
    initializers = required("jax.nn.initializers")
    if task.dtype == "float64":
        raise LeftOutError("JAX draws float64 only in its x64 mode")
    shape, dtype = shape_for("jax", task, size), task.numpy_dtype
    draws = {
        "uniform": lambda key: jax.random.uniform(key, shape, dtype),
        "normal": lambda key: jax.random.normal(key, shape, dtype),
        "truncated_normal": lambda key: jax.random.truncated_normal(key, -2, 2, shape, dtype),
        "he_normal": lambda key: initializers.he_normal(-1, -2)(key, shape, dtype),
    }
    draw, key = jax.jit(draws[task.distribution]), jax.random.key(0)
    note = "new arrays"
    if task.distribution == "he_normal":
        note += "; JAX truncates it at 2 sigmas"
    return Contender(
        "jax", None, math.prod(shape), lambda: draw(key).block_until_ready(), np.asarray, note
    )


PEERS: dict[str, Callable[[Task, Memory, int], Contender]] = {
    "torch": of_torch,
    "numpy": of_numpy,
    "jax": of_jax,
}


# ---- fresh memory -------------------------------------------------------------------------------


def of_fresh(
    task: Task, size: int, pool: ThreadPoolExecutor, peers: Sequence[str]
) -> Iterator[Contender]:
    """Yield contenders that make a new array each time; torch only if it is in ``peers``."""
    shape, values = (size, size), size * size
    draw = getattr(fastinit, task.distribution)

    def run() -> Any:
        return draw(shape, seed=0, name=0, dtype=task.numpy_dtype)

    def run_memset() -> Any:
        array = np.empty(shape, task.numpy_dtype)
        set_bytes(array.ctypes.data, array.nbytes, pool)
        return array

    best = instruction_sets()[-1]
    yield Contender("fastinit", best, values, run, np.asarray)
    yield Contender("memset", None, values, run_memset, np.asarray)
    torch = peer("torch") if "torch" in peers else None
    if torch is not None:
        fill = {"uniform": torch.nn.init.uniform_, "normal": torch.nn.init.normal_}
        chosen, dtype = fill[task.distribution], getattr(torch, task.dtype)
        yield Contender(
            "torch", None, values, lambda: chosen(torch.empty(shape, dtype=dtype)), np.asarray
        )


def _view(memory: Memory, dtype: np.dtype[Any], shape: Shape) -> NDArray[Any]:
    return memory[: math.prod(shape) * dtype.itemsize].view(dtype).reshape(shape)
