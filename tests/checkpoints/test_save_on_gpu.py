"""Checkpoints drawn by a GPU have the same bytes; a GPU that is missing is an error at once."""

from pathlib import Path

import pytest

import fastinit
from fastinit import Constant, Manifest, Parameter, Plan, Recipe, Rule
from helpers.cuda import fake_gpu
from helpers.small_checkpoint import small


@pytest.fixture
def roomy(cupy: fake_gpu.Cupy) -> fake_gpu.Cupy:
    cupy.room = 1 << 24
    return cupy


@pytest.mark.usefixtures("roomy")
def test_same_bytes(tmp_path: Path, extension: fake_gpu.Extension) -> None:
    on_cpu = small().save(tmp_path / "cpu.safetensors")
    assert extension.calls == []
    on_gpu = small().save(tmp_path / "gpu.safetensors", device="cuda:1")
    assert on_gpu.path.read_bytes() == on_cpu.path.read_bytes()
    assert {device for _, device, _ in extension.calls} == {1}


@pytest.mark.usefixtures("roomy")
def test_tensor_that_is_drawn_whole(tmp_path: Path, extension: fake_gpu.Extension) -> None:
    """A large orthogonal matrix goes through the GPU at once."""
    model = Manifest("m", (Parameter("w", (1100, 1000)), Parameter("b", (3,))))
    rules = (Rule("w", fastinit.Orthogonal()), Rule("b", Constant(1)))
    plan = Plan(model, Recipe("r", "test", rules), seed=0)
    saved = plan.save(tmp_path / "m.safetensors", device="cuda")
    assert len(extension.calls) == 2
    assert saved.digests["w"] == fastinit.digest(plan.init()["w"])


@pytest.mark.usefixtures("roomy")
def test_verification(tmp_path: Path, extension: fake_gpu.Extension) -> None:
    path = small().save(tmp_path / "m.safetensors").path
    assert fastinit.verify(path, device="cuda").ok
    assert small().verify(path, device="cuda").ok
    assert extension.calls
    assert not small(seed=1).verify(path, device="cuda").ok


@pytest.mark.parametrize("device", ["tpu", "cuda:1:2", 5])
def test_unknown_device(tmp_path: Path, device: object) -> None:
    with pytest.raises(ValueError, match=r"device=.* is not known"):
        small().save(tmp_path / "m", device=device)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.usefixtures("extension")
def test_without_cupy(tmp_path: Path) -> None:
    """The error says what to install, and nothing is written."""
    with pytest.raises(RuntimeError, match="CuPy"):
        small().save(tmp_path / "m", device="cuda")
    assert list(tmp_path.iterdir()) == []
