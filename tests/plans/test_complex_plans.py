"""Complex parameters in plans, files, modules and trees; complex buffers are left alone."""

from pathlib import Path
from typing import Any

import jax
import numpy as np
import pytest
import torch
from safetensors.numpy import load_file

import fastinit
import fastinit.jax
from fastinit import Existing, Loaded, Manifest, Parameter, Plan
from fastinit.torch import init_, materialize_

RULES = [("**.q", fastinit.Orthogonal()), ("**", fastinit.HeNormal())]
PARAMETERS = (
    Parameter("a.w", (6, 4), None, "complex64"),
    Parameter("a.q", (4, 4), None, "complex64"),
    Parameter("a.b", (6, 4)),
)
ROTATIONS = Parameter("freqs_cis", (5, 2), None, "complex64")


def expected() -> dict[str, Any]:
    where: dict[str, Any] = {"seed": 3}
    return {
        "a.w": fastinit.he_normal((6, 4), name="a.w", dtype="complex64", **where),
        "a.q": fastinit.orthogonal((4, 4), name="a.q", dtype="complex64", **where),
        "a.b": fastinit.he_normal((6, 4), name="a.b", **where),
    }


def check_same(found: Any, right: Any) -> None:
    """Compare the real and imaginary parts, bit for bit."""
    assert found.dtype == right.dtype
    assert found.shape == right.shape
    assert np.ascontiguousarray(found).tobytes() == np.ascontiguousarray(right).tobytes()


def test_plan_and_file(tmp_path: Path) -> None:
    """safetensors reads what is written, and the plan of the file verifies it."""
    manifest = Manifest("m", PARAMETERS, buffers=(ROTATIONS,))
    plan = Plan(manifest, RULES, seed=3)
    assert [each.name for each in plan.left_alone] == ["freqs_cis"]
    with pytest.raises(ValueError, match="'freqs_cis' is left alone: values of dtype complex64"):
        plan.tensor("freqs_cis")
    assert Plan.from_dict(plan.to_dict()).to_dict() == plan.to_dict()
    path = tmp_path / "model.safetensors"
    plan.save(path)
    assert fastinit.verify(path).ok
    found, drawn = load_file(path), plan.init()
    assert list(drawn) == [each.name for each in PARAMETERS]
    for name, right in expected().items():
        check_same(found[name], right)
        check_same(drawn[name], right)
        check_same(fastinit.load_plan(path).draw(name, np.s_[1:3]), right[1:3])
    check_same(Loaded.of(path, "a.w")((6, 4), dtype="complex64"), found["a.w"])
    wide = Existing(Loaded.of(path, "a.w"), axes=("tile", "copy"))((12, 4), dtype="complex64")
    check_same(wide, np.concatenate([found["a.w"]] * 2))
    with pytest.raises(ValueError, match="is complex64, which is not written as float32"):
        Loaded.of(path, "a.w")((6, 4))
    content = bytearray(path.read_bytes())
    content[-3] ^= 1
    path.write_bytes(content)
    assert not fastinit.verify(path).ok


def test_complex128(tmp_path: Path) -> None:
    """It is drawn, and the format of files does not have it."""
    plan = Plan({"w": (3, 4)}, "he_normal", seed=3, dtype="complex128")
    right = fastinit.he_normal((3, 4), seed=3, name="w", dtype="complex128")
    check_same(plan.init()["w"], right)
    with pytest.raises(ValueError, match="safetensors files do not hold complex128; use complex64"):
        plan.save(tmp_path / "model.safetensors")
    assert not list(tmp_path.iterdir())


def test_other_dtypes_stay(tmp_path: Path) -> None:
    """dtype= is for the floats of a model, and complex tensors of foreign files are buffers."""
    plan = Plan(Manifest("m", PARAMETERS), RULES, seed=3, dtype="bfloat16")
    assert [each.dtype.name for each in plan.tensors] == ["complex64", "complex64", "bfloat16"]
    path = tmp_path / "model.safetensors"
    plan.save(path)
    assert [each.name for each in Manifest.load(path).buffers] == ["a.w", "a.q"]
    with pytest.raises(ValueError, match="zero_row= is for real tensors, and this is complex64"):
        Plan(Manifest("m", (Parameter("w", (3, 4), None, "complex64", 0),)), "he_normal")
    with pytest.raises(ValueError, match="does not hold Uniform values"):
        Plan(Manifest("m", PARAMETERS), fastinit.Uniform())


def module(device: str) -> torch.nn.Module:
    with torch.device(device):
        inner = torch.nn.Module()
        inner.w = torch.nn.Parameter(torch.zeros(4, 6, dtype=torch.complex64).t())
        inner.q = torch.nn.Parameter(torch.zeros(4, 4, dtype=torch.complex64))
        inner.b = torch.nn.Parameter(torch.zeros(6, 4))
        outer = torch.nn.Module()
        outer.a = inner
        if device == "cpu":
            outer.register_buffer("freqs_cis", torch.ones(2, dtype=torch.complex64))
    return outer


@pytest.mark.parametrize("device", ["cpu", "meta"])
def test_modules(device: str) -> None:
    """Transposed memory, too; buffers keep their values."""
    made = module(device)
    (init_ if device == "cpu" else materialize_)(made, RULES, seed=3)
    for name, right in expected().items():
        check_same(made.get_parameter(name).detach().numpy(), right)
    if device == "cpu":
        assert torch.equal(made.get_buffer("freqs_cis"), torch.ones(2, dtype=torch.complex64))


def test_trees() -> None:
    tree = {
        "a": {each.name[2:]: np.zeros(each.shape, each.dtype or "float32") for each in PARAMETERS}
    }
    rules = [("**.q", fastinit.Orthogonal(layout="*io")), ("**", fastinit.Normal())]
    found = fastinit.jax.init_tree(tree, rules, seed=3)
    for name, right in Plan(Manifest("m", PARAMETERS), rules, seed=3).init().items():
        drawn = found["a"][name[2:]]
        assert isinstance(drawn, jax.Array)
        check_same(np.asarray(drawn), right)
