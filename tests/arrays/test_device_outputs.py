"""``out=`` on a GPU: the device and stream that fill it, and what is refused."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

import fastinit
from fastinit.arrays.destination import destination, fill
from fastinit.native.box import whole
from helpers.bits import check_bits
from helpers.cuda.fake_gpu import CupyArray, CupyDevice, Extension, machine
from helpers.dtypes import DTYPES, dtype_of

SHAPE = (3, 5)


class Interface:
    """An object with CUDA's array interface only, over a NumPy array."""

    def __init__(self, array: NDArray[Any], **changes: Any) -> None:
        self.array = array
        own = array.__array_interface__
        items = {
            **{key: own[key] for key in ("shape", "typestr", "data", "strides")},
            **{"version": 3, "stream": None},
            **changes,
        }
        self.__cuda_array_interface__ = items


class Exporter:
    """An object with DLPack's two methods only, as if a CPU tensor lay on a GPU."""

    def __init__(self, array: Any, device: tuple[int, int] = (2, 1)) -> None:
        self.array, self.device = array, device
        self.stream: Any = None

    def __dlpack_device__(self) -> tuple[int, int]:
        return self.device

    def __dlpack__(self, *, stream: Any = None, **options: Any) -> Any:
        self.stream = stream
        return self.array.__dlpack__(**options)


def of_torch(array: NDArray[Any]) -> torch.Tensor:
    """A tensor of any dtype over the same memory."""
    flat = torch.from_numpy(array.reshape(-1).view(np.uint8))
    return flat.view(getattr(torch, array.dtype.name)).reshape(array.shape)


class NamelessInterface(Interface, Exporter):
    """An interface without a name for its dtype, and DLPack, which has one."""

    def __init__(self, array: NDArray[Any]) -> None:
        Interface.__init__(self, array, typestr=f"<V{array.itemsize}")
        Exporter.__init__(self, of_torch(array))


# What wraps memory, for which dtypes, and the (device, stream) that its filling ends at.
WRAPPERS: dict[str, tuple[Callable[[NDArray[Any]], Any], tuple[str, ...], tuple[int, int]]] = {
    "cupy": (lambda m: CupyArray(m, 1), DTYPES, (1, 71)),
    "interface": (Interface, DTYPES[:3], (1, 1)),
    "interface with strides": (lambda m: Interface(m, strides=m.strides), DTYPES[:3], (1, 1)),
    "interface with stream": (lambda m: Interface(m, stream=2), DTYPES[:3], (1, 2)),
    "interface of version 2": (lambda m: Interface(m, version=2), DTYPES[:3], (1, 1)),
    "nameless interface": (NamelessInterface, DTYPES[3:], (1, 1)),
    "dlpack": (lambda m: Exporter(of_torch(m)), DTYPES, (1, 1)),
    "dlpack managed": (lambda m: Exporter(of_torch(m), (13, 0)), DTYPES, (0, 1)),
}
FITS = [(kind, dtype) for kind, (_, dtypes, _) in WRAPPERS.items() for dtype in dtypes]


@pytest.mark.parametrize(("kind", "dtype"), FITS)
@pytest.mark.usefixtures("cupy")
def test_out(kind: str, dtype: str, extension: Extension) -> None:
    """`out` itself is returned, filled on its own device and its library's stream."""
    wrap, _, (number, stream) = WRAPPERS[kind]
    memory = np.zeros((6, 5), dtype_of(dtype))
    out = wrap(memory)
    assert fastinit.normal((6, 5), seed=3, out=out) is out
    check_bits(memory, fastinit.normal((6, 5), seed=3, name=0, dtype=dtype))
    assert extension.calls == [(1, number, stream)]


@pytest.mark.parametrize("device", ["cuda", "cuda:1", CupyDevice(1)])
@pytest.mark.usefixtures("cupy")
def test_out_on_the_device(device: Any) -> None:
    """A device that agrees may be named too."""
    out = CupyArray(np.zeros(SHAPE, np.float32), 1)
    assert fastinit.normal(SHAPE, out=out, device=device) is out


def test_out_needs_no_cupy(extension: Extension) -> None:
    """It needs no library except the one that made it."""
    fastinit.normal(SHAPE, out=Interface(np.zeros(SHAPE, np.float32)))
    assert extension.calls == [(1, 1, 1)]


def test_pinned_memory(extension: Extension) -> None:
    """The CPU draws it although CUDA knows it, and no stream is asked for."""
    memory = np.zeros(SHAPE, np.float32)
    out = Exporter(of_torch(memory), (3, 0))
    check_bits(
        fastinit.normal(SHAPE, seed=2, out=out) and memory, fastinit.normal(SHAPE, seed=2, name=0)
    )
    assert (out.stream, extension.calls) == (None, [])


