"""Resuming after a kill at any moment gives the files of an undisturbed run."""

import contextlib
import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

import fastinit
from fastinit import Manifest, Parameter, Plan, Recipe
from helpers.processes import environment
from helpers.small_checkpoint import MODEL, RULES, small

SHARD = "3MB"
BLOCKS = Plan(
    Manifest("m", tuple(Parameter(f"{k}.weight", (500, 1001)) for k in range(12))),
    Recipe("r", "test", RULES),
    seed=3,
)
SERVER = """
import os, sys
import fastinit
from fastinit.checkpoints import write

plan = fastinit.load_plan(sys.argv[1])
for line in sys.stdin:
    folder, direct = line.split()
    write.DIRECT = 0 if direct == "True" else 1 << 60
    child = os.fork()
    if child == 0:
        plan.save(folder, max_shard_size="3MB", resume=True)
        os._exit(0)
    print(child, flush=True)
    print(os.waitpid(child, 0)[1], flush=True)
"""


def contents(folder: Path) -> dict[str, bytes]:
    """All files of a folder, including hidden ones."""
    return {each.name: each.read_bytes() for each in folder.iterdir()}


def stamps(folder: Path) -> dict[str, tuple[int, int]]:
    """What changes when a file is written again."""
    facts = {each.name: each.stat() for each in folder.iterdir()}
    return {name: (each.st_ino, each.st_mtime_ns) for name, each in facts.items()}


@pytest.fixture
def expected(tmp_path: Path) -> dict[str, bytes]:
    return contents(BLOCKS.save(tmp_path / "expected", max_shard_size=SHARD).path)


def test_killed_ten_times(tmp_path: Path, expected: dict[str, bytes]) -> None:
    """Kills come at random moments; nothing is left over, and whole shards are not rewritten."""
    moments = random.Random(0)
    command = [sys.executable, "-c", SERVER, str(tmp_path / "expected")]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, env=environment(), stdin=pipe, stdout=pipe, text=True) as server:
        assert server.stdin is not None
        assert server.stdout is not None
        ends = set()
        whole = 0.0  # seconds that a run takes that is not killed
        for k in range(11):
            folder = tmp_path / f"killed{k}"
            print(folder, bool(k % 2), file=server.stdin, flush=True)
            child = int(server.stdout.readline())
            start = time.monotonic()
            if k > 0:
                time.sleep(moments.uniform(0, whole))
                with contextlib.suppress(ProcessLookupError):  # it may have ended before
                    os.kill(child, signal.SIGKILL)
            ends.add(int(server.stdout.readline()))
            whole = whole or time.monotonic() - start
            check_resumed(folder, expected, k)
        assert ends >= {signal.SIGKILL}


def check_resumed(folder: Path, expected: dict[str, bytes], case: int) -> None:
    """Fail unless finished files stay, the rest is written and leftovers are removed."""
    before: dict[str, tuple[int, int]] = {}
    if folder.exists():
        left = {n: b for n, b in contents(folder).items() if not n.endswith(".fastinit")}
        assert left.items() <= expected.items(), case
        before = {n: s for n, s in stamps(folder).items() if n in left}
    BLOCKS.save(folder, max_shard_size=SHARD, resume=True)
    assert contents(folder) == expected, case
    assert before.items() <= stamps(folder).items(), case


def test_finished_checkpoint_is_left_alone(tmp_path: Path) -> None:
    """Inodes and times stay; the result is that of the first run."""
    first = BLOCKS.save(tmp_path / "m", max_shard_size=SHARD)
    before = stamps(first.path)
    again = BLOCKS.save(tmp_path / "m", max_shard_size=SHARD, resume=True)
    assert stamps(first.path) == before
    assert again.kept == again.files == first.files
    assert (again.digests, again.digest) == (first.digests, first.digest)


@pytest.mark.parametrize("place", [-1, 5000, 100])
def test_damaged_shard_is_drawn_again(
    tmp_path: Path, expected: dict[str, bytes], place: int
) -> None:
    """A value has a flipped bit, or bytes are missing; the other shards are kept."""
    folder = BLOCKS.save(tmp_path / "m", max_shard_size=SHARD).path
    shard = folder / "model-00002-of-00012.safetensors"
    content = bytearray(shard.read_bytes())
    content[place] ^= 1
    shard.write_bytes(content)
    if place == 100:  # in the header: it might be anyone's
        with pytest.raises(FileExistsError, match=r"00002.* does not belong to this plan"):
            BLOCKS.save(folder, max_shard_size=SHARD, resume=True)
    else:
        saved = BLOCKS.save(folder, max_shard_size=SHARD, resume=True)
        assert shard not in saved.kept
        assert len(saved.kept) == len(saved.files) - 1
        assert contents(folder) == expected


