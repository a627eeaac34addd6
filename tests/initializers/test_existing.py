"""Values of checkpoints: read by piece, mapped to other shapes, grown; and functions of users."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import fastinit
from fastinit import Custom, Existing, Initializer, Loaded, Plan, Redrawn, RowMixture
from fastinit.safetensors import PAGE
from helpers.bits import check_bits

SHAPE = (12, 10)


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    path = tmp_path / "source.safetensors"
    shapes = {"w": SHAPE, "half": SHAPE, "deep": (4, 5, 6)}
    rules = [("*", fastinit.Normal())]
    Plan(shapes, rules, seed=3).save(path)
    return path


def source(name: str = "w", shape: tuple[int, ...] = SHAPE, **options: Any) -> Any:
    return fastinit.normal(shape, seed=3, name=name, **options)


@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "float64"])
def test_loaded_values_and_parts(checkpoint: Path, dtype: str) -> None:
    loaded = Loaded.of(checkpoint, "deep")
    expected = source("deep", (4, 5, 6)).astype(fastinit.zeros(1, dtype=dtype).dtype)
    check_bits(loaded((4, 5, 6), dtype=dtype), expected)
    for index in (np.s_[1:3], np.s_[2, 1:4, 2:5], np.s_[:, 3, :], np.s_[3, 4, 5]):
        part = np.ascontiguousarray(expected[index]).reshape(expected[index].shape)
        check_bits(loaded((4, 5, 6), dtype=dtype, index=index), part)
    assert Initializer.from_dict(loaded.to_dict()) == loaded


def test_changed_files_are_refused(checkpoint: Path) -> None:
    loaded = Loaded.of(checkpoint, "w")
    check_bits(loaded(SHAPE), source())
    content = bytearray(checkpoint.read_bytes())
    content[-1] ^= 1
    content[-600] ^= 1
    content[PAGE * (len(content) // PAGE)] ^= 1
    checkpoint.write_bytes(bytes(content))
    with pytest.raises(ValueError, match="the file has changed; put the original in its place"):
        Loaded(loaded.path, "deep", "0" * 64)((4, 5, 6))
    with pytest.raises(ValueError, match="has no tensor 'v'"):
        Loaded(loaded.path, "v")(SHAPE)
    with pytest.raises(ValueError, match=r"has shape \(12, 10\), not \(12, 11\); Existing takes"):
        Loaded(loaded.path, "w")((12, 11))
    checkpoint.unlink()
    with pytest.raises(FileNotFoundError, match=r"source\.safetensors"):
        loaded(SHAPE)


def test_tensors_that_moved_in_their_file(tmp_path: Path) -> None:
    """A file that is replaced has the tensor in another place, or in another dtype."""
    path = tmp_path / "model.safetensors"
    ones = [("w", fastinit.Constant(1)), ("*", fastinit.Constant(2))]
    Plan({"w": (3,)}, ones).save(path)
    loaded, unchecked = Loaded.of(path, "w"), Loaded(str(path), "w")
    check_bits(loaded((3,)), np.ones(3, np.float32))
    check_bits(unchecked((3,)), np.ones(3, np.float32))
    Plan({"aaaa": (5000,), "w": (3,)}, ones).save(path, force=True)
    check_bits(loaded((3,)), np.ones(3, np.float32))
    check_bits(unchecked((3,)), np.ones(3, np.float32))
    Plan({"w": (3,)}, ones, dtype="float16").save(path, force=True)
    check_bits(unchecked((3,)), np.ones(3, np.float32))
    with pytest.raises(ValueError, match="the file has changed"):
        loaded((3,))


def test_tensors_that_moved_in_a_file_of_an_index(tmp_path: Path) -> None:
    """The index stays as it is while one of its files changes."""
    rules = [("w", fastinit.Constant(1)), ("*", fastinit.Constant(2))]
    Plan({"a": (5000,), "w": (2000,)}, rules).save(tmp_path, max_shard_size=24_000)
    loaded = Loaded(str(tmp_path), "w")
    shard = loaded.place()[0]
    assert shard.name != "model.safetensors"
    check_bits(loaded((2000,)), np.ones(2000, np.float32))
    Plan({"aaaa": (5000,), "w": (2000,)}, rules).save(shard, force=True)
    check_bits(loaded((2000,)), np.ones(2000, np.float32))


def test_loaded_errors_come_before_anything_is_written(checkpoint: Path) -> None:
    out = np.full(SHAPE, 7, np.float32)
    wrong = Loaded(str(checkpoint), "w", "0" * 64)
    with pytest.raises(ValueError, match="the file has changed"):
        wrong(SHAPE, out=out)
    check_bits(out, np.full(SHAPE, 7, np.float32))


def even(size: int, wanted: int) -> Any:
    """As the authors of weight selection have it, in exact numbers of this size."""
    if size % wanted == 0:
        return np.arange(wanted) * (size // wanted)
    return np.round(np.linspace(0, size - 1, wanted)).astype(int)


@pytest.mark.parametrize("shape", [(6, 5), (7, 4), (12, 3)])
def test_selected_units(checkpoint: Path, shape: tuple[int, int]) -> None:
    existing = Existing(Loaded.of(checkpoint, "w"), axes=("even", "even"))
    expected = source()[np.ix_(even(12, shape[0]), even(10, shape[1]))]
    check_bits(existing(shape), expected)
    check_bits(existing(shape, index=np.s_[2:5, 1:3]), np.ascontiguousarray(expected[2:5, 1:3]))


def test_repeated_units(checkpoint: Path) -> None:
    existing = Existing(Loaded.of(checkpoint, "w"), axes=("tile", "repeat"))
    expected = source()[np.ix_(np.arange(30) % 12, np.arange(20) // 2)]
    check_bits(existing((30, 20)), expected)
    check_bits(
        existing((30, 20), index=np.s_[10:26, 3:]), np.ascontiguousarray(expected[10:26, 3:])
    )


def test_what_fits_and_the_rest(checkpoint: Path) -> None:
    """The rest is what would be drawn without a source; a smaller array is a corner."""
    existing = Existing(Loaded.of(checkpoint, "w"), rest="he_normal")
    expected = fastinit.he_normal((14, 13), seed=5, name="w")
    expected[:12, :10] = source()
    check_bits(existing((14, 13), seed=5, name="w"), expected)
    for index in (np.s_[11:, 8:], np.s_[12:], np.s_[:5, 2:11]):
        part = existing((14, 13), seed=5, name="w", index=index)
        check_bits(part, np.ascontiguousarray(expected[index]))
    check_bits(existing((5, 6)), np.ascontiguousarray(source()[:5, :6]))
    with pytest.raises(ValueError, match="leaves elements of shape"):
        Existing(Loaded.of(checkpoint, "w"))((14, 13))
    with pytest.raises(ValueError, match="map 'even' does not lead from 12 elements to 14"):
        Existing(Loaded.of(checkpoint, "w"), axes=("even", "even"))((14, 10))


def test_a_wider_network_computes_the_same() -> None:
    """Net2Net: units of a hidden layer are copied, and what reads them is divided."""
    first, second = (
        fastinit.normal(s, seed=1, name="w", dtype="float64") for s in ((5, 3), (2, 5))
    )
    layers = {
        "fc1": (first, ("widen", "copy"), (9, 3)),
        "fc2": (second, ("copy", "divide"), (2, 9)),
    }
    wide = []
    for name, (weight, axes, shape) in layers.items():
        base = fastinit.Initializer.from_dict(
            {"type": "Stored", **stored(weight)}  # as a plan has it
        )
        existing = Existing(base, weight.shape, axes, units="{grandparent}.hidden")
        wide.append(existing(shape, seed=0, name=f"mlp.{name}.weight", dtype="float64"))
    x = np.linspace(-1, 1, 12).reshape(3, 4)
    before = second @ np.maximum(first @ x, 0)
    after = wide[1] @ np.maximum(wide[0] @ x, 0)
    np.testing.assert_allclose(after, before, rtol=1e-13)
    assert len({tuple(row) for row in wide[0]}) == 5


def stored(values: Any) -> dict[str, Any]:
    from fastinit.initializers.existing.stored import Stored

    data = Stored.of(values).to_dict()
    del data["type"]
    return data


def test_new_rows_have_the_mean_and_the_covariance() -> None:
    """Of 40,000 rows, 256 at a time from the same 64 rows of the source."""
    rows = (
        fastinit.normal((3000, 2), seed=1, name="w", dtype="float64") @ [[1.0, 0.6], [0, 0.5]] + 3
    )
    mixture = RowMixture(Initializer.from_dict({"type": "Stored", **stored(rows)}), 3000, 0.25)
    new = mixture((40_000, 2), seed=0, name="embed", dtype="float64")
    np.testing.assert_allclose(new.mean(0), rows.mean(0), atol=0.02)
    np.testing.assert_allclose(np.cov(new.T), np.cov(rows.T) / 4, atol=0.02)
    part = mixture((40_000, 2), seed=0, name="embed", dtype="float64", index=np.s_[300:1000, 1:])
    check_bits(part, np.ascontiguousarray(new[300:1000, 1:]))
    more = mixture((41_000, 2), seed=0, name="embed", dtype="float64")
    check_bits(more[:40_000], new)
    mean = RowMixture(mixture.source, 3000, 0.0)((5, 2), seed=0, name="embed", dtype="float64")
    np.testing.assert_allclose(mean, np.broadcast_to(rows.mean(0), (5, 2)), rtol=1e-13)


def test_units_that_are_drawn_again() -> None:
    """The same units in all weights of an expert; moments of the weights that they had."""
    where: dict[str, Any] = {"seed": 2, "dtype": "float64"}
    up = Redrawn(fastinit.Normal(1.0, 0.5), 0, 0.5, "{parent}.units")
    down = Redrawn(fastinit.Normal(1.0, 0.5), 1, 0.5, "{parent}.units")
    first, second = up((40, 300), name="e.up", **where), down((300, 40), name="e.down", **where)
    base = fastinit.normal((40, 300), 1.0, 0.5, name="e.up", **where)
    again = (first != base).any(1)
    assert again.sum() == 20
    assert (
        (second != fastinit.normal((300, 40), 1.0, 0.5, name="e.down", **where)).any(0) == again
    ).all()
    assert (first[~again] == base[~again]).all()
    np.testing.assert_allclose(first[again].mean(), base[again].mean(), atol=0.03)
    np.testing.assert_allclose(first[again].std(), base[again].std(), atol=0.03)
    part = up((40, 300), name="e.up", index=np.s_[10:30, 5:9], **where)
    check_bits(part, np.ascontiguousarray(first[10:30, 5:9]))


@fastinit.register("tests/ramp", of="index")
def ramp(index: Any, shape: Any) -> Any:
    return index[0] * shape[1] + index[1]


@fastinit.register("tests/words", of="words")
def words(words: Any, **_: Any) -> Any:
    return words // 2**8


@fastinit.register("tests/u")
def same(u: Any, **_: Any) -> Any:
    return u


@fastinit.register("tests/wrong")
def wrong(u: Any, **_: Any) -> Any:
    return u[..., :1]


def test_functions_of_users() -> None:
    check_bits(fastinit.custom((3, 4), "tests/ramp"), np.arange(12, dtype=np.float32).reshape(3, 4))
    where: dict[str, Any] = {"seed": 7, "name": "w"}
    check_bits(
        fastinit.custom((9, 5), "tests/u", dtype="float64", **where),
        fastinit.uniform((9, 5), dtype="float64", **where),
    )
    from helpers import reference

    expected = reference.words(np.arange(45), 7, "w") >> 8
    found = fastinit.custom(45, "tests/words", dtype="float64", **where)
    assert (found == expected).all()
    part = fastinit.custom((9, 5), "tests/words", index=np.s_[2:4, 1:], dtype="float64", **where)
    check_bits(part, np.ascontiguousarray(found.reshape(9, 5)[2:4, 1:]))


@pytest.mark.parametrize("of", ["index", "uniforms", "words"])
def test_functions_that_are_registered_again(of: str) -> None:
    """As when a cell of a notebook runs again: what was drawn before does not matter."""

    def ones(index: Any, **_: Any) -> Any:
        return np.ones(np.broadcast_shapes(*(each.shape for each in index)))

    def other(index: Any, **_: Any) -> Any:
        return 2 * ones(index)

    other.__qualname__ = ones.__qualname__
    fastinit.register("tests/again")(ones)
    initializer = Custom("tests/again")
    check_bits(initializer((3, 4), seed=0), np.ones((3, 4), np.float32))
    fastinit.register("tests/again", of)(other)
    check_bits(initializer((3, 4), seed=0), np.full((3, 4), 2, np.float32))


@fastinit.register("tests/late", of="index")
def late(index: Any, **_: Any) -> Any:
    return np.where(index[0] < 300_000, index[0], np.inf)


def test_errors_of_functions_come_before_anything_is_written() -> None:
    out = np.full(400_000, 7, np.float32)
    with pytest.raises(ValueError, match="returned values that are not finite"):
        fastinit.custom(400_000, "tests/late", out=out)
    check_bits(out, np.full(400_000, 7, np.float32))


def test_functions_that_are_wrong() -> None:
    with pytest.raises(ValueError, match=r"returned float64 of shape \(3, 1\); numbers of shape"):
        fastinit.custom((3, 4), "tests/wrong", seed=0)
    with pytest.raises(ValueError, match="choose another name"):
        fastinit.register("tests/u")(wrong)
    with pytest.raises(ValueError, match="of='noise' is not known; use one of uniforms"):
        fastinit.register("tests/v", of="noise")
    data = Plan({"w": 3}, [("w", Custom("tests/u"))], seed=0).to_dict()
    data["recipe"]["rules"][0]["initializer"]["function"] = "elsewhere"
    with pytest.raises(ValueError, match=r"where @fastinit\.register\('elsewhere'\) decorates"):
        Plan.from_dict(data)
