"""Build, prove, measure and tune on a GPU, and sum it up on one page.

    benchmarks/on_gpu.sh [OUT] [--step NAME] [--list]

Steps run in order, each with a time limit of its own, and a step that fails does not stop those
after it. ``OUT/summary.md`` is written after every step; beside it are ``steps.json``,
``cuda.json``, ``sweep.json``, ``suite.xml``, ``counters.csv``, ``fill.json`` and ``log.txt``.
``--step`` runs named steps again and keeps what the others found. Without a GPU it says so, builds
nothing and exits with status 0; the exit status is 1 if a step failed. Clocks and settings of the
GPU are not touched.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.on_gpu import machine, summary
from benchmarks.on_gpu.session import (
    FAILED,
    NOT_RUN,
    PASSED,
    TIMED_OUT,
    Session,
    StopError,
)
from benchmarks.on_gpu.steps import STEPS, Step

LEAST_SECONDS = 5.0  # with which a step is begun


def main(argv: Sequence[str] | None = None, steps: Sequence[Step] = STEPS) -> int:
    """Run the steps; return 1 if one of them failed."""
    options = _options(argv, steps)
    if options.list:
        for step in steps:
            print(f"{step.name:12}{step.limit:5.0f} s  {step.purpose}")
        return 0
    card = machine.card()
    if isinstance(card, str):
        print(f"Nothing is built or measured, because {card}.")
        return 0
    out = options.out.resolve()
    out.mkdir(parents=True, exist_ok=True)
    end = time.monotonic() + 60 * options.minutes
    session = Session(out, options.work.resolve(), card, end)
    session.work.mkdir(parents=True, exist_ok=True)
    if options.step is None:
        (out / "log.txt").unlink(missing_ok=True)
    statuses = _run(session, _chosen(options.step, steps, session))
    print(f"{out / 'summary.md'}")
    return int(any(status in (FAILED, TIMED_OUT) for status in statuses))


def _options(argv: Sequence[str] | None, steps: Sequence[Step]) -> argparse.Namespace:
    parser = argparse.ArgumentParser("benchmarks/on_gpu.sh", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    work = Path(tempfile.gettempdir()) / f"fastinit-on-gpu-{os.getuid()}"
    parser.add_argument("out", nargs="?", type=Path, default=Path("on_gpu"), metavar="OUT")
    names = [step.name for step in steps]
    parser.add_argument("--step", action="append", choices=names, help="run this step (repeatable)")
    parser.add_argument("--list", action="store_true", help="list the steps")
    parser.add_argument("--minutes", type=float, default=8, help="for all steps (%(default)s)")
    parser.add_argument("--work", type=Path, default=work, help="of the builds (%(default)s)")
    return parser.parse_args(argv)


def _chosen(names: list[str] | None, steps: Sequence[Step], session: Session) -> list[Step]:
    """Return the steps to run: all, or the named ones after a build if there is none yet."""
    if names is None:
        return list(steps)
    first = [] if session.is_built else [each for each in steps if not each.needs_build]
    return [each for each in steps if each.name in names or each in first]


def _run(session: Session, steps: Sequence[Step]) -> list[str]:
    path = session.out / "steps.json"
    found: dict[str, Any] = json.loads(path.read_text()) if path.exists() else {}
    for step in steps:
        print(f"{step.name}: {step.purpose} ...", flush=True)
        found[step.name] = _outcome(session, step)
        print("{status}, {seconds:.0f} s: {note}".format(**found[step.name]), flush=True)
        path.write_text(json.dumps(found, indent=1) + "\n")
        (session.out / "summary.md").write_text(summary.page(session, found))
    return [found[step.name]["status"] for step in steps]


def _outcome(session: Session, step: Step) -> dict[str, Any]:
    """Run a step; whatever it raises becomes its outcome."""
    start = time.monotonic()
    if session.end - start < LEAST_SECONDS:
        return {"status": NOT_RUN, "seconds": 0.0, "note": "no time was left"}
    if step.needs_build and not session.is_built:
        return {"status": NOT_RUN, "seconds": 0.0, "note": "nothing has been built"}
    session.begin_step(step.limit)
    try:
        status, note = PASSED, step.run(session)
    except StopError as problem:
        status, note = problem.status, str(problem)
    except Exception as error:
        session.log(step.name, traceback.format_exc())
        status, note = FAILED, f"{type(error).__name__}: {error}; see {step.name} in log.txt"
    return {"status": status, "seconds": time.monotonic() - start, "note": note}


if __name__ == "__main__":
    sys.exit(main())
