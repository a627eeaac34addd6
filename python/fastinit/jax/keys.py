"""Keys of JAX as seeds and streams. docs/streams.md has the definition."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import jax


def words_of(key: Any) -> Any:
    """Return the words of a key, two or four, of which ``stream_of`` makes a seed and a stream.

    Args:
        key: one key, typed or raw; it may be traced.

    Raises:
        TypeError: ``key`` is not a key.
        ValueError: ``key`` is an array of several keys.
    """
    words = jax.random.key_data(key)
    if words.ndim != 1:
        raise ValueError(
            f"key is an array of keys of shape {words.shape[:-1]}; pass one key, or draw under "
            "jax.vmap"
        )
    return words if len(words) in (2, 4) else jax.random.bits(key, (4,), "uint32")


def stream_of(words: Iterable[int]) -> tuple[int, int]:
    """Return the seed and the number of the stream of the words of a key.

    Example:
        >>> from fastinit.jax.keys import stream_of
        >>> stream_of([0, 7]), stream_of([0, 7, 1, 2])
        ((7, 0), (7, 4294967298))
    """
    high, low, *stream = map(int, words)
    return high << 32 | low, stream[0] << 32 | stream[1] if stream else 0
