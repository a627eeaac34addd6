"""Plans whose stored values are too large for their text have a file of values beside it."""

import json
import signal
from pathlib import Path

import numpy as np
import pytest

import fastinit
from fastinit import safetensors
from fastinit.initializers.composites.composite import Composite, Layer
from fastinit.initializers.existing.stored import Stored
from helpers.processes import attempt

LARGE = np.random.default_rng(0).normal(size=(200, 300)).astype(np.float32)
PLAN = fastinit.Plan(
    {"table": (200, 300), "both": (400, 300), "steps": (50,), "w": (400, 400)},
    [
        ("table", Stored.of(LARGE)),
        ("steps", Stored.of(np.linspace(0, 1, 50, dtype=np.float64))),
        (
            "both",
            Composite(
                (
                    Layer(fastinit.Normal()),
                    Layer(Stored.of(LARGE), start=(200, 0), stop=(400, 300)),
                )
            ),
        ),
        ("w", fastinit.Normal()),
    ],
    seed=3,
)
SMALL = fastinit.Plan({"steps": (50,)}, Stored.of(np.arange(50, dtype=np.float32)), seed=3)


OTHER = fastinit.Plan({"table": (200, 300)}, Stored.of(LARGE + 1), seed=3)


def values_in(folder: Path) -> Path:
    (found,) = (each for each in folder.iterdir() if each.suffix == ".values")
    return found


def write(plan: fastinit.Plan, path: Path) -> None:
    if path.suffix == ".json":
        plan.write_json(path)
    else:
        plan.save(path, force=True)


def digests(plan: fastinit.Plan) -> dict[str, str]:
    return {name: fastinit.digest(array) for name, array in plan.init().items()}


@pytest.mark.parametrize("name", ["m.safetensors", "whole", "sharded"])
def test_checkpoint(tmp_path: Path, name: str) -> None:
    """Its metadata stay small, however large the values are, and its plan draws the same."""
    path = tmp_path / name
    PLAN.save(path, max_shard_size="600KB" if name == "sharded" else "5GB")
    beside = values_in(path if path.is_dir() else tmp_path)
    assert beside.name.startswith("m." if path.is_file() else "model.")
    header = safetensors.read_header(beside)
    assert {each.name for each in header.entries} == {
        fastinit.digest(LARGE.reshape(-1)),
        fastinit.digest(np.linspace(0, 1, 50)),
    }
    for each in tmp_path.rglob("*.safetensors"):
        assert len(safetensors.read_header(each).content) == safetensors.PAGE
    assert len(list(tmp_path.rglob("*.safetensors"))) == (3 if name == "sharded" else 1)
    loaded = fastinit.load_plan(path)
    assert loaded.to_dict() == PLAN.to_dict()
    assert digests(loaded) == digests(PLAN)
    assert fastinit.verify(path).verdict == "verified"


def test_small_values_stand_in_the_text(tmp_path: Path) -> None:
    SMALL.save(tmp_path / "m")
    assert [each.name for each in (tmp_path / "m").iterdir()] == ["model.safetensors"]
    assert fastinit.load_plan(tmp_path / "m").to_dict() == SMALL.to_dict()


def test_changed_tensor_is_found(tmp_path: Path) -> None:
    """Values are compared like those that are drawn."""
    path = tmp_path / "m.safetensors"
    PLAN.save(path)
    entry = next(e for e in safetensors.read_header(path).entries if e.name == "table")
    content = bytearray(path.read_bytes())
    content[entry.begin] ^= 1
    path.write_bytes(content)
    checked = {each.name: each.status for each in fastinit.verify(path).tensors}
    assert checked == dict.fromkeys(PLAN, "as drawn") | {"table": "differs"}


def test_missing_and_wrong_files_of_values(tmp_path: Path) -> None:
    PLAN.save(tmp_path / "m")
    beside = values_in(tmp_path / "m")
    content = beside.read_bytes()
    beside.unlink()
    for function in (fastinit.verify, fastinit.load_plan):
        with pytest.raises(
            FileNotFoundError, match=r"model\.\w+\.values is missing: it holds values"
        ):
            function(tmp_path / "m")
    assert PLAN.verify(tmp_path / "m").ok  # this one has its values

    beside.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    with pytest.raises(ValueError, match=r"model\.\w+\.values: the values have the digest"):
        fastinit.load_plan(tmp_path / "m")
    beside.write_bytes(safetensors.header_bytes((), {}))
    with pytest.raises(
        ValueError, match=r"model\.\w+\.values: it lacks the values with the digest"
    ):
        fastinit.verify(tmp_path / "m")
    beside.write_bytes(content[:-1])
    with pytest.raises(ValueError, match=r"model\.\w+\.values is not a whole safetensors file"):
        fastinit.verify(tmp_path / "m")


