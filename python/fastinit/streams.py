"""Streams: which random numbers. (seed, name) -> an endless array of words.

The definition is in docs/streams.md; this module only says how a seed and a name become the two
64-bit integers of the native code. ``process_seed.py`` has those of calls that give neither,
``Stream`` is for programs that want a count of their own.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from fastinit.checks import integer, shown
from fastinit.process_seed import FIRST_AUTOMATIC, PROCESS, SEEDS, checked_seed, hashed

STREAM_VERSION = 1

_NAMED = 1 << 63  # names have this bit, numbers do not: the two never meet


class NamedNumber(int):
    """The number of the stream of a string, which knows the string.

    Attributes:
        name: The string.
    """

    name: str


def part_name(names: str, stream: int, part: str | int) -> str:
    """Return the name of the stream of a part of an array.

    Args:
        names: A format with the fields ``{part}``, ``{name}``, ``{parent}`` (the name without its
            last segment) and ``{grandparent}`` (without its last two).
        stream: The stream of the array. Its name is ``..n`` where it is only a number n.
        part: The name of the part, or its number.

    Raises:
        ValueError: The name of the array has too few segments.

    Example:
        >>> from fastinit.streams import part_name, stream_of
        >>> part_name("{grandparent}.{part}_proj.weight", stream_of("attn.qkv_proj.weight"), "q")
        'attn.q_proj.weight'
        >>> part_name("{name}.{part}", 7, 0)
        '..7.0'
    """
    name = stream.name if isinstance(stream, NamedNumber) else f"..{stream}"
    fields = {"name": name, "part": str(part)}
    for removed, field in enumerate(("parent", "grandparent"), start=1):
        segments = name.split(".") if isinstance(stream, NamedNumber) else []
        if f"{{{field}}}" in names:
            if len(segments) <= removed:
                raise ValueError(
                    f"names={names!r} needs a name with {removed + 1} segments or more, which are "
                    f"separated by dots, and the array has {name!r}; pass such a name="
                )
            fields[field] = ".".join(segments[:-removed])
    return names.format(**fields)


def part_of(where: NamedStream, part: str) -> dict[str, Any]:
    """Return ``seed=`` and ``name=`` of a part of what has a stream.

    Example:
        >>> from fastinit.streams import NamedStream, part_of
        >>> part_of(NamedStream(7, "w"), "a")
        {'seed': 7, 'name': 'w.a'}
    """
    return {"seed": where.seed, "name": part_name("{name}.{part}", stream_of(where.name), part)}


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
            number = NamedNumber(hashed(name) | _NAMED)
        except UnicodeEncodeError:
            raise ValueError(
                f"name={name!r} holds a lone surrogate, which UTF-8 cannot encode; "
                "pass a valid string or an integer"
            ) from None
        number.name = name
        return number
    plain = integer(name, "name", "a string or an integer in [0, 2**63)")
    if not 0 <= plain < _NAMED:
        raise ValueError(f"name={shown(plain)} is out of range; integer names lie in [0, 2**63)")
    return plain


def resolve(seed: Seed | None, name: str | int | None) -> tuple[int, int]:
    """The (seed, stream) of a call: ``seed`` alone draws stream 0, neither the next automatic."""
    if seed is None:
        return PROCESS.automatic() if name is None else (PROCESS.seed, stream_of(name))
    if type(seed) is int and name is None and 0 <= seed < SEEDS:
        return seed, 0
    if isinstance(seed, (Stream, NamedStream)):
        named = seed.at(name)
        return named.seed, stream_of(named.name)
    return checked_seed(seed), 0 if name is None else stream_of(name)


def fixed(seed: Seed | None, name: str | int | None) -> NamedStream:
    """Return the stream of a call that draws several times from it, as ``resolve`` chooses it."""
    if isinstance(seed, (Stream, NamedStream)):
        return seed.at(name)
    if name is None:
        return NamedStream(*resolve(seed, None))
    return NamedStream(PROCESS.seed if seed is None else checked_seed(seed), name)


def lacks_name(seed: Seed | None, name: str | int | None) -> bool:
    """Return whether a call has a seed without a name, which draws the same numbers every time.

    Example:
        >>> from fastinit.streams import Stream, lacks_name
        >>> lacks_name(0, None), lacks_name(0, "w"), lacks_name(Stream(0), None)
        (True, False, False)
    """
    return name is None and seed is not None and not isinstance(seed, (Stream, NamedStream))


def of_names(seed: Seed | None) -> Stream:
    """Return the Stream of what names its streams itself, as plans do.

    Raises:
        TypeError: ``seed`` is not an integer.
        ValueError: ``seed`` is out of range, or has a name already.
    """
    if isinstance(seed, NamedStream):
        raise ValueError(f"seed={seed!r} is one stream, and several are drawn; pass the Stream")
    return seed if isinstance(seed, Stream) else Stream(resolve(seed, 0)[0])


def below(path: str, name: str | int) -> str | int:
    """Return the complete name of a name below the path of a ``Stream``.

    Example:
        >>> from fastinit.streams import below
        >>> below("", "weight"), below("layers.3", "weight"), below("layers.3", 7)
        ('weight', 'layers.3.weight', 'layers.3..7')
    """
    if isinstance(name, str):
        return f"{path}.{name}" if path else name
    number = stream_of(name)
    return f"{path}..{number}" if path else number


def raw(seed: int, stream: str | int) -> tuple[int, int]:
    """Return the (seed, stream) of a name or of the number of any stream, below 2**64.

    Raises:
        TypeError: One of them has the wrong type.
        ValueError: One of them is out of range.
    """
    if isinstance(stream, str):
        return checked_seed(seed), stream_of(stream)
    number = integer(stream, "stream", "a string or an integer in [0, 2**64)")
    if not 0 <= number < 1 << 64:
        raise ValueError(f"stream={shown(number)} is out of range; streams lie in [0, 2**64)")
    return checked_seed(seed), number


class Stream:
    """One seed for a whole program: draws without a name count on, and others have names.

    Pass it as ``seed=`` to any function, initializer, plan or adapter. Draws without a name then
    differ from each other, as after ``fastinit.seed(seed)`` and with the same numbers, but without
    a state of the process. ``stream("encoder.weight")`` is the stream of a name, which draws what
    ``seed=`` and ``name=`` draw, whenever and in whatever order. ``stream.child("layers.3")`` puts
    a path before the names of a part of a model. Whatever names its tensors itself (``Plan``,
    ``fastinit.torch.accelerate``, ``init_``) takes the seed and the path, and counts nothing.

    Children of the same path share one count, so no two draws without a name are equal. A copy, a
    pickle and a process that is forked count on from the same place, each for itself; give such
    processes children of different names. Threads may share a Stream; which of them draws first
    then decides who draws what.

    Args:
        seed: an integer in [0, 2**64).

    Attributes:
        seed: the seed.
        path: what goes before names; empty for the Stream itself, which is not a child.

    Raises:
        TypeError: ``seed`` is not an integer.
        ValueError: ``seed`` is out of range.

    Example:
        >>> import fastinit
        >>> stream = fastinit.Stream(0)
        >>> a, b = fastinit.normal(3, seed=stream), fastinit.normal(3, seed=stream)
        >>> bool((a != b).all())
        True
        >>> w = fastinit.he_normal((4, 4), seed=stream.child("layers.3")("weight"))
        >>> bool((w == fastinit.he_normal((4, 4), seed=0, name="layers.3.weight")).all())
        True
    """

    __slots__ = ("_counts", "path", "seed")

    def __init__(self, seed: int) -> None:
        self.seed = checked_seed(seed)
        self.path = ""
        self._counts: dict[str, int] = {}  # draws without a name, by path; children share it

    def __call__(self, name: str | int) -> NamedStream:
        """Return the stream of a name below this one's path.

        Example:
            >>> import fastinit
            >>> fastinit.Stream(7).child("encoder")("weight")
            Stream(7)('encoder.weight')
        """
        return NamedStream(self.seed, below(self.path, name))

    def child(self, name: str | int) -> Stream:
        """Return a Stream whose names begin with this one's path and ``name``, joined by dots.

        Args:
            name: a string that is not empty, or an integer, which counts as its digits.

        Raises:
            TypeError: ``name`` is neither.
            ValueError: ``name`` is empty, or an integer that is negative or too large.

        Example:
            >>> import fastinit
            >>> layers = fastinit.Stream(7).child("layers")
            >>> [layers.child(k) for k in range(2)]
            [Stream(7).child('layers.0'), Stream(7).child('layers.1')]
        """
        stream_of(name)
        if name == "":
            raise ValueError("name='' is empty; pass the name of a part, such as 'layers.3'")
        child = Stream(self.seed)
        child.path = f"{self.path}.{name}" if self.path else str(name)
        child._counts = self._counts
        return child

    def at(self, name: str | int | None) -> NamedStream:
        """Return the stream of a name; None stands for the next number, which is then taken.

        Example:
            >>> import fastinit
            >>> stream = fastinit.Stream(7)
            >>> stream.at(None), stream.at(None)
            (Stream(7)(4611686018427387904), Stream(7)(4611686018427387905))
        """
        if name is not None:
            return self(name)
        with PROCESS.lock:  # which forks hold, too
            count = self._counts.get(self.path, 0)
            self._counts[self.path] = count + 1
        return self(FIRST_AUTOMATIC + count)

    def __copy__(self) -> Stream:
        copied = Stream(self.seed)
        copied.path, copied._counts = self.path, dict(self._counts)
        return copied

    def __repr__(self) -> str:
        return f"Stream({self.seed})" + (f".child({self.path!r})" if self.path else "")


@dataclass(frozen=True)
class NamedStream:
    """One stream of a seed: what ``Stream`` returns for a name. It draws the same every time.

    Args:
        seed: the seed.
        name: the complete name.

    Raises:
        TypeError: ``name`` is neither a string nor an integer.
        ValueError: ``name`` is out of range.

    Example:
        >>> import fastinit
        >>> fastinit.Stream(7).child("encoder")("weight") == fastinit.Stream(7)("encoder.weight")
        True
    """

    seed: int
    name: str | int

    def __post_init__(self) -> None:
        stream_of(self.name)

    def at(self, name: str | int | None) -> NamedStream:
        """Return this stream, which takes no second name.

        Raises:
            ValueError: there is a second name.
        """
        if name is not None:
            raise ValueError(f"seed={self!r} has a name, so name={name!r} is one too many")
        return self

    def __repr__(self) -> str:
        return f"Stream({self.seed})({self.name!r})"


Seed = int | Stream | NamedStream
"""What ``seed=`` takes."""
