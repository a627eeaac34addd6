"""A seed without a name that draws the same numbers again: one warning for every place."""

import gc
import itertools
import re
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

import fastinit
import fastinit.torch as init
from fastinit import RepeatedStreamWarning, Stream, repeated_streams
from helpers.processes import attempt
from helpers.records.initializers import RECORDS
from helpers.settings import process_seed


def caught(*calls: Callable[[], Any]) -> list[str]:
    """The warnings of calls whose results live until the last."""
    with warnings.catch_warnings(record=True) as found:
        warnings.simplefilter("always")
        results = [call() for call in calls]
    del results
    assert {each.category for each in found} <= {RepeatedStreamWarning}
    return [str(each.message) for each in found]


def test_another_shape() -> None:
    """The first array need not be in use: ten layers would share their numbers."""
    fastinit.he_normal((4, 4), seed=0)
    (message,) = caught(lambda: fastinit.he_normal((4, 2), seed=0))
    assert re.match(
        r"seed=0 without a name has drawn the numbers of HeNormal.* of shape \(4, 4\), and now "
        r"those of HeNormal.* of shape \(4, 2\): the same seed and name give the same numbers",
        message,
    )
    for remedy in ("name='encoder.weight'", "fastinit.seed(0)", "fastinit.Stream(0)", "name=0"):
        assert remedy in message


def test_another_initializer() -> None:
    fastinit.he_normal((4, 4), seed=0)
    (message,) = caught(lambda: fastinit.normal((4, 4), seed=0))
    assert "and now those of Normal() of shape (4, 4)" in message
    assert len(caught(lambda: fastinit.normal((4, 4), std=2, seed=0))) == 1


def test_the_same_while_it_is_in_use() -> None:
    found = caught(lambda: fastinit.normal(4, seed=0), lambda: fastinit.normal(4, seed=0))
    assert "which are in use, and now the same again" in found[0]
    assert len(found) == 1


def test_a_variable_that_is_assigned_again() -> None:
    """In a loop, or in a cell of a notebook, its old array is in use until the new one is there."""
    for seed in (0, 1):
        for _ in range(5):
            array = fastinit.normal(4, seed=seed)
            other = fastinit.HeNormal()((4, 4), seed=seed + 5)
            mask = fastinit.mask((4, 4), 0.5, seed=seed + 10)
            left, right = fastinit.factorized((4, 4), 2, seed=seed + 15)
    del array, other, mask, left, right


def test_arrays_that_are_collected() -> None:
    """Those of one call are ever more: the third is one too many, also into given memory."""
    assert len(caught(*[lambda: fastinit.normal(4, seed=0)] * 3)) == 1
    assert len(caught(*[lambda: fastinit.factorized((4, 4), 2, seed=1)] * 3)) == 1
    arrays = iter([np.empty(4, np.float32) for _ in range(2)])
    assert len(caught(*[lambda: fastinit.normal(4, seed=2, out=next(arrays))] * 2)) == 1


def test_the_same_that_is_not_in_use() -> None:
    """A loop that measures, a cell of a notebook that runs again."""
    array = np.empty(4, np.float32)
    for _ in range(3):
        assert caught(lambda: fastinit.normal(4, seed=0)) == []
    for _ in range(3):
        assert caught(lambda: fastinit.normal(4, seed=0, out=array)) == []
    assert len(caught(lambda: fastinit.normal(4, seed=0))) == 1


def test_other_seeds_and_none() -> None:
    calls = [lambda: fastinit.normal(4, seed=0), lambda: fastinit.normal(5, seed=1)]
    assert caught(*calls, lambda: fastinit.normal(6), lambda: fastinit.normal(6)) == []


