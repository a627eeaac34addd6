"""Tensors of dtypes that are not drawn are listed and left alone, and the rest is drawn."""

import json
import struct
from pathlib import Path

import jax
import numpy as np
import pytest
import torch

import fastinit
from fastinit import Manifest, Parameter, Plan
from fastinit.torch import init_, materialize_
from helpers.bits import check_bits

DTYPES = ("complex64", "complex128", "float8_e8m0fnu", "float8_e4m3fnuz", "float8_e5m2fnuz")


def check_plan(manifest: Manifest, name: str, dtype: str) -> None:
    """All but one tensor is drawn, and that one is said to be left alone."""
    plan = Plan(manifest, "default", seed=0, dtype="bfloat16")
    assert [(each.name, each.dtype) for each in plan.left_alone] == [(name, dtype)]
    assert list(plan.init()) == ["w"]
    check_bits(
        plan.init()["w"], fastinit.normal((4, 4), std=0.02, seed=0, name="w", dtype="bfloat16")
    )
    row = plan.explain()[-1]
    assert (row["name"], row["dtype"], row["distribution"]) == (name, dtype, None)
    assert "left alone" in str(plan.explain())
    assert "left alone" in str(plan.explain().by_rule())
    with pytest.raises(
        ValueError, match=f"{name!r} is left alone: values of dtype {dtype} are not"
    ):
        plan.tensor(name)
    assert Plan.from_dict(json.loads(json.dumps(plan.to_dict()))).left_alone == plan.left_alone


@pytest.mark.parametrize("dtype", DTYPES)
def test_plan(dtype: str) -> None:
    parameters = (Parameter("w", (4, 4)), Parameter("freqs", (2,), None, dtype))
    check_plan(Manifest("m", parameters), "freqs", dtype)
    check_plan(Manifest("m", parameters[:1], buffers=parameters[1:]), "freqs", dtype)


@pytest.mark.parametrize("dtype", ["float33", "complex32x", "Float32", ""])
def test_unknown_dtypes_are_errors(dtype: str) -> None:
    with pytest.raises(ValueError, match=r"dtype=\S* is not (known|drawn)"):
        Parameter("w", (4,), None, dtype)


@pytest.mark.parametrize(
    ("code", "dtype", "size"), [("C64", "complex64", 8), ("F8_E8M0", "float8_e8m0fnu", 1)]
)
def test_file(tmp_path: Path, code: str, dtype: str, size: int) -> None:
    header = {
        "w": {"dtype": "F32", "shape": [4, 4], "data_offsets": [0, 64]},
        "x": {"dtype": code, "shape": [2], "data_offsets": [64, 64 + 2 * size]},
    }
    text = json.dumps(header).encode()
    path = tmp_path / "model.safetensors"
    path.write_bytes(struct.pack("<Q", len(text)) + text + bytes(64 + 2 * size))
    check_plan(Manifest.load(path), "x", dtype)
    saved = Plan(path, "default", seed=0).save(tmp_path / "drawn.safetensors")
    assert list(saved.digests) == ["w"]


def test_tree() -> None:
    tree = {"w": np.zeros((4, 4), np.float32), "x": jax.numpy.zeros(2, "complex64")}
    check_plan(Manifest.from_tree(tree), "x", "complex64")
    check_plan(Manifest.from_tree(jax.eval_shape(lambda: tree)), "x", "complex64")


@pytest.mark.parametrize("dtype", DTYPES)
def test_module(dtype: str) -> None:
    """``init_`` keeps the values; ``materialize_`` has none to keep."""

    def make() -> torch.nn.Module:
        module = torch.nn.Module()
        module.w = torch.nn.Parameter(torch.zeros(4, 4))
        x = torch.ones(2).to(getattr(torch, dtype))
        module.x = torch.nn.Parameter(x, requires_grad=False)
        return module

    module = make()
    check_plan(Manifest.from_torch(module), "x", dtype)
    init_(module, "default", seed=0)
    assert isinstance(module.x, torch.Tensor)
    assert (module.x.detach().to(torch.complex64) == 1).all()
    expected = torch.from_numpy(fastinit.normal((4, 4), std=0.02, seed=0, name="w"))
    assert torch.equal(module.get_parameter("w"), expected)
    with torch.device("meta"):
        module = make()
    with pytest.raises(ValueError, match=f"'x' is on the meta device, and values of dtype {dtype}"):
        materialize_(module, "default", seed=0)
    assert module.get_parameter("w").is_meta