def test_other_files_are_not_overwritten(tmp_path: Path) -> None:
    """Neither those of other names, nor one of other content under the name of the values."""
    folder = tmp_path / "m"
    PLAN.save(folder)
    beside = values_in(folder)
    content = beside.read_bytes()
    for each in folder.iterdir():
        each.unlink()
    (folder / "model.values").write_bytes(b"mine")
    beside.write_bytes(b"mine, too")
    with pytest.raises(FileExistsError, match=r"model\.\w+\.values exists"):
        PLAN.save(folder)
    PLAN.save(folder, force=True)
    assert beside.read_bytes() == content
    assert fastinit.verify(folder).ok
    SMALL.save(folder, force=True)
    assert sorted(each.name for each in folder.iterdir()) == ["model.safetensors", "model.values"]
    assert (folder / "model.values").read_bytes() == b"mine"


@pytest.mark.parametrize("name", ["m.safetensors", "plan.json"])
def test_replaced_at_any_time(tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The old plan can be read until the new one can, and its values are deleted after that."""
    path = tmp_path / name
    write(PLAN, path)
    old = {each.name: each.read_bytes() for each in tmp_path.iterdir()}
    rename = Path.replace

    def fails(self: Path, target: Path) -> Path:
        if Path(target) == path:
            raise OSError(28, "No space left on device")
        return rename(self, target)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", fails)
        with pytest.raises(OSError, match="No space left"):
            write(OTHER, path)
    assert fastinit.load_plan(path).to_dict() == PLAN.to_dict()
    if path.suffix == ".json":
        assert {each.name: each.read_bytes() for each in tmp_path.iterdir()} == old
    for plan, count in ((OTHER, 2), (SMALL, 1), (PLAN, 2)):
        write(plan, path)
        assert len(list(tmp_path.iterdir())) == count
        assert fastinit.load_plan(path).to_dict() == plan.to_dict()
    assert {each.name: each.read_bytes() for each in tmp_path.iterdir()} == old


def test_a_json_file_leaves_others_alone(tmp_path: Path) -> None:
    PLAN.write_json(tmp_path / "q.json")
    beside = values_in(tmp_path)
    (tmp_path / "q.json").unlink()
    beside.write_bytes(b"mine")
    (tmp_path / "q.values").write_bytes(b"mine")
    with pytest.raises(FileExistsError, match=r"q\.json\.\w+\.values exists and does not hold"):
        PLAN.write_json(tmp_path / "q.json")
    assert beside.read_bytes() == b"mine"
    beside.unlink()
    PLAN.write_json(tmp_path / "q.json")
    assert (tmp_path / "q.values").read_bytes() == b"mine"
    (tmp_path / "d.json").mkdir()
    before = set(tmp_path.iterdir())
    with pytest.raises(OSError, match=r"d\.json is not a regular file"):
        PLAN.write_json(tmp_path / "d.json")
    assert set(tmp_path.iterdir()) == before
    (tmp_path / "q.json").write_text("not a plan")
    SMALL.write_json(tmp_path / "q.json")
    assert fastinit.load_plan(tmp_path / "q.json").to_dict() == SMALL.to_dict()


def test_resumed_after_a_kill(tmp_path: Path) -> None:
    """Whole shards and the file of values stay."""
    PLAN.save(tmp_path / "whole", max_shard_size="600KB")
    whole, killed = str(tmp_path / "whole"), str(tmp_path / "killed")
    code = f"""
import os, signal
import fastinit

def kill(_):
    if len(os.listdir({killed!r})) > 3:
        os.kill(os.getpid(), signal.SIGKILL)

fastinit.load_plan({whole!r}).save({killed!r}, max_shard_size="600KB", progress=kill)
"""
    assert attempt(code).returncode == -signal.SIGKILL
    left = {each.name: each.stat().st_ino for each in (tmp_path / "killed").glob("model*")}
    assert values_in(tmp_path / "killed").name in left
    assert len(left) > 1
    PLAN.save(tmp_path / "killed", max_shard_size="600KB", resume=True)
    resumed = {each.name: each for each in (tmp_path / "killed").iterdir()}
    assert {name: resumed[name].stat().st_ino for name in left} == left
    assert {name: each.read_bytes() for name, each in resumed.items()} == {
        each.name: each.read_bytes() for each in (tmp_path / "whole").iterdir()
    }


def test_json_file(tmp_path: Path) -> None:
    """A plan can be written without a checkpoint; its file of values belongs to it."""
    path = tmp_path / "plan.json"
    PLAN.write_json(path)
    assert path.stat().st_size < 4000
    assert fastinit.load_plan(path).to_dict() == PLAN.to_dict()
    with pytest.raises(
        ValueError, match=r"its values are in the file 'plan\.json\.\w+\.values'; call"
    ):
        fastinit.Plan.from_dict(json.loads(path.read_text()))
    for name in ("../plan.values", "", None, 3):
        path.write_text(json.dumps(json.loads(path.read_text()) | {"values": name}))
        with pytest.raises(ValueError, match=r"plan\.json: .*is not the plain name of a"):
            fastinit.load_plan(path)
    with pytest.raises(ValueError, match=r"'.*plan' does not end in \.json"):
        PLAN.write_json(tmp_path / "plan")


def test_explanations_show_digests_alone() -> None:
    rows = json.dumps(list(PLAN.explain()))
    assert len(rows) < 4000
    assert fastinit.digest(LARGE.reshape(-1)) in rows