@pytest.mark.parametrize(
    "which",
    [
        {"name": 0},
        {"name": "w"},
        {"seed": Stream(0)},
        {"seed": Stream(0)(0)},
        {"seed": Stream(0)("w")},
    ],
)
def test_names_and_streams(which: dict[str, Any]) -> None:
    """Whoever gives a name, or a Stream, means it."""
    where = {"seed": 0, **which}
    assert (
        caught(
            lambda: fastinit.normal(4, **where),
            lambda: fastinit.normal(4, **where),
            lambda: fastinit.uniform(3, **where),
        )
        == []
    )


@pytest.mark.parametrize(
    "kind", [np.int64(0), np.array(0), np.uint8(0)], ids=lambda kind: type(kind).__name__
)
def test_seeds_of_every_kind(kind: Any) -> None:
    calls = (lambda: fastinit.normal(4, seed=0), lambda: fastinit.normal(5, seed=kind))
    assert len(caught(*calls)) == 1


def test_parts_of_one_whole() -> None:
    """They are drawn one after the other, and compared with the whole."""
    parts = [lambda k=k: fastinit.normal((8, 4), seed=0, index=k) for k in range(3)]
    assert caught(*parts, lambda: fastinit.normal((8, 4), seed=0)) == []
    assert caught(lambda: fastinit.normal((8, 4), seed=0, index=1)) == []
    assert len(caught(lambda: fastinit.normal((8, 5), seed=0, index=1))) == 1


@pytest.mark.parametrize("name", [name for name, record in RECORDS.items() if not record.random])
def test_what_draws_no_numbers(name: str) -> None:
    """Constants and identities are the same for every seed."""
    record = RECORDS[name]
    draw = getattr(fastinit, name)
    options = {**record.options, **record.fits[0][1]}
    calls = [lambda shape=shape: draw(shape, seed=0, **options) for shape in ((4, 4), (4, 2))]
    assert caught(lambda: fastinit.normal(4, seed=0), *calls, calls[0]) == []


@pytest.mark.parametrize("name", [name for name, record in RECORDS.items() if record.random])
def test_every_initializer(name: str) -> None:
    """Three live arrays are one too many; objects that are called count as functions do."""
    record = RECORDS[name]
    shape, options = record.fits[0]
    options = {**record.options, **options}
    draw = getattr(fastinit, name)
    assert len(caught(*[lambda: draw(shape, seed=5, **options)] * 3)) == 1
    if record.initializer is not None:
        drawn = record.initializer(**options)
        assert len(caught(*[lambda: drawn(shape, seed=6)] * 3)) == 1


def test_factors_and_sparse_arrays() -> None:
    calls: list[Callable[..., Any]] = [
        lambda shape, seed: fastinit.factorized(shape, 2, seed=seed),
        lambda shape, seed: fastinit.factorized(shape, 2, seed=seed, spectral=True),
        lambda shape, seed: fastinit.lora(shape, 2, seed=seed),
        lambda shape, seed: fastinit.sparse(shape, 0.5, seed=seed, format="csr"),
    ]
    for seed, call in enumerate(calls):
        assert caught(lambda: call((6, 4), seed)) == []  # noqa: B023
        assert caught(lambda: call((6, 4), seed)) == []  # noqa: B023
        assert len(caught(lambda: call((6, 5), seed))) == 1  # noqa: B023
        repeated_streams.forget()  # one warning for a line
        alive = [lambda call=call, seed=seed: call((6, 4), seed + 10)] * 3
        assert len(caught(*alive)) == 1


def test_functions_of_torch() -> None:
    """Layers that are filled with one seed, but not one tensor that is filled again."""
    one, two, three = torch.empty(4, 4), torch.empty(4, 4), torch.empty(4, 2)
    assert caught(*[lambda: init.kaiming_normal_(one, seed=0)] * 2) == []
    assert len(caught(lambda: init.kaiming_normal_(two, seed=0))) == 1
    assert len(caught(lambda: init.kaiming_normal_(three, seed=0))) == 1
    (message,) = caught(lambda: init.uniform_(three, -1, 1, seed=0))
    assert "and now those of uniform_(-1.0, 1.0) of shape (4, 2)" in message
    assert caught(lambda: init.normal_(three, seed=0, name=0), lambda: init.zeros_(two)) == []
    assert caught(lambda: init.normal_(one, seed=Stream(0)), lambda: init.ones_(two)) == []


