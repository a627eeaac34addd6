"""Child processes that run Python code."""

import os
import subprocess
import sys
from pathlib import Path

TESTS = str(Path(__file__).parents[1])  # from which children import helpers
TIMEOUT = 600.0  # seconds; a process that takes longer hangs, however busy the machine is


def environment(**changes: str | None) -> dict[str, str]:
    """The environment of a child process: this one's with changes; None removes a variable."""
    settings = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(filter(None, [TESTS, os.environ.get("PYTHONPATH")])),
        "PYTHONWARNINGS": "ignore",
        "SKBUILD_EDITABLE_VERBOSE": "0",
    }
    settings.pop("FASTINIT_ISA", None)
    for key, value in changes.items():
        settings.pop(key, None)
        if value is not None:
            settings[key] = value
    return settings


def child(code: str, **changes: str | None) -> str:
    """Run `code` in a new Python process that must succeed, and return what it prints."""
    done = attempt(code, **changes)
    assert done.returncode == 0, f"exit status {done.returncode}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def attempt(code: str, **changes: str | None) -> subprocess.CompletedProcess[str]:
    """Run `code` in a new Python process, whatever becomes of it."""
    return subprocess.run(
        [sys.executable, "-c", code],
        env=environment(**changes),
        capture_output=True,
        text=True,
        timeout=TIMEOUT,
        check=False,
    )
