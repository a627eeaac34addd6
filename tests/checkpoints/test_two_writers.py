"""Two writers of one checkpoint: one of them succeeds, and the other one is told."""

import errno
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest

import fastinit
from helpers.processes import TIMEOUT, environment
from helpers.small_checkpoint import small


def while_writing(path: Path, act: Callable[[], Any], **options: Any) -> None:
    """Call ``act`` while a plan is being saved, from another thread."""
    begun, ended = threading.Event(), threading.Event()

    def pause(size: int) -> None:  # noqa: ARG001
        begun.set()
        ended.wait()

    writer = threading.Thread(target=lambda: small().save(path, progress=pause, **options))
    writer.start()
    try:
        assert begun.wait(TIMEOUT)
        act()
    finally:
        ended.set()
        writer.join()


@pytest.mark.parametrize("options", [{}, {"force": True}, {"resume": True}])
@pytest.mark.parametrize("name", ["m", "m.safetensors"])
def test_second_writer(tmp_path: Path, name: str, options: dict[str, Any]) -> None:
    """It is refused at once, with any options; the first one is not disturbed."""
    path = tmp_path / name

    def write_too() -> None:
        with pytest.raises(BlockingIOError, match="another writer is at work on it; wait"):
            small(seed=1).save(path, **options)

    while_writing(path, write_too)
    assert small().verify(path).ok
    assert not list(tmp_path.rglob("*.fastinit"))


def test_second_writer_of_an_old_checkpoint(tmp_path: Path) -> None:
    """Both would replace it: the second does not delete what the first has written."""
    path = small(seed=5).save(tmp_path / "m", max_shard_size="1MB").path

    def write_too() -> None:
        with pytest.raises(BlockingIOError, match="another writer is at work"):
            small(seed=1).save(path, force=True)

    while_writing(path, write_too, force=True, max_shard_size="1MB")
    assert small().verify(path).ok


def test_other_process(tmp_path: Path) -> None:
    """A lock is seen from another process, and ends with the process that holds it."""
    folder = tmp_path / "m"
    folder.mkdir()
    code = (
        "import pathlib, sys\n"
        "from fastinit.checkpoints.atomic_file import locked\n"
        "with locked(pathlib.Path(sys.argv[1])):\n"
        "    print('locked', flush=True)\n"
        "    sys.stdin.read(1)\n"
    )
    command = [sys.executable, "-c", code, str(folder)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment()
    ) as child:
        assert child.stdout is not None
        while child.stdout.readline() != b"locked\n":
            assert child.poll() is None
        with pytest.raises(BlockingIOError, match="another writer"):
            small().save(folder)
        child.communicate(b".")
    small().save(folder)


@pytest.mark.parametrize("has_links", [True, False])
def test_faster_writer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, has_links: bool) -> None:
    """A file that appears while another is drawn under the same name stays as it is."""
    if not has_links:
        monkeypatch.setattr(os, "link", Mock(side_effect=PermissionError(errno.EPERM, "no links")))
    path = tmp_path / "m.safetensors"

    def appear(size: int) -> None:  # noqa: ARG001
        path.write_bytes(b"precious")

    with pytest.raises(FileExistsError, match=r"m\.safetensors .*another writer has made it"):
        small().save(path, progress=appear)
    assert path.read_bytes() == b"precious"
    assert list(tmp_path.iterdir()) == [path]
    small().save(path, progress=appear, force=True)
    assert fastinit.verify(path).ok


def test_other_names_in_one_folder(tmp_path: Path) -> None:
    """Files of other names may be written at the same time."""
    while_writing(tmp_path / "a.safetensors", lambda: small(1).save(tmp_path / "b.safetensors"))
    assert small(0).verify(tmp_path / "a.safetensors").ok
    assert small(1).verify(tmp_path / "b.safetensors").ok


@pytest.mark.parametrize("value", ["false", "", 0, 1, None, [], 1.0])
@pytest.mark.parametrize("option", ["force", "resume"])
def test_options_that_are_not_booleans(tmp_path: Path, option: str, value: Any) -> None:
    """A text is not taken for True: nothing is overwritten."""
    path = tmp_path / "m.safetensors"
    path.write_bytes(b"precious")
    with pytest.raises(TypeError, match=rf"{option}=.* is an? {type(value).__name__}; pass True"):
        small().save(path, **{option: value})
    assert path.read_bytes() == b"precious"
