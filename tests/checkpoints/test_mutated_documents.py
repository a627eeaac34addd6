"""Mutated documents of all kinds: only the documented errors, each within seconds."""

import random
import signal
from pathlib import Path
from types import FrameType

import pytest

from helpers.mutations import Documents

LONGEST = 5  # seconds; most take a millisecond


def stop(number: int, frame: FrameType | None) -> None:  # noqa: ARG001
    """Fail where a document takes too long."""
    raise AssertionError("no answer in time")


@pytest.mark.parametrize(
    ("first", "count"),
    [(0, 2000), pytest.param(2000, 98_000, marks=pytest.mark.slow)],
)
def test_mutated_documents(tmp_path: Path, first: int, count: int) -> None:
    """Those that are accepted are as many as one expects of small changes."""
    documents = Documents(tmp_path)
    before = signal.signal(signal.SIGALRM, stop)
    accepted = 0
    try:
        for k in range(first, first + count):
            read = documents.kinds[k % len(documents.kinds)]
            signal.alarm(LONGEST)
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