REMEDY = "pass a writeable C-contiguous array on the CPU or a CUDA GPU"
# From 8 x 8 elements of float32 to an `out` for 3 x 5, options, and what its refusal says.
MISFITS: dict[str, tuple[Callable[[NDArray[Any]], Any], dict[str, Any], tuple[str, ...]]] = {
    "device": (
        lambda m: CupyArray(m[:3, :5].copy()),
        {"device": "cuda:1"},
        ("device='cuda:1' but out= lies on cuda:0", "leave device out"),
    ),
    "on a GPU": (
        lambda m: CupyArray(m[:3, :5].copy()),
        {"device": "cpu"},
        ("device='cpu' but out= lies on cuda:0", "leave device out"),
    ),
    "on the host": (
        lambda m: m[:3, :5].copy(),
        {"device": "cuda"},
        ("device='cuda' but out= lies on cpu", "leave device out"),
    ),
    "dtype": (lambda m: CupyArray(m[:3, :5].copy()), {"dtype": "float16"}, ("leave dtype out",)),
    "shape": (lambda m: CupyArray(m), {}, ("shape (8, 8)", "(3, 5) is drawn")),
    "part": (lambda m: Interface(m[:3, :5], strides=m.strides), {}, ("not C-contiguous", REMEDY)),
    "cupy part": (lambda m: CupyArray(m[:3, :5]), {}, ("not C-contiguous", REMEDY)),
    "dlpack part": (lambda m: Exporter(of_torch(m)[:3, :5]), {}, ("not C-contiguous", REMEDY)),
    "read-only": (
        lambda m: Interface(m, shape=SHAPE, data=(m.ctypes.data, True)),
        {},
        ("read-only", REMEDY),
    ),
    "unaligned": (
        lambda m: CupyArray(m.view(np.uint8).reshape(-1)[1:61].view(np.float32).reshape(SHAPE)),
        {},
        ("not a multiple of 4 bytes, as float32 needs it on a GPU", REMEDY),
    ),
    "masked": (lambda m: Interface(m, shape=SHAPE, mask=m), {}, ("masked", REMEDY)),
    "long double": (lambda m: Interface(m, typestr="<f16"), {}, ("float128", "known are float64")),
    "nameless": (lambda m: Interface(m, typestr="<V4"), {}, ("known are float64",)),
    "opencl": (lambda m: Exporter(of_torch(m), (4, 0)), {}, ("DLPack device (4, 0)", REMEDY)),
}


@pytest.mark.parametrize("kind", MISFITS)
@pytest.mark.usefixtures("cupy")
def test_refused(kind: str, extension: Extension) -> None:
    """The message says what was given, what is allowed and what to do; nothing is written."""
    make, options, fragments = MISFITS[kind]
    memory = np.full((8, 8), 7, np.float32)
    with pytest.raises(ValueError, match="out=") as caught:
        fastinit.normal(SHAPE, out=make(memory), **options)
    assert [part for part in fragments if part not in str(caught.value)] == []
    assert extension.calls == []
    assert np.all(memory == 7)


def test_host_pointer(extension: Extension) -> None:
    """An array that claims to lie on a GPU and does not is refused."""
    memory = np.full(SHAPE, 7, np.float32)
    extension.on_host.add(memory.ctypes.data)
    message = f"says that it lies on a GPU, but its address is the host's; {REMEDY}"
    with pytest.raises(ValueError, match=message):
        fastinit.normal(SHAPE, out=Interface(memory))
    assert np.all(memory == 7)


def test_out_where_cuda_is_not_built(monkeypatch: pytest.MonkeyPatch) -> None:
    """The error is the sentence of the status."""
    with (
        machine(monkeypatch, None),
        pytest.raises(RuntimeError, match="CUDA cannot be used: this fastinit was built without"),
    ):
        fastinit.normal(SHAPE, out=Interface(np.zeros(SHAPE, np.float32)))


@pytest.mark.usefixtures("cupy")
def test_several_devices_at_once(extension: Extension) -> None:
    """There is one call per device and stream, whatever the order of the outputs."""
    outs = [CupyArray(np.zeros(4, np.float32), number % 2) for number in range(5)]
    outs.append(np.zeros(4, np.float32))  # type: ignore[arg-type]
    expected = fastinit.normal(4, seed=9)
    what = fastinit.Normal().template(dtype_of("float32"))
    places = [destination((4,), None, out, None) for out in outs]
    box = whole((4,))
    fill((place, what.requests(box, place.address, 9, 0)) for place in places)
    assert extension.calls == [(3, 0, 70), (2, 1, 71)]
    for out in outs:
        check_bits(getattr(out, "memory", out), expected)
