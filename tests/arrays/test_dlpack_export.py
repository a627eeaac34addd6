"""``to_dlpack``: the export of arrays of every dtype, as other libraries take it."""

import threading
import weakref
from collections.abc import Iterator
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import torch
from numpy.typing import NDArray

import fastinit
from fastinit.native import _cpu
from helpers.bits import bits, check_bits
from helpers.dtypes import DTYPES, INTEGERS, dtype_of
from helpers.processes import child

from_dlpack: Any = vars(torch)["from_dlpack"]
KNOWN = [*DTYPES, *INTEGERS, "complex64", "complex128"]
CPU = (1, 0)
VERSIONS = [None, (0, 8), (1, 0), (1, 1), (2, 0)]


def views() -> Iterator[tuple[str, NDArray[Any]]]:
    """Arrays of all kinds of strides, of every dtype."""
    for name in KNOWN:
        whole = np.arange(120, dtype=np.uint8).reshape(2, 3, 4, 5) % 2
        array = whole.astype(dtype_of(name))
        yield f"{name} whole", array
        yield f"{name} transposed", array.transpose(3, 1, 0, 2)
        yield f"{name} steps", array[:, ::2, 1:3, ::2]
        yield f"{name} repeated", np.broadcast_to(array[0, 0, 0], (4, 5))
        yield f"{name} scalar", array[1:2, 2, 3, 4].reshape(())
        yield f"{name} empty", array[:, :0]


VIEWS = dict(views())


def described(array: NDArray[Any], **options: Any) -> dict[str, Any]:
    return _cpu.dlpack(fastinit.to_dlpack(array).__dlpack__(**options))


