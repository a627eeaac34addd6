"""New arrays, the arrays that `out=` accepts and refuses, and dtypes."""

from collections.abc import Callable
from typing import Any

import jax.numpy as jnp
import ml_dtypes
import numpy as np
import pytest
import torch
from numpy.typing import NDArray

import fastinit
from helpers.bits import check_bits
from helpers.dtypes import DTYPES, INTEGERS, dtype_of
from helpers.processes import child
from helpers.records.initializers import RECORDS

SHAPE = (4, 4)
EMPTY: list[tuple[tuple[int, ...], Any]] = [
    ((0,), None),
    ((3, 0, 2), None),
    ((0, 2**40), None),
    ((5, 5), np.s_[2:2]),
]


class Exporter:
    """An object with DLPack's two methods only, over an array of another library."""

    def __init__(self, array: Any, versioned: bool = True, **always: Any) -> None:
        self.array, self.versioned, self.always = array, versioned, always

    def __dlpack_device__(self) -> tuple[int, int]:
        device: tuple[int, int] = self.array.__dlpack_device__()
        return device

    def __dlpack__(self, **options: Any) -> Any:
        if options and not self.versioned:
            raise TypeError("__dlpack__() got an unexpected keyword argument 'max_version'")
        return self.array.__dlpack__(**options | self.always)


class Interface:
    """An object with the array interface only, over a NumPy array."""

    def __init__(self, array: NDArray[Any]) -> None:
        self.array = array
        self.__array_interface__ = array.__array_interface__


def of_torch(array: NDArray[Any]) -> torch.Tensor:
    """A tensor of any dtype over the same memory."""
    flat = torch.from_numpy(array.reshape(-1).view(np.uint8))
    return flat.view(getattr(torch, array.dtype.name)).reshape(array.shape)


WRAPPERS: dict[str, Callable[[NDArray[Any]], Any]] = {
    "numpy": lambda array: array,
    "torch": of_torch,
    "leaf": lambda array: of_torch(array).requires_grad_(),
    "dlpack": lambda array: Exporter(of_torch(array)),
    "dlpack of before 1.0": lambda array: Exporter(of_torch(array), versioned=False),
    "interface": Interface,
}
FITS = [
    (kind, dtype)
    for kind in WRAPPERS
    for dtype in DTYPES
    if kind != "interface" or dtype in ("float64", "float32", "float16")  # it names no others
]


@pytest.mark.parametrize(("kind", "dtype"), FITS)
def test_out(kind: str, dtype: str) -> None:
    memory = np.zeros((6, 5), dtype_of(dtype))
    out = WRAPPERS[kind](memory)
    assert fastinit.normal((6, 5), seed=3, out=out) is out
    check_bits(memory, fastinit.normal((6, 5), seed=3, name=0, dtype=dtype))


@pytest.mark.parametrize("dtype", INTEGERS)
@pytest.mark.parametrize("kind", ["numpy", "torch", "dlpack", "interface"])
def test_out_of_integers(kind: str, dtype: str) -> None:
    """Constants fill `out` of every other dtype, and nothing before or after it."""
    memory = np.zeros(9, dtype)
    fastinit.ones(5, out=WRAPPERS[kind](memory[2:7]))
    check_bits(memory, np.array([0, 0, 1, 1, 1, 1, 1, 0, 0], dtype))


@pytest.mark.parametrize("dtype", DTYPES)
def test_out_at_any_address(dtype: str) -> None:
    """The address need not be a multiple of the element's size."""
    kind = dtype_of(dtype)
    memory = np.zeros(1001 * kind.itemsize, np.uint8)
    skipped = (1 - memory.ctypes.data) % kind.itemsize
    out = memory[skipped : skipped + 1000 * kind.itemsize].view(kind)
    check_bits(
        fastinit.normal(1000, seed=1, out=out), fastinit.normal(1000, seed=1, name=0, dtype=dtype)
    )


def test_leaf_stays_a_leaf() -> None:
    weight = torch.nn.Parameter(torch.zeros(SHAPE))
    fastinit.normal(SHAPE, out=weight)
    assert (weight.is_leaf, weight.requires_grad, weight.grad_fn) == (True, True, None)


def test_version_counter() -> None:
    """Autograd refuses to go back through a tensor that was filled since."""
    weight = torch.ones(SHAPE, requires_grad=True)
    loss = weight.square().sum()
    fastinit.normal(SHAPE, out=weight)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        loss.backward()  # type: ignore[no-untyped-call]


