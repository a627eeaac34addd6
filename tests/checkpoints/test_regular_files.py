"""Files of any kind where a regular file is expected: an error at once, and no memory taken."""

import os
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import fastinit
from fastinit import Manifest, json_files
from helpers.processes import TIMEOUT, environment
from helpers.small_checkpoint import small

READERS: tuple[Callable[[Path], object], ...] = (
    Manifest.load,
    fastinit.verify,
    fastinit.load_plan,
    fastinit.recipe,
    lambda path: fastinit.diff(path, path),
    small().verify,
)


def special(folder: Path, kind: str, name: str) -> Path:
    """A file of a kind."""
    path = folder / name
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "socket":
        with socket.socket(socket.AF_UNIX) as server:
            server.bind(str(path))
    elif kind == "folder":
        path.mkdir()
    elif kind == "huge":
        with path.open("wb") as file:
            file.truncate(1 << 40)
    else:
        path.symlink_to(kind)
    return path


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("kind", ["pipe", "socket", "/dev/zero", "/dev/null", "/dev/tty"])
@pytest.mark.parametrize("name", ["a.safetensors", "a.json"])
def test_special_files(
    tmp_path: Path, kind: str, name: str, reader: Callable[[Path], object]
) -> None:
    path = special(tmp_path, kind, name)
    what = {"pipe": "a named pipe", "socket": "a socket"}.get(kind, "a device")
    if kind == "/dev/tty" and not Path(kind).exists():
        pytest.skip("there is no /dev/tty")
    with pytest.raises(ValueError, match=rf"{name}.*: it is {what}, not a regular file"):
        reader(path)


@pytest.mark.parametrize("kind", ["pipe", "/dev/zero", "folder", "huge"])
def test_special_files_of_an_index(tmp_path: Path, kind: str) -> None:
    """The shard of an index, or the index itself, is special."""
    index = tmp_path / "model.safetensors.index.json"
    index.write_text('{"weight_map": {"w": "w.safetensors"}}')
    special(tmp_path, kind, "w.safetensors")
    with pytest.raises(ValueError, match=r"w\.safetensors"):
        fastinit.verify(index)


@pytest.mark.parametrize("name", ["model.safetensors.index.json", "config.json"])
def test_special_files_in_the_way(tmp_path: Path, name: str) -> None:
    """Nothing waits for a pipe that lies where a file is to be written."""
    plan = small()
    manifest = Manifest("m", plan.manifest.parameters, config={"a": 1})
    special(tmp_path, "pipe", name)
    before = set(tmp_path.iterdir())
    with pytest.raises(OSError, match=rf"{name} is not a regular file"):
        fastinit.Plan(manifest, plan.recipe, seed=0).save(tmp_path)
    assert set(tmp_path.iterdir()) == before


def test_large_files(tmp_path: Path) -> None:
    """A header, an index and a JSON file of too many bytes are not read."""
    header = tmp_path / "a.safetensors"
    header.write_bytes((1 << 40).to_bytes(8, "little"))
    os.truncate(header, 1 << 41)
    for reader in READERS[:3]:
        with pytest.raises(ValueError, match="its header has 1099511627776 bytes; at most 1000000"):
            reader(header)
    index = special(tmp_path, "huge", "a.json")
    with pytest.raises(ValueError, match="it has 1099511627776 bytes; at most 100000000 are read"):
        fastinit.verify(index)
    with pytest.raises(ValueError, match="it has 1099511627776 bytes"):
        json_files.read(index)


@pytest.mark.parametrize("command", ["verify", "plan", "diff"])
def test_commands(tmp_path: Path, command: str) -> None:
    """The commands neither wait nor show a traceback."""
    path = special(tmp_path, "pipe", "a.safetensors")
    arguments = [str(path)] * (2 if command == "diff" else 1)
    found = subprocess.run(
        [sys.executable, "-m", "fastinit", command, *arguments],
        env=environment(),
        capture_output=True,
        text=True,
        timeout=TIMEOUT,
        check=False,
    )
    assert found.returncode == 2
    assert "it is a named pipe" in found.stderr
    assert len(found.stderr.splitlines()) == 1
