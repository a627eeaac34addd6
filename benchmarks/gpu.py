"""The contenders on a GPU: fastinit, CuPy, torch and JAX, and ``cudaMemset`` as the limit.

The ``run()`` of a contender enqueues one draw and does not wait for it. Each library writes memory
of its own pool that has been written before.
"""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

import fastinit
from benchmarks.common import LeftOutError, required
from benchmarks.contenders import Task
from fastinit.arrays.digest import to_numpy

TASKS = (
    Task("uniform", "float32"),
    Task("normal", "float32"),
    Task("truncated_normal", "float32"),
    Task("normal", "bfloat16"),
    Task("normal", "float16"),
    Task("normal", "float64"),
    Task("zeros", "float32"),
)
PEERS = ("torch", "cupy", "jax")


@dataclass(frozen=True)
class Contender:
    """``run()`` draws once, and ``read()`` returns the arrays of the last run as NumPy arrays.

    ``wait()`` returns when all work has been enqueued; the GPU may still be executing it.
    """

    library: str
    run: Callable[[], Any]
    read: Callable[[], Iterable[NDArray[Any]]]
    note: str = ""
    wait: Callable[[], Any] = lambda: None
    bytes: int = 0  # bytes that it writes, if not those of the case


def use(library: Path) -> None:
    """Let fastinit draw with another build of its CUDA module; it must not have drawn before."""
    name = "fastinit.native._cuda"
    spec = importlib.util.spec_from_file_location(name, library)
    if spec is None or spec.loader is None:
        raise ImportError(f"{library} is not an extension module; pass one with --library")
    sys.modules[name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(sys.modules[name])


def needed(name: str) -> Any:
    """Return the module of a peer that can use the GPU."""
    module = required(name)
    if name == "torch" and not module.cuda.is_available():
        raise LeftOutError("this torch sees no GPU")
    if name == "jax" and module.default_backend() != "gpu":
        raise LeftOutError("this JAX sees no GPU")
    return module


class Keeper:
    """Calls a function that returns new arrays, and keeps the last ones, as a user would."""

    def __init__(self, draw: Callable[[], Any]) -> None:
        self.draw = draw
        self.last: Any = None

    def run(self) -> None:
        """Draw, after returning the previous arrays to the pool."""
        self.last = None
        self.last = self.draw()

    def read(self) -> Iterable[NDArray[Any]]:
        """Return the last arrays, one at a time."""
        return (to_numpy(each) for each in self.last)


# ---- one large tensor ---------------------------------------------------------------------------


def of_fastinit(task: Task, count: int) -> Contender:
    """Fill the same CuPy array each time."""
    cupy = needed("cupy")
    out = cupy.empty((count,), task.numpy_dtype)
    draw = getattr(fastinit, task.distribution)
    return Contender("fastinit", lambda: draw(count, seed=0, name=0, out=out), lambda: [out.get()])


def on_cpu(task: Task, count: int) -> list[NDArray[Any]]:
    """Return the arrays that fastinit must draw."""
    return [getattr(fastinit, task.distribution)(count, seed=0, name=0, dtype=task.numpy_dtype)]


def of_memset(size: int) -> Contender:
    """Set bytes with ``cudaMemsetAsync`` on the current stream."""
    cupy = needed("cupy")
    out = cupy.empty((size,), "uint8")

    def run() -> None:
        stream = cupy.cuda.get_current_stream(out.device.id).ptr
        cupy.cuda.runtime.memsetAsync(out.data.ptr, 0, size, stream)

    return Contender("cudaMemset", run, lambda: [out.get()], bytes=size)


def of_torch(task: Task, count: int) -> Contender:
    """Fill the same tensor with torch.nn.init."""
    torch = needed("torch")
    tensor = torch.empty(count, dtype=getattr(torch, task.dtype), device="cuda")
    init = torch.nn.init
    torch.manual_seed(0)
    draws = {
        "uniform": lambda: init.uniform_(tensor),
        "normal": lambda: init.normal_(tensor),
        "truncated_normal": lambda: init.trunc_normal_(tensor, a=-2.0, b=2.0, std=1.0),
        "zeros": lambda: init.zeros_(tensor),
    }
    return Contender("torch", draws[task.distribution], lambda: [to_numpy(tensor)])


def of_cupy(task: Task, count: int) -> Contender:
    """Draw with cupy.random, which uses cuRAND and returns a new array."""
    cupy = needed("cupy")
    if task.distribution not in ("uniform", "normal") or task.dtype not in ("float32", "float64"):
        raise LeftOutError(f"cupy.random does not draw {task.name}")
    state = cupy.random.RandomState(0)
    method = {"uniform": state.random_sample, "normal": state.standard_normal}[task.distribution]
    keeper = Keeper(lambda: [method(count, dtype=task.numpy_dtype)])
    return Contender("cupy", keeper.run, keeper.read, "new arrays")


def of_jax(task: Task, count: int) -> Contender:
    """Draw with jax.random in one jitted function, which returns a new array."""
    jax = needed("jax")
    if task.dtype == "float64":
        raise LeftOutError("JAX draws float64 only in its x64 mode")
    random, dtype = jax.random, task.numpy_dtype
    draws = {
        "uniform": lambda key: random.uniform(key, (count,), dtype),
        "normal": lambda key: random.normal(key, (count,), dtype),
        "truncated_normal": lambda key: random.truncated_normal(key, -2, 2, (count,), dtype),
        "zeros": lambda _: jax.numpy.zeros((count,), dtype),
    }
    draw, key = jax.jit(draws[task.distribution]), jax.random.key(0)
    keeper = Keeper(lambda: [draw(key)])
    return Contender(
        "jax", keeper.run, keeper.read, "new arrays", lambda: jax.block_until_ready(keeper.last)
    )


LARGE = {"torch": of_torch, "cupy": of_cupy, "jax": of_jax}


# ---- many tensors: normals, in one call or in a loop --------------------------------------------

Shapes = Sequence[tuple[int, ...]]
STD = 0.02


def small_plan(count: int) -> fastinit.Plan:
    """Return a plan of ``count`` tensors of 64 x 64 float32 normals."""
    manifest = fastinit.Manifest.from_shapes({f"layer.{k}.weight": (64, 64) for k in range(count)})
    rule = fastinit.Rule("**", fastinit.Normal(std=STD))
    return fastinit.Plan(manifest, fastinit.Recipe("small", "benchmarks/gpu.py", (rule,)), seed=0)


def of_plan(plan: fastinit.Plan) -> Contender:
    """Draw the new CuPy arrays of a plan in one call."""
    keeper = Keeper(lambda: list(plan.init(device="cuda").values()))
    return Contender("fastinit", keeper.run, keeper.read, "one call")


def of_torch_loop(shapes: Shapes, dtype: str) -> Contender:
    """Draw new tensors with one call of ``torch.nn.init.normal_`` per tensor."""
    torch = needed("torch")

    def draw() -> list[Any]:
        options = {"dtype": getattr(torch, dtype), "device": "cuda"}
        tensors = [torch.empty(shape, **options) for shape in shapes]
        for tensor in tensors:
            torch.nn.init.normal_(tensor, std=STD)
        return tensors

    keeper = Keeper(draw)
    return Contender("torch", keeper.run, keeper.read, "a loop")


def of_cupy_loop(shapes: Shapes, dtype: str) -> Contender:
    """Draw new arrays with one call of ``cupy.random.normal`` per array."""
    cupy = needed("cupy")
    if dtype != "float32":
        raise LeftOutError(f"cupy.random does not draw {dtype}")
    state = cupy.random.RandomState(0)
    keeper = Keeper(lambda: [state.normal(0.0, STD, shape, cupy.float32) for shape in shapes])
    return Contender("cupy", keeper.run, keeper.read, "a loop")


MANY = {"torch": of_torch_loop, "cupy": of_cupy_loop}


# ---- matrices -----------------------------------------------------------------------------------


Shape = tuple[int, ...]
_OPTIONS: dict[str, dict[str, Any]] = {
    "orthogonal": {"layout": "boi"},
    "sparse": {"sparsity": 0.5, "std": 1.0, "layout": "boi"},
}


def of_matrices(library: str, initializer: str, shape: Shape) -> Contender:
    """Draw orthogonal or sparse float32 matrices of (count, size, size) into the same memory."""
    if library == "fastinit":
        out = needed("cupy").empty(shape, "float32")
        return Contender(
            library, lambda: matrices(initializer, shape, out=out), lambda: [out.get()]
        )
    torch = needed("torch")
    tensor = torch.empty(shape, device="cuda")
    draw = {
        "orthogonal": torch.nn.init.orthogonal_,
        "sparse": lambda each: torch.nn.init.sparse_(each, 0.5, std=1.0),
    }[initializer]

    def run() -> None:
        for each in tensor:
            draw(each)

    return Contender(library, run, lambda: [to_numpy(tensor)])


def matrices(initializer: str, shape: Shape, out: Any = None) -> Any:
    """Draw fastinit's orthogonal or sparse matrices, in a new CPU array or in ``out``."""
    return getattr(fastinit, initializer)(shape, seed=0, name=0, out=out, **_OPTIONS[initializer])


def free() -> None:
    """Free the memory of the pools, so that every library has enough."""
    needed("cupy").get_default_memory_pool().free_all_blocks()
    torch = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_available():
        torch.cuda.empty_cache()
