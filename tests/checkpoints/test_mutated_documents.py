"""Mutated documents of all kinds: only the documented errors, and no hang."""

import random
import signal
from pathlib import Path
from types import FrameType

import pytest

from helpers.mutations import Documents
from helpers.processes import TIMEOUT


def stop(number: int, frame: FrameType | None) -> None:  # noqa: ARG001
    """Fail where the reader of a document hangs."""
    raise AssertionError("no answer")


@pytest.mark.parametrize(
    ("first", "count"),
    [(0, 1000), pytest.param(1000, 20_000, marks=pytest.mark.slow)],
)
def test_mutated_documents(tmp_path: Path, first: int, count: int) -> None:
    """Those that are accepted are as many as one expects of small changes."""
    documents = Documents(tmp_path)
    before = signal.signal(signal.SIGALRM, stop)
    accepted = 0
    try:
        for k in range(first, first + count):
            read = documents.kinds[k % len(documents.kinds)]
            signal.alarm(int(TIMEOUT))
            try:
                read(random.Random(k))
                accepted += 1
            except (OSError, ValueError):
                pass
            except Exception as error:
                raise AssertionError(f"document {k}, {read.__name__}") from error
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)
    assert 0.05 * count < accepted < 0.6 * count