def test_version_counter_after_an_error() -> None:
    """A tensor that was not filled counts no change."""
    weight = torch.zeros(SHAPE)
    with pytest.raises(ValueError, match="std"):
        fastinit.normal(SHAPE, std=-1, out=weight)
    assert weight._version == 0


def read_only(array: NDArray[Any]) -> NDArray[Any]:
    view = array.view()
    view.flags.writeable = False
    return view


REMEDY = "pass a writeable C-contiguous array"
UNKNOWN = "known are float64, float32,"
# From 8 x 8 elements of float32 to an `out` for 4 x 4, and what its refusal says.
MISFITS: dict[str, tuple[Callable[[NDArray[Any]], Any], tuple[str, ...]]] = {
    "read-only": (lambda m: read_only(m[:2].reshape(SHAPE)), ("read-only", REMEDY)),
    "part": (lambda m: m[:4, :4], ("not C-contiguous", REMEDY)),
    "transposed": (lambda m: m[:2].reshape(SHAPE).T, ("not C-contiguous", REMEDY)),
    "one row": (lambda m: m[0, :4], ("shape (4,)", "(4, 4) is drawn", "pass out=")),
    "too large": (lambda m: m, ("shape (8, 8)", "(4, 4) is drawn", "pass out=")),
    "big-endian": (lambda m: m[:2].reshape(SHAPE).view(">f4"), (">f4", "byte order")),
    "unknown dtype": (lambda m: m[:4].view("m8[s]"), ("m8[s]", UNKNOWN)),
    "list": (lambda m: m[:4, :4].tolist(), ("is a list", "not an array", REMEDY)),
    "number": (lambda _: 3.0, ("is a float", "not an array", REMEDY)),
    "torch part": (lambda m: of_torch(m)[:4, :4], ("not C-contiguous", REMEDY)),
    "torch expanded": (lambda m: of_torch(m)[:1, :4].expand(SHAPE), ("not C-contiguous", REMEDY)),
    "torch row": (lambda m: of_torch(m)[0, :4], ("shape (4,)", "(4, 4) is drawn")),
    "torch negated": (lambda m: of_torch(m[:2].reshape(SHAPE))._neg_view(), (REMEDY,)),
    "meta": (lambda _: torch.zeros(SHAPE, device="meta"), ("meta", REMEDY)),
    "sparse": (lambda _: torch.zeros(SHAPE).to_sparse(), ("sparse_coo", REMEDY)),
    "dlpack part": (lambda m: Exporter(of_torch(m)[:4, :4]), ("not C-contiguous", REMEDY)),
    "dlpack read-only": (
        lambda m: Exporter(read_only(m[:2].reshape(SHAPE))),
        ("read-only", REMEDY),
    ),
    "dlpack copy": (lambda m: Exporter(m[:2].reshape(SHAPE), copy=True), ("copy", REMEDY)),
    "dlpack float8": (
        lambda m: Exporter(of_torch(m[0]).view(torch.float8_e4m3fnuz)[:16].view(SHAPE)),
        ("dtype=float8_e4m3fnuz is not drawn", "use float8_e4m3fn"),
    ),
    "interface read-only": (
        lambda m: Interface(read_only(m[:2].reshape(SHAPE))),
        ("read-only", REMEDY),
    ),
}


@pytest.mark.parametrize("kind", MISFITS)
def test_refused(kind: str) -> None:
    """The message says what was given, what is allowed and what to do; nothing is written."""
    make, fragments = MISFITS[kind]
    memory = np.full((8, 8), 7, np.float32)
    out = make(memory)
    with pytest.raises(TypeError if kind in ("list", "number") else ValueError) as caught:
        fastinit.normal(SHAPE, out=out)
    assert [part for part in fragments if part not in str(caught.value)] == []
    assert np.all(memory == 7)


@pytest.mark.parametrize("kind", ["numpy", "torch", "dlpack", "interface"])
def test_dtype_conflict(kind: str) -> None:
    memory = np.full(SHAPE, 7, np.float32)
    with pytest.raises(ValueError, match="dtype=float16 but out= is float32; leave dtype out"):
        fastinit.normal(SHAPE, dtype="float16", out=WRAPPERS[kind](memory))
    assert np.all(memory == 7)


OWNING = """
import numpy as np, fastinit
class Exporter:
    def __dlpack_device__(self):
        return 1, 0
    def __dlpack__(self, **options):
        return np.zeros(1 << 22, np.float32).__dlpack__(**options)
fastinit.normal(1 << 22, out=Exporter())
"""


