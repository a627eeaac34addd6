"""Streams: which random numbers. (seed, name) -> an endless array of words.

The definition is in docs/streams.md; this module only says how a seed and a name become the two
64-bit integers of the native code, and keeps the process-wide generator for calls that give
neither.
"""

from __future__ import annotations

import hashlib
import os
import threading

from fastinit.checks import integer

STREAM_VERSION = 1

_NAMED = 1 << 63  # names have this bit, numbers do not: the two never meet
_FIRST_AUTOMATIC = 1 << 62


def _from_the_system() -> int:
    return int.from_bytes(os.urandom(8), "little")


class _ProcessWide:
    """The seed of calls that give none, and the stream numbers of those that give no name."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.reseed(None)

    def reseed(self, seed: int | None) -> None:
        self.given = seed is not None
        self.seed = _from_the_system() if seed is None else seed
        self.next_stream = _FIRST_AUTOMATIC

    def automatic(self) -> tuple[int, int]:
        with self.lock:
            stream = self.next_stream
            self.next_stream += 1
            return self.seed, stream

    def after_fork(self) -> None:
        self.lock = threading.Lock()  # the parent's may have been held by a thread that is gone
        if not self.given:
            self.seed = _from_the_system()


_process = _ProcessWide()
os.register_at_fork(after_in_child=_process.after_fork)


def seed(seed: int | None = None) -> None:
    """Set the process-wide seed, which serves every call that gives no ``seed=``.

    Also sets the count of automatic streams back, so that the same calls repeat the same values.

    Args:
        seed: an integer in [0, 2**64), or None for a new one from the operating system.

    Raises:
        TypeError: ``seed`` is no integer.
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
            encoded = name.encode()
        except UnicodeEncodeError:
            raise ValueError(
                f"name={name!r} holds a lone surrogate, which UTF-8 cannot encode; "
                "pass a valid string or an integer"
            ) from None
        return int.from_bytes(hashlib.blake2b(encoded, digest_size=8).digest(), "little") | _NAMED
    number = integer(name, "name", "a string or an integer in [0, 2**63)")
    if not 0 <= number < _NAMED:
        raise ValueError(f"name={number} is out of range; integer names lie in [0, 2**63)")
    return number


def resolve(seed: int | None, name: str | int | None) -> tuple[int, int]:
    """The (seed, stream) of a call: ``seed`` alone draws stream 0, neither the next automatic."""
    if name is None:
        return _process.automatic() if seed is None else (_checked_seed(seed), 0)
    stream = stream_of(name)
    return (_process.seed if seed is None else _checked_seed(seed)), stream


def _checked_seed(seed: int) -> int:
    number = integer(seed, "seed", "an integer in [0, 2**64)")
    if not 0 <= number < 1 << 64:
        raise ValueError(f"seed={number} is out of range; seeds lie in [0, 2**64)")
    return number
