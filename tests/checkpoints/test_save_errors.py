"""Checkpoints at errors: existing files stay, and no partial file appears."""

import ctypes
import errno
import os
import shutil
import signal
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest.mock import Mock

import pytest

import fastinit
from fastinit.checkpoints import atomic_file
from helpers.processes import child
from helpers.small_checkpoint import small


def full(calls: int) -> Callable[..., int]:
    """A write that fails after a number of bytes."""
    write, left = os.pwrite, iter(range(calls))

    def pwrite(descriptor: int, data: memoryview, at: int) -> int:
        if next(left, None) is None:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return write(descriptor, data, at)

    return pwrite


@pytest.mark.parametrize("calls", [0, 1, 2])
def test_failing_write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, calls: int) -> None:
    """The header, the first or a later buffer fails: that is an error, and nothing is left."""
    monkeypatch.setattr(os, "pwrite", full(calls))
    with pytest.raises(OSError, match=r"m\.safetensors could not be written: No") as caught:
        small().save(tmp_path / "m.safetensors")
    assert caught.value.errno == errno.ENOSPC
    assert list(tmp_path.iterdir()) == []


def test_signal_while_space_is_reserved(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The system gives up then, and is asked again."""
    codes = iter((errno.EINTR, errno.EINTR, errno.EOPNOTSUPP))

    def fallocate(*_: Any) -> int:
        ctypes.set_errno(next(codes))
        return -1

    monkeypatch.setattr(atomic_file, "_libc", SimpleNamespace(fallocate=fallocate))
    small().save(tmp_path / "m.safetensors")
    assert next(codes, None) is None
    assert fastinit.verify(tmp_path / "m.safetensors").ok


def raising(error: OSError) -> Callable[..., int]:
    """A function that raises."""
    return Mock(side_effect=error)


@pytest.mark.parametrize(("where", "name"), [(os, "fsync"), (Path, "replace")])
@pytest.mark.parametrize("force", [False, True])
def test_failing_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, where: Any, name: str, force: bool
) -> None:
    """A failure after the last write also leaves nothing, with hard links or without."""
    monkeypatch.setattr(os, "link", raising(OSError(errno.EPERM, "Operation not permitted")))
    monkeypatch.setattr(where, name, raising(OSError(errno.EIO, "Input/output error")))
    with pytest.raises(OSError, match="could not be written: Input/output error"):
        small().save(tmp_path / "m.safetensors", force=force)
    assert list(tmp_path.iterdir()) == []


def test_folder_without_permission(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The system's error names the file. It is simulated, since tests may run as root."""
    monkeypatch.setattr(os, "open", raising(PermissionError(errno.EACCES, "Permission denied")))
    with pytest.raises(PermissionError, match=r"m\.safetensors could not be written: Permission"):
        small().save(tmp_path / "m.safetensors")


def test_interrupt(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        small().save(
            tmp_path / "m.safetensors", progress=lambda _: signal.raise_signal(signal.SIGINT)
        )
    assert list(tmp_path.iterdir()) == []


def test_existing_file_is_kept(tmp_path: Path) -> None:
    """Without force nothing is drawn."""
    path = tmp_path / "m.safetensors"
    path.write_text("mine")
    with pytest.raises(FileExistsError, match=r"m\.safetensors exists; .*force=True \(--force\)"):
        small().save(path)
    assert path.read_text() == "mine"


def test_force_replaces(tmp_path: Path) -> None:
    path = tmp_path / "m.safetensors"
    path.write_text("mine")
    assert small().save(path, force=True).size == path.stat().st_size


def test_force_keeps_the_old_file_at_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It stays until the new one is whole."""
    path = tmp_path / "m.safetensors"
    path.write_text("mine")
    monkeypatch.setattr(os, "pwrite", full(1))
    with pytest.raises(OSError, match="No space left"):
        small().save(path, force=True)
    assert [each.read_text() for each in tmp_path.iterdir()] == ["mine"]


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("no/m.safetensors", r"the folder .*no does not exist; create it"),
        ("no/folder", r"the folder .*no does not exist; create it"),
        ("folder.safetensors", r"folder\.safetensors is not a regular file"),
        ("device.safetensors", r"device\.safetensors is not a regular file"),
        ("/dev/null", "/dev/null is not a folder"),
        ("full", r"full.model\.safetensors is not a regular file"),
    ],
)
def test_refused_paths(tmp_path: Path, path: str, message: str) -> None:
    """No folder is made; devices and folders are not replaced, even with force."""
    (tmp_path / "folder.safetensors").mkdir()
    (tmp_path / "full" / "model.safetensors").mkdir(parents=True)
    (tmp_path / "device.safetensors").symlink_to("/dev/null")
    with pytest.raises(OSError, match=message):
        small().save(tmp_path / path, force=True)


def test_too_little_space(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that cannot fit is not begun."""
    usage = type("Usage", (), {"free": 1000})
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage)
    monkeypatch.setattr(os, "open", raising(OSError("begun")))
    with pytest.raises(OSError, match=r"needs \d+ bytes, .* has 1000; free some space"):
        small().save(tmp_path / "m.safetensors")


LIMITED = """
import os, resource
import fastinit
resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, 1 << 20))
model = fastinit.Manifest.from_shapes({"a.weight": (1000, 1000)})
try:
    fastinit.Plan(model, "default", seed=0).save(os.environ["OUT"])
except OSError as error:
    print(error)
"""


def test_file_that_may_not_grow(tmp_path: Path) -> None:
    """The system's limit is an error, and nothing is left."""
    printed = child(LIMITED, OUT=str(tmp_path / "m.safetensors"))
    assert "m.safetensors could not be written: File too large" in printed
    assert list(tmp_path.iterdir()) == []


def test_whole_shards_stay_at_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A resumed run needs them; without an index, no loader takes them for a checkpoint."""
    monkeypatch.setattr(os, "pwrite", full(4))
    with pytest.raises(OSError, match="No space left"):
        small().save(tmp_path / "m", max_shard_size="1MB")
    monkeypatch.undo()
    names = {each.name for each in (tmp_path / "m").iterdir()}
    assert "model.safetensors.index.json" not in names
    small().save(tmp_path / "m", max_shard_size="1MB", resume=True)
    assert small().verify(tmp_path / "m").ok


def test_folder_that_was_made_goes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "pwrite", full(0))
    with pytest.raises(OSError, match="No space left"):
        small().save(tmp_path / "m")
    assert list(tmp_path.iterdir()) == []
