"""What JAX traces draws the same as an eager call: by native code, and by Python without it."""

from collections.abc import Iterator
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import fastinit
import fastinit.jax as ours
from fastinit.initializers.existing.stored import Stored
from fastinit.jax import targets
from fastinit.native import xla
from helpers.bits import check_bits

KEY = jax.random.key(5)
SHAPE = (6, 10)
DRAWN = [
    ours.he_normal(),
    ours.uniform(dtype="bfloat16"),
    ours.orthogonal(),
    ours.initializer(fastinit.Sparse(0.3, layout="*io")),
    ours.initializer(fastinit.Mapped(fastinit.HeNormal(layout="*io"), "tanh")),
]


@pytest.fixture(params=["native", "python"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """How programs draw; those of one way are not kept for the other."""
    if request.param == "python":
        monkeypatch.setattr(targets, "registered", frozenset)
    elif xla.extension() is None:
        pytest.skip("built without _xla")
    jax.clear_caches()
    yield request.param
    jax.clear_caches()


def test_jit(way: str) -> None:
    for init in DRAWN:
        program = jax.jit(lambda key, init=init: init(key, SHAPE))
        text = program.lower(KEY).as_text()
        called = [name for name in (*ours.FFI_TARGETS, "callback") if name in text]
        by_requests, by_python = ([name] for name in ours.FFI_TARGETS)
        native = by_python if "Sparse" in repr(init) or "Mapped" in repr(init) else by_requests
        assert called == (native if way == "native" else ["callback"]), init
        check_bits(program(KEY), init(KEY, SHAPE), init)


@pytest.mark.usefixtures("way")
def test_vmap() -> None:
    keys = jax.random.split(KEY, (2, 3))
    for init in DRAWN:
        expected = np.stack([[init(key, SHAPE) for key in row] for row in keys])
        batched = jax.vmap(jax.vmap(lambda key, init=init: init(key, SHAPE)))
        check_bits(batched(keys), expected, init)
        check_bits(jax.jit(batched)(keys), expected, init)


@pytest.mark.usefixtures("way")
def test_scan_over_layers() -> None:
    keys = jax.random.split(KEY, 3)
    for init in DRAWN:
        expected = np.stack([init(key, SHAPE) for key in keys])
        scanned = jax.lax.scan(lambda _, key, init=init: (None, init(key, SHAPE)), None, keys)[1]
        check_bits(scanned, expected, init)


@pytest.mark.usefixtures("way")
def test_one_program_draws_for_any_key() -> None:
    program = jax.jit(lambda key: ours.he_normal()(key, SHAPE))
    for seed in range(3):
        key = jax.random.key(seed)
        check_bits(program(key), ours.he_normal()(key, SHAPE))
    assert program._cache_size() == 1


@pytest.mark.usefixtures("way")
def test_gradients_pass_by() -> None:
    def loss(scale: Any) -> Any:
        return (ours.he_normal()(KEY, SHAPE) * scale).sum()

    expected = ours.he_normal()(KEY, SHAPE).sum()
    for gradient in (jax.jit(jax.grad(loss)), jax.grad(jax.checkpoint(loss))):
        assert np.allclose(gradient(2.0), expected)


def test_shapes_are_found_without_drawing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Under eval_shape a key that is known draws nothing either."""
    from fastinit.jax.drawing import Drawing

    monkeypatch.setattr(Drawing, "draw", None)
    for init in DRAWN:
        found = jax.eval_shape(lambda init=init: init(KEY, (10**5, 10**5)))
        assert (found.shape, found.dtype) == ((10**5, 10**5), init.dtype or "float32")


def test_export() -> None:
    """A program that was written to bytes draws the same."""
    pytest.importorskip("flatbuffers")
    if xla.extension() is None:
        pytest.skip("built without _xla: calls of Python are not exported")
    allowed = [jax.export.DisabledSafetyCheck.custom_call(name) for name in ours.FFI_TARGETS]
    for init in DRAWN:
        program = jax.jit(lambda data, init=init: init(jax.random.wrap_key_data(data), SHAPE))
        exported = jax.export.export(program, disabled_checks=allowed)(jax.random.key_data(KEY))
        read = jax.export.deserialize(exported.serialize())
        check_bits(read.call(jax.random.key_data(KEY)), init(KEY, SHAPE), init)


def test_a_program_of_another_version_is_an_error() -> None:
    """Its requests are checked before anything is written."""
    if xla.extension() is None:
        pytest.skip("built without _xla")
    words, starts = jnp.zeros(2, jnp.uint32), jnp.zeros(1, jnp.int32)
    result = jax.ShapeDtypeStruct((4,), np.float32)
    good = ours.normal().drawing((8,)).packed((8,))
    for requests, what in (
        (good, "does not fit its result"),
        (good[:-1], "another version"),
        (np.zeros_like(good), "malformed"),
    ):
        call = jax.ffi.ffi_call(ours.FFI_TARGETS[0], result)
        with pytest.raises(jax.errors.JaxRuntimeError, match=what):
            call(words, starts, requests=requests, strides=np.ones(1, np.int64)).block_until_ready()


def test_errors_of_python_become_those_of_jax() -> None:
    """A program from a file names a type of initializer that is not known here."""
    if xla.extension() is None:
        pytest.skip("built without _xla")
    call = jax.ffi.ffi_call(ours.FFI_TARGETS[1], jax.ShapeDtypeStruct((4,), np.float32))
    drawing = '{"shape": [4], "dtype": "float32", "initializer": {"type": "Newer"}}'
    for axes, what in ((1, "ValueError: type='Newer' is not an init"), (2, "more axes")):
        starts = jnp.zeros(axes, jnp.int32)
        with pytest.raises(jax.errors.JaxRuntimeError, match=what):
            call(jnp.zeros(2, jnp.uint32), starts, drawing=drawing).block_until_ready()


def test_large_values_are_called_back() -> None:
    """They are no part of a program, whose text they would be."""
    values = np.arange(60000, dtype=np.float32)
    init = ours.initializer(Stored.of(values))
    program = jax.jit(lambda key: init(key, values.shape))
    assert "callback" in program.lower(KEY).as_text()
    check_bits(program(KEY), values)


def test_eager_arrays_are_not_copied(monkeypatch: pytest.MonkeyPatch) -> None:
    """The memory that is filled is the array's."""
    filled = []
    fill = type(fastinit.arrays.devices.CPU).fill

    def note(self: Any, requests: Any, threads: int = 0) -> None:
        filled.append(int.from_bytes(requests[0][:8], "little"))
        fill(self, requests, threads)

    monkeypatch.setattr(type(fastinit.arrays.devices.CPU), "fill", note)
    for dtype in ("float32", "bfloat16", "float8_e4m3fn"):
        drawn = ours.normal()(KEY, (512, 512), dtype)
        assert drawn.unsafe_buffer_pointer() == filled[-1]


def test_arrays_lie_where_the_key_does() -> None:
    device = jax.devices()[0]
    key = jax.device_put(KEY, device)
    assert ours.normal()(key, (2,)).committed
    assert not ours.normal()(KEY, (2,)).committed


def test_info_says_what_draws() -> None:
    found = fastinit.info()["xla"]
    assert found.startswith("built: " if xla.extension() else "not built: ")
