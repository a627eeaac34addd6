"""Checks that need eight devices: run by a process of its own, which prints what fails."""

import json
import re
import sys
import traceback
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import AxisType, NamedSharding
from jax.sharding import PartitionSpec as P

import fastinit
import fastinit.jax as ours
from fastinit.jax import targets
from helpers.bits import check_bits
from helpers.jax.trees import Counted, rules, shapes

KEY = jax.random.key(5)
SHAPE = (64, 32)
INITIALIZERS = [
    ours.he_normal(dtype="bfloat16"),
    ours.orthogonal(),
]
BY_PYTHON = [
    ours.initializer(fastinit.Sparse(0.5, layout="*io")),
    ours.initializer(fastinit.Sparse(0.5, per="tensor", base="he_uniform", layout="*io")),
    ours.initializer(fastinit.Mapped(fastinit.HeNormal(layout="*io"), "tanh")),
]
LINE = jax.make_mesh((8,), ("x",), axis_types=(AxisType.Auto,))
GRID = jax.make_mesh((4, 2), ("x", "y"), axis_types=(AxisType.Auto,) * 2)
SHARDINGS = [
    NamedSharding(LINE, P("x")),
    NamedSharding(LINE, P(None, "x")),
    NamedSharding(GRID, P("y", "x")),
    NamedSharding(GRID, P(("x", "y"))),
    NamedSharding(GRID, P(None, "y")),
    NamedSharding(GRID, P()),
]


def held(array: jax.Array) -> int:
    return sum(shard.data.size for shard in array.addressable_shards)


def text_of(program: Any, *arguments: Any) -> str:
    found: str = program.lower(*arguments).compile().as_text()
    return found


def drawn_by(text: str) -> list[int]:
    """The elements that the calls of native code in a compiled program draw on each device."""
    shapes = re.findall(r"= \w+\[([\d,]*)\]\S* custom-call\([^\n]*fastinit_draw", text)
    return [int(np.prod([int(size) for size in shape.split(",") if size])) for shape in shapes]


