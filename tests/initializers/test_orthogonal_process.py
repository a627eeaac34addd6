"""Orthogonal matrices and the process: Ctrl-C, forked children, memory, and callers' threads."""

import json
import re
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

import fastinit
from helpers.bits import bits
from helpers.processes import child

INTERRUPTED = """
import json, signal, threading, os
import numpy as np
import fastinit
fastinit.set_num_threads(COUNT)
fastinit.orthogonal((8, 8), seed=0)
out = np.full(SHAPE, np.nan, np.float32)
threading.Timer(0.1, lambda: os.kill(os.getpid(), signal.SIGINT)).start()
try:
    fastinit.orthogonal(SHAPE, layout="boi", seed=0, out=out)
    caught = False
except KeyboardInterrupt:
    caught = True
unfinished = bool(np.isnan(out[-1, -1]).any())
print(json.dumps([caught, unfinished, fastinit.digest(fastinit.orthogonal((50, 50), seed=1))]))
"""


LARGE, MANY = "(1, 9000, 9000)", "(40, 1500, 1500)"


@pytest.mark.parametrize(  # all pairs
    ("count", "shape", "isa"),
    [(1, LARGE, "scalar"), (1, MANY, None), (2, LARGE, None), (2, MANY, "scalar")],
)
def test_interrupt(count: int, shape: str, isa: str | None) -> None:
    """Ctrl-C ends a call long before its result is whole, and the next call is right."""
    code = INTERRUPTED.replace("COUNT", str(count)).replace("SHAPE", shape)
    caught, unfinished, digest = json.loads(child(code, FASTINIT_ISA=isa).splitlines()[-1])
    assert caught, "it ended before it was interrupted"
    assert unfinished
    assert digest == fastinit.digest(fastinit.orthogonal((50, 50), seed=1))


FORKED = """
import os, fastinit
fastinit.set_num_threads(2)
expected = fastinit.digest(fastinit.orthogonal((400, 300), seed=1))
pid = os.fork()
if pid == 0:
    os._exit(int(fastinit.digest(fastinit.orthogonal((400, 300), seed=1)) != expected))
print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
"""


def test_fork() -> None:
    """A forked child draws the same matrix, with one thread."""
    assert child(FORKED).splitlines()[-1] == "0"


NO_MEMORY = """
import resource, numpy as np, fastinit
fastinit.set_num_threads(2)
out = np.ones((3000, 3000), np.float32)
fastinit.orthogonal((64, 64), seed=0)
used = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (used + (8 << 20), -1))
try:
    fastinit.orthogonal(out.shape, seed=0, out=out)
    print("no error")
except MemoryError as error:
    resource.setrlimit(resource.RLIMIT_AS, (-1, -1))
    print(error, bool((out == 1).all()))
"""


def test_too_little_memory() -> None:
    """It raises MemoryError before anything is written."""
    found = child(NO_MEMORY).splitlines()[-1]
    assert re.fullmatch(r"no \d+ MiB of working memory for orthogonal matrices; .* True", found)


WORKSPACE = """
import resource, numpy as np, fastinit
fastinit.set_num_threads(2)
out = np.ones(SHAPE, np.float32)
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
fastinit.orthogonal(out.shape, seed=0, out=out)
after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
print((after - before) * 1024 / out.nbytes)
"""


@pytest.mark.parametrize("shape", ["(3000, 3000)", "(9000, 1000)", "(1000, 9000)"])
def test_workspace(shape: str) -> None:
    """It takes at most two matrices in addition to the result."""
    assert float(child(WORKSPACE.replace("SHAPE", shape)).splitlines()[-1]) <= 2


def test_callers_in_threads() -> None:
    """Concurrent calls from several Python threads draw what successive ones do."""
    shapes = [(200 + 7 * k, 150) for k in range(8)]
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda shape: fastinit.orthogonal(shape, seed=1, name=0), shapes))
    for shape, q in zip(shapes, found, strict=True):
        assert np.array_equal(bits(q), bits(fastinit.orthogonal(shape, seed=1, name=0)))
