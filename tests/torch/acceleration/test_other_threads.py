"""Threads read and write tensors whose draws are pending in a context of another thread."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import torch
from torch import nn
from torch.nn import init

import fastinit
import fastinit.torch
from fastinit.torch import accelerate
from helpers.models.accelerated import check, normal
from helpers.processes import child

READS: dict[str, Callable[[nn.Linear], Any]] = {
    "clone": lambda layer: layer.weight.detach().clone(),
    "data": lambda layer: layer.weight.data + 0,
    "NumPy": lambda layer: torch.from_numpy(layer.weight.detach().numpy().copy()),
    "state dict": lambda layer: layer.state_dict()["weight"].clone(),
    "forward": lambda layer: layer(torch.eye(8)).detach().T,
}
WRITES: dict[str, Callable[[nn.Linear], Any]] = {
    "copy_": lambda layer: layer.weight.data.copy_(torch.ones(8, 8)),
    "load_state_dict": lambda layer: layer.load_state_dict({"weight": torch.ones(8, 8)}),
    "torch.nn.init": lambda layer: init.ones_(layer.weight),
    "fastinit.torch": lambda layer: fastinit.torch.constant_(layer.weight, 1.0),
    "init_": lambda layer: fastinit.torch.init_(layer, [("**", fastinit.Constant(1))]),
    "out=": lambda layer: fastinit.ones((8, 8), out=layer.weight.detach()),
}


def in_a_thread(work: Callable[[], Any]) -> Any:
    """Return what a function returns in a thread of its own."""
    returned: list[Any] = []
    thread = threading.Thread(target=lambda: returned.append(work()))
    thread.start()
    thread.join()
    return returned[0]


def in_a_new_pool(work: Callable[[], Any]) -> Any:
    with ThreadPoolExecutor(2) as pool:
        return pool.submit(work).result()


class Worker:
    """A thread that runs before any context begins, and executes functions."""

    def __init__(self) -> None:
        self.pool = ThreadPoolExecutor(1)
        self.pool.submit(int).result()

    def __call__(self, work: Callable[[], Any]) -> Any:
        return self.pool.submit(work).result()


@pytest.mark.parametrize("execute", [in_a_thread, in_a_new_pool, Worker()])
@pytest.mark.parametrize("read", READS.values(), ids=READS)
def test_a_thread_reads_the_values_of_the_name(execute: Any, read: Any) -> None:
    with accelerate(seed=0):
        layer = nn.Linear(8, 8, bias=False)
        init.normal_(layer.weight)
        seen = execute(lambda: read(layer))
    check(seen, normal(layer.weight, "weight"))
    check(layer.weight, normal(layer.weight, "weight"))


@pytest.mark.parametrize("execute", [in_a_thread, in_a_new_pool, Worker()])
@pytest.mark.parametrize("write", WRITES.values(), ids=WRITES)
def test_what_a_thread_writes_stays(execute: Any, write: Any) -> None:
    with accelerate(seed=0):
        layer = nn.Linear(8, 8, bias=False)
        execute(lambda: write(layer))
    assert bool((layer.weight == 1).all())


def test_a_context_of_its_own_in_a_thread_that_already_runs() -> None:
    """It sees the pending draws of all threads."""
    given: list[nn.Linear] = []
    seen: list[torch.Tensor] = []
    begin = threading.Event()

    def read() -> None:
        begin.wait()
        with accelerate(seed=1):
            seen.append(given[0].weight.detach().clone())

    thread = threading.Thread(target=read)
    thread.start()
    with accelerate(seed=0):
        given.append(nn.Linear(8, 8))
        init.normal_(given[0].weight)
        begin.set()
        thread.join()
    check(seen[0], normal(given[0].weight, "weight"))


def test_a_running_thread_without_a_context_is_not_reached() -> None:
    """docs/torch.md names this: torch has no hook there, and the memory is not initialized yet."""
    memory = torch.full((8, 8), 7.0)
    begin = threading.Event()
    seen: list[bool] = []

    def read() -> None:
        begin.wait()
        seen.append(bool((memory == 7).all()))

    thread = threading.Thread(target=read)
    thread.start()
    with accelerate(seed=0):
        init.normal_(memory)
        begin.set()
        thread.join()
    assert seen == [True]
    check(memory, normal(memory, 1))


def test_many_threads_at_once() -> None:
    """Who comes while another thread draws waits for the values."""
    with accelerate(seed=0):
        layers = [nn.Linear(96, 96) for _ in range(8)]
        with ThreadPoolExecutor(8) as pool:
            seen = list(pool.map(lambda layer: layer.weight.detach().clone(), layers * 4))
    for tensor, layer in zip(seen, layers * 4, strict=True):
        assert torch.equal(tensor, layer.weight)


def test_a_thread_reads_while_a_constructor_runs() -> None:
    """The names are not known then, as for a read in the same thread."""

    class Logged(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.weight = nn.Parameter(torch.empty(4, 4))
            init.normal_(self.weight)
            self.seen = in_a_thread(lambda: self.weight.detach().clone())

    with accelerate(seed=0):
        model = Logged()
    check(model.seen, normal(model.weight, 1))
    check(model.weight, normal(model.weight, 1))


@pytest.mark.filterwarnings("ignore:.*use of fork.*:DeprecationWarning")
def test_a_forked_process_draws_by_itself() -> None:
    code = (
        "import os, numpy, fastinit, torch\n"
        "from fastinit.torch import accelerate\n"
        "with accelerate(seed=0):\n"
        "    layer = torch.nn.Linear(8, 8)\n"
        "    torch.nn.init.normal_(layer.weight)\n"
        "    child = os.fork()\n"
        "    if child == 0:\n"
        "        expected = fastinit.normal((8, 8), seed=0, name='weight')\n"
        "        same = numpy.array_equal(layer.weight.detach().numpy(), expected)\n"
        "        os._exit(0 if same else 1)\n"
        "    print(os.waitpid(child, 0)[1])\n"
    )
    assert child(code).strip() == "0"  # in a process of its own: this one may have many threads
