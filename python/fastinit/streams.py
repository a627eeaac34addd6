"""Streams: which random numbers. (seed, name) -> an endless array of words.

The definition is in docs/streams.md; this module only says how a seed and a name become the two
64-bit integers of the native code, and keeps the process-wide generator for calls that give
neither.
"""

from __future__ import annotations

import hashlib
import itertools
import os
import threading
from typing import Any

from fastinit.checks import integer, shown

STREAM_VERSION = 1

_NAMED = 1 << 63  # names have this bit, numbers do not: the two never meet
_FIRST_AUTOMATIC = 1 << 62


def _from_the_system() -> int:
    return int.from_bytes(os.urandom(8), "little")


def _hashed(text: str) -> int:
    encoded = text.encode()
    return int.from_bytes(hashlib.blake2b(encoded, digest_size=8).digest(), "little")


def child_seed(seed: int, number: int) -> int:
    """Return the seed of the ``number``-th child process of a process with this seed.

    Example:
        >>> from fastinit.streams import child_seed
        >>> child_seed(0, 1) == child_seed(0, 2)
        False
    """
    return _hashed(f"child {number} of {seed}")


class _ProcessWide:
    """The seed of calls that give none, and the stream numbers of those that give no name."""

    def __init__(self) -> None:
        # Reentrant: a signal handler may draw or fork while its thread holds the lock.
        self.lock = threading.RLock()
        self.reseed(None)

    def reseed(self, seed: int | None) -> None:
        self.given = seed is not None
        self.seed = _from_the_system() if seed is None else seed
        self.streams = itertools.count(_FIRST_AUTOMATIC)
        self.children = 0

    def automatic(self) -> tuple[int, int]:
        with self.lock:
            return self.seed, next(self.streams)

    def seed_of_next_child(self) -> int | None:
        """Count a child process, and return its seed; None for a new one from the system."""
        with self.lock:
            self.children += 1
            return child_seed(self.seed, self.children) if self.given else None

    def before_fork(self) -> None:
        # Held until after the fork, so that two threads which fork at once have different children.
        self.lock.acquire()
        self.forked = self.seed_of_next_child()

    def after_fork_in_parent(self) -> None:
        self.lock.release()

    def after_fork_in_child(self) -> None:
        self.lock = threading.RLock()
        self.reseed(self.forked)


_process = _ProcessWide()
os.register_at_fork(
    before=_process.before_fork,
    after_in_parent=_process.after_fork_in_parent,
    after_in_child=_process.after_fork_in_child,
)


class _Inherited:
    """What ``multiprocessing`` hands to processes that it starts anew: a child seed for each.

    It lies in the configuration that a process copies to its children. One that is forked has its
    seed already; one that is started anew gets its configuration by pickle, which asks for a seed.
    """

    def __reduce__(self) -> tuple[Any, ...]:
        return _begin_child, (_process.seed_of_next_child(),)


_inherited = _Inherited()


def _begin_child(seed: int | None) -> _Inherited:
    """Begin a process that was started anew; nothing that its main module did before counts."""
    _process.reseed(seed)
    return _inherited


def _hand_down() -> None:
    from multiprocessing.process import current_process  # takes milliseconds, and few need it

    configuration = getattr(current_process(), "_config", None)
    if isinstance(configuration, dict):
        configuration["fastinit"] = _inherited


def seed(seed: int | None = None) -> None:
    """Set the process-wide seed, which serves every call that gives no ``seed=``.

    Also sets the count of automatic streams back, so that the same calls repeat the same values.

    A child process (``os.fork``, and each start method of ``multiprocessing``, so also workers of
    DataLoaders) begins with a seed of its own: a hash of its parent's seed and of the number of
    children before it since that seed was set. Children therefore neither repeat each other nor
    their parent, and a program that starts the same children draws the same again. With a seed of
    the operating system, children get new ones from there. Calls with ``seed=`` draw the same in
    all processes.

    Args:
        seed: an integer in [0, 2**64), or None for a new one from the operating system.

    Raises:
        TypeError: ``seed`` is not an integer.
        ValueError: ``seed`` is out of range.

    Example:
        >>> import fastinit
        >>> fastinit.seed(7)
        >>> a = fastinit.normal(3)
        >>> fastinit.seed(7)
        >>> bool((a == fastinit.normal(3)).all())
        True
    """
    checked = None if seed is None else _checked_seed(seed)
    with _process.lock:
        _process.reseed(checked)
    if checked is not None:
        _hand_down()


def stream_of(name: str | int) -> int:
    """The stream that a name stands for: an integer is itself, a string is hashed.

    Args:
        name: an integer in [0, 2**63), or a string; strings give the little-endian integer of
            their UTF-8 bytes' 8-byte BLAKE2b digest with bit 63 set.

    Raises:
        TypeError: ``name`` is neither.
        ValueError: the integer is out of range, or the string holds a lone surrogate.

    Example:
        >>> from fastinit.streams import stream_of
        >>> stream_of(5), stream_of("weight") >= 2**63
        (5, True)
    """
    if isinstance(name, str):
        try:
            return _hashed(name) | _NAMED
        except UnicodeEncodeError:
            raise ValueError(
                f"name={name!r} holds a lone surrogate, which UTF-8 cannot encode; "
                "pass a valid string or an integer"
            ) from None
    number = integer(name, "name", "a string or an integer in [0, 2**63)")
    if not 0 <= number < _NAMED:
        raise ValueError(f"name={shown(number)} is out of range; integer names lie in [0, 2**63)")
    return number


def resolve(seed: int | None, name: str | int | None) -> tuple[int, int]:
    """The (seed, stream) of a call: ``seed`` alone draws stream 0, neither the next automatic."""
    if name is None:
        return _process.automatic() if seed is None else (_checked_seed(seed), 0)
    stream = stream_of(name)
    return (_process.seed if seed is None else _checked_seed(seed)), stream


def raw(seed: int, stream: str | int) -> tuple[int, int]:
    """Return the (seed, stream) of a name or of the number of any stream, below 2**64.

    Raises:
        TypeError: One of them has the wrong type.
        ValueError: One of them is out of range.
    """
    if isinstance(stream, str):
        return _checked_seed(seed), stream_of(stream)
    number = integer(stream, "stream", "a string or an integer in [0, 2**64)")
    if not 0 <= number < 1 << 64:
        raise ValueError(f"stream={shown(number)} is out of range; streams lie in [0, 2**64)")
    return _checked_seed(seed), number


def _checked_seed(seed: int) -> int:
    number = integer(seed, "seed", "an integer in [0, 2**64)")
    if not 0 <= number < 1 << 64:
        raise ValueError(f"seed={shown(number)} is out of range; seeds lie in [0, 2**64)")
    return number
