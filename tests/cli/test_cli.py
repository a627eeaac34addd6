"""The command line, and its main use: GPT-2 by its own rules, in a file for transformers."""

import errno
import io
import json
import math
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors import safe_open

import fastinit
from fastinit import Manifest, Plan
from fastinit.__main__ import main
from helpers.bits import check_bits
from helpers.command_line import run, written
from helpers.processes import TIMEOUT, attempt, child, environment

VERSION = f"fastinit-nn {fastinit.__version__}"
SMALL = {
    "model": "gpt2",
    "parameters": [
        {"name": "h.0.attn.c_proj.weight", "shape": [8, 4]},
        {"name": "wte.weight", "shape": [1000, 4]},
        {"name": "ln_f.bias", "shape": [4]},
    ],
}


@pytest.fixture
def manifest(tmp_path: Path) -> Path:
    """The file of a small manifest."""
    return written(SMALL, tmp_path)


@pytest.fixture(scope="module")
def gpt2(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, dict[str, Any]]]:
    """GPT-2's file, and the JSON that the command printed."""
    path = tmp_path_factory.mktemp("gpt2") / "model.safetensors"
    done = run("init", "gpt2", "--out", path, "--json")
    assert done.exit_code == 0, done.output
    yield path, json.loads(done.stdout)
    path.unlink()


def test_gpt2_names_and_shapes(gpt2: tuple[Path, dict[str, Any]]) -> None:
    """They are exactly the manifest's, with tied ones once."""
    with safe_open(gpt2[0], framework="numpy") as file:
        found = {name: tuple(file.get_slice(name).get_shape()) for name in file.keys()}  # noqa: SIM118  (no mapping)
    assert found == {each.name: each.shape for each in Manifest.load("gpt2").parameters}


def test_gpt2_values(gpt2: tuple[Path, dict[str, Any]]) -> None:
    """To the bit: N(0, .02), residual outputs .02 / sqrt(24), biases 0, LayerNorms 1."""
    with safe_open(gpt2[0], framework="numpy") as file:
        for name in file.keys():  # noqa: SIM118  (no mapping)
            array = file.get_tensor(name)
            if name.endswith(("attn.c_proj.weight", "mlp.c_proj.weight")):
                std = 0.02 / math.sqrt(2 * 12)
                expected = fastinit.normal(array.shape, std=std, seed=0, name=name)
            elif name.endswith(".bias"):
                expected = fastinit.zeros(array.shape)
            elif ".ln_" in name:
                expected = fastinit.ones(array.shape)
            else:
                expected = fastinit.normal(array.shape, std=0.02, seed=0, name=name)
            check_bits(array, expected, name)


@pytest.mark.parametrize(
    ("name", "std"),
    [
        ("wpe.weight", 0.02),
        ("h.0.attn.c_attn.weight", 0.02),
        ("h.11.mlp.c_fc.weight", 0.02),
        ("h.5.attn.c_proj.weight", 0.02 / math.sqrt(24)),
        ("h.5.mlp.c_proj.weight", 0.02 / math.sqrt(24)),
    ],
)
def test_gpt2_moments(gpt2: tuple[Path, dict[str, Any]], name: str, std: float) -> None:
    """The mean and std of the values themselves are within 5 standard errors."""
    with safe_open(gpt2[0], framework="numpy") as file:
        values = file.get_tensor(f"transformer.{name}").astype(np.float64)
    assert abs(values.mean()) < 5 * std / math.sqrt(values.size)
    assert abs(values.std() / std - 1) < 5 / math.sqrt(2 * values.size)


def test_gpt2_digest(gpt2: tuple[Path, dict[str, Any]]) -> None:
    """The values never change: this is a promise to users."""
    assert gpt2[1]["digest"] == "413ad6ba8d8df2fa5fe235f1749ea9219d2faa81a66cbaa4ed8f7f1d6150b19e"


