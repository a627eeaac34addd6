"""What cannot be drawn raises before any byte of ``out`` is written, however deep it lies."""

import functools
import itertools
import math
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import fastinit
from fastinit import (
    NM,
    Bernoulli,
    Custom,
    Existing,
    Initializer,
    Loaded,
    Mapped,
    Normal,
    Normed,
    Plan,
    Product,
    Redrawn,
    RowMixture,
    Rule,
    Sparse,
    Split,
    Stacked,
    Transposed,
)
from fastinit.initializers.composites.channel_scaled import ChannelScaled
from fastinit.initializers.composites.composite import Composite, Layer
from helpers.dtypes import DTYPES, INTEGERS, dtype_of
from helpers.records.initializers import OBJECTS

SHAPE = (8, 4)
Sizes = tuple[int, ...]
Leaf = Callable[[Sizes], Initializer]
Over = Callable[[Sizes, Leaf], Initializer]


@fastinit.register("tests/infinite-at-the-end", of="index")
def infinite_at_the_end(index: tuple[Any, ...], shape: Sizes) -> Any:
    """Return finite values but for the last one."""
    is_last = np.ones((), bool)
    for each, size in zip(index, shape, strict=True):
        is_last = is_last & (each == size - 1)
    return np.where(is_last, np.inf, 1.0)