def test_shards_of_torch() -> None:
    parts = [torch.empty(4, 4) for _ in range(2)]
    normal = fastinit.Normal()
    for k, part in enumerate(parts):
        assert caught(lambda: init.fill_shard_(part, (8, 4), (4 * k, 0), normal, seed=0)) == []  # noqa: B023
    assert len(caught(lambda: init.fill_shard_(parts[0], (9, 4), (0, 0), normal, seed=0))) == 1


def test_plans_and_contexts_name_their_tensors() -> None:
    manifest = fastinit.Manifest.from_shapes({"a.weight": (4, 4), "b.weight": (4, 4)})
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        weights = [fastinit.Plan(manifest, "gpt2", seed=0).init() for _ in range(2)]
        with init.accelerate(seed=0):
            layers = [torch.nn.Linear(4, 4) for _ in range(2)]
        init.init_(layers[0], "default", seed=0)
    assert len(weights) == 2


def test_once_for_every_place() -> None:
    """A loop warns once, and the next line warns for itself."""

    def draw(size: int) -> Any:
        return fastinit.normal(size, seed=0)

    def draw_too(size: int) -> Any:
        return fastinit.normal(size, seed=0)

    with warnings.catch_warnings(record=True) as found:
        warnings.simplefilter("always")
        for size in range(1, 10):
            draw(size)
        draw_too(20)
        draw(30)
    lines = [(each.filename, each.lineno) for each in found]
    first = draw.__code__.co_firstlineno + 1
    assert lines == [(__file__, first), (__file__, draw_too.__code__.co_firstlineno + 1)]


def test_an_error_comes_before_the_draw() -> None:
    """A filter that makes an error of it, as in these tests, does so every time."""
    out = np.zeros(4, np.float32)
    fastinit.normal(5, seed=0)
    for _ in range(2):
        with pytest.raises(RepeatedStreamWarning, match="without a name"):
            fastinit.normal(4, seed=0, out=out)
    assert (out == 0).all()


def test_nothing_is_kept_alive() -> None:
    """Arrays are referred to weakly, and of many seeds the last are remembered."""
    array = fastinit.normal(4, seed=0)
    reference = repeated_streams._last[0].array
    assert reference() is array
    del array
    gc.collect()
    assert reference() is None
    for seed in range(3000):
        fastinit.normal(4, seed=seed)
    assert len(repeated_streams._last) <= 1024


def test_arrays_without_weak_references() -> None:
    """Where an array's library has none, it counts as not in use."""

    class Bare:
        __slots__ = ("array",)

        def __init__(self) -> None:
            self.array = np.empty(4, np.float32)

        @property
        def __array_interface__(self) -> Any:
            return self.array.__array_interface__

    one, two = Bare(), Bare()
    assert (
        caught(*(lambda out=out: fastinit.normal(4, seed=0, out=out) for out in (one, two))) == []
    )
    assert (one.array == two.array).all()


def test_the_numbers_do_not_change() -> None:
    with process_seed(3):
        for seed, name in itertools.product((0, 7), (None, 0)):
            repeated_streams.forget()
            drawn = fastinit.normal(4, seed=seed, name=name)
            assert drawn.tolist() == fastinit.normal(4, seed=seed, name=0).tolist()


def test_a_program() -> None:
    """By default it is printed once, with the line of the program."""
    code = """
import warnings
warnings.simplefilter("default")
import fastinit
layers = [fastinit.he_normal((8, 8), seed=0) for _ in range(10)]
"""
    found = attempt(code, PYTHONWARNINGS=None).stderr
    assert found.count("RepeatedStreamWarning: seed=0 without a name") == 1
    assert "<string>:5" in found
