"""The sessions that the tests of ``benchmarks/on_gpu.sh`` have."""

import time
from pathlib import Path

import pytest

from benchmarks.on_gpu.session import Session
from helpers.cuda.sessions import CARD, Recorded


@pytest.fixture
def session(tmp_path: Path) -> Session:
    """A run that has a minute, and a build of nothing."""
    out, work = tmp_path / "out", tmp_path / "work"
    out.mkdir()
    (work / "site").mkdir(parents=True)
    return Session(out, work, CARD, time.monotonic() + 60)


@pytest.fixture
def recorded(session: Session) -> Recorded:
    return Recorded(session.out, session.work, CARD, session.end)
