"""Threads, forks and signals change no value, and a fill does not block the process."""

import json
import resource
import statistics
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest

import fastinit
from fastinit.native import _cpu
from helpers.bits import check_bits
from helpers.dtypes import DTYPES, dtype_of
from helpers.processes import child
from helpers.requests import fill, joined, requests_for
from helpers.settings import threads

LARGE = 300_001  # elements: several pieces for each of several threads


def drawn(stream: int) -> Any:
    """A large array of a stream."""
    return fastinit.normal(LARGE, seed=1, name=stream)


def test_python_threads_at_once() -> None:
    """Eight threads that fill in parallel get what successive calls get."""
    expected = [drawn(stream) for stream in range(24)]
    with threads(3), ThreadPoolExecutor(8) as pool:
        for found, right in zip(pool.map(drawn, range(24)), expected, strict=True):
            check_bits(found, right)


def faults_of_new_array(count: int) -> float:
    """The median of the page faults of several fills of 64 MB of new memory."""
    found = []
    with threads(count):
        for _ in range(5):
            before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
            fastinit.normal(1 << 24, seed=0)
            found.append(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
    return statistics.median(found)


def test_threads_do_not_zero_the_same_page() -> None:
    """Sixteen threads, whose pieces are halves of huge pages, fault each of these once."""
    alone = faults_of_new_array(1)
    if alone > 64:
        pytest.skip("the system gives no huge pages")
    assert faults_of_new_array(16) < 1.25 * alone + 8  # few, where memory is used again


COMMON = """
import json, os
import fastinit

def draw():
    return fastinit.digest(fastinit.normal(300_001, seed=1))

def tasks():
    return len(os.listdir("/proc/self/task"))

fastinit.set_num_threads(3)
"""
FORK = """
parent = draw()
reader, writer = os.pipe()
process = os.fork()
if process == 0:
    found = [draw(), tasks()]
    inner = os.fork()
    if inner == 0:
        os.write(writer, json.dumps([*found, draw()]).encode())
        os._exit(0)
    os._exit(os.waitpid(inner, 0)[1])
os.close(writer)
found = json.loads(os.fdopen(reader).read())
assert os.waitpid(process, 0)[1] == 0
print(json.dumps([parent, draw(), *found]))
"""


def test_fork() -> None:
    """Children of a process that has filled in parallel can fill too, and so can the parent."""
    first, second, in_child, tasks, in_grandchild = json.loads(child(COMMON + FORK))
    assert first == second == in_child == in_grandchild
    assert first == fastinit.digest(fastinit.normal(300_001, seed=1))
    assert tasks == 1


# A fill of `steps` million values: the first goes to ends[0], the last to ends[1], between them
# all to the same scratch memory. A thread calls `act` once the first is there.
LONG = """
import json, os, signal, threading, time
import numpy as np
import fastinit
from helpers.requests import fill, requests_for

scratch = np.zeros(1 << 20, np.float32)
ends = np.full(2, np.nan, np.float32)
threads = {threads}
fastinit.set_num_threads(threads)

def at(address, count):
    return requests_for(fastinit.Normal(), 'float32', (count,), address, seed=1)
def long_fill(steps, act):
    def watch():
        while np.isnan(ends[0]):
            time.sleep(0.001)
        act()
    watching = threading.Thread(target=watch)
    watching.start()
    middle = at(scratch.ctypes.data, scratch.size) * steps
    try:
        fill(at(ends.ctypes.data, 1) + middle + at(ends.ctypes.data + 4, 1))
    finally:
        watching.join()
"""

# Fills that last ever longer, for machines so busy that another thread runs late.
GIL = """
for steps in (300, 3000, 30_000):
    seen = []
    ends[:] = np.nan
    long_fill(steps, lambda: seen.append(bool(np.isnan(ends[1]))))
    if seen == [True]:
        break
print(json.dumps([seen, not np.isnan(ends[1])]))
"""


@pytest.mark.parametrize("count", [1, 2])
def test_python_runs_during_a_fill(count: int) -> None:
    """Another Python thread sees the first element drawn and the last not yet."""
    assert json.loads(child(LONG.format(threads=count) + GIL)) == [[True], True]


INTERRUPT = """
try:
    long_fill(20_000, lambda: os.kill(os.getpid(), signal.SIGINT))
    caught = False
except KeyboardInterrupt:
    caught = True
digest = fastinit.digest(fastinit.normal(300_001, seed=1))
print(json.dumps([caught, bool(np.isnan(ends[1])), digest]))
"""


@pytest.mark.parametrize("count", [1, 2])
def test_interrupt(count: int) -> None:
    """Ctrl-C ends a fill of a minute at once with KeyboardInterrupt, and the next is right."""
    caught, unfinished, digest = json.loads(child(LONG.format(threads=count) + INTERRUPT))
    assert caught
    assert unfinished
    assert digest == fastinit.digest(fastinit.normal(300_001, seed=1))


HANDLED = """
signal.signal(signal.SIGUSR1, lambda *_: handled.append(bool(np.isnan(ends[1]))))
for steps in (400, 4000, 40_000):
    handled = []
    ends[:] = np.nan
    long_fill(steps, lambda: os.kill(os.getpid(), signal.SIGUSR1))
    if handled == [True]:
        break
print(json.dumps([handled, not np.isnan(ends[1])]))
"""


def test_signal_that_is_handled() -> None:
    """A handler that returns runs during the fill, which continues to its end."""
    assert json.loads(child(LONG.format(threads=2) + HANDLED)) == [[True], True]


DAEMONS = """
import threading, time
import fastinit
fastinit.set_num_threads({threads})

def forever():
    while True:
        {draw}

for _ in range({daemons}):
    threading.Thread(target=forever, daemon=True).start()
time.sleep(0.3)
"""


@pytest.mark.parametrize(
    ("daemons", "threads", "draw"),
    [
        (1, 2, "fastinit.normal(100_000, seed=0)"),
        (3, 1, "fastinit.he_normal((16, 16))"),
        (1, 2, "fastinit.normal(30_000_000, seed=0)"),
        (2, 2, "fastinit.orthogonal((300, 300), seed=0)"),
        (2, 1, "fastinit.sparse((300, 300), 0.9, seed=0, format='csr')"),
        (2, 2, "fastinit.bernoulli((300, 300), seed=0)"),
    ],
)
def test_daemon_threads_at_exit(daemons: int, threads: int, draw: str) -> None:
    """A program whose daemon threads still draw ends as it would without them."""
    if "format" in draw:
        pytest.importorskip("scipy")
    child(DAEMONS.format(daemons=daemons, threads=threads, draw=draw))


def test_set_num_threads() -> None:
    """It takes up to 4096; None restores the default."""
    default = fastinit.get_num_threads()
    for count in (1, 3, 4096):
        with threads(count):
            assert fastinit.get_num_threads() == count
    assert fastinit.get_num_threads() == default


@pytest.mark.parametrize(
    ("wrong", "error", "message"),
    [
        *((n, ValueError, f"count={n} is out of range; pass 1 to 4096") for n in (0, -1, 4097)),
        *((n, TypeError, r"count=.* is an? .*; pass") for n in (1.0, "2", True, [1])),
    ],
)
def test_wrong_number_of_threads(wrong: Any, error: type[Exception], message: str) -> None:
    """The error says what was given and what is allowed, and nothing changes."""
    with threads(3):
        with pytest.raises(error, match=message):
            fastinit.set_num_threads(wrong)
        assert fastinit.get_num_threads() == 3


NUMBER = "import fastinit; print(fastinit.get_num_threads())"
STARTED = """
before = tasks()
fastinit.normal(1000, seed=0)
small = tasks()
draw()
print(json.dumps([small - before, tasks() - before]))
"""


def test_threads_are_started() -> None:
    """A large fill uses as many as were set, a small one only the caller's."""
    assert json.loads(child(COMMON + STARTED)) == [0, 2]


@pytest.mark.parametrize(
    ("setting", "count"), [("5", 5), ("3,2", 3), ("99999", 4096), ("many", None)]
)
def test_environment_variable(setting: str, count: int | None) -> None:
    """The first number of OMP_NUM_THREADS comes before the processors; a wrong value is ignored."""
    expected = child(NUMBER, OMP_NUM_THREADS=None) if count is None else f"{count}\n"
    assert child(NUMBER, OMP_NUM_THREADS=setting) == expected


AFFINITY = """
import os
cpus = sorted(os.sched_getaffinity(0))
if {before}:
    os.sched_setaffinity(0, cpus[:1])
import fastinit
if not {before}:
    fastinit.normal(300_001)
    os.sched_setaffinity(0, cpus[:1])
one = fastinit.get_num_threads()
os.sched_setaffinity(0, cpus)
print(one, 1 <= fastinit.get_num_threads() <= len(cpus))
"""


@pytest.mark.parametrize("before", [True, False])
def test_affinity(before: bool) -> None:
    """One processor is one thread, whether set before the import or after a fill."""
    printed = child(AFFINITY.format(before=before), OMP_NUM_THREADS=None)
    assert printed.split() == ["1", "True"]


SEVERAL: list[tuple[fastinit.Initializer, tuple[int, ...], Any]] = [
    (what, shape, index)
    for what in (fastinit.Normal(), fastinit.Uniform(-1, 1), fastinit.Constant(2))
    for shape, index in (
        ((1,), ...),
        ((0,), ...),
        ((7, 9), np.s_[2:5, 3:]),
        ((LARGE,), ...),
        ((300, 1000), np.s_[:, 1:999]),
        ((4097,), np.s_[-1]),
    )
]


@pytest.mark.parametrize("count", [1, 3])
def test_one_call_for_several_tensors(count: int) -> None:
    """Small and large tensors of all dtypes in one call are what separate calls draw."""
    arrays, records = [], []
    for stream, (what, shape, index) in enumerate(SEVERAL):
        dtype = dtype_of(DTYPES[stream % len(DTYPES)])
        array = np.zeros(np.broadcast_to(0, shape)[index].shape, dtype)
        where = {"index": index, "seed": 9, "stream": stream}
        records += requests_for(what, dtype, shape, array.ctypes.data, **where)
        arrays.append(array)
    with threads(count):
        fill(records)
    for stream, ((what, shape, index), array) in enumerate(zip(SEVERAL, arrays, strict=True)):
        check_bits(array, what(shape, seed=9, name=stream, dtype=array.dtype, index=index))


def test_no_requests() -> None:
    fill([])


MALFORMED = (
    "address=0 count=3 count=5 rank=0 rank=9 rank=18446744073709551615 "
    f"distribution={_cpu.distributions['orthogonal']} distribution={len(_cpu.distributions)} "
    f"dtype={len(_cpu.dtypes)} item_size=0 item_size=3 item_size=16 formula=1 formula=99"
)


def two_requests(memory: np.ndarray[Any, np.dtype[np.float32]]) -> np.ndarray[Any, Any]:
    """Two good requests of four elements each, and memory for eight."""
    first, second = (
        requests_for(fastinit.Normal(), "float32", (4,), memory.ctypes.data + start, seed=1)
        for start in (0, 16)
    )
    return joined(first + second).copy()


@pytest.mark.parametrize("wrong", MALFORMED.split())
def test_malformed_request(wrong: str) -> None:
    """It is named, and the good one before it is not filled either."""
    field, value = wrong.split("=")
    memory = np.zeros(8, np.float32)
    requests = two_requests(memory)
    requests[field][1] = int(value)
    with pytest.raises(ValueError, match="request 1 is malformed"):
        fill(requests)
    assert not memory.any()


@pytest.mark.parametrize("dtype", [np.uint8, np.dtype([("address", "u8")])])
def test_requests_of_another_dtype(dtype: Any) -> None:
    """Bytes are not requests, however many."""
    with pytest.raises(TypeError, match="request_dtype"):
        fill(np.zeros(two_requests(np.zeros(8, np.float32)).nbytes, dtype))


def test_requests_apart() -> None:
    """Requests must be contiguous."""
    memory = np.zeros(8, np.float32)
    with pytest.raises(ValueError, match="not contiguous"):
        fill(two_requests(memory)[::-1])
    assert not memory.any()
