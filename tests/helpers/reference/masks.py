"""The masks of stream 1, slow and readable, written from docs/streams.md alone."""

import math

import numpy as np
from numpy.typing import NDArray

from helpers.reference import words

Mask = NDArray[np.bool_]


def letters_of(shape: tuple[int, ...], layout: str) -> str:
    """The layout with one letter per axis."""
    return layout.replace("*", "*" * (len(shape) - len(layout.replace("*", ""))))


def kept_subset(
    shape: tuple[int, ...],
    along: tuple[int, ...],
    length: int,
    zeros: int,
    seed: int,
    stream: str | int,
) -> Mask:
    """True where an element is kept: `zeros` of every `length` elements along axes are not."""
    flat = np.arange(math.prod(shape), dtype=np.uint64).reshape(shape)
    across = [axis for axis in range(len(shape)) if axis not in along]
    size = math.prod(shape[axis] for axis in along)
    lines = flat.transpose(*along, *across).reshape(size, -1)  # a column for each sample
    kept = np.empty(flat.size, np.bool_)
    need = np.zeros(lines.shape[1], np.uint64)
    for at, line in enumerate(lines):
        if at % length == 0:
            need[:] = zeros
        left = np.uint64(length - at % length)
        zeroed = (words(line, seed, stream, 2) * left) >> np.uint64(32) < need
        need -= zeroed
        kept[line] = ~zeroed
    return kept.reshape(shape)


def kept_per(
    shape: tuple[int, ...], per: str, nonzeros: int, seed: int, stream: str | int, layout: str
) -> Mask:
    """The mask of per="in" or per="out"."""
    letters = letters_of(shape, layout)
    along = tuple(
        axis for axis, letter in enumerate(letters) if letter in {"in": "o", "out": "i*"}[per]
    )
    length = math.prod(shape[axis] for axis in along)
    return kept_subset(shape, along, length, length - nonzeros, seed, stream)


def kept_n_m(
    shape: tuple[int, ...], n: int, m: int, seed: int, stream: str | int, layout: str
) -> Mask:
    """The mask of n kept of every m."""
    along = (letters_of(shape, layout).index("i"),)
    return kept_subset(shape, along, m, m - n, seed, stream)


def kept_total(shape: tuple[int, ...], zeros: int, seed: int, stream: str | int) -> Mask:
    """The mask of `zeros` of all elements."""
    count = math.prod(shape)
    keys = words(np.arange(count), seed, stream, 2).astype(np.uint64) << np.uint64(32)
    keys |= np.arange(count, dtype=np.uint64)
    kept = np.ones(count, np.bool_)
    kept[np.argsort(keys)[:zeros]] = False
    return kept.reshape(shape)


def blocks_of(grid: Mask, block: tuple[int, ...]) -> Mask:
    """A mask whose blocks are the elements of another one."""
    for axis, size in enumerate(block):
        grid = np.repeat(grid, size, axis)
    return grid


def kept_bernoulli(shape: tuple[int, ...], p: float, seed: int, stream: str | int) -> Mask:
    """The mask of elements that are kept with probability p."""
    drawn = words(np.arange(math.prod(shape)), seed, stream, 2)
    return (drawn >= math.floor((1 - p) * 2**32)).reshape(shape)
