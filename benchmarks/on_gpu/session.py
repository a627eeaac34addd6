"""A run: its folders, its time, and the commands that it starts."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).parents[2]
PASSED, FAILED, TIMED_OUT = "passed", "failed", "timed out"
REFUSED, NOT_RUN = "refused", "not run"
NOTHING = "Nothing is measured"  # what benchmarks.cuda says where CuPy or the GPU is missing


class StopError(Exception):
    """A step ends here, with a status and a sentence that says why."""

    def __init__(self, status: str, note: str) -> None:
        super().__init__(note)
        self.status = status


@dataclass(frozen=True)
class Card:
    """A GPU as the driver describes it."""

    name: str
    architecture: str  # "90"


@dataclass(frozen=True)
class Done:
    """A command that has ended: its exit status (None if it ran out of time) and its output."""

    status: int | None
    output: str
    section: str  # of log.txt

    @property
    def last_line(self) -> str:
        """Return the last line that is not empty."""
        lines = [line for line in self.output.splitlines() if line.strip()]
        return lines[-1].strip() if lines else ""

    def needed(self) -> Done:
        """Return this; end the step unless the command succeeded."""
        if self.status is None:
            raise StopError(TIMED_OUT, f"out of time; see {self.section} in log.txt")
        if self.status != 0:
            found = f"exit status {self.status}: {self.last_line}"
            raise StopError(FAILED, f"{found}; see {self.section} in log.txt")
        return self


def measured(done: Done) -> Done:
    """Return a run of ``benchmarks.cuda``; end the step if it failed, or had nothing to measure."""
    if NOTHING in done.needed().output:
        raise StopError(FAILED, done.last_line)
    return done


@dataclass
class Session:
    """A run, which writes to ``out``, builds in ``work`` and must end in time."""

    out: Path
    work: Path
    card: Card
    end: float  # of the run, on time.monotonic()'s clock
    step_end: float = field(init=False)

    def __post_init__(self) -> None:
        self.step_end = self.end

    @property
    def site(self) -> Path:
        """Return the folder from which Python imports the fastinit that was built."""
        return self.work / "site"

    @property
    def is_built(self) -> bool:
        """Return whether there is such a fastinit."""
        return self.site.exists()

    def begin_step(self, limit: float) -> None:
        """Let commands run for at most ``limit`` seconds from now."""
        self.step_end = min(self.end, time.monotonic() + limit)

    @property
    def left(self) -> float:
        """Return the seconds that the step has left."""
        return self.step_end - time.monotonic()

    def run(
        self,
        command: Sequence[str | Path],
        section: str,
        *,
        limit: float | None = None,
        variables: Mapping[str, str] | None = None,
    ) -> Done:
        """Run a command until the step's end or ``limit`` seconds; its output goes to the log.

        All processes that the command has started end with it.
        """
        path = self.work / "logs" / section
        path.parent.mkdir(parents=True, exist_ok=True)
        seconds = self.left if limit is None else min(limit, self.left)
        if seconds <= 0:
            raise StopError(TIMED_OUT, "out of time")
        with path.open("wb") as output:
            process = subprocess.Popen(
                command,
                cwd=ROOT,
                env={**os.environ, **self._variables(), **(variables or {})},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
            try:
                status: int | None = process.wait(seconds)
            except subprocess.TimeoutExpired:
                status = None
            finally:
                _end(process)
        found = path.read_text(errors="replace")
        self.log(section, f"$ {' '.join(map(str, command))}\n{found}\nexit status {status}\n")
        return Done(status, found, section)

    def log(self, section: str, text: str) -> None:
        """Add a section to ``log.txt``, the one log of a run."""
        with (self.out / "log.txt").open("a") as file:
            file.write(f"==== {section}\n{text}\n")

    def _variables(self) -> dict[str, str]:
        paths = [str(self.site), os.environ.get("PYTHONPATH", "")]
        return {
            "PYTHONPATH": os.pathsep.join(filter(None, paths)),
            "PYTHONUNBUFFERED": "1",
            "XLA_PYTHON_CLIENT_PREALLOCATE": "false",
        }


def _end(process: subprocess.Popen[bytes]) -> None:
    with contextlib.suppress(ProcessLookupError):  # where all of them have ended
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
