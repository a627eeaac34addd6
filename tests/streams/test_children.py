"""Child processes: each has a seed of its own, which follows from its parent's."""

import json
from typing import Any

import pytest

import fastinit
from fastinit.process_seed import child_seed
from helpers import reference
from helpers.processes import child

FIRST_AUTOMATIC = 1 << 62


def values(**which: Any) -> list[float]:
    """A few normal values of a seed and a name."""
    drawn: list[float] = fastinit.normal(4, **which).tolist()
    return drawn


def of_child(seed: int, number: int) -> list[list[float]]:
    """What the child of a process with this seed draws by the name "w" and without one."""
    own = reference.child_seed(seed, number)
    return [values(seed=own, name="w"), values(seed=own, name=FIRST_AUTOMATIC)]


@pytest.mark.parametrize("seed", [0, 5, 2**64 - 1])
@pytest.mark.parametrize("number", [1, 2, 10**6])
def test_definition(seed: int, number: int) -> None:
    assert child_seed(seed, number) == reference.child_seed(seed, number)


def test_known_answer() -> None:
    """`printf 'child 1 of 0' | b2sum -l 64` prints 93d35102c6bf0aa2."""
    assert child_seed(0, 1) == 0xA20ABFC60251D393


FORKS = """
import json, os, sys
import fastinit
from fastinit.process_seed import PROCESS
seed = json.loads({seed!r})
if seed is not None:
    fastinit.seed(seed)
fastinit.normal(4)
PROCESS.lock.acquire()  # as another thread of the parent may hold it during a fork
lines = []
for _ in range(2):
    reader, writer = os.pipe()
    process = os.fork()
    if process == 0:
        drawn = [fastinit.normal(4, name="w").tolist(), fastinit.normal(4).tolist()]
        os.write(writer, json.dumps(drawn).encode())
        os._exit(0)
    os.close(writer)
    lines.append(json.loads(os.fdopen(reader).read()))
    assert os.waitpid(process, 0)[1] == 0
PROCESS.lock.release()
lines.append([fastinit.normal(4, name="w").tolist(), fastinit.normal(4).tolist()])
print(json.dumps(lines))
"""


def forks(seed: int | None) -> list[list[list[float]]]:
    """The draws of two forked children and then of their parent, by a name and without."""
    drawn: list[list[list[float]]] = json.loads(child(FORKS.format(seed=json.dumps(seed))))
    return drawn


def test_forked_children_of_a_seed_that_was_set() -> None:
    """The first and the second child draw what their seeds say; the parent goes on as before."""
    first, second, parent = forks(5)
    assert [first, second] == [of_child(5, 1), of_child(5, 2)]
    assert parent == [values(seed=5, name="w"), values(seed=5, name=FIRST_AUTOMATIC + 1)]


@pytest.mark.parametrize("which", [0, 1], ids=["named", "automatic"])
def test_fork_replaces_a_seed_of_the_operating_system(which: int) -> None:
    """No two of the children and the parent draw the same."""
    assert len({tuple(drawn[which]) for drawn in forks(None)}) == 3


GENERATIONS = """
import json, os
import fastinit

def draw():
    return [fastinit.normal(4, name="w").tolist(), fastinit.normal(4).tolist()]

def in_child(function):
    reader, writer = os.pipe()
    process = os.fork()
    if process == 0:
        os.write(writer, json.dumps(function()).encode())
        os._exit(0)
    os.close(writer)
    found = json.loads(os.fdopen(reader).read())
    assert os.waitpid(process, 0)[1] == 0
    return found

def seeded_draw():
    fastinit.seed(7)
    return draw()

fastinit.seed(5)
found = [in_child(lambda: [in_child(draw), draw()])]
found.append(in_child(seeded_draw))
fastinit.seed(5)
found.append(in_child(draw))
print(json.dumps(found))
"""


