"""What XLA calls in programs for GPUs, emulated and on a card: the bits of the CPU."""

import itertools
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

import fastinit
from fastinit.arrays.devices import CPU
from fastinit.native import xla
from helpers.bits import check_bits
from helpers.cuda.devices import Card, Emulated
from helpers.cuda.fake_gpu import machine as the_only_gpu
from helpers.cuda.ptx_coverage import check_coverage
from helpers.dtypes import DTYPES, dtype_of
from helpers.jax.xla_calls import STREAM, Call, is_capturable, used
from helpers.records.initializers import KERNELS

jax = pytest.importorskip("jax")
if xla.extension() is None:
    pytest.skip("built without _xla", allow_module_level=True)

from fastinit.jax import staged  # noqa: E402
from fastinit.jax.drawing import Drawing, drawing_of  # noqa: E402
from fastinit.jax.keys import stream_of  # noqa: E402
from fastinit.jax.targets import description_of, size_of_tables  # noqa: E402
from fastinit.native.box import c_strides, part  # noqa: E402
from fastinit.native.request import REQUEST  # noqa: E402

FILLS, BY_PYTHON = "draw_on_cuda", "draw_by_python_on_cuda"
SHAPE = (9, 14, 11)
# A part that begins at every place of a Philox block, and the whole.
PARTS = [
    ((4, 5, 11), (3, 2, 0)),
    ((2, 14, 11), (7, 0, 0)),
    ((3, 3, 2), (1, 6, 9)),
    (SHAPE, (0, 0, 0)),
]
KEYS = [[1, 2, 3, 0xFFFFFFFF], [0, 7, 0, 0], [0xFFFFFFFF, 0, 5, 6]]


@pytest.fixture
def machine(emulation: Emulated, monkeypatch: pytest.MonkeyPatch) -> Iterator[Emulated]:
    """A machine whose only GPU is the emulated one, on which the handlers draw."""
    with used(emulation), emulation.stand_in.fresh(), the_only_gpu(monkeypatch, emulation.module):
        yield emulation
        emulation.clear()


def expected(drawing: Drawing, extents: Any, starts: Any, keys: Any) -> Any:
    """What the CPU draws of a part, for every key."""
    ends = np.add(starts, extents)
    box = part(drawing.shape, tuple(map(slice, starts, map(int, ends))))
    out = np.zeros((len(keys), *extents), drawing.dtype)
    for array, key in zip(out, keys, strict=True):
        CPU.fill(drawing.requests(box, array.ctypes.data, *stream_of(key)))
    return out