def half(shape: Sizes, axis: int) -> Sizes:
    return tuple(size // 2 if k == axis else size for k, size in enumerate(shape))


def split(axis: int, shape: Sizes, leaf: Leaf) -> Initializer:
    return Split(["ones", leaf(half(shape, axis % len(shape)))], axis)


def layers(shape: Sizes, leaf: Leaf, dtype: str | None = None) -> Initializer:
    inner = leaf((shape[0] - shape[0] // 2, shape[1]))
    lower = Layer(inner, start=(shape[0] // 2, 0), stop=shape)
    times = Layer(operation="multiply", operand=0.5)
    return Composite((Layer(Normal()), lower, times), dtype)


OVER: dict[str, Over] = {
    "bernoulli": lambda shape, leaf: Bernoulli(0.5, leaf(shape)),
    "channels": lambda shape, leaf: ChannelScaled(leaf(shape), (2.0,) * shape[0]),
    "divided": lambda shape, leaf: Existing(leaf(shape), shape, ("divide", "copy")),
    "layers": layers,
    "mapped": lambda shape, leaf: Mapped(leaf(shape), "tanh"),
    "n_m": lambda shape, leaf: NM(1, 2, base=leaf(shape)),
    "normed rows": lambda shape, leaf: Normed(leaf(shape)),
    "normed columns": lambda shape, leaf: Normed(leaf(shape), axis=0),
    "normed whole": lambda shape, leaf: Normed(leaf(shape), axis=None),
    "product, left": lambda shape, leaf: Product(leaf((shape[0], 2)), "normal", 2),
    "product, right": lambda shape, leaf: Product("normal", leaf((2, shape[1])), 2),
    "redrawn": lambda shape, leaf: Redrawn(leaf(shape)),
    "rest": lambda shape, leaf: Existing("ones", half(shape, 0), rest=leaf(shape)),
    "rounded": functools.partial(layers, dtype="float64"),
    "rows": lambda shape, leaf: RowMixture(leaf((6, shape[1])), 6, 1.0),
    "source": lambda shape, leaf: Existing(leaf(half(shape, 0)), half(shape, 0), ("tile", "copy")),
    "sparse": lambda shape, leaf: Sparse(0.5, base=leaf(shape)),
    "spectral": lambda shape, leaf: Normed(leaf(shape), kind="spectral"),
    "split": functools.partial(split, 0),
    "split, last axis": functools.partial(split, -1),
    "stacked": lambda shape, leaf: Stacked(leaf(shape[1:])),
    "stacked, last axis": lambda shape, leaf: Stacked(leaf(shape[:-1]), -1),
    "transposed": lambda shape, leaf: Transposed(leaf(shape[::-1])),
}


def changed(folder: Path, shape: Sizes) -> Initializer:
    """A tensor of a file that has changed."""
    path = folder / f"{'x'.join(map(str, shape))}.safetensors"
    if not path.exists():
        Plan({"w": shape}, "ones").save(path)
    return Loaded(str(path), "w", "0" * 64)


LEAVES: dict[str, tuple[Callable[[Path, Sizes], Initializer], str]] = {
    "changed": (changed, "the file has changed"),
    "infinite": (lambda *_: Custom("tests/infinite-at-the-end"), "are not finite"),
    "outside": (lambda *_: Mapped(Normal(), "log"), "has no finite value"),
    "nameless": (lambda *_: Stacked("normal", names="{grandparent}.{part}"), "needs a name with"),
}


def check_untouched(initializer: Initializer, dtype: str, error: str) -> None:
    """Draw into poisoned memory, alone and after a tensor that can be drawn."""
    out = np.full(SHAPE, 7, dtype)
    with pytest.raises(ValueError, match=error):
        initializer(SHAPE, seed=0, name="w", out=out)
    assert (out == 7).all()
    first = np.full(SHAPE, 7, dtype)
    rules = [Rule("a", Normal()), Rule("w", initializer)]
    plan = Plan({"a": SHAPE, "w": SHAPE}, rules, seed=0, dtype=dtype)
    with pytest.raises(ValueError, match=error):
        plan.init_into({"a": first, "w": out})
    assert (first == 7).all()
    assert (out == 7).all()


@pytest.mark.parametrize("leaf", LEAVES)
@pytest.mark.parametrize("over", OVER)
def test_of_a_composite(over: str, leaf: str, tmp_path: Path) -> None:
    make, error = LEAVES[leaf]
    for dtype in ("float32", "float16"):
        if leaf == "nameless" and over.startswith("product"):
            return  # a factor has a name of two segments more
        check_untouched(OVER[over](SHAPE, functools.partial(make, tmp_path)), dtype, error)


@pytest.mark.slow
@pytest.mark.parametrize("leaf", ["changed", "infinite", "outside"])
def test_of_composites_of_composites(leaf: str, tmp_path: Path) -> None:
    make, error = LEAVES[leaf]
    made = functools.partial(make, tmp_path)
    for outer, inner in itertools.product(OVER, OVER):
        try:
            initializer = OVER[outer](SHAPE, lambda shape, by=OVER[inner]: by(shape, made))  # type: ignore[misc]
            initializer.templates(SHAPE, np.dtype(np.float32))
        except (ValueError, IndexError, TypeError):
            continue  # they do not fit each other, as a mask of a mask
        check_untouched(initializer, "float32", error)


def draw_or_leave(initializer: Initializer, dtype: str) -> None:
    """Draw into poisoned memory, which is untouched after an error."""
    out = np.frombuffer(b"\xa5" * (math.prod(SHAPE) * dtype_of(dtype).itemsize), np.uint8)
    out = out.copy().view(dtype_of(dtype)).reshape(SHAPE)
    before = out.tobytes()
    try:
        initializer(SHAPE, seed=0, name="a.b.w", out=out)
    except ValueError:
        assert out.tobytes() == before


def check_all_initializers(over: Iterable[str], dtypes: Iterable[str]) -> None:
    for each, initializer, dtype in itertools.product(over, OBJECTS, dtypes):
        try:
            found = OVER[each](SHAPE, lambda _, leaf=initializer: leaf)  # type: ignore[misc]
        except ValueError:
            continue
        draw_or_leave(found, dtype)


def test_all_initializers_in_parts() -> None:
    check_all_initializers(["split, last axis"], [*DTYPES, "int8", "complex64"])


@pytest.mark.slow
def test_all_initializers_in_all_composites() -> None:
    check_all_initializers(OVER, [*DTYPES, *INTEGERS, "complex64", "complex128"])
