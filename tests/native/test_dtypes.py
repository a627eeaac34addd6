"""Dtypes that others have and that are not drawn: refused by name, with what to use instead."""

import functools
from typing import Any

import ml_dtypes
import numpy as np
import pytest

import fastinit
from fastinit.native.dtypes import DTYPES, dtype_of

INSTEAD = {
    "float8_e4m3fnuz": "use float8_e4m3fn",
    "float8_e4m3b11fnuz": "use float8_e4m3fn",
    "float8_e4m3": "use float8_e4m3fn",
    "float8_e3m4": "use float8_e4m3fn",
    "float8_e5m2fnuz": "use float8_e5m2",
    "float8_e8m0fnu": "it holds powers of 2, the scales of blocks; draw float32",
    "float6_e2m3fn": "draw float32 and convert that",
    "float6_e3m2fn": "draw float32 and convert that",
    "float4_e2m1fn": "draw float32 and convert that",
    "int4": "use int8",
    "int2": "use int8",
    "uint4": "use uint8",
    "uint2": "use uint8",
    "float128": "use float64",
}


@pytest.mark.parametrize("name", INSTEAD)
@pytest.mark.parametrize("form", ["name", "dtype", "class"])
def test_not_drawn(name: str, form: str) -> None:
    kind = getattr(ml_dtypes, name, None) or getattr(np, name)
    given = {"name": name, "dtype": np.dtype(kind), "class": kind}[form]
    factorized = functools.partial(fastinit.factorized, rank=1)
    for draw in (fastinit.normal, fastinit.zeros, fastinit.orthogonal, factorized):
        with pytest.raises(ValueError, match=f"dtype={name} is not drawn; .*{INSTEAD[name]}"):
            draw((2, 2), seed=0, dtype=given)


TORCH = {
    "float8_e4m3fnuz": "use float8_e4m3fn",
    "float8_e5m2fnuz": "use float8_e5m2",
    "float8_e8m0fnu": "powers of 2",
    "float4_e2m1fn_x2": "draw float32",
    "complex32": "use complex64 or complex128",
    "int4": "use int8",
    "uint3": "use uint8",
    "qint8": "quantize",
    "quint8": "quantize",
    "bits8": "use uint8",
}


@pytest.mark.parametrize("name", TORCH)
def test_not_drawn_by_torch_dtype(name: str) -> None:
    torch = pytest.importorskip("torch")
    dtype = getattr(torch, name, None)
    if dtype is None:
        pytest.skip(f"this torch has no {name}")
    with pytest.raises(ValueError, match=f"dtype={name} is not drawn; .*{TORCH[name]}"):
        fastinit.normal(2, seed=0, dtype=dtype)


@pytest.mark.parametrize("name", ["float8_e4m3fnuz", "float8_e8m0fnu"])
def test_outputs_that_are_not_drawn(name: str) -> None:
    """Arrays and tensors are refused by the names of their dtypes, too."""
    torch = pytest.importorskip("torch")
    outputs = [
        np.zeros(2, getattr(ml_dtypes, name, None) or name),
        torch.zeros(2).to(getattr(torch, name)),
    ]
    for out in outputs:
        with pytest.raises(ValueError, match=f"out= cannot be filled: dtype={name} is not drawn"):
            fastinit.normal(2, seed=0, out=out)


class Exported:
    """An array that is seen only through DLPack."""

    def __init__(self, array: Any) -> None:
        self.array = array

    def __dlpack__(self, **options: Any) -> Any:
        return self.array.__dlpack__(**options)

    def __dlpack_device__(self) -> Any:
        return self.array.__dlpack_device__()


@pytest.mark.parametrize("name", ["float8_e4m3fnuz", "float8_e5m2fnuz"])
def test_dlpack_types_that_are_not_drawn(name: str) -> None:
    torch = pytest.importorskip("torch")
    out = Exported(torch.zeros(2).to(getattr(torch, name)))
    with pytest.raises(ValueError, match=f"dtype={name} is not drawn; "):
        fastinit.normal(2, seed=0, out=out)


@pytest.mark.parametrize(
    "wrong",
    [
        "float33",
        "",
        "f4,",
        "(2,)f4",
        "S3",
        object,
        "O",
        "datetime64[s]",
        b"float32x",
        3,
        [("a", "f4")],
    ],
)
def test_unknown(wrong: Any) -> None:
    with pytest.raises(ValueError, match="is not known; known are float64, "):
        dtype_of(wrong)


def test_known() -> None:
    for name, dtype in DTYPES.items():
        assert dtype_of(name) == dtype_of(dtype) == dtype_of(dtype.type) == dtype


ALIASES = {
    "bf16": "bfloat16",
    "fp16": "float16",
    "half": "float16",
    "fp32": "float32",
    "fp64": "float64",
    "double": "float64",
}


@pytest.mark.parametrize("name", ALIASES)
def test_aliases(name: str) -> None:
    """Short names are known, in capitals too."""
    assert dtype_of(name) == dtype_of(name.upper()) == DTYPES[ALIASES[name]]
    assert fastinit.zeros(2, dtype=name).dtype.name == ALIASES[name]


@pytest.mark.parametrize("name", ["float8", "fp8"])
def test_two_dtypes_of_eight_bits(name: str) -> None:
    match = "there are two: float8_e4m3fn has more digits, float8_e5m2 a wider range"
    with pytest.raises(ValueError, match=f"dtype={name} is not drawn; {match}"):
        fastinit.zeros(2, dtype=name)
