"""Fixtures that several files share."""

import gc
import importlib.util
import os
import signal
import sys
import tempfile
from collections.abc import Iterator

# OpenMP reads this when it is loaded, below. Waiting threads of torch and fastinit then yield their
# cores: where two cores are shared with another process, busy waiting is up to 50 times slower.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")

# Keras has one backend in a process, and reads a file of the user's unless it has another place.
os.environ["KERAS_BACKEND"] = "torch"
os.environ["KERAS_HOME"] = os.path.join(tempfile.gettempdir(), "fastinit-tests-keras")  # noqa: PTH118

# Tables are as wide as the terminal, and tests have none: pytest-xdist tells its workers of one.
os.environ.pop("COLUMNS", None)
os.environ.pop("LINES", None)

# A shell without job control ignores SIGINT for what it starts in the background, and so would
# every process that a test starts and interrupts.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

import pytest

from fastinit import repeated_streams
from helpers.cuda import fake_gpu, ptx_coverage
from helpers.cuda.build import NVCC, building
from helpers.cuda.devices import Card, Emulated, card_is_missing, emulated


class Missing:
    """Finds no framework that is missing: the folder of its tests would be taken for it."""

    def __init__(self) -> None:
        found = {name: importlib.util.find_spec(name) for name in ("jax", "keras", "torch")}
        self.names = {name for name, spec in found.items() if spec and spec.origin is None}

    def find_spec(self, fullname: str, *_: object) -> None:
        if fullname in self.names:
            raise ModuleNotFoundError(f"No module named {fullname!r}", name=fullname)


sys.meta_path.insert(0, Missing())


def pytest_sessionstart() -> None:
    """Collect no garbage until all tests are known: there is little, and looking takes seconds."""
    gc.disable()


# The emulated device needs a module that takes minutes to compile. A process of its own compiles it
# while the other tests run, and the tests that need it come last.


def needs_emulation(item: pytest.Item) -> bool:
    return "emulation" in getattr(item, "fixturenames", ())


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=needs_emulation)
    # Processes that test together need the same names, and so does a selection by -k.
    addressed = [each.nodeid for each in items if " at 0x" in each.nodeid]
    if addressed:
        raise pytest.UsageError(f"take ids=shortened for {addressed[0]}, which has an address")


def pytest_collection_finish(session: pytest.Session) -> None:
    gc.enable()
    if NVCC and not session.config.option.collectonly and any(map(needs_emulation, session.items)):
        building()


@pytest.fixture(autouse=True, scope="module")
def garbage_of_this_file() -> None:
    """Garbage of the files before is freed, and what they left alive is not looked at again.

    There are a million objects at the start; a collection among all of them takes a second.
    """
    gc.collect()
    gc.freeze()


@pytest.fixture(autouse=True)
def programs_of_their_own() -> None:
    """Each test may draw from a seed without a name: what other tests drew is forgotten."""
    repeated_streams.forget()


@pytest.fixture(scope="session")
def emulation() -> Emulated:
    """The module ``_cuda`` over an emulated device."""
    if NVCC is None:
        pytest.skip("nvcc, whose PTX is emulated, was not found; put it on PATH or set CUDACXX")
    return emulated()


@pytest.fixture
def card() -> Iterator[Card]:
    missing = card_is_missing()
    if missing is not None:
        pytest.skip(missing)
    machine = Card()
    yield machine
    machine.clear()


@pytest.fixture
def extension(monkeypatch: pytest.MonkeyPatch) -> Iterator[fake_gpu.Extension]:
    """A machine with two simulated GPUs and no CuPy."""
    made = fake_gpu.Extension()
    monkeypatch.setitem(sys.modules, "cupy", None)
    with fake_gpu.machine(monkeypatch, made):
        yield made


@pytest.fixture
def cupy(extension: fake_gpu.Extension, monkeypatch: pytest.MonkeyPatch) -> fake_gpu.Cupy:  # noqa: ARG001
    """CuPy on that machine."""
    made = fake_gpu.Cupy()
    monkeypatch.setitem(sys.modules, "cupy", made)
    return made


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say how much of the kernels' PTX was run."""
    covered = ptx_coverage.summary()
    if covered is not None:
        terminalreporter.write_line(covered)
