"""The steps of a run, the most important first."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable
from dataclasses import dataclass

from benchmarks.on_gpu import machine
from benchmarks.on_gpu.build import build
from benchmarks.on_gpu.session import FAILED, REFUSED, TIMED_OUT, Session, StopError, measured
from benchmarks.on_gpu.sweep import sweep

TOOLS = ("memcheck", "racecheck", "initcheck", "synccheck")
SELECTION = ("normal", "masks", "orthogonal")  # kernels that the sanitizer sees
FINDING = "86"  # the exit status of compute-sanitizer where a tool has found something
# How compute-sanitizer and ncu say that this machine does not let them look at the GPU.
_REFUSALS = re.compile(
    r"device not supported|not supported on this|LibraryNotLoaded|ERR_NVGPUCTRPERM", re.I
)
THREADS = (1, 2, 4, 8, 16)
FILLS = ("uniform float32", "normal float32", "normal bfloat16")  # on the CPU, by thread
_BACKEND = "import jax; print(jax.default_backend())"
METRICS = (  # of ncu: how long a kernel took, its instructions, issue slots in use, bytes stored
    "gpu__time_duration.sum",
    "smsp__inst_executed.sum",
    "smsp__issue_active.avg.pct_of_peak_sustained_active",
    "sm__warps_active.avg.pct_of_peak_sustained_active",
    "dram__bytes_write.sum.per_second",
)


@dataclass(frozen=True)
class Step:
    """A step: what it is for, the seconds that it may take, and what it does.

    ``run`` returns a sentence about what was found, or raises StopError.
    """

    name: str
    purpose: str
    limit: float
    run: Callable[[Session], str]
    needs_build: bool = True


def suite(session: Session) -> str:
    """Run the tests that need a GPU; the sanitizer has a step of its own."""
    command = [sys.executable, "-m", "pytest", "tests/cuda", "-m", "gpu", "-k", "not sanitizer"]
    options = [
        "-v",
        "-W",
        "default",
        "-p",
        "no:cacheprovider",
        "--continue-on-collection-errors",
        f"--junitxml={session.out}/suite.xml",
    ]
    done = session.run([*command, *options], "suite").needed()
    if "passed" not in done.last_line:
        raise StopError(FAILED, f"no test ran: {done.last_line}")
    return done.last_line.strip("= ")


def figures(session: Session) -> str:
    """Compare fastinit with its peers; ``cuda.json`` grows part by part."""
    path = str(session.out / "cuda.json")
    measured(session.run([sys.executable, "-m", "benchmarks.cuda", "--json", path], "figures"))
    return "every result was checked before it was timed"


def jax(session: Session) -> str:
    """Time programs of JAX beside those of jax.nn.initializers; JAX is optional."""
    found = session.run([sys.executable, "-c", _BACKEND], "backend of JAX")
    if found.status != 0 or found.last_line != "gpu":
        raise StopError(REFUSED, f"JAX is missing or sees no GPU: {found.last_line}")
    command = [sys.executable, "-m", "benchmarks.jax_init", "--layers", "0", "--repeats", "3"]
    session.run([*command, "--json", f"{session.out}/jax_init.json"], "jax").needed()
    return "every result was checked before it was timed"


def sanitizer(session: Session) -> str:
    """Run compute-sanitizer's tools on a few cases of some kernels."""
    program = machine.tool("compute-sanitizer", "looks for invalid accesses and races")
    problems: dict[str, tuple[str, str]] = {}
    for turn, tool in enumerate(TOOLS):
        share = session.left / (len(TOOLS) - turn)
        problem = _sanitized(session, program, tool, share)
        if problem is not None:
            problems[tool] = problem
    if problems:
        statuses = {status for status, _ in problems.values()}
        worst = next(each for each in (FAILED, TIMED_OUT, REFUSED) if each in statuses)
        raise StopError(worst, "; ".join(f"{tool}: {note}" for tool, (_, note) in problems.items()))
    return f"{', '.join(TOOLS)} found nothing"


def _sanitized(session: Session, program: str, tool: str, limit: float) -> tuple[str, str] | None:
    """Return the status and the sentence of a problem, or None."""
    command = [program, "--tool", tool, "--error-exitcode", FINDING, sys.executable]
    command += ["tests/cuda/sanitized_cases.py", *SELECTION]
    variables = {"PYTORCH_NO_CUDA_MEMORY_CACHING": "1"}  # so that the memory after a tensor is free
    try:
        done = session.run(command, tool, limit=limit, variables=variables)
        if done.status and _REFUSALS.search(done.output):
            return REFUSED, "compute-sanitizer refuses this device"
        done.needed()
    except StopError as problem:
        return problem.status, str(problem)
    return None if "cases agree" in done.output else (FAILED, f"no case ran: {done.last_line}")


def counters(session: Session) -> str:
    """Read the hardware's counters for one draw of some kernels; the clocks stay as they are."""
    program = machine.tool("ncu", "reads the counters of the hardware")
    command = [program, "--csv", "--clock-control", "none", "--metrics", ",".join(METRICS)]
    command += ["--kernel-name", "regex:fill_requests|orthogonal", sys.executable]
    done = session.run([*command, "-m", "benchmarks.on_gpu.draws"], "counters")
    if done.status and _REFUSALS.search(done.output):
        raise StopError(REFUSED, "ncu cannot read the counters here")
    lines = [line for line in done.needed().output.splitlines() if line.startswith('"')]
    if not lines:
        raise StopError(FAILED, f"no kernel was seen: {done.last_line}")
    (session.out / "counters.csv").write_text("\n".join(lines) + "\n")
    return f"{len(lines) - 1} values in counters.csv"


def threads(session: Session) -> str:
    """Draw on the CPU with ever more threads, as far as there are processors."""
    available = len(os.sched_getaffinity(0))
    counts = ",".join(str(count) for count in THREADS if count <= available)
    command = [sys.executable, "-m", "benchmarks.fill", "--threads", counts, "--repeats", "7"]
    command += ["--peers", "", "--instruction-sets", "best", "--tasks", ",".join(FILLS)]
    session.run([*command, "--json", f"{session.out}/fill.json"], "threads").needed()
    return f"{counts} threads; one digest for all of them"


STEPS = (
    Step("build", "compile for this GPU's architecture", 90, build, needs_build=False),
    Step("suite", "every kernel equals the CPU bit for bit", 130, suite),
    Step("figures", "fastinit beside its peers and the memory's rate", 110, figures),
    Step("jax", "programs of JAX", 50, jax),
    Step("sweep", "variants of the kernels", 100, sweep),
    Step("sanitizer", "memcheck, racecheck, initcheck, synccheck", 80, sanitizer),
    Step("counters", "instructions and issue slots that the hardware counts", 40, counters),
    Step("threads", "fills on the CPU with 1 to 16 threads", 40, threads),
)
