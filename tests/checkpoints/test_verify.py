"""verify names every tensor that differs from its draw, and trusts nothing that is stored."""

import functools
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import save_file

import fastinit
from fastinit import Manifest, Parameter, Plan, Recipe, safetensors
from fastinit.checkpoints.verify import STATUSES
from helpers.settings import threads
from helpers.small_checkpoint import MODEL, RULES, read, small

NAMES = {each.name for each in MODEL.tensors}


def saved(tmp_path: Path, size: str = "1MB") -> Path:
    """A folder with the small model in shards."""
    return small().save(tmp_path / "m", max_shard_size=size).path


def place_of(path: Path, name: str) -> safetensors.Entry:
    """The offset of a tensor in a file."""
    return next(each for each in safetensors.read_header(path).entries if each.name == name)


def flip(path: Path, at: int, bit: int = 0) -> None:
    """Change one bit of a file."""
    content = bytearray(path.read_bytes())
    content[at] ^= 1 << bit
    path.write_bytes(content)


def bad(found: fastinit.checkpoints.Verification) -> dict[str, str]:
    """The status of every tensor that differs from its draw."""
    return {each.name: each.status for each in found.tensors if each.status != "as drawn"}


@pytest.mark.parametrize("count", [1, 3])
def test_as_drawn(tmp_path: Path, count: int) -> None:
    """This holds for a folder, its index and every file of it."""
    folder = saved(tmp_path)
    with threads(count):
        for path in (folder, folder / "model.safetensors.index.json"):
            found = fastinit.verify(path)
            assert found.ok, found.problems
            assert {each.name for each in found.tensors} == NAMES
        for path in folder.glob("*.safetensors"):
            assert fastinit.verify(path).ok


@pytest.mark.parametrize(
    ("name", "element", "index"),
    [
        ("large.weight", 0, (0,)),
        ("large.weight", 2 * 1024 * 1024 + 77, (2 * 1024 * 1024 + 77,)),
        ("half.weight", 34, (4, 6)),
        ("scalar", 0, ()),
        ("mask", 2, (2,)),
        ("byte.weight", 10, (10,)),
    ],
)
def test_flipped_bit(tmp_path: Path, name: str, element: int, index: tuple[int, ...]) -> None:
    """Its tensor, its place and both values are named, and nothing else."""
    path = small().save(tmp_path / "m.safetensors").path
    entry = place_of(path, name)
    array = small().init(only=name.replace("\u03b2", "*"))[name]
    flip(path, entry.begin + element * array.itemsize)
    found = fastinit.verify(path)
    assert bad(found) == {name: "differs"}
    (place,) = [each.mismatch for each in found.tensors if each.mismatch]
    there = read(path)[0][name][index]
    assert (place.index, place.count) == (index, 1)
    for text, value in ((place.left, array[index]), (place.right, there)):
        assert text.endswith(f"(0x{value.tobytes()[::-1].hex()})")
    assert json.loads(json.dumps(found.to_dict()))["ok"] is False


def test_every_bit_of_the_header(tmp_path: Path) -> None:
    """A flipped bit is an error, a problem or a tensor that differs: never verified."""
    plan = Plan(Manifest("m", (Parameter("w", (3,)),)), Recipe("r", "test", RULES), seed=0)
    path = plan.save(tmp_path / "m.safetensors").path
    content = path.read_bytes()
    length = len(safetensors.read_header(path).content)
    for at in (*range(0, 8), *range(8, length, 13)):
        path.write_bytes(content)
        flip(path, at, at % 7)
        try:
            ok = fastinit.verify(path).ok
        except (ValueError, OSError):
            ok = False
        assert not ok, at


