"""Files whose tensors are copied from others: digests that files state, and sources that change."""

import os
from pathlib import Path

import numpy as np
import pytest

import fastinit
from fastinit import Loaded, Plan, safetensors
from fastinit.initializers.existing import loaded

SHAPES = {"w": (300, 40), "b": (7,)}


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "source.safetensors"
    Plan(SHAPES, "normal", seed=3).save(path)
    return path


def without_metadata(path: Path) -> None:
    """Write a file again as other libraries do."""
    tensors = fastinit.load_plan(path).init()
    sizes = [(name, "F32", array.shape, array.nbytes) for name, array in tensors.items()]
    content = b"".join(array.tobytes() for array in tensors.values())
    path.write_bytes(safetensors.header_bytes(sizes, {"format": "pt"}) + content)


def change(path: Path) -> None:
    """Change the last byte of a file in a way that its status does not show."""
    before = path.stat()
    with path.open("r+b") as file:
        file.seek(-1, os.SEEK_END)
        last = file.read(1)
        file.seek(-1, os.SEEK_END)
        file.write(bytes([last[0] ^ 1]))
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def test_stated_digests_are_those_that_reading_finds(
    source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    digests = {
        name: fastinit.digest(array)
        for name, array in Plan.init(fastinit.load_plan(source)).items()
    }
    with monkeypatch.context() as patch:
        patch.setattr(loaded, "_found_digest", lambda *_: pytest.fail("the tensor was read"))
        stated = {name: Loaded.of(source, name).digest for name in SHAPES}
    without_metadata(source)
    found = {name: Loaded.of(source, name).digest for name in SHAPES}
    assert stated == digests == found


def test_copies_are_digested_once(source: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The digest of what is written is that of what was read."""
    target = source.with_name("target.safetensors")
    plan = fastinit.transfer(source, SHAPES)
    monkeypatch.setattr(loaded, "_found_digest", lambda *_: pytest.fail("the tensor was read"))
    plan.save(target)
    assert fastinit.verify(target).ok


def test_sources_that_are_not_what_their_headers_state(source: Path) -> None:
    target = source.with_name("target.safetensors")
    change(source)
    plan = fastinit.transfer(source, SHAPES)
    out = np.full(7, 5, np.float32)
    with pytest.raises(ValueError, match=r"its own header .* without the metadata fastinit\.dig"):
        plan.draw("b", out=out)
    assert (out == 5).all()
    with pytest.raises(ValueError, match=r"'b' in .* its own header states the other one"):
        plan.save(target)
    assert not target.exists()


def test_sources_that_change_after_the_plan_was_made(source: Path) -> None:
    target = source.with_name("target.safetensors")
    without_metadata(source)
    plan = fastinit.transfer(source, SHAPES)
    plan.save(target)
    Plan(SHAPES, "normal", seed=4).save(source, force=True)
    for act in (lambda: plan.save(target, force=True), lambda: fastinit.verify(target)):
        with pytest.raises(ValueError, match="was expected: the file has changed; put the orig"):
            act()
    assert fastinit.load_plan(target).seed == plan.seed


def test_sources_that_go_after_the_plan_was_made(source: Path) -> None:
    """The error is about the source, not about the file that was to be written."""
    target = source.with_name("target.safetensors")
    plan = fastinit.transfer(source, SHAPES)
    source.unlink()
    with pytest.raises(FileNotFoundError, match=r"^[^ ]*source[^ ]* is not there; put the check"):
        plan.save(target)
    assert list(source.parent.iterdir()) == []


def test_sources_that_change_in_secret(source: Path) -> None:
    """Their digests are not found again, and the bytes that were read have others."""
    target = source.with_name("target.safetensors")
    plan = fastinit.transfer(source, SHAPES)
    plan.init()
    change(source)
    with pytest.raises(ValueError, match=r"'b' was read with the digest .* changed meanwhile"):
        plan.save(target)
    assert not target.exists()
