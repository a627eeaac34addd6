"""Streams: names and seeds, the process-wide generator, threads and forks."""

import itertools
import threading
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import fastinit
from fastinit.streams import resolve, stream_of
from helpers import reference
from helpers.settings import process_seed

FIRST_AUTOMATIC = 1 << 62


def values(**which: Any) -> list[float]:
    """A few normal values of a seed and a name."""
    drawn: list[float] = fastinit.normal(4, **which).tolist()
    return drawn


@given(st.text())
def test_names_are_hashed(name: str) -> None:
    """A string is its 8-byte BLAKE2b digest with bit 63 set."""
    assert stream_of(name) == reference.stream_of(name)
    assert stream_of(name) >> 63 == 1


def test_name_known_answer() -> None:
    """`printf weight | b2sum -l 64` prints 467271dc3e2ee084; bit 63 is set in any case."""
    assert stream_of("weight") == 0x84E02E3EDC717246


def test_names_are_not_normalized() -> None:
    """Two spellings of one character are two names."""
    assert stream_of("\u00e9") != stream_of("e\u0301")


@given(st.integers(0, 2**63 - 1))
def test_integers_are_themselves(name: int) -> None:
    """An integer below 2^63 is its own stream, so it never meets a hashed name."""
    assert stream_of(name) == name


@pytest.mark.parametrize("integer", [np.int8(5), np.uint64(5), np.array(5)])
def test_integers_of_any_kind(integer: Any) -> None:
    """Everything Python takes as an index is an integer, as name and as seed."""
    assert values(seed=integer, name=integer) == values(seed=5, name=5)


@pytest.mark.parametrize("wrong", [-1, 1 << 63, 1 << 64])
def test_name_out_of_range(wrong: int) -> None:
    with pytest.raises(ValueError, match=rf"name={wrong} is out of range.*\[0, 2\*\*63\)"):
        fastinit.normal(1, seed=0, name=wrong)


@pytest.mark.parametrize("wrong", [-1, 1 << 64])
def test_seed_out_of_range(wrong: int) -> None:
    """A refused seed of the process changes nothing."""
    with process_seed(3):
        expected = resolve(None, None)
        fastinit.seed(3)
        for call in (fastinit.seed, lambda seed: fastinit.normal(1, seed=seed)):
            with pytest.raises(ValueError, match=rf"seed={wrong} is out of range.*\[0, 2\*\*64\)"):
                call(wrong)
        assert resolve(None, None) == expected


@pytest.mark.parametrize("wrong", [1.0, True, "7", b"7", [1], np.float32(2)])
def test_seed_of_wrong_type(wrong: Any) -> None:
    """Only integers are seeds, and bools are not."""
    for call in (fastinit.seed, lambda seed: fastinit.normal(1, seed=seed)):
        with pytest.raises(TypeError, match=r"seed=.* is an? .*; pass an integer in \[0, 2"):
            call(wrong)


@pytest.mark.parametrize("wrong", [1.0, True, b"w", ["w"], object()])
def test_name_of_wrong_type(wrong: Any) -> None:
    """Only strings and integers are names, and bools are not."""
    with pytest.raises(TypeError, match=r"name=.* is an? .*; pass a string or an integer"):
        fastinit.normal(1, seed=0, name=wrong)


def test_lone_surrogates() -> None:
    """UTF-8 cannot encode them, so they are refused."""
    with pytest.raises(ValueError, match="lone surrogate"):
        fastinit.normal(1, seed=0, name="\ud800")


def test_seed_alone_is_stream_zero() -> None:
    """`seed=s` without a name draws stream 0 of s, whatever the process-wide seed."""
    with process_seed(1):
        assert resolve(5, None) == (5, 0)
        assert values(seed=5) == values(seed=5, name=0)


def test_name_alone_takes_the_process_seed() -> None:
    """It takes no automatic stream."""
    with process_seed(11):
        assert values(name="w") == values(seed=11, name="w")
        assert resolve(None, None) == (11, FIRST_AUTOMATIC)


def test_neither_takes_the_next_automatic_stream() -> None:
    """Streams count from 2^62, one per call."""
    with process_seed(11):
        assert [values() for _ in range(3)] == [
            values(seed=11, name=FIRST_AUTOMATIC + k) for k in range(3)
        ]


@pytest.mark.parametrize("seed", [0, 7, (1 << 64) - 1])
def test_seed_repeats(seed: int) -> None:
    """The same seed gives the same values again, from the first on."""
    with process_seed(seed):
        first = [values() for _ in range(3)]
        fastinit.seed(seed)
        assert [values() for _ in range(3)] == first


def test_seed_of_the_operating_system() -> None:
    """Without a number every seed() differs, and the count starts again."""
    with process_seed(None):
        seeds = set()
        for _ in range(20):
            fastinit.seed()
            seed, stream = resolve(None, None)
            seeds.add(seed)
            assert stream == FIRST_AUTOMATIC
        assert len(seeds) == 20


def test_a_failed_call_takes_no_stream() -> None:
    """After an error the next call draws what it would have drawn."""
    with process_seed(3):
        expected = values()
        fastinit.seed(3)
        with pytest.raises(ValueError, match="shape"):
            fastinit.normal(4, out=np.zeros(5, np.float32))
        with pytest.raises(ValueError, match="dtype"):
            fastinit.normal(4, dtype="int8")
        assert values() == expected


def test_an_empty_part_takes_a_stream() -> None:
    """Processes that hold no part of an array stay in step with those that do."""
    with process_seed(3):
        fastinit.normal(4, index=np.s_[:0])
        assert resolve(None, None) == (3, FIRST_AUTOMATIC + 1)


def test_automatic_streams_under_threads() -> None:
    """Eight threads at once take every number once."""
    taken: list[list[int]] = [[] for _ in range(8)]
    start = threading.Barrier(8)

    def take(mine: list[int]) -> None:
        start.wait()
        mine.extend(resolve(None, None)[1] for _ in range(2000))

    with process_seed(1):
        workers = [threading.Thread(target=take, args=(mine,)) for mine in taken]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
    assert sorted(itertools.chain(*taken)) == [FIRST_AUTOMATIC + k for k in range(16000)]
