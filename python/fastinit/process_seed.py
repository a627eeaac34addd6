"""The seed of the process, for calls that give none, and what child processes make of it."""

from __future__ import annotations

import functools
import itertools
import os
import threading
from collections.abc import Callable
from typing import Any

from fastinit.checks import integer, shown

FIRST_AUTOMATIC = 1 << 62  # the number of the first stream without a name
SEEDS = 1 << 64


def _from_the_system() -> int:
    return int.from_bytes(os.urandom(8), "little")


def hashed(text: str) -> int:
    """Return the little-endian integer of the 8-byte BLAKE2b digest of a text in UTF-8."""
    encoded = text.encode()
    return int.from_bytes(_blake2b()(encoded, digest_size=8).digest(), "little")


@functools.cache
def _blake2b() -> Callable[..., Any]:
    from hashlib import blake2b  # here: it loads OpenSSL, which takes milliseconds

    return blake2b


def checked_seed(seed: int) -> int:
    """Return a seed as a Python integer.

    Raises:
        TypeError: It is not an integer.
        ValueError: It is out of range.
    """
    number = seed
    if type(seed) is not int:  # the rest takes a tenth of the time of a small call
        number = integer(seed, "seed", f"an integer in [0, 2**64){_of_generator(seed)}")
    if not 0 <= number < SEEDS:
        raise ValueError(f"seed={shown(number)} is out of range; seeds lie in [0, 2**64)")
    return number


def _of_generator(seed: object) -> str:
    """Return how the random numbers of another library become a seed."""
    library = type(seed).__module__.partition(".")[0]
    if library == "numpy" and hasattr(seed, "integers"):
        return ", as int(generator.integers(2**63))"
    if library == "torch" and hasattr(seed, "initial_seed"):
        return ", as generator.initial_seed()"
    if library in ("jax", "jaxlib"):
        return "; fastinit.jax has initializers that take keys"
    return ""


def child_seed(seed: int, number: int) -> int:
    """Return the seed of the ``number``-th child process of a process with this seed.

    Example:
        >>> from fastinit.process_seed import child_seed
        >>> child_seed(0, 1) == child_seed(0, 2)
        False
    """
    return hashed(f"child {number} of {seed}")


class _Process:
    """The seed of calls that give none, and the stream numbers of those that give no name."""

    def __init__(self) -> None:
        # Reentrant: a signal handler may draw or fork while its thread holds the lock.
        self.lock = threading.RLock()
        self.reseed(None)

    def reseed(self, seed: int | None) -> None:
        self.given = seed is not None
        self.seed = _from_the_system() if seed is None else seed
        self.streams = itertools.count(FIRST_AUTOMATIC)
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


PROCESS = _Process()
os.register_at_fork(
    before=PROCESS.before_fork,
    after_in_parent=PROCESS.after_fork_in_parent,
    after_in_child=PROCESS.after_fork_in_child,
)


class _Inherited:
    """The child seed that ``multiprocessing`` hands to each process that it starts anew.

    It lies in the configuration that a process copies to its children. One that is forked has its
    seed already; one that is started anew gets its configuration by pickle, which asks for a seed.
    """

    def __reduce__(self) -> tuple[Any, ...]:
        return _begin_child, (PROCESS.seed_of_next_child(),)


_inherited = _Inherited()


def _begin_child(seed: int | None) -> _Inherited:
    """Begin a process that was started anew; nothing that its main module did before counts."""
    PROCESS.reseed(seed)
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
    checked = None if seed is None else checked_seed(seed)
    with PROCESS.lock:
        PROCESS.reseed(checked)
    if checked is not None:
        _hand_down()
