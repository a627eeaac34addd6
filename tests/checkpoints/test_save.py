"""Checkpoints are valid files of the right values, whole or absent, and take little memory."""

import hashlib
import json
import os
from pathlib import Path
from typing import Any

import pytest
from safetensors import safe_open

import fastinit
from fastinit import Manifest, Parameter, Plan, Recipe, safetensors
from fastinit.checkpoints import batches, pipeline, write
from helpers.bits import check_bits
from helpers.processes import child
from helpers.settings import threads
from helpers.small_checkpoint import MODEL, PIECE, RULES, read, small


def test_safetensors_reads_it(tmp_path: Path) -> None:
    """The package accepts the file: its header has no holes and the right length."""
    path = small().save(tmp_path / "m.safetensors").path
    with safe_open(path, framework="numpy") as file:
        assert sorted(file.keys()) == sorted(each.name for each in MODEL.tensors)


def test_metadata(tmp_path: Path) -> None:
    """It has transformers' format, the plan, and every tensor's digest in the file's order."""
    saved = small(seed=5).save(tmp_path / "m.safetensors")
    with safe_open(saved.path, framework="numpy") as file:
        metadata = file.metadata()
    text = metadata.pop("fastinit.plan")
    plan, digests = json.loads(text), json.loads(metadata.pop("fastinit.digests"))
    assert metadata.pop("fastinit.plan_digest") == hashlib.sha256(text.encode()).hexdigest()
    assert metadata == {
        "format": "pt",
        "fastinit.format": "1",
        "fastinit.part": "1 of 1",
        "fastinit.stream_version": str(fastinit.STREAM_VERSION),
    }
    assert plan == small(seed=5).to_dict()
    assert digests == saved.digests
    assert list(digests) == list(read(saved.path)[0])


def test_values(tmp_path: Path) -> None:
    found, _ = read(small().save(tmp_path / "m.safetensors").path)
    drawn = small().init()
    assert found.keys() == drawn.keys()
    for name, array in drawn.items():
        check_bits(found[name], array, name)


def test_tensors_are_aligned(tmp_path: Path) -> None:
    """Each starts at a multiple of its item size in the file, whatever its neighbors."""
    arrays, begins = read(small().save(tmp_path / "m.safetensors").path)
    assert not any(begins[name] % array.dtype.itemsize for name, array in arrays.items())


def test_order_is_the_models(tmp_path: Path) -> None:
    """This holds among tensors of one item size."""
    names = [f"{k}.weight" for k in (3, 1, 2)]
    model = Manifest("m", tuple(Parameter(name, (2,)) for name in names))
    path = Plan(model, Recipe("r", "test", RULES), seed=0).save(tmp_path / "m.safetensors").path
    assert list(read(path)[0]) == names


def test_digests(tmp_path: Path) -> None:
    """They are fastinit.digest's, although computed from a stream of pieces."""
    saved = small().save(tmp_path / "m.safetensors")
    found, _ = read(saved.path)
    assert saved.digests == {name: fastinit.digest(array) for name, array in found.items()}


def test_digest_of_the_file(tmp_path: Path) -> None:
    """It covers the tensors' digests sorted by name, so shards and order do not enter."""
    saved = small().save(tmp_path / "m.safetensors")
    lines = "".join(f"{name} {digest}\n" for name, digest in sorted(saved.digests.items()))
    assert saved.digest == hashlib.sha256(lines.encode()).hexdigest()


def test_header_is_made_twice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Once for its length, before anything is drawn, and once with the digests."""
    made = []
    header_bytes = safetensors.header_bytes

    def counted(*arguments: Any) -> bytes:
        made.append(header_bytes(*arguments))
        return made[-1]

    monkeypatch.setattr(safetensors, "header_bytes", counted)
    files = small().save(tmp_path / "m", max_shard_size="1MB").files
    assert len(made) == 2 * len(files)
    assert [each.read_bytes().startswith(made[2 * k + 1]) for k, each in enumerate(files)]


def test_progress_adds_up(tmp_path: Path) -> None:
    """It adds up to the bytes of all tensors."""
    steps: list[int] = []
    small().save(tmp_path / "m.safetensors", progress=steps.append)
    assert sum(steps) == sum(each.size for each in small().tensors)


@pytest.mark.parametrize("count", [1, 2, 5])
@pytest.mark.parametrize("size", [PIECE, 3 * PIECE])
@pytest.mark.parametrize("direct", [False, True])
def test_bytes_depend_on_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, count: int, size: int, direct: bool
) -> None:
    """Threads, buffers and the way to the disk do not matter."""
    expected = small().save(tmp_path / "expected.safetensors").path.read_bytes()
    monkeypatch.setattr(batches, "BUFFER", size)
    monkeypatch.setattr(pipeline, "BUFFER", size)
    monkeypatch.setattr(write, "DIRECT", 0 if direct else 1 << 60)
    with threads(count):
        assert small().save(tmp_path / "m.safetensors").path.read_bytes() == expected


def test_short_writes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A write that takes a part of its data is continued."""
    expected = small().save(tmp_path / "expected.safetensors").path.read_bytes()
    write = os.pwrite
    monkeypatch.setattr(os, "pwrite", lambda fd, data, at: write(fd, data[:1000_003], at))
    assert small().save(tmp_path / "m.safetensors").path.read_bytes() == expected


def test_permissions_follow_the_umask(tmp_path: Path) -> None:
    plain = tmp_path / "plain"
    plain.touch()
    assert small().save(tmp_path / "m.safetensors").path.stat().st_mode == plain.stat().st_mode


MEMORY = """
import os, pathlib, threading
import fastinit.cli
from fastinit import Plan
import fastinit.cli.app

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
