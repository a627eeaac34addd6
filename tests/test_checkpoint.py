"""Checkpoints: a valid file of the right values, whole or not there at all, in little memory."""

import errno
import hashlib
import json
import os
import shutil
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import numpy as np
import pytest
from numpy.typing import NDArray
from safetensors import safe_open

import fastinit
from fastinit import checkpoint
from fastinit.digest import PIECE
from fastinit.dtypes import DTYPES
from fastinit.manifest import Manifest, Parameter
from fastinit.plan import Plan
from fastinit.rules import Recipe, Rule
from support import check_bits, child, threads

NUMPY = {"BF16": DTYPES["bfloat16"], "F8_E5M2": DTYPES["float8_e5m2"], "BOOL": np.dtype(bool)}
RULES = (
    Rule("*.weight", fastinit.Normal(std=0.02)),
    Rule("**", fastinit.Constant(1)),
)
MODEL = Manifest(
    "small",
    (
        Parameter("half.weight", (5, 7), dtype="bfloat16"),  # odd counts: neighbours need care
        Parameter("large.weight", (2 * PIECE // 4 + 1001,)),  # three pieces
        Parameter("mask", (3,), dtype="bool"),
        Parameter("empty.weight", (0, 4)),
        Parameter("double.weight", (3,), dtype="float64"),
        Parameter("scalar", ()),
        Parameter("byte.weight", (11,), dtype="float8_e5m2"),
        Parameter("\u03b2.weight", (9,)),
    ),
    {"tied.weight": "half.weight"},
    (Parameter("step", (), dtype="int64", value=1),),
)


def small(seed: int = 0) -> Plan:
    """A plan with every difficulty."""
    return Plan(MODEL, Recipe("small rules", "test", RULES), seed=seed)


def read(path: Path) -> tuple[dict[str, NDArray[Any]], dict[str, int]]:
    """The arrays of a safetensors file, in its order, of all dtypes; and where they begin."""
    content = path.read_bytes()
    begin = 8 + int.from_bytes(content[:8], "little")
    header = json.loads(content[8:begin])
    arrays, begins = {}, {}
    for name, entry in header.items():
        if name != "__metadata__":
            kind = entry["dtype"]
            dtype = NUMPY.get(kind) or np.dtype(f"{kind[0]}{int(kind[1:]) // 8}".lower())
            start, stop = (begin + offset for offset in entry["data_offsets"])
            arrays[name] = np.frombuffer(content[start:stop], dtype).reshape(entry["shape"])
            begins[name] = start
    return arrays, begins


def test_safetensors_reads_it(tmp_path: Path) -> None:
    """The package accepts the file: its header has no holes and the right length."""
    path = small().save(tmp_path / "m.safetensors").path
    with safe_open(path, framework="numpy") as file:
        assert sorted(file.keys()) == sorted(each.name for each in MODEL.tensors)


def test_metadata(tmp_path: Path) -> None:
    """What transformers asks for, and where the values come from."""
    path = small(seed=5).save(tmp_path / "m.safetensors").path
    with safe_open(path, framework="numpy") as file:
        assert file.metadata() == {
            "format": "pt",
            "fastinit": fastinit.info()["version"],
            "stream_version": str(fastinit.STREAM_VERSION),
            "seed": "5",
            "recipe": "small rules",
        }


def test_values(tmp_path: Path) -> None:
    """Every tensor is what the plan draws in memory."""
    found, _ = read(small().save(tmp_path / "m.safetensors").path)
    drawn = small().init()
    assert found.keys() == drawn.keys()
    for name, array in drawn.items():
        check_bits(found[name], array, name)


def test_tensors_are_aligned(tmp_path: Path) -> None:
    """Each starts at a multiple of its item size in the file, whatever its neighbours."""
    arrays, begins = read(small().save(tmp_path / "m.safetensors").path)
    assert not any(begins[name] % array.dtype.itemsize for name, array in arrays.items())


def test_order_is_the_models(tmp_path: Path) -> None:
    """Among tensors of one width."""
    names = [f"{k}.weight" for k in (3, 1, 2)]
    model = Manifest("m", tuple(Parameter(name, (2,)) for name in names))
    path = Plan(model, Recipe("r", "test", RULES), seed=0).save(tmp_path / "m.safetensors").path
    assert list(read(path)[0]) == names


def test_digests(tmp_path: Path) -> None:
    """Those of the tensors are fastinit.digest's, from a stream of pieces."""
    saved = small().save(tmp_path / "m.safetensors")
    found, _ = read(saved.path)
    assert saved.digests == {name: fastinit.digest(array) for name, array in found.items()}


def test_digest_of_the_file(tmp_path: Path) -> None:
    """It is over the tensors' digests, in the file's order."""
    saved = small().save(tmp_path / "m.safetensors")
    lines = "".join(f"{name} {saved.digests[name]}\n" for name in read(saved.path)[0])
    assert saved.digest == hashlib.sha256(lines.encode()).hexdigest()


def test_progress_adds_up(tmp_path: Path) -> None:
    """To the bytes of all tensors."""
    steps: list[int] = []
    small().save(tmp_path / "m.safetensors", progress=steps.append)
    assert sum(steps) == sum(each.size for each in small().tensors)


@pytest.mark.parametrize("count", [1, 2])
@pytest.mark.parametrize(("buffers", "size"), [(1, PIECE), (2, 2 * PIECE), (3, 16 << 20)])
def test_bytes_depend_on_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, count: int, buffers: int, size: int
) -> None:
    """Neither on the threads nor on the buffers."""
    expected = small().save(tmp_path / "expected").path.read_bytes()
    monkeypatch.setattr(checkpoint, "BUFFERS", buffers)
    monkeypatch.setattr(checkpoint, "BUFFER", size)
    with threads(count):
        assert small().save(tmp_path / "m.safetensors").path.read_bytes() == expected


def test_short_writes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A write that takes a part of what it is given goes on."""
    expected = small().save(tmp_path / "expected").path.read_bytes()
    write = os.pwrite
    monkeypatch.setattr(os, "pwrite", lambda fd, data, at: write(fd, data[:1000_003], at))
    assert small().save(tmp_path / "m.safetensors").path.read_bytes() == expected


def test_permissions_follow_the_umask(tmp_path: Path) -> None:
    """As those of any new file."""
    plain = tmp_path / "plain"
    plain.touch()
    assert small().save(tmp_path / "m.safetensors").path.stat().st_mode == plain.stat().st_mode


def full(calls: int) -> Callable[..., int]:
    """A write that fails after so many."""
    write, left = os.pwrite, iter(range(calls))

    def pwrite(descriptor: int, data: memoryview, at: int) -> int:
        if next(left, None) is None:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return write(descriptor, data, at)

    return pwrite


@pytest.mark.parametrize("calls", [0, 1, 2])
def test_failing_write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, calls: int) -> None:
    """Of the header, of the first and of a later buffer: an error, and nothing is left."""
    monkeypatch.setattr(checkpoint, "BUFFER", PIECE)
    monkeypatch.setattr(os, "pwrite", full(calls))
    with pytest.raises(OSError, match=r"m\.safetensors is not written: No space left") as caught:
        small().save(tmp_path / "m.safetensors")
    assert caught.value.errno == errno.ENOSPC
    assert list(tmp_path.iterdir()) == []


def raising(error: OSError) -> Callable[..., int]:
    """A function that raises."""
    return Mock(side_effect=error)


@pytest.mark.parametrize(("where", "name"), [(os, "fsync"), (Path, "replace")])
def test_failing_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, where: Any, name: str
) -> None:
    """What fails after the last write also leaves nothing."""
    monkeypatch.setattr(where, name, raising(OSError(errno.EIO, "Input/output error")))
    with pytest.raises(OSError, match="is not written: Input/output error"):
        small().save(tmp_path / "m.safetensors")
    assert list(tmp_path.iterdir()) == []


def test_folder_without_permission(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The system's error, with the file that was asked for; tests may run as root, so simulated."""
    monkeypatch.setattr(os, "open", raising(PermissionError(errno.EACCES, "Permission denied")))
    with pytest.raises(PermissionError, match=r"m\.safetensors is not written: Permission denied"):
        small().save(tmp_path / "m.safetensors")


def test_interrupt(tmp_path: Path) -> None:
    """Ctrl-C leaves nothing."""
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
    """With force the file is new."""
    path = tmp_path / "m.safetensors"
    path.write_text("mine")
    assert small().save(path, force=True).size == path.stat().st_size


def test_force_keeps_the_old_file_at_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Until the new one is whole."""
    path = tmp_path / "m.safetensors"
    path.write_text("mine")
    monkeypatch.setattr(os, "pwrite", full(1))
    with pytest.raises(OSError, match="No space left"):
        small().save(path, force=True)
    assert [each.read_text() for each in tmp_path.iterdir()] == ["mine"]


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("no/m.safetensors", r"the folder .*no of m\.safetensors does not exist; create it"),
        ("folder", "folder is no regular file"),
        ("/dev/null", "/dev/null is no regular file"),
    ],
)
def test_refused_paths(tmp_path: Path, path: str, message: str) -> None:
    """No folder is made; devices and folders are not replaced, whatever force says."""
    (tmp_path / "folder").mkdir()
    with pytest.raises(OSError, match=message):
        small().save(tmp_path / path, force=True)


def test_too_little_space(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What cannot fit is not begun."""
    usage = type("Usage", (), {"free": 1000})
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage)
    monkeypatch.setattr(os, "open", raising(OSError("begun")))
    with pytest.raises(OSError, match=r"needs \d+ bytes, .* has 1000; free some space"):
        small().save(tmp_path / "m.safetensors")


MEMORY = """
import os, pathlib, threading
import fastinit.cli
from fastinit.plan import Plan

def anonymous():
    status = pathlib.Path("/proc/self/status").read_text()
    return int(status.split("RssAnon:")[1].split()[0]) * 1024

def watch():
    global peak
    while not done.wait(0.001):
        peak = max(peak, anonymous())

os.pwrite = lambda descriptor, data, at: len(data)  # no disk in the way
peak = before = anonymous()
done = threading.Event()
thread = threading.Thread(target=watch)
thread.start()
Plan("gpt2", seed=0).save(os.environ["OUT"])
done.set()
thread.join()
print(peak - before)
"""


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="RssAnon is Linux's")
def test_memory(tmp_path: Path) -> None:
    """GPT-2, 498 MB of float32, goes through less than 100 MB."""
    assert int(child(MEMORY, OUT=str(tmp_path / "gpt2.safetensors"))) < 100e6