def test_dlpack_that_owns_its_memory() -> None:
    """A capsule is kept until the memory is filled, even if it alone holds it."""
    child(OWNING)


@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "float8_e4m3fn"])
def test_jax_arrays_are_immutable(dtype: str) -> None:
    """They are refused although DLPack does not say so, and keep their values."""
    out = jnp.ones(SHAPE, dtype)
    with pytest.raises(ValueError, match=f"(read-only|immutable).*{REMEDY}"):
        fastinit.normal(SHAPE, out=out)
    assert np.all(np.asarray(out) == 1)


def test_numpy_scalars_are_immutable() -> None:
    """Their array interface is that of a copy."""
    with pytest.raises((TypeError, ValueError), match=REMEDY):
        fastinit.normal((), out=np.float32(3))


@pytest.mark.parametrize("dtype", [*DTYPES, *INTEGERS])
def test_new_arrays(dtype: str) -> None:
    """They start at a cache line, and are C-contiguous and writeable."""
    for shape in [(), (1,), (3,), (17, 5), (2, 3, 4, 5), (1000, 1001)]:
        array = fastinit.zeros(shape, dtype=dtype)
        assert (array.shape, array.dtype) == (shape, dtype_of(dtype))
        assert array.ctypes.data % 64 == 0
        assert array.flags.c_contiguous
        assert array.flags.writeable


@pytest.mark.parametrize("kind", ["numpy", "torch", "dlpack"])
@pytest.mark.parametrize("shape", [(0,), (3, 0, 2)])
def test_out_without_elements(kind: str, shape: tuple[int, ...]) -> None:
    out = WRAPPERS[kind](np.zeros(shape, np.float32))
    assert fastinit.normal(shape, out=out) is out


@pytest.mark.parametrize("name", [name for name, record in RECORDS.items() if record.elementwise])
@pytest.mark.parametrize(("shape", "index"), EMPTY)
def test_without_elements(name: str, shape: tuple[int, ...], index: Any) -> None:
    """An array of no elements needs no fan."""
    array = RECORDS[name].draw(shape, index=index, dtype="float32")
    assert array.dtype == np.float32
    assert array.shape == ((0, 5) if index else shape)


@pytest.mark.parametrize("dtype", DTYPES)
def test_without_axes(dtype: str) -> None:
    """Shape () is the first element, new or in `out`."""
    first = fastinit.normal(1, seed=5, dtype=dtype).reshape(())
    check_bits(fastinit.normal((), seed=5, name=0, dtype=dtype), first)
    check_bits(fastinit.normal((), seed=5, name=0, out=np.zeros((), dtype_of(dtype))), first)


SPELLINGS: list[tuple[Any, str]] = [
    *((name, name) for name in (*DTYPES, *INTEGERS)),
    *((dtype_of(name), name) for name in (*DTYPES, *INTEGERS)),
    *((getattr(torch, name), name) for name in (*DTYPES, *INTEGERS)),
    *((getattr(jnp, name), name) for name in (*DTYPES, "bool_", *INTEGERS[1:])),
    *((f"torch.{name}", name) for name in ("bfloat16", "float32")),
    *(("f8", "float64"), ("<f4", "float32"), ("half", "float16"), ("double", "float64")),
    *((np.float64, "float64"), (np.float16, "float16"), (float, "float64"), (bool, "bool")),
    *((ml_dtypes.bfloat16, "bfloat16"), (ml_dtypes.float8_e5m2, "float8_e5m2")),
]


@pytest.mark.parametrize(("spelling", "name"), SPELLINGS, ids=str)
def test_dtype_spellings(spelling: Any, name: str) -> None:
    assert fastinit.zeros(4, dtype=spelling).dtype == dtype_of(name.strip("_"))


@pytest.mark.parametrize("view", [torch.conj, lambda x: x.conj().imag])
def test_digest_of_views_that_leave_arithmetic_to_the_reader(
    view: Callable[[torch.Tensor], torch.Tensor],
) -> None:
    """torch keeps a bit for conjugated and negated memory in the place of a copy."""
    tensor = view(torch.tensor([1 + 2j, 3 - 4j]))
    assert tensor.is_conj() or tensor.is_neg()
    assert fastinit.digest(tensor) == fastinit.digest(tensor.resolve_conj().resolve_neg().numpy())
