"""Processes joined by gloo, which start once and run functions for many tests."""

import contextlib
import multiprocessing
import os
import tempfile
from collections.abc import Callable, Iterator
from datetime import timedelta
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from helpers.processes import TIMEOUT

_PRELOADED = [  # imported by one process, of which all ranks are forks
    "fastinit.torch.modules.materialize",
    "torch.distributed.checkpoint",
    "torch.distributed.fsdp",
    "torch.distributed.tensor.debug",
    "torch.distributed.tensor.parallel",
]


class Ranks:
    """The processes of one process group."""

    def __init__(self, pipes: list[Connection]) -> None:
        self._pipes = pipes

    def run(self, function: Callable[..., Any], *args: Any) -> list[Any]:
        """Return `function(*args)` of each process; an error in one of them is raised."""
        for pipe in self._pipes:
            pipe.send((function, args))
        answers = [self._answer(rank, pipe) for rank, pipe in enumerate(self._pipes)]
        errors = [error for error, _ in answers if error]
        assert not errors, "\n".join(errors)
        return [result for _, result in answers]

    def _answer(self, rank: int, pipe: Connection) -> tuple[str, Any]:
        assert pipe.poll(TIMEOUT), f"rank {rank} does not answer"
        error, result = pipe.recv()
        return error and f"rank {rank}: {error}", result


@contextlib.contextmanager
def started(world: int) -> Iterator[Ranks]:
    """Start a number of processes that live until the end of the block."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(_PRELOADED)
    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as stack:
        pipes = []
        for rank in range(world):
            ours, theirs = context.Pipe()
            args = (theirs, rank, world, str(Path(folder, "store")))
            process = context.Process(target=_serve, args=args, daemon=True)
            process.start()
            stack.callback(_stop, ours, process)
            pipes.append(ours)
        yield Ranks(pipes)


def _stop(pipe: Connection, process: Any) -> None:
    with contextlib.suppress(OSError):
        pipe.send(None)
    process.join(10)
    if process.is_alive():
        process.kill()


def _serve(pipe: Connection, rank: int, world: int, store: str) -> None:
    import torch
    import torch.distributed as dist

    import fastinit

    torch.set_num_threads(1)
    fastinit.set_num_threads(1)
    dist.init_process_group(
        "gloo",
        init_method=f"file://{store}",
        rank=rank,
        world_size=world,
        timeout=timedelta(seconds=TIMEOUT),
    )
    while (request := pipe.recv()) is not None:
        function, args = request
        try:
            pipe.send(("", function(*args)))
        except Exception:
            import traceback

            pipe.send((traceback.format_exc(), None))
    os._exit(0)  # without torch's shutdown, which takes seconds