def drawn(machine: Emulated, drawing: Drawing, extents: Any, starts: Any, keys: Any) -> Any:
    """The same by the handler of fills."""
    requests = drawing.packed(extents)
    tables = size_of_tables(requests.nbytes // REQUEST.itemsize, len(keys))
    strides = c_strides(drawing.shape)
    call = Call(machine, keys, starts)
    return call.run(FILLS, extents, drawing.dtype, tables, requests=requests, strides=strides)


def fills() -> Iterator[tuple[Any, str]]:
    """Every formula in one dtype, in turn; one formula in every dtype; constants of every size."""
    dtypes = itertools.cycle(DTYPES)
    for kernel in KERNELS.values():
        yield kernel.draws[0], next(dtypes)
    for dtype in DTYPES:
        yield fastinit.Normal(0.5, 2.0), dtype
    for dtype in ("int8", "bfloat16", "int32", "float64"):
        yield fastinit.Constant(-3), dtype


@pytest.mark.parametrize(("what", "dtype"), list(fills()), ids=str)
def test_fills(machine: Emulated, what: Any, dtype: str) -> None:
    """Any part for any keys, on the stream that XLA passes, without the host."""
    drawing = drawing_of(what, SHAPE, np.dtype(dtype) if "int" in dtype else dtype_of(dtype))
    for extents, starts in PARTS:
        found = drawn(machine, drawing, extents, starts, KEYS)
        check_bits(found, expected(drawing, extents, starts, KEYS), (extents, starts))
    assert {launch.stream for launch in machine.stand_in.log} == {STREAM}
    assert machine.stand_in.copies == []


def test_keys_of_two_words(machine: Emulated) -> None:
    drawing = drawing_of(fastinit.Uniform(), (5,), np.dtype("float32"))
    keys = [[0, 3], [9, 9]]
    check_bits(drawn(machine, drawing, (5,), (0,), keys), expected(drawing, (5,), (0,), keys))


def test_every_line_of_the_kernel_runs(emulation: Emulated) -> None:
    """In several blocks of threads, for every text of its PTX."""
    drawing = drawing_of(fastinit.Uniform(), (6, 2), np.dtype("float32"))
    keys = np.arange(4 * 130).reshape(130, 4)
    (kernel,) = (name for name in emulation.stand_in.kernels() if "keyed" in name)
    for same in emulation.stand_in.classes(kernel):
        with used(emulation), emulation.stand_in.fresh(architecture=same[-1]) as stand_in:
            found = drawn(emulation, drawing, (3, 2), (3, 0), keys)
            check_bits(found, expected(drawing, (3, 2), (3, 0), keys))
            two = drawn(emulation, drawing, (6, 2), (0, 0), keys[:, :2])
            check_bits(two, expected(drawing, (6, 2), (0, 0), keys[:, :2]))
            check_coverage(stand_in, kernel)
            emulation.clear()


def test_fills_in_a_graph(machine: Emulated) -> None:
    """XLA may capture fills, which need nothing of the host; what asks Python it may not."""
    assert is_capturable(FILLS)
    assert not is_capturable(BY_PYTHON)
    machine.stand_in.capturing(True)
    drawing = drawing_of(fastinit.HeNormal(layout="*io"), (6, 4), np.dtype("float32"))
    check_bits(
        drawn(machine, drawing, (6, 4), (0, 0), KEYS), expected(drawing, (6, 4), (0, 0), KEYS)
    )


@pytest.mark.parametrize(
    "what",
    [
        fastinit.Orthogonal(layout="*io"),
        fastinit.DeltaOrthogonal(layout="*io"),
        fastinit.Sparse(0.4, layout="*io"),
        fastinit.Sparse(0.4, per="tensor", base="he_normal", layout="*io"),
        fastinit.NM(2, 4, base="he_normal", layout="*io"),
    ],
    ids=lambda each: type(each).__name__,
)
def test_matrices_and_masks(machine: Emulated, what: Any) -> None:
    """Python makes their requests, once the keys are known; they are drawn on the same stream."""
    drawing = drawing_of(what, (3, 8, 12), np.dtype("float32"))
    drawing_text = description_of(drawing)
    assert drawing_text is not None
    for extents, starts in (((3, 8, 12), (0, 0, 0)), ((2, 4, 8), (1, 4, 4))):
        call = Call(machine, KEYS, starts)
        found = call.run(BY_PYTHON, extents, drawing.dtype, None, drawing=drawing_text)
        check_bits(found, expected(drawing, extents, starts, KEYS), (what, starts))
    assert {launch.stream for launch in machine.stand_in.log} == {STREAM}


@pytest.mark.parametrize("call", ["cudaLaunchKernel", "cudaGetDevice"])
def test_failures_become_errors_of_xla(machine: Emulated, call: str) -> None:
    drawing = drawing_of(fastinit.Normal(), (5,), np.dtype("float32"))
    machine.stand_in.fail(call, 2)
    with pytest.raises(RuntimeError, match=f"fastinit: {call}: out of memory"):
        drawn(machine, drawing, (5,), (0,), KEYS)
    check_bits(drawn(machine, drawing, (5,), (0,), KEYS), expected(drawing, (5,), (0,), KEYS))


def test_malformed_programs_write_nothing(machine: Emulated) -> None:
    drawing = drawing_of(fastinit.Normal(), (8,), np.dtype("float32"))
    matrices = drawing_of(fastinit.Orthogonal(), (2, 4), np.dtype("float32"))
    good = drawing.packed((8,))
    for requests, strides, tables, what in (
        (good[:-1], (1,), 10**4, "another version"),
        (np.zeros_like(good), (1,), 10**4, "malformed"),
        (good, (1,), 100, "another version"),
        (good, (1, 1), 10**4, "differ in length"),
        (matrices.packed((2, 4)), (1,), 10**4, "not a fill"),
    ):
        call = Call(machine, KEYS, (0,))
        with pytest.raises(RuntimeError, match=what):
            call.run(FILLS, (8,), drawing.dtype, tables, requests=requests, strides=strides)
    assert machine.stand_in.log == []


def test_programs_for_gpus_call_native_code() -> None:
    """As they are exported without a GPU; arithmetic of composites is called back."""
    import fastinit.jax as ours

    if not xla.has_cuda():
        pytest.skip("built without _cuda")
    sparse = ours.initializer(fastinit.Sparse(0.3, layout="*io"))
    squashed = ours.initializer(fastinit.Mapped("uniform", "tanh"))
    for init, called in (
        (ours.he_normal(), ours.FFI_TARGETS[0]),
        (ours.orthogonal(), ours.FFI_TARGETS[1]),
        (sparse, ours.FFI_TARGETS[1]),
    ):
        program = jax.jit(lambda key, init=init: init(key, (8, 4)))
        text = program.trace(jax.random.key(0)).lower(lowering_platforms=("cuda",)).as_text()
        assert [name for name in (*ours.FFI_TARGETS, "callback") if name in text] == [called]
    assert "cuda" not in staged._calls(squashed.drawing((8, 4)))


# ---- on a card ----------------------------------------------------------------------------------


@pytest.mark.gpu
def test_programs_on_a_card(card: Card) -> None:  # noqa: ARG001
    """JAX's own runtime: alone, in a batch, in graphs, with the values of the CPU."""
    import fastinit.jax as ours

    if jax.default_backend() != "gpu":
        pytest.skip("this JAX sees no GPU")
    shape = (300, 500)
    keys = jax.random.split(jax.random.key(7), 6)
    sparse = ours.initializer(fastinit.Sparse(0.5, layout="*io"))
    normals = [ours.normal(dtype=dtype) for dtype in DTYPES if dtype != "float64"]
    for init in (*normals, ours.he_normal(), ours.orthogonal(), sparse):
        many = jax.jit(lambda keys, init=init: [init(each, shape) for each in keys])
        batch = jax.jit(jax.vmap(lambda key, init=init: init(key, shape)))
        for _ in range(3):  # graphs are captured, and replayed
            for mine, other, each in zip(many(keys), batch(keys), keys, strict=True):
                wanted = expected_whole(init, shape, np.asarray(jax.random.key_data(each)))
                check_bits(np.asarray(mine), wanted, init)
                check_bits(np.asarray(other), wanted, init)


def expected_whole(init: Any, shape: tuple[int, ...], words: Any) -> Any:
    return expected(init.drawing(shape), shape, (0,) * len(shape), [words])[0]
