"""The commands plan, verify and diff, and init into folders: output and exit codes."""

import json
from pathlib import Path

import pytest

from helpers.command_line import run, written
from helpers.small_checkpoint import small

MODEL = {
    "model": "gpt2",
    "parameters": [
        *({"name": f"h.{k}.attn.c_proj.weight", "shape": [8, 4]} for k in range(3)),
        {"name": "wte.weight", "shape": [1000, 4]},
        {"name": "ln_f.bias", "shape": [4]},
    ],
}


@pytest.fixture
def manifest(tmp_path: Path) -> Path:
    """The file of a small manifest."""
    return written(MODEL, tmp_path)


def test_plan(manifest: Path) -> None:
    """Equal layers share a line; totals follow; all is within 80 columns."""
    done = run("plan", manifest, "--dtype", "bfloat16")
    lines = [line.split() for line in done.stdout.splitlines()]
    assert ["h.0-2.attn.c_proj.weight", "3", "8", "x", "4"] in [line[:5] for line in lines]
    assert "5 tensors, 4,100 elements, 8.20 kB (bfloat16)" in done.stdout
    assert max(map(len, done.stdout.splitlines())) <= 80


def test_plan_of_every_tensor(manifest: Path) -> None:
    """--all has a line for each tensor, --only fewer."""
    done = run("plan", manifest, "--all", "--only", "h.*.attn.**")
    assert [line.split()[0] for line in done.stdout.splitlines()[2:5]] == [
        f"h.{k}.attn.c_proj.weight" for k in range(3)
    ]


def test_json_of_plan(manifest: Path) -> None:
    data = json.loads(run("plan", manifest, "--json").stdout)
    assert (data["tensors"], data["elements"], data["bytes"]) == (5, 4100, 16400)
    assert len(data["parameters"]) == 5


def test_init_into_a_folder_and_resume(tmp_path: Path, manifest: Path) -> None:
    """Shards have the size that was asked for; a second run keeps them."""
    options = ("init", manifest, "--out", tmp_path / "m", "--shard-size", "1KB", "--json")
    first = json.loads(run(*options).stdout)
    assert len(first["files"]) > 1
    assert run(*options).exit_code == 2
    again = json.loads(run(*options, "--resume").stdout)
    assert again["kept"] == again["files"] == first["files"]


def test_init_of_some(tmp_path: Path, manifest: Path) -> None:
    """--only omits the others, and verify knows."""
    out = tmp_path / "m.safetensors"
    done = json.loads(run("init", manifest, "--out", out, "--only", "wte.*", "--json").stdout)
    assert list(done["digests"]) == ["wte.weight"]
    assert run("verify", out).exit_code == 0


def test_verify(tmp_path: Path) -> None:
    """The exit code is 0 with a line, 1 with the place, or 2 where there is nothing."""
    path = small().save(tmp_path / "m.safetensors").path
    done = run("verify", path)
    assert (done.exit_code, done.stderr) == (0, "")
    assert done.stdout.endswith("10 as drawn: verified\n")
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    done = run("verify", path)
    assert done.exit_code == 1
    assert "differs: 1 of its elements" in done.stdout
    data = json.loads(run("verify", path, "--json").stdout)
    assert (data["ok"], data["counts"]["differs"]) == (False, 1)
    done = run("verify", tmp_path / "no.safetensors")
    assert (done.exit_code, done.stderr.count("\n")) == (2, 1)


def test_diff(tmp_path: Path) -> None:
    """The exit code is 0 where both are the same, else 1."""
    one = small().save(tmp_path / "one.safetensors").path
    two = small().save(tmp_path / "two", max_shard_size="1MB").path
    other = small(seed=1).save(tmp_path / "other.safetensors").path
    assert run("diff", one, two).exit_code == 0
    done = run("diff", one, other)
    assert done.exit_code == 1
    assert "of its elements differ" in done.stdout
    assert json.loads(run("diff", one, other, "--json").stdout)["ok"] is False


@pytest.mark.parametrize("command", ["init", "plan", "verify", "diff", "info"])
def test_help_has_examples(command: str) -> None:
    """They keep their lines, within 80 columns."""
    shown = run(command, "--help").stdout
    assert f"Examples:\n    fastinit {command}" in shown