@pytest.mark.filterwarnings("ignore")  # of torch and transformers
def test_gpt2_loads_in_transformers(gpt2: tuple[Path, dict[str, Any]]) -> None:
    """No key is missing or unexpected, and the head is tied to the embedding."""
    transformers: Any = pytest.importorskip("transformers")
    model, report = transformers.GPT2LMHeadModel.from_pretrained(
        gpt2[0].parent, output_loading_info=True
    )
    assert not any(report.values()), report
    wte = fastinit.normal((50257, 768), std=0.02, seed=0, name="transformer.wte.weight")
    check_bits(model.lm_head.weight.detach().numpy(), wte)


def test_json_of_init(tmp_path: Path, manifest: Path) -> None:
    """It says what was drawn, by which rule, and where it is."""
    path = tmp_path / "m.safetensors"
    printed = json.loads(run("init", manifest, "--out", path, "--seed", 3, "--json").stdout)
    plan = Plan(manifest, seed=3)
    assert printed["rules"] == plan.explain().by_rule()
    assert printed["digests"]["wte.weight"] == fastinit.digest(plan.init()["wte.weight"])
    assert printed["path"] == str(path)
    assert printed["seed"] == 3


def test_table_of_init(tmp_path: Path, manifest: Path) -> None:
    """It has each rule's pattern, counts and distribution, and the digest, in 80 columns."""
    done = run("init", manifest, "--out", tmp_path / "m.safetensors")
    rows = [line.split() for line in done.stdout.splitlines()]
    std = f"Normal(std={0.02 / math.sqrt(2):.5g})"
    assert ["**.h.{layer}.*.c_proj.weight", "1", "32", std] in rows
    assert ["**.weight", "1", "4,000", "Normal(std=0.02)"] in rows
    assert ["**.bias", "1", "4", "Constant(value=0)"] in rows
    assert [len(row[1]) for row in rows if row[:1] == ["digest"]] == [64]
    assert "/s" not in done.stdout  # so few bytes have no rate
    path = str(tmp_path)
    assert max(len(line) for line in done.stdout.splitlines() if path not in line) <= 80


def test_no_progress_without_a_terminal(tmp_path: Path, manifest: Path) -> None:
    """Logs stay clean."""
    assert run("init", manifest, "--out", tmp_path / "m.safetensors").stderr == ""


def test_progress_on_a_terminal(tmp_path: Path, manifest: Path) -> None:
    """Bytes and time left go to the terminal, not into the output."""
    ours, theirs = os.openpty()
    out = tmp_path / "m.safetensors"
    done = subprocess.run(
        [sys.executable, "-m", "fastinit", "init", str(manifest), "--out", str(out), "--json"],
        env=environment(TERM="xterm", COLUMNS="80"),
        stdout=subprocess.PIPE,
        stderr=theirs,
        check=True,
        timeout=TIMEOUT,
    )
    shown = os.read(ours, 1 << 16).decode()
    os.close(ours)
    os.close(theirs)
    assert re.search(r"drawing .*16\.1/16\.1 kB.*0:00:00", shown)
    assert json.loads(done.stdout)["model"] == "gpt2"


def test_dtype_of_init(tmp_path: Path, manifest: Path) -> None:
    out = tmp_path / "m.safetensors"
    done = run("init", manifest, "--out", out, "--dtype", "bfloat16", "--json")
    assert {row["dtype"] for row in json.loads(done.stdout)["rules"]} == {"bfloat16"}


def test_recipe_of_init(tmp_path: Path, manifest: Path) -> None:
    """--recipe applies to a model of another name."""
    manifest.write_text(json.dumps(SMALL | {"model": "mine"}), encoding="utf-8")
    done = run("init", manifest, "--out", tmp_path / "m.safetensors", "--recipe", "gpt2", "--json")
    assert json.loads(done.stdout)["recipe"] == "gpt2"