@pytest.mark.parametrize("version", VERSIONS)
def test_description(version: tuple[int, int] | None) -> None:
    """A capsule says where the array lies, and how; one that was not consumed frees itself."""
    codes = {"b": 6, "i": 0, "u": 1, "f": 2, "c": 5}
    narrow = {"bfloat16": 4, "float8_e4m3fn": 10, "float8_e5m2": 12}
    for kind, array in VIEWS.items():
        if not array.flags.writeable and (version is None or version < (1, 0)):
            with pytest.raises(BufferError, match=r"read-only.*pass copy=True"):
                described(array, max_version=version)
            continue
        expected = {
            "address": array.ctypes.data,
            "shape": array.shape,
            "strides": tuple(step // array.itemsize for step in array.strides) or None,
            "type": (
                narrow.get(array.dtype.name) or codes[array.dtype.kind],
                8 * array.itemsize,
                1,
            ),
            "device": CPU,
            "read_only": not array.flags.writeable,
            "copied": False,
        }
        assert described(array, max_version=version) == expected, kind


def test_copy() -> None:
    """A copy is writeable memory of its own, and says that it is a copy."""
    for kind, array in VIEWS.items():
        found = described(array, max_version=(1, 1), copy=True)
        assert (found["copied"], found["read_only"]) == (True, False), kind
        assert found["address"] != array.ctypes.data or array.size == 0, kind


@pytest.mark.parametrize("name", KNOWN)
def test_torch_shares_the_memory(name: str) -> None:
    array = fastinit.ones((4, 6), dtype=name)
    for each in (array, array[1:3, ::2], array.T):
        tensor = from_dlpack(fastinit.to_dlpack(each))
        assert str(tensor.dtype) == f"torch.{name}"
        assert (tuple(tensor.shape), tensor.data_ptr()) == (each.shape, each.ctypes.data)
    whole = from_dlpack(fastinit.to_dlpack(array))
    whole.view(torch.uint8)[:] = 0
    assert not bits(array).any()


@pytest.mark.parametrize("name", DTYPES)
def test_jax_takes_every_dtype(name: str) -> None:
    array = fastinit.normal((16, 16), seed=1, dtype=name)
    with jax.enable_x64():
        taken = jnp.from_dlpack(fastinit.to_dlpack(array))
        check_bits(np.asarray(taken), array)


@pytest.mark.parametrize("name", [*DTYPES[:3], *INTEGERS])
def test_numpy_and_the_standard(name: str) -> None:
    """Libraries that follow the standard of array APIs to the letter take it."""
    strict = pytest.importorskip("array_api_strict")
    array = fastinit.ones((4, 6), dtype=name)
    taken = np.from_dlpack(fastinit.to_dlpack(array))
    assert np.shares_memory(taken, array)
    copied = np.from_dlpack(fastinit.to_dlpack(array), copy=True, device="cpu")
    check_bits(copied, array)
    assert not np.shares_memory(copied, array)
    if name != "float16":
        check_bits(np.asarray(strict.from_dlpack(fastinit.to_dlpack(array))), array)


def test_read_only_stays_read_only() -> None:
    array = fastinit.normal(8, seed=1)
    array.flags.writeable = False
    assert not np.from_dlpack(fastinit.to_dlpack(array)).flags.writeable


def test_arrays_of_others_are_returned() -> None:
    for array in (torch.ones(3), jnp.ones(3), fastinit.to_dlpack(np.ones(3))):
        assert fastinit.to_dlpack(array) is array


def test_it_can_be_filled() -> None:
    array = np.zeros((3, 4), dtype_of("bfloat16"))
    out = fastinit.to_dlpack(array)
    assert fastinit.normal((3, 4), seed=2, out=out) is out
    check_bits(array, fastinit.normal((3, 4), seed=2, name=0, dtype="bfloat16"))
    assert repr(out) == "to_dlpack(array of bfloat16 (3, 4))"


def test_what_cannot_be_exported() -> None:
    odd = np.zeros(33, np.uint8)[1:].view(np.float32)[::1]
    packed = np.zeros(4, [("a", "f4"), ("b", "u1")])["a"]
    for wrong, message in (
        (np.zeros(3, np.longdouble), "dtype=float128 is not exported"),
        (np.zeros(3, ">f4"), "dtype=>f4 is not exported"),
        (packed, "strides of .* not whole elements of 4; pass a copy"),
        (np.ma.masked_array([1.0, 2.0]), "masked"),
    ):
        with pytest.raises(ValueError, match=message):
            fastinit.to_dlpack(wrong)
    with pytest.raises(TypeError, match="is a list; pass an array"):
        fastinit.to_dlpack([1.0])
    exported = fastinit.to_dlpack(odd)
    with pytest.raises(BufferError, match="lies on the CPU"):
        exported.__dlpack__(dl_device=(2, 0))
    with pytest.raises(BufferError, match="has no stream"):
        exported.__dlpack__(stream=1)
    assert exported.__dlpack_device__() == CPU


class Owner(np.ndarray[Any, Any]):
    """An array with weak references."""


def owner() -> tuple[Any, Any]:
    array = np.zeros(1000, np.float32).view(Owner)
    return array, weakref.ref(array)


@pytest.mark.parametrize("version", VERSIONS)
def test_the_consumer_keeps_the_array(version: tuple[int, int] | None) -> None:
    """It lives as long as what was made of it, or as the capsule that nobody consumed."""
    array, alive = owner()
    capsule = fastinit.to_dlpack(array).__dlpack__(max_version=version)
    del array
    assert alive() is not None
    tensor = torch.utils.dlpack.from_dlpack(capsule)
    del capsule
    assert alive() is not None
    assert not tensor.any()
    del tensor
    assert alive() is None
    array, alive = owner()
    capsule = fastinit.to_dlpack(array).__dlpack__(max_version=version)
    del array, capsule
    assert alive() is None


def test_negative_strides_are_refused() -> None:
    """torch would end the process."""
    for backwards in (np.arange(3.0)[::-1], np.ones((2, 3), np.float32)[:, ::-1]):
        with pytest.raises(ValueError, match="pass a copy"):
            fastinit.to_dlpack(backwards)
        assert np.array_equal(from_dlpack(fastinit.to_dlpack(backwards.copy())), backwards)


def test_another_thread_frees_it() -> None:
    array, alive = owner()
    held = [from_dlpack(fastinit.to_dlpack(array))]
    del array
    thread = threading.Thread(target=held.clear)
    thread.start()
    thread.join()
    assert alive() is None


AT_THE_END = """
import fastinit, torch
kept = torch.from_dlpack(fastinit.to_dlpack(fastinit.normal(9, dtype="bfloat16")))
torch.kept = kept  # outlives the module
capsule = fastinit.to_dlpack(fastinit.normal(9, dtype="bfloat16")).__dlpack__()
print("end")
"""


def test_the_interpreter_ends_before_the_consumer() -> None:
    assert child(AT_THE_END) == "end\n"