def check_programs_with_sharded_results() -> None:
    for init in INITIALIZERS + BY_PYTHON:
        whole = np.asarray(init(KEY, SHAPE))
        for sharding in SHARDINGS:
            program = jax.jit(lambda key, i=init: i(key, SHAPE), out_shardings=sharding)
            drawn = program(KEY)
            check_bits(np.asarray(drawn), whole, sharding)
            assert drawn.sharding == sharding
            text = text_of(program, KEY)
            assert drawn_by(text) == [held(drawn) // 8], text
            assert "all-" not in text, text


def check_programs_that_call_python() -> None:
    """Callbacks draw the whole, whatever the sharding."""
    targets.registered = frozenset  # type: ignore[assignment]
    jax.clear_caches()
    init, sharding = INITIALIZERS[0], SHARDINGS[2]
    drawn = jax.jit(lambda key: init(key, SHAPE), out_shardings=sharding)(KEY)
    check_bits(np.asarray(drawn), np.asarray(init(KEY, SHAPE)))
    assert drawn.sharding == sharding


def check_eager_calls() -> None:
    for init in INITIALIZERS:
        for sharding in SHARDINGS:
            with Counted() as counted:
                drawn = init(KEY, SHAPE, out_sharding=sharding)
            check_bits(np.asarray(drawn), np.asarray(init(KEY, SHAPE)), sharding)
            assert (drawn.sharding, counted.elements) == (sharding, held(drawn))


def check_sharded() -> None:
    for drawn in (
        fastinit.HeNormal(layout="*io"),
        fastinit.Sparse(0.5, per="tensor", layout="*io"),
    ):
        for sharding in SHARDINGS:
            for dtype in (None, "bfloat16"):
                array = ours.sharded(drawn, SHAPE, sharding, seed=3, name="w", dtype=dtype)
                expected = drawn(SHAPE, seed=3, name="w", dtype=dtype or "float32")
                check_bits(np.asarray(array), expected, sharding)
    uneven = NamedSharding(LINE, P("x"))
    try:
        ours.sharded("normal", (10,), uneven)
    except ValueError as error:
        assert "dimension size is 10" in str(error)  # noqa: PT017
    else:
        raise AssertionError("a shape that the devices do not divide was drawn")


def check_current_meshes() -> None:
    """A spec alone stands for a sharding, on meshes of both kinds."""
    init = INITIALIZERS[0]
    whole = np.asarray(init(KEY, SHAPE))
    for kind in (AxisType.Auto, AxisType.Explicit):
        mesh = jax.make_mesh((4, 2), ("x", "y"), axis_types=(kind,) * 2)
        program = jax.jit(lambda key: init(key, SHAPE, out_sharding=P("x", "y")))
        with jax.set_mesh(mesh):
            for drawn in (program(KEY), init(KEY, SHAPE, out_sharding=P("x", "y"))):
                check_bits(np.asarray(drawn), whole, kind)
                assert drawn.sharding.spec == P("x", "y")
            assert drawn_by(text_of(program, KEY)) == [64 * 32 // 8]


def check_batches() -> None:
    """vmap, scan and shard_map over keys that lie on several devices."""
    init = INITIALIZERS[0]
    keys = jax.random.split(KEY, 8)
    whole = np.stack([np.asarray(init(key, SHAPE)) for key in keys])
    sharding = NamedSharding(GRID, P("x", None, "y"))
    batched = jax.jit(jax.vmap(lambda key: init(key, SHAPE)), out_shardings=sharding)
    check_bits(np.asarray(batched(keys)), whole)
    assert drawn_by(text_of(batched, keys)) == [whole.size // 8]
    scanned = jax.jit(
        lambda keys: jax.lax.scan(lambda _, key: (None, init(key, SHAPE)), None, keys)[1],
        out_shardings=NamedSharding(GRID, P(None, "x", "y")),
    )
    check_bits(np.asarray(scanned(keys)), whole)
    local = jax.jit(
        jax.shard_map(
            lambda key: init(key[0], SHAPE)[None], mesh=LINE, in_specs=P("x"), out_specs=P("x")
        )
    )
    check_bits(np.asarray(local(keys)), whole)


def check_keys_of_several_devices() -> None:
    key = jax.device_put(KEY, NamedSharding(LINE, P()))
    drawn = INITIALIZERS[0](key, SHAPE)
    assert drawn.sharding.device_set == set(jax.devices())
    check_bits(np.asarray(drawn), np.asarray(INITIALIZERS[0](KEY, SHAPE)))
    key = jax.device_put(KEY, jax.devices()[3])
    assert INITIALIZERS[0](key, SHAPE).devices() == {jax.devices()[3]}


def check_the_older_partitioner() -> None:
    """It divides no draws, and the bits are the same."""
    jax.config.update("jax_use_shardy_partitioner", False)
    jax.clear_caches()
    try:
        init, sharding = INITIALIZERS[0], SHARDINGS[2]
        drawn = jax.jit(lambda key: init(key, SHAPE), out_shardings=sharding)(KEY)
    finally:
        jax.config.update("jax_use_shardy_partitioner", True)
    check_bits(np.asarray(drawn), np.asarray(init(KEY, SHAPE)))


def check_trees() -> None:
    """On 1, 2, 4 and 8 devices: one native call for each, which draws what it holds."""
    whole = fastinit.Plan(shapes(), rules(), seed=3).init()
    for count in (1, 2, 4, 8):
        mesh = jax.make_mesh((count,), ("x",), devices=jax.devices()[:count])
        where = jax.tree.map(
            lambda leaf, m=mesh: NamedSharding(m, P(*[None] * (leaf.ndim - 1), "x")), shapes()
        )
        with Counted() as counted:
            drawn = ours.init_tree(shapes(), rules(), shardings=where, seed=3)
        jax.tree.map(lambda one, other: check_bits(np.asarray(one), other), drawn, whole)
        assert counted.calls == count
        assert counted.elements == sum(map(held, jax.tree.leaves(drawn)))


def check_shardings_of_leaves() -> None:
    leaf = jax.ShapeDtypeStruct(SHAPE, jnp.float32, sharding=SHARDINGS[2])
    drawn = ours.init_tree({"w": leaf}, "normal")["w"]
    assert drawn.sharding == SHARDINGS[2]
    again = ours.init_tree({"w": drawn}, "normal", seed=0)["w"]
    assert again.sharding == SHARDINGS[2]
    check_bits(np.asarray(again), np.asarray(drawn))


CHECKS: dict[str, Callable[[], None]] = {
    name: check
    for name, check in list(globals().items())
    if name.startswith("check_") and name != "check_bits"
}


def main() -> None:
    failures = {}
    for name, check in CHECKS.items():
        native = targets.registered
        try:
            check()
        except Exception:
            failures[name] = traceback.format_exc()
        targets.registered = native
    json.dump(failures, sys.stdout)


if __name__ == "__main__":
    main()