def test_generations() -> None:
    """Grandchildren follow from their parent; a child may be seeded; seed() counts from 1 again."""
    (grandchild, first), seeded, again = json.loads(child(GENERATIONS))
    assert grandchild == of_child(reference.child_seed(5, 1), 1)
    assert first == again == of_child(5, 1)
    assert seeded == [values(seed=7, name="w"), values(seed=7, name=FIRST_AUTOMATIC)]


SIGNALED = """
import os, signal
import fastinit
from fastinit.process_seed import PROCESS

def handler(number, frame):
    fastinit.normal(4)
    if os.fork() == 0:
        os._exit(0)
    os.wait()

signal.signal(signal.SIGUSR1, handler)
with PROCESS.lock:  # as if the signal came while a call takes its stream
    os.kill(os.getpid(), signal.SIGUSR1)
print("done")
"""


def test_signal_handler_draws_and_forks() -> None:
    assert child(SIGNALED) == "done\n"


STARTED = """
import multiprocessing, sys
import fastinit
{unguarded}

def draw(queue, number):
    queue.put((number, fastinit.normal(4, name="w").tolist(), fastinit.normal(4).tolist()))

def children(context):
    queue = context.Queue()
    processes = [context.Process(target=draw, args=(queue, number)) for number in range(2)]
    for process in processes:
        process.start()
    found = sorted(queue.get() for _ in processes)
    for process in processes:
        process.join()
    return [drawn for _, *drawn in found]

if __name__ == "__main__":
    {guarded}
    import json
    context = multiprocessing.get_context({method!r})
    print(json.dumps([children(context), children(context)]))
"""
METHODS = ["fork", "spawn", "forkserver"]


def started(tmp_path: Any, method: str, *, unguarded: str = "", guarded: str = "") -> Any:
    """What pairs of children of a program draw that multiprocessing starts."""
    program = tmp_path / "program.py"
    program.write_text(STARTED.format(method=method, unguarded=unguarded, guarded=guarded))
    return json.loads(child(f"import runpy; runpy.run_path({str(program)!r}, run_name='__main__')"))


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("where", ["unguarded", "guarded"])
def test_children_of_multiprocessing(tmp_path: Any, method: str, where: str) -> None:
    """Whatever the start method, also where the child runs the seeding line of the main module."""
    pairs = started(tmp_path, method, **{where: "fastinit.seed(5)"})
    assert pairs == [[of_child(5, 1), of_child(5, 2)], [of_child(5, 3), of_child(5, 4)]]


@pytest.mark.parametrize("method", METHODS)
def test_children_without_a_seed(tmp_path: Any, method: str) -> None:
    """No two of them draw the same."""
    drawn = [tuple(one[0]) for pair in started(tmp_path, method) for one in pair]
    assert len(set(drawn)) == 4


LOADER = """
import json
import torch
import fastinit

class Draws(torch.utils.data.IterableDataset):
    def __iter__(self):
        number = torch.utils.data.get_worker_info().id
        yield number, fastinit.normal(4, name="w").tolist(), fastinit.normal(4).tolist()

fastinit.seed(5)
loader = torch.utils.data.DataLoader(Draws(), batch_size=None, num_workers=2)
print(json.dumps([[drawn for _, *drawn in sorted(loader)] for epoch in range(2)]))
"""


def test_workers_of_a_data_loader() -> None:
    """The two workers of each epoch have seeds of their own."""
    pytest.importorskip("torch")
    epochs = json.loads(child(LOADER))
    assert epochs == [[of_child(5, 1), of_child(5, 2)], [of_child(5, 3), of_child(5, 4)]]


@pytest.mark.parametrize("method", METHODS[:2])
def test_explicit_seeds_do_not_change(method: str, tmp_path: Any) -> None:
    """Calls with seed= draw the same in a child."""
    code = STARTED.replace("fastinit.normal(4", "fastinit.normal(4, seed=3")
    program = tmp_path / "program.py"
    program.write_text(code.format(method=method, unguarded="fastinit.seed(5)", guarded=""))
    run = f"import runpy; runpy.run_path({str(program)!r}, run_name='__main__')"
    expected = [values(seed=3, name="w"), values(seed=3)]
    assert json.loads(child(run)) == [[expected] * 2] * 2