def test_force_of_init(tmp_path: Path, manifest: Path) -> None:
    path = tmp_path / "m.safetensors"
    path.write_text("mine")
    assert run("init", manifest, "--out", path, "--force").exit_code == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["gpt3"], "'gpt3' is neither a built-in model nor a file; did you mean 'gpt2'?"),
        (["gpt2", "--recipe", "x"], "'x' is neither a built-in recipe nor a file"),
        (["gpt2", "--dtype", "int3"], "--dtype int3 is not drawn; use int8"),
        (["gpt2", "--seed", "-1"], "--seed -1 is out of range"),
        (["gpt2", "--only", "x"], "--only x matches no tensor of 'gpt2'"),
        (["gpt2", "--shard-size", "4x"], "--shard-size 4x is not understood"),
        (["gpt2", "--device", "tpu"], "--device tpu is not known; use --device cpu"),
    ],
)
def test_errors_of_init(tmp_path: Path, arguments: list[str], message: str) -> None:
    """An error is one line on stderr, exit code 2, and no file."""
    done = run("init", *arguments, "--out", tmp_path / "m.safetensors")
    assert done.exit_code == 2
    assert done.stderr.startswith("fastinit: error: ")
    assert done.stderr.count("\n") == 1
    assert message in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_disk_errors_of_init(tmp_path: Path, manifest: Path) -> None:
    """The system's errors are one line as well."""
    done = run("init", manifest, "--out", tmp_path / "no" / "m.safetensors")
    assert (done.exit_code, done.stderr.count("\n")) == (2, 1)


@pytest.mark.parametrize("arguments", [["init"], ["init", "gpt2"], ["draw"], ["info", "--all"], []])
def test_usage(arguments: list[str]) -> None:
    """An unknown or incomplete command exits with 2."""
    assert run(*arguments).exit_code == 2


def test_interrupt_of_init(tmp_path: Path, manifest: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C is answered as in a shell, without a traceback."""

    def save(*_: Any, **__: Any) -> Any:
        raise KeyboardInterrupt

    monkeypatch.setattr(Plan, "save", save)
    done = run("init", manifest, "--out", tmp_path / "m.safetensors")
    assert (done.exit_code, done.stderr.count("\n")) == (130, 1)


def test_json_of_info() -> None:
    assert json.loads(run("info", "--json").stdout) == fastinit.info()


def test_table_of_info() -> None:
    """There is a line for every key; long values are folded."""
    lines = run("info").stdout.splitlines()[2:]
    keys = [line.split()[0] for line in lines if not line.startswith("  ")]
    assert keys == list(fastinit.info())
    assert max(map(len, lines)) <= 80


def test_version() -> None:
    assert run("--version").stdout.strip() == VERSION


@pytest.mark.parametrize("command", ["init", "info"])
def test_help_has_examples(command: str) -> None:
    """They keep their lines."""
    assert f"Examples:\n    fastinit {command}" in run(command, "--help").stdout


def test_module() -> None:
    """``python -m fastinit`` is the same command."""
    command = [sys.executable, "-m", "fastinit", "--version"]
    printed = subprocess.check_output(command, env=environment(), text=True)
    assert printed.strip() == VERSION


class FullDisk(io.StringIO):
    """Output to a disk without space."""

    def write(self, _: str) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")


@pytest.mark.parametrize("arguments", [("models",), ("recipe", "gpt2", "--json"), ("--version",)])
def test_output_without_space(
    arguments: tuple[str, ...], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """What a command prints after its work fails like the work: one line, and code 2."""
    monkeypatch.setattr(sys, "argv", ["fastinit", *arguments])
    monkeypatch.setattr(sys, "stdout", FullDisk())
    with pytest.raises(SystemExit) as caught:
        main()
    assert caught.value.code == 2
    assert capsys.readouterr().err == "fastinit: error: No space left on device\n"


def test_interrupt_while_modules_are_imported(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Ctrl-C in the first moments of a command has its line and code, too."""

    def interrupted(**_: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("fastinit.cli.app.app", interrupted)
    with pytest.raises(SystemExit) as caught:
        main()
    assert caught.value.code == 130
    assert capsys.readouterr().err == "fastinit: interrupted\n"


def test_without_typer() -> None:
    """The error says what to install."""
    code = "import sys; sys.modules['typer'] = None; from fastinit.__main__ import main; main()"
    done = attempt(code)
    assert done.returncode == 2
    assert done.stderr.strip().endswith("pip install 'fastinit-nn[cli]'")


def test_import_is_light() -> None:
    """The package alone imports neither typer nor rich."""
    code = "import sys, fastinit; print(sorted({'typer', 'rich', 'torch'} & set(sys.modules)))"
    assert child(code).strip() == "[]"