def test_plan_written_differently(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another version may write the same plan with other fields in another order."""
    to_dict = Plan.to_dict
    monkeypatch.setattr(Plan, "to_dict", lambda plan: dict(reversed(to_dict(plan).items())))
    path = small().save(tmp_path / "m.safetensors").path
    monkeypatch.undo()
    assert fastinit.verify(path).ok


def test_tensor_altered_with_its_digest(tmp_path: Path) -> None:
    """The stored digest agrees with the file, the draw does not."""
    path = damaged(tmp_path, "a tensor and its digest")
    found = fastinit.verify(path)
    assert bad(found) == {"large.weight": "differs"}
    assert any("digest of 'large.weight'" in each for each in found.problems)


def test_seed_altered(tmp_path: Path) -> None:
    """The random tensors differ, the constants do not."""
    path = small().save(tmp_path / "m.safetensors").path
    content = path.read_bytes()
    path.write_bytes(content.replace(b'\\"seed\\":0', b'\\"seed\\":1'))
    random = {name for name in NAMES if name.endswith(".weight") and name != "empty.weight"}
    found = fastinit.verify(path)
    assert bad(found) == dict.fromkeys(random, "differs")
    assert "m.safetensors: the plan in the header is not the one that was written" in found.problems


def damaged(folder: Path, what: str) -> Path:
    """A file of which one thing was changed."""
    path = small().save(folder / "m.safetensors").path
    content = path.read_bytes()
    if what == "a tensor":
        flip(path, place_of(path, "large.weight").begin)
    elif what == "a tensor and its digest":
        flip(path, place_of(path, "large.weight").begin)
        old = small().save(folder / "o.safetensors").digests["large.weight"]
        new = fastinit.digest(read(path)[0]["large.weight"])
        path.write_bytes(path.read_bytes().replace(old.encode(), new.encode()))
    elif what == "the seed":
        path.write_bytes(content.replace(b'\\"seed\\":0', b'\\"seed\\":1'))
    elif what == "the form of the plan":
        path.write_bytes(content.replace(b'{\\"format\\"', b'[\\"format\\"'))
    elif what == "a digest":
        digest = small().save(folder / "o.safetensors").digests["scalar"].encode()
        path.write_bytes(content.replace(digest, digest[::-1]))
    elif what == "the plan's digest":
        path.write_bytes(content.replace(b'plan_digest":"', b'plan-digest":"'))
    elif what == "the whole metadata":
        tensors, _ = read(path)
        save_file({"scalar": tensors["scalar"]}, path)
    return path


@pytest.mark.parametrize(
    ("what", "verdict"),
    [
        ("nothing", "verified"),
        ("a tensor", "differs"),
        ("a tensor and its digest", "differs"),
        ("the seed", "header changed"),
        ("the form of the plan", "header changed"),
        ("a digest", "header changed"),
        ("the plan's digest", "header changed"),
        ("the whole metadata", "foreign"),
    ],
)
def test_verdict(tmp_path: Path, what: str, verdict: str) -> None:
    """One word tells a foreign file, a changed tensor and a changed header apart."""
    found = fastinit.verify(damaged(tmp_path, what))
    assert (found.verdict, found.ok) == (verdict, verdict == "verified")
    assert found.to_dict()["verdict"] == verdict


def test_verdict_of_shards(tmp_path: Path) -> None:
    """A changed tensor in one shard counts more than the changed header of another."""
    folder = saved(tmp_path)
    files = sorted(folder.glob("*.safetensors"))
    header, tensor = files[:2]
    content = header.read_bytes()
    header.write_bytes(content.replace(b"plan_digest", b"plan-digest"))
    assert fastinit.verify(folder).verdict == "header changed"
    entry = next(each for each in safetensors.read_header(tensor).entries if each.size)
    flip(tensor, entry.begin)
    assert fastinit.verify(folder).verdict == "differs"


def test_given_plan(tmp_path: Path) -> None:
    """The plan that is passed counts, whatever the file says."""
    folder = saved(tmp_path)
    assert small().verify(folder).ok
    assert small(seed=1).verify(folder).counts["differs"] == 6


def test_foreign_file(tmp_path: Path) -> None:
    """Without a plan nothing can be known; with one, values are compared, other names unknown."""
    arrays = {"a.weight": fastinit.normal((3, 4), std=0.02, seed=0, name="a.weight")}
    arrays["x.y"] = np.zeros(2, np.float32)
    save_file(arrays, tmp_path / "m.safetensors")
    found = fastinit.verify(tmp_path / "m.safetensors")
    assert {each.status for each in found.tensors} == {"unknown"}
    manifest = Manifest("m", (Parameter("a.weight", (3, 4)), Parameter("b.weight", (1,))))
    plan = Plan(manifest, Recipe("r", "test", RULES), seed=0)
    given = plan.verify(tmp_path / "m.safetensors")
    assert bad(given) == {"x.y": "unknown", "b.weight": "missing"}


def test_tied_tensor_stored_twice(tmp_path: Path) -> None:
    """Other libraries store both names; both have the values of the one."""
    array = fastinit.normal((3, 4), std=0.02, seed=0, name="a.weight")
    save_file({"a.weight": array, "b": array.copy()}, tmp_path / "m.safetensors")
    manifest = Manifest("m", (Parameter("a.weight", (3, 4)),), {"b": "a.weight"})
    assert Plan(manifest, Recipe("r", "t", RULES), seed=0).verify(tmp_path / "m.safetensors").ok


def test_other_shape_and_dtype(tmp_path: Path) -> None:
    """They differ, and the reason says how."""
    save_file({"a.weight": np.zeros((2, 2), np.float16)}, tmp_path / "m.safetensors")
    plan = Plan(Manifest("m", (Parameter("a.weight", (4,)),)), Recipe("r", "t", RULES), seed=0)
    (found,) = plan.verify(tmp_path / "m.safetensors").tensors
    assert (found.status, found.reason) == ("differs", "it is F16 [2, 2], the plan's F32 [4]")


def test_missing_shard(tmp_path: Path) -> None:
    folder = saved(tmp_path)
    next(folder.glob("*.safetensors")).unlink()
    with pytest.raises(FileNotFoundError):
        fastinit.verify(folder)


def test_shard_of_another_seed(tmp_path: Path) -> None:
    """Each is as its own plan draws, but they belong to different checkpoints."""
    folder = saved(tmp_path)
    other = small(seed=1).save(tmp_path / "o", max_shard_size="1MB").path
    index = json.loads((folder / "model.safetensors.index.json").read_bytes())
    name = index["weight_map"]["large.weight"]
    (other / name).replace(folder / name)
    found = fastinit.verify(folder)
    assert not found.ok
    assert "different plans" in found.problems[0]


def test_partial_checkpoint(tmp_path: Path) -> None:
    """A checkpoint written with only= holds what it should; its files state the pattern."""
    path = small().save(tmp_path / "m.safetensors", only="*.weight").path
    found = fastinit.verify(path)
    assert found.ok
    assert {each.name for each in found.tensors} == {n for n in NAMES if n.endswith(".weight")}


@pytest.mark.parametrize(
    "damage",
    [
        lambda content: content[:-1],
        lambda content: content + b"x",
        lambda content: content[:100],
        lambda content: content[:4],
        lambda content: b"\xff" * 8 + content[8:],
        lambda content: content[:8] + b"[" + content[9:],
    ],
)
def test_broken_files(tmp_path: Path, damage: Callable[[bytes], bytes]) -> None:
    """A file that is not whole is an error that names it."""
    path = small().save(tmp_path / "m.safetensors").path
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(ValueError, match=r"m\.safetensors is not a whole safetensors file"):
        fastinit.verify(path)


def test_progress_adds_up(tmp_path: Path) -> None:
    """It adds up to the bytes of all tensors."""
    folder = saved(tmp_path)
    reports: tuple[Callable[..., Any], ...] = (
        functools.partial(fastinit.verify, folder),
        functools.partial(small().verify, folder),
        functools.partial(fastinit.diff, folder, folder),
    )
    for report in reports:
        steps: list[int] = []
        assert report(progress=steps.append).ok
        assert sum(steps) == sum(each.size for each in small().tensors)


def test_diff(tmp_path: Path) -> None:
    """One file and shards of the same plan hold the same; other seeds differ in random tensors."""
    one = small().save(tmp_path / "one.safetensors").path
    assert fastinit.diff(one, saved(tmp_path)).ok
    other = small(seed=1).save(tmp_path / "other.safetensors").path
    found = fastinit.diff(one, other)
    assert {each.name for each in found.differences} == {
        name for name in NAMES if name.endswith(".weight") and name != "empty.weight"
    }
    assert found.equal == len(NAMES) - len(found.differences)


def test_diff_of_other_tensors(tmp_path: Path) -> None:
    """Names, shapes and dtypes are reported, and the first element that differs."""
    left: dict[str, Any] = {"a": np.zeros(3, "f4"), "b": np.zeros(3, "f4"), "c": np.zeros(2, "f4")}
    right = {"a": np.zeros(3, "f4"), "b": np.zeros(3, "f2"), "d": np.zeros(2, "f4")}
    right["a"][1:] = -0.0
    save_file(left, tmp_path / "l.safetensors")
    save_file(right, tmp_path / "r.safetensors")
    found = fastinit.diff(tmp_path / "l.safetensors", tmp_path / "r.safetensors")
    assert {each.name: each.reason for each in found.differences} == {
        "a": "2 of its elements differ",
        "b": "F32 [3] in the first, F16 [3] in the second",
        "c": "only the first has it",
        "d": "only the second has it",
    }
    (place,) = [each.mismatch for each in found.differences if each.mismatch]
    assert (place.index, place.left, place.right) == ((1,), "0 (0x00000000)", "-0 (0x80000000)")


READERS: dict[str, Callable[[Path], object]] = {
    "Manifest.load": Manifest.load,
    "Plan.verify": small().verify,
    "diff": lambda folder: fastinit.diff(folder, folder),
    "load_plan": fastinit.load_plan,
    "verify": fastinit.verify,
}
CONTRADICTION = (
    r"the folder .* holds model\.safetensors and model\.safetensors\.index\.json, which describe "
    r"different checkpoints; delete the one that is out of date, or pass the path of the other"
)


def write_index(folder: Path, places: dict[str, str]) -> Path:
    """An index with these files of tensors."""
    path = folder / "model.safetensors.index.json"
    path.write_text(json.dumps({"metadata": {}, "weight_map": places}), encoding="utf-8")
    return path


@pytest.mark.parametrize("reader", READERS.values(), ids=READERS)
def test_folder_with_file_and_index_of_it(tmp_path: Path, reader: Callable[[Path], object]) -> None:
    """Some tools write both; they say the same."""
    small().save(tmp_path)
    path = tmp_path / "model.safetensors"
    expected = reader(tmp_path)
    write_index(tmp_path, dict.fromkeys(NAMES, "model.safetensors"))
    found = reader(tmp_path)
    if reader in (Manifest.load, fastinit.verify):
        assert found == expected
    assert fastinit.verify(path).ok


@pytest.mark.parametrize("reader", READERS.values(), ids=READERS)
@pytest.mark.parametrize("case", ["shards", "one name less", "one name more", "other file"])
def test_folder_with_file_and_contradicting_index(
    tmp_path: Path, reader: Callable[[Path], object], case: str
) -> None:
    """All readers refuse to choose; the path of the file itself is not ambiguous."""
    small().save(tmp_path)
    places = dict.fromkeys(sorted(NAMES), "model.safetensors")
    if case == "shards":
        small(seed=1).save(tmp_path / "o", max_shard_size="1MB")
        for each in (tmp_path / "o").iterdir():
            each.replace(tmp_path / each.name)
    elif case == "one name less":
        write_index(tmp_path, dict(list(places.items())[1:]))
    elif case == "one name more":
        write_index(tmp_path, places | {"other": "model.safetensors"})
    else:
        write_index(tmp_path, places | {"scalar": "no-such-file.safetensors"})
    with pytest.raises(ValueError, match=CONTRADICTION):
        reader(tmp_path)
    reader(tmp_path / "model.safetensors")


@pytest.mark.parametrize("size", ["5GB", "1MB"])
def test_folder_with_file_or_index(tmp_path: Path, size: str) -> None:
    """A folder with only one of them is that one, for a manifest and for verify."""
    folder = saved(tmp_path, size)
    assert (folder / "model.safetensors").exists() == (size == "5GB")
    names = {each.name for each in Manifest.load(folder).tensors}
    assert names == {each.name for each in fastinit.verify(folder).tensors} == NAMES


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("[]", r"index\.json: \[\] is not an object"),
        ("{}", r"index\.json: weight_map: None is not an object"),
        ('{"weight_map": {}}', r"index\.json: weight_map: it names no files"),
        ('{"weight_map": {"w": 5}}', r"index\.json: weight_map: 'w' is 5, not a string"),
        ("{", r"index\.json: this is not JSON"),
    ],
)
def test_wrong_index(tmp_path: Path, content: str, message: str) -> None:
    """The message names the index and says what is wrong in it."""
    path = tmp_path / "model.safetensors.index.json"
    path.write_text(content)
    for each in (path, tmp_path):
        with pytest.raises(ValueError, match=message):
            fastinit.verify(each)
    if "weight_map" in content:
        with pytest.raises(ValueError, match=message):
            Manifest.load(tmp_path)


def test_statuses_add_up(tmp_path: Path) -> None:
    found = fastinit.verify(saved(tmp_path))
    assert sum(found.counts.values()) == len(found.tensors)
    assert tuple(found.counts) == STATUSES