@pytest.mark.parametrize("change", ["seed", "size", "only"])
def test_another_plan_is_not_kept(tmp_path: Path, change: str) -> None:
    """Files of another seed or layout are replaced only if forced."""
    folder = small().save(tmp_path / "m", max_shard_size="1MB").path
    plan = small(seed=1) if change == "seed" else small()
    options: dict[str, Any] = {"max_shard_size": "20MB" if change == "size" else "1MB"}
    options |= {"only": "*.weight"} if change == "only" else {}
    before = contents(folder)
    with pytest.raises(FileExistsError, match=r"not belong to this plan; .*force=True \(--force\)"):
        plan.save(folder, resume=True, **options)
    assert contents(folder) == before
    plan.save(folder, resume=True, force=True, **options)
    plan.save(tmp_path / "expected", **options)
    assert contents(folder) == contents(tmp_path / "expected")


def test_leftovers_go(tmp_path: Path) -> None:
    """Only killed runs' files for this checkpoint go, not those of a living writer or of others."""
    ours = tmp_path / ".model-00001-of-00002.safetensors.0123456789abcdef.fastinit"
    others = tmp_path / ".else.safetensors.0123456789abcdef.fastinit"
    living = tmp_path / ".model.safetensors.fedcba9876543210.fastinit"
    for each in (ours, others, living):
        each.touch()
    code = f"""
import fcntl, sys
file = open({str(living)!r}, "rb+")
fcntl.flock(file, fcntl.LOCK_EX)
print(flush=True)
sys.stdin.read()
"""
    pipe = subprocess.PIPE
    with subprocess.Popen([sys.executable, "-c", code], stdin=pipe, stdout=pipe) as process:
        assert process.stdout is not None
        process.stdout.readline()
        small().save(tmp_path, resume=True)
        process.send_signal(signal.SIGKILL)
    assert set(tmp_path.iterdir()) == {others, living, tmp_path / "model.safetensors"}


def test_progress_counts_what_is_kept(tmp_path: Path) -> None:
    """It adds up to the bytes of all tensors."""
    folder = BLOCKS.save(tmp_path / "m", max_shard_size=SHARD).path
    (folder / "model-00004-of-00012.safetensors").unlink()
    steps: list[int] = []
    BLOCKS.save(folder, max_shard_size=SHARD, resume=True, progress=steps.append)
    assert sum(steps) == sum(each.size for each in BLOCKS.tensors)


def test_index(tmp_path: Path) -> None:
    folder = small().save(tmp_path / "m", max_shard_size="1MB").path
    index = json.loads((folder / "model.safetensors.index.json").read_bytes())
    assert set(index["weight_map"]) == {each.name for each in MODEL.tensors}
    assert index["metadata"]["total_size"] == sum(each.size for each in small().tensors)
    assert set(index["weight_map"].values()) == {p.name for p in folder.glob("*.safetensors")}


@pytest.mark.parametrize("size", ["5MB", "1MB", 700_000, "1GiB"])
def test_tensors_do_not_depend_on_shards(tmp_path: Path, size: str | int) -> None:
    """They do not depend on the manifest's order or on what else is written either."""
    expected = small().save(tmp_path / "one.safetensors")
    assert small().save(tmp_path / "m", max_shard_size=size).digest == expected.digest
    turned = Manifest("small", MODEL.parameters[::-1], MODEL.tied, MODEL.buffers)
    other = Plan(turned, Recipe("small rules", "test", RULES), seed=0)
    assert other.save(tmp_path / "t", max_shard_size=size).digest == expected.digest
    some = small().save(tmp_path / "some", max_shard_size=size, only="*.weight").digests
    assert some.items() < expected.digests.items()


@pytest.mark.parametrize(
    ("size", "error", "message"),
    [
        ("5 apples", ValueError, "max_shard_size='5 apples' is not understood"),
        ("0.5B", ValueError, "below one byte"),
        (0, ValueError, "below one byte"),
        (2.5, TypeError, "max_shard_size=2.5 is a float"),
        (True, TypeError, "max_shard_size=True is a bool"),
    ],
)
def test_wrong_sizes(tmp_path: Path, size: object, error: type[Exception], message: str) -> None:
    """They are refused before anything is written."""
    with pytest.raises(error, match=message):
        small().save(tmp_path / "m", max_shard_size=size)  # type: ignore[arg-type]
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("resume", [False, True])
def test_index_of_another_checkpoint_is_in_the_way(tmp_path: Path, resume: bool) -> None:
    """Beside a new model.safetensors it would contradict it; force deletes it."""
    folder = small().save(tmp_path / "m", max_shard_size="1MB").path
    for each in folder.glob("*.safetensors"):
        each.unlink()
    before = contents(folder)
    match = rf"index\.json {'does not belong to this plan' if resume else 'exists'}; pass another"
    with pytest.raises(FileExistsError, match=match):
        small().save(folder, resume=resume)
    assert contents(folder) == before
    small().save(folder, resume=resume, force=True)
    assert [each.name for each in folder.iterdir()] == ["model.safetensors"]
    assert small().verify(folder).ok


def test_plan_comes_back(tmp_path: Path) -> None:
    """It comes from any file of a checkpoint, and from all of it."""
    folder = small(seed=9).save(tmp_path / "m", max_shard_size="1MB").path
    for path in (folder, *folder.iterdir()):
        assert fastinit.load_plan(path).to_dict() == small(seed=9).to_dict()
