"""Headers and indexes of unknown origin: all readers refuse what the safetensors package does."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from safetensors import SafetensorError, safe_open

import fastinit
from fastinit import Manifest

ENTRY = '{"dtype":"F32","shape":[4],"data_offsets":[0,16]}'


def tensor(begin: int, end: int, shape: Any = (4,), dtype: Any = "F32") -> dict[str, Any]:
    """An entry of a header."""
    return {"dtype": dtype, "shape": shape, "data_offsets": [begin, end]}


def of(**tensors: Any) -> bytes:
    """A header."""
    return json.dumps(tensors).encode()


WRONG = {
    "negative offsets": of(a=tensor(-16, 0)),
    "reversed offsets": of(a=tensor(16, 0)),
    "three offsets": of(a={**tensor(0, 16), "data_offsets": [0, 8, 16]}),
    "offsets that are floats": of(a=tensor(0, 16.0)),  # type: ignore[arg-type]
    "offsets that are booleans": of(a={"dtype": "BOOL", "shape": [1], "data_offsets": [0, True]}),
    "overlap": of(a=tensor(0, 16), b=tensor(0, 16)),
    "partial overlap": of(a=tensor(0, 12, (3,)), b=tensor(8, 16, (2,))),
    "gap at the beginning": of(a=tensor(4, 20)),
    "gap between": of(a=tensor(0, 4, (1,)), b=tensor(8, 16, (2,))),
    "gap at the end": of(a=tensor(0, 12, (3,))),
    "past the end": of(a=tensor(0, 2**63)),
    "past 64 bits": of(a=tensor(2**64, 2**64 + 16)),
    "cut short": of(a=tensor(0, 32, (8,))),
    "too many bytes": of(a=tensor(0, 16, (3,))),
    "a negative size": of(a=tensor(0, 16, (-2, -2))),
    "a size that is a float": of(a=tensor(0, 16, (4.0,))),
    "a size that is a text": of(a=tensor(0, 16, ("4",))),
    "a size beyond 2**63": of(a=tensor(0, 0, (2**63, 0))),
    "sizes whose product overflows": of(a=tensor(0, 0, (2**40, 2**40, 0))),
    "a shape that is a number": of(a=tensor(0, 16, 4)),
    "a dtype of none": of(a=tensor(0, 16, (4,), "F33")),
    "a dtype that is a list": of(a=tensor(0, 16, (4,), ["F32"])),
    "half a byte": of(a=tensor(0, 0, (1,), "F4"), b=tensor(0, 16)),
    "an entry that is a list": of(a=[1]),
    "a missing field": of(a={"dtype": "F32", "shape": [4]}),
    "a field twice": b'{"a":{"dtype":"F32","shape":[2],"shape":[4],"data_offsets":[0,16]}}',
    "metadata twice": f'{{"__metadata__":{{}},"__metadata__":{{}},"a":{ENTRY}}}'.encode(),
    "metadata of a number": of(__metadata__={"x": 1}, a=tensor(0, 16)),
    "metadata of null": of(__metadata__={"x": None}, a=tensor(0, 16)),
    "metadata that is a list": of(__metadata__=["x"], a=tensor(0, 16)),
    "NaN": f'{{"__metadata__":{{"x":NaN}},"a":{ENTRY}}}'.encode(),
    "a comment": f'{{"a":{ENTRY}}} // end'.encode(),
    "a byte-order mark": b"\xef\xbb\xbf" + f'{{"a":{ENTRY}}}'.encode(),
    "UTF-16": f'{{"a":{ENTRY}}}'.encode("utf-16"),
    "bytes that are not UTF-8": f'{{"a\xff":{ENTRY}}}'.encode("latin-1"),
    "half a surrogate pair": f'{{"\\ud800":{ENTRY}}}'.encode(),
    "the wrong half first": f'{{"\\udc00\\ud800":{ENTRY}}}'.encode(),
    "a list": b"[]",
    "deep": f'{{"a":{ENTRY},"b":{"[" * 500}{"]" * 500}}}'.encode(),
}


def write(path: Path, header: bytes, size: int = 16) -> Path:
    """Write a file with this header and so many bytes of data."""
    path.write_bytes(len(header).to_bytes(8, "little") + header + bytes(size))
    return path


def compare(path: Path) -> object:
    return fastinit.diff(path, path)


@pytest.mark.parametrize("reader", [Manifest.load, fastinit.verify, fastinit.load_plan, compare])
@pytest.mark.parametrize("case", WRONG)
def test_wrong_headers(tmp_path: Path, case: str, reader: Callable[[Path], object]) -> None:
    path = write(tmp_path / "x.safetensors", WRONG[case])
    with pytest.raises(ValueError, match=r"x\.safetensors is not a whole safetensors file: "):
        reader(path)


@pytest.mark.parametrize("case", WRONG)
def test_the_package_refuses_them_too(tmp_path: Path, case: str) -> None:
    """Otherwise the reader would refuse files that others accept."""
    path = write(tmp_path / "x.safetensors", WRONG[case])
    with pytest.raises(SafetensorError):
        safe_open(str(path), "np")


def test_surrogate_pairs_and_backslashes(tmp_path: Path) -> None:
    """Both halves, or what only looks like a half, are right."""
    names = r"\ud83d\ude00", r"\\ud800", r"\uD83D\uDE00x"
    for name in names:
        path = write(tmp_path / "x.safetensors", f'{{"{name}":{ENTRY}}}'.encode())
        assert fastinit.verify(path).tensors[0].name == json.loads(f'"{name}"')


OUTSIDE = ("../x.safetensors", "/x.safetensors", "a/../x.safetensors", "./x.safetensors", "", ".",
           "a//x.safetensors", "x.safetensors/", "..", "\0")  # fmt: skip


@pytest.mark.parametrize("name", OUTSIDE)
@pytest.mark.parametrize("reader", [Manifest.load, fastinit.verify, fastinit.load_plan])
def test_paths_outside(tmp_path: Path, name: str, reader: Callable[[Path], object]) -> None:
    """An index names a file elsewhere, or the same file by a second name."""
    write(tmp_path / "x.safetensors", of(w=tensor(0, 16)))
    folder = tmp_path / "m"
    (folder / "a").mkdir(parents=True)
    write(folder / "x.safetensors", of(w=tensor(0, 16)))
    index = folder / "model.safetensors.index.json"
    index.write_text(json.dumps({"weight_map": {"w": name}}))
    with pytest.raises(ValueError, match=r"index\.json: weight_map: "):
        reader(index)


@pytest.mark.parametrize("is_folder", [False, True])
def test_links_outside(tmp_path: Path, is_folder: bool) -> None:
    """A symbolic link leads out of the folder, by the file or by a folder."""
    outside = tmp_path / "outside"
    outside.mkdir()
    write(outside / "x.safetensors", of(w=tensor(0, 16)))
    folder = tmp_path / "m"
    folder.mkdir()
    name = "a/x.safetensors" if is_folder else "x.safetensors"
    (folder / "a").symlink_to(outside) if is_folder else (folder / name).symlink_to(
        outside / "x.safetensors"
    )
    index = folder / "model.safetensors.index.json"
    index.write_text(json.dumps({"weight_map": {"w": name}}))
    with pytest.raises(ValueError, match=r"is a symbolic link to .* out of the folder"):
        fastinit.verify(index)


def test_links_inside(tmp_path: Path) -> None:
    """A link within the folder is followed, and one into the blobs of Hugging Face's cache."""
    folder = tmp_path / "models--a--b" / "snapshots" / "0123"
    blobs = tmp_path / "models--a--b" / "blobs"
    folder.mkdir(parents=True)
    blobs.mkdir()
    write(blobs / "abc", of(v=tensor(0, 16)))
    write(folder / "x.safetensors", of(w=tensor(0, 16)))
    (folder / "y.safetensors").symlink_to("x.safetensors")
    (folder / "z.safetensors").symlink_to("../../blobs/abc")
    index = folder / "model.safetensors.index.json"
    index.write_text('{"weight_map": {"w": "y.safetensors", "v": "z.safetensors"}}')
    assert [each.name for each in Manifest.load(folder).parameters] == ["w", "v"]


@pytest.mark.parametrize("weight_map", [None, [], {}, 5, {"w": 5}, {"w": None}, {"w": ["x"]}])
def test_wrong_weight_maps(tmp_path: Path, weight_map: Any) -> None:
    index = tmp_path / "model.safetensors.index.json"
    index.write_text(json.dumps({"weight_map": weight_map}))
    with pytest.raises(ValueError, match=r"index\.json: weight_map"):
        fastinit.verify(tmp_path)


@pytest.mark.parametrize("text", ["5", '"("', '{"re": "(a+)+(?=x)"}', "[", '{"re": 5}', "null"])
def test_wrong_patterns_in_the_metadata(tmp_path: Path, text: str) -> None:
    plan = fastinit.Plan(Manifest.from_shapes({"w": 4}), "default", seed=0)
    path = plan.save(tmp_path / "x.safetensors", only="*").path
    content = path.read_bytes()
    length = int.from_bytes(content[:8], "little")
    header = json.loads(content[8 : 8 + length])
    header["__metadata__"]["fastinit.only"] = text
    write(path, json.dumps(header).encode())
    with pytest.raises(ValueError, match=r"x\.safetensors: fastinit\.only: "):
        fastinit.verify(path)
