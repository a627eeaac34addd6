"""The commands plan, verify and diff, and init into folders: output and exit codes."""

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import save_file
from typer.testing import CliRunner

import fastinit
from fastinit import Plan
from fastinit.cli.app import app
from fastinit.json_files import names
from fastinit.manifests import MODELS
from helpers.bits import check_bits
from helpers.command_line import run, written
from helpers.cuda import fake_gpu
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
    assert "differs  1 element; first [10]: " in done.stdout
    assert done.stdout.endswith("9 as drawn, 1 differs: NOT verified: not all as drawn\n")
    data = json.loads(run("verify", path, "--json").stdout)
    assert (data["verdict"], data["counts"]["differs"]) == ("differs", 1)
    done = run("verify", tmp_path / "no.safetensors")
    assert (done.exit_code, done.stderr.count("\n")) == (2, 1)


def test_verify_of_a_foreign_file(tmp_path: Path) -> None:
    save_file({"a": np.zeros(3)}, tmp_path / "m.safetensors")
    done = run("verify", tmp_path / "m.safetensors")
    assert done.exit_code == 3
    assert "1 unknown: NOT verified: foreign, since it carries no plan" in done.stdout


def test_verify_of_a_changed_header(tmp_path: Path) -> None:
    path = small().save(tmp_path / "m.safetensors").path
    path.write_bytes(path.read_bytes().replace(b"plan_digest", b"plan-digest"))
    done = run("verify", path)
    assert done.exit_code == 4
    assert "10 as drawn: NOT verified: header changed after fastinit wrote it" in done.stdout


def layers(count: int, value: float) -> dict[str, Any]:
    """The tensors of equal layers, and one apart."""
    tensors = {f"h.{k}.w": np.full((2, 2), value, np.float32) for k in range(count)}
    return tensors | {"wte": np.full(3, value, np.float32)}


def test_diff(tmp_path: Path) -> None:
    """The exit code is 0 where both are the same, else 1; equal layers share a line."""
    for name, value in (("one", 0), ("same", 0), ("other", 1)):
        save_file(layers(12, value), tmp_path / f"{name}.safetensors")
    one, same, other = (tmp_path / f"{name}.safetensors" for name in ("one", "same", "other"))
    done = run("diff", one, same)
    assert (done.exit_code, done.stdout) == (0, "13 tensors are equal, 0 differ\n")
    done = run("diff", one, other)
    assert done.exit_code == 1
    lines = done.stdout.splitlines()
    assert lines[2].split()[:5] == ["h.0-11.w", "12", "48", "elements;", "first"]
    assert lines[3].split()[:5] == ["wte", "1", "3", "elements;", "first"]
    assert lines[-1] == "0 tensors are equal, 13 differ"
    assert json.loads(run("diff", one, other, "--json").stdout)["ok"] is False


def test_many_differences_are_cut(tmp_path: Path) -> None:
    """50 lines are shown; --all shows every tensor."""
    for name, value in (("one", 0), ("other", 1)):
        tensors = {f"w{k}": np.full(2, value, np.float32) for k in range(60)} | layers(3, value)
        save_file(tensors, tmp_path / f"{name}.safetensors")
    paths = [tmp_path / f"{name}.safetensors" for name in ("one", "other")]
    lines = run("diff", *paths).stdout.splitlines()
    assert len(lines) == 2 + 50 + 2
    assert lines[-2] == "and 12 more tensors; --all shows a line for each"
    lines = run("diff", *paths, "--all").stdout.splitlines()
    assert len(lines) == 2 + 64 + 1
    assert "h.1.w" in [line.split()[0] for line in lines]


def test_verify_groups_and_cuts(tmp_path: Path) -> None:
    """A wrong seed makes all layers differ in one line."""
    path = Plan(written(MODEL, tmp_path), seed=0).save(tmp_path / "m.safetensors").path
    content = path.read_bytes()
    path.write_bytes(content.replace(b'\\"seed\\":0', b'\\"seed\\":1'))
    for options, name in ([], "h.0-2.attn.c_proj.weight"), (["--all"], "h.1.attn.c_proj.weight"):
        lines = run("verify", path, *options, columns=140).stdout.splitlines()
        count = "1" if options else "3"
        assert [name, count, "differs"] in [line.split()[:3] for line in lines]


def test_names_that_are_not_printable(tmp_path: Path) -> None:
    """A foreign file cannot write to the terminal what it likes."""
    for name, value in (("one", 0), ("other", 1)):
        save_file({"h.\x1b[31m\n": np.full(2, value)}, tmp_path / f"{name}.safetensors")
    shown = run("diff", *(tmp_path / f"{name}.safetensors" for name in ("one", "other"))).stdout
    assert r"'h.\x1b[31m\n'" in shown
    assert "\x1b" not in shown


@pytest.mark.parametrize(
    ("values", "shown"),
    [
        ((0.5, 0.25), "0.5 and 0.25"),
        ((0.0, -0.0), "0 and -0"),
        ((1, 3), "nan (0x7fc00001) and nan (0x7fc00003)"),
    ],
)
def test_bits_of_values(tmp_path: Path, values: tuple[float, float], shown: str) -> None:
    """They are shown where two values read alike."""
    for name, value in zip(("one", "other"), values, strict=True):
        array = np.full(3, value, np.float32)
        if isinstance(value, int):  # NaN with this payload
            array = (array.astype(np.uint32) + 0x7FC00000).view(np.float32)
        save_file({"w": array}, tmp_path / f"{name}.safetensors")
    done = run("diff", *(tmp_path / f"{name}.safetensors" for name in ("one", "other")))
    assert f"3 elements; first [0]: {shown}\n" in done.stdout


@pytest.mark.parametrize("command", ["init", "verify", "diff"])
def test_quiet(tmp_path: Path, manifest: Path, command: str) -> None:
    """Nothing is printed but errors, and what --json asks for."""
    out = tmp_path / "m.safetensors"
    if command != "init":
        Plan(manifest, seed=0).save(out)
    arguments = {
        "init": ("init", manifest, "--out", out),
        "verify": ("verify", out),
        "diff": ("diff", out, out),
    }[command]
    done = run(*arguments, "--quiet")
    assert (done.exit_code, done.output) == (0, "")
    assert json.loads(run(*arguments, "-q", "--json", *["--force"] * (command == "init")).stdout)
    wrong = run(*arguments[:-1], tmp_path / "no" / "such.safetensors", "-q")
    assert (wrong.exit_code, wrong.stderr.count("\n")) == (2, 1)


def test_threads(tmp_path: Path, manifest: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The limit holds during the command; 0 is not one."""
    seen = []

    def save(plan: Plan, *arguments: Any, **options: Any) -> Any:
        seen.append(fastinit.get_num_threads())
        return whole(plan, *arguments, **options)

    whole = Plan.save
    monkeypatch.setattr(Plan, "save", save)
    before = fastinit.get_num_threads()
    assert run("init", manifest, "--out", tmp_path / "m", "--threads", 3).exit_code == 0
    assert (seen, fastinit.get_num_threads()) == ([3], before)
    done = run("init", manifest, "--out", tmp_path / "m", "--threads", 0)
    assert (done.exit_code, "--threads" in done.stderr) == (2, True)


@pytest.mark.usefixtures("cupy")
def test_device(tmp_path: Path, manifest: Path, extension: fake_gpu.Extension) -> None:
    out = tmp_path / "m.safetensors"
    assert run("init", manifest, "--out", out, "--device", "cuda:1").exit_code == 0
    assert run("verify", out, "--device", "cuda:1").exit_code == 0
    assert {device for _, device, _ in extension.calls} == {1}
    assert run("verify", out).exit_code == 0


def test_device_without_memory(tmp_path: Path, manifest: Path, cupy: fake_gpu.Cupy) -> None:
    """It is an error like any other, not a traceback."""
    cupy.room = 1
    done = run("init", manifest, "--out", tmp_path / "m", "--device", "cuda")
    assert (done.exit_code, done.stderr.count("\n")) == (2, 1)
    assert re.search(r"fastinit: error: .* bytes on cuda:0: Out of memory allocating", done.stderr)


@pytest.mark.usefixtures("extension")
def test_device_without_cupy(tmp_path: Path, manifest: Path) -> None:
    """The remedies are those of a shell."""
    for options in ([], ["--dry-run"]):
        done = run("init", manifest, "--out", tmp_path / "m", "--device", "cuda", *options)
        assert (done.exit_code, done.stderr.count("\n")) == (2, 1)
        assert "CuPy" in done.stderr
        assert "out=" not in done.stderr


def test_dry_run(tmp_path: Path, manifest: Path) -> None:
    """It names the files and finds what is in the way, and writes nothing."""
    out = tmp_path / "m"
    options = ("init", manifest, "--out", out, "--shard-size", "10KB")
    done = run(*options, "--dry-run")
    assert done.exit_code == 0
    assert not out.exists()
    planned = json.loads(run(*options, "--dry-run", "--json").stdout)
    assert all(file in done.stdout for file in planned["files"])
    assert "would be written; nothing was" in done.stdout
    saved = json.loads(run(*options, "--json").stdout)
    assert (planned["files"], planned["size"]) == (saved["files"], saved["size"])
    assert planned["rules"] == saved["rules"]
    assert run(*options, "--dry-run").exit_code == 2
    again = json.loads(run(*options, "--dry-run", "--resume", "--json").stdout)
    assert (again["kept"], again["size"]) == (saved["files"], 0)


@pytest.mark.parametrize(
    ("out", "options"),
    [
        ("m.safetensors", []),
        ("folder", []),
        ("folder", ["--shard-size", "10KB"]),
        ("it's.safetensors", ["--only", "wte.*"]),
    ],
)
def test_printed_lines_load(tmp_path: Path, manifest: Path, out: str, options: list[str]) -> None:
    """The command ends with two lines of Python that load what it wrote."""
    done = run("init", manifest, "--out", tmp_path / out, *options)
    lines = done.stdout.splitlines()[-2:]
    found: dict[str, Any] = {}
    exec("\n".join(lines), found)
    drawn = Plan(manifest, seed=0).init(only=options[1] if "--only" in options else None)
    assert found["tensors"].keys() == drawn.keys()
    for name, array in drawn.items():
        check_bits(found["tensors"][name].numpy(), array)
    assert (
        json.loads(
            run("init", manifest, "--out", tmp_path / out, *options, "--force", "--json").stdout
        )["load"]
        == lines
    )


@pytest.mark.filterwarnings("ignore")  # of transformers
@pytest.mark.parametrize("out", ["folder", "model.safetensors"])
def test_printed_lines_load_a_model(tmp_path: Path, out: str) -> None:
    config = {"architectures": ["LlamaForCausalLM"], "model_type": "llama", "hidden_size": 8}
    config |= {"intermediate_size": 8, "num_attention_heads": 2, "num_hidden_layers": 1}
    path = tmp_path / "config.json"
    path.write_text(json.dumps(config | {"vocab_size": 20}), encoding="utf-8")
    done = run("init", path, "--out", tmp_path / out, *["--force"] * (out != "folder"))
    lines = done.stdout.splitlines()[-2:]
    assert lines[0] == "from transformers import LlamaForCausalLM"
    found: dict[str, Any] = {}
    exec("\n".join(lines), found)
    drawn = Plan(path, seed=0).init()
    for name, tensor in found["model"].state_dict().items():
        check_bits(tensor.numpy(), drawn[name])


def test_plan_says_what_is_left_alone_and_assumed(tmp_path: Path) -> None:
    tensors = [
        {"name": "h.0.weight", "shape": [4, 4]},
        {"name": "freqs", "shape": [2], "dtype": "complex64"},
    ]
    model = written({"model": "mine", "parameters": tensors}, tmp_path)
    done = run("plan", model)
    rows = [line.split() for line in done.stdout.splitlines()]
    assert ["h.0.weight", "1", "4", "x", "4", "Normal(std=0.02)", "weight"] in rows
    assert ["freqs", "1", "2,", "complex64", "left", "alone"] in rows
    assert "1 left alone" in done.stdout
    done = run("init", model, "--out", tmp_path / "m.safetensors")
    assert "left alone" in done.stdout
    assert "Assumed to be" in done.stdout


def test_model_type_that_no_recipe_serves(tmp_path: Path) -> None:
    """The error names the flag that asks for the guess."""
    manifest = written(MODEL | {"architecture": "zamba"}, tmp_path)
    done = run("plan", manifest)
    assert (done.exit_code, done.stderr.count("\n")) == (2, 1)
    assert "no recipe serves model_type='zamba'" in done.stderr
    assert "if that is right, pass --recipe default, or else" in done.stderr
    assert run("plan", manifest, "--recipe", "default").exit_code == 0


def test_rules_with_the_same_pattern(tmp_path: Path) -> None:
    """They say what else they ask for."""
    done = run("init", "vit-base", "--out", tmp_path / "m", "--dry-run")
    patterns = [line.split("  ")[0] for line in done.stdout.splitlines()]
    assert "**.weight of 1 axis" in patterns
    assert "**.weight" in patterns


def test_plan_against_another(manifest: Path) -> None:
    """The exit code is 1 if the plans differ; equal layers share a line."""
    assert run("plan", manifest, "--against", manifest).exit_code == 0
    done = run("plan", manifest, "--recipe", "small-init", "--against", manifest)
    assert done.exit_code == 1
    rows = [line.split() for line in done.stdout.splitlines()]
    assert "5 tensors are drawn alike, 0 differently" not in done.stdout
    assert ["wte.weight", "1", "distribution"] in [row[:3] for row in rows]
    assert "1 tensors are drawn alike, 4 differently" in done.stdout
    printed = run("plan", manifest, "--recipe", "small-init", "--against", manifest, "--json")
    data = json.loads(printed.stdout)
    assert (data["equal"], len(data["differences"])) == (1, 4)
    assert (data["first"]["recipe"], data["second"]["recipe"]) == ("small-init", "gpt2")
    some = run("plan", manifest, "--recipe", "small-init", "--against", manifest, "--only", "wte.*")
    assert "0 tensors are drawn alike, 1 differently" in some.stdout


@pytest.mark.parametrize("where", ["m.safetensors", "folder"])
def test_plan_against_a_checkpoint(manifest: Path, tmp_path: Path, where: str) -> None:
    """The plan that it carries counts, with its seed; a foreign one is a model."""
    Plan(manifest, seed=7, dtype="bfloat16").save(tmp_path / where)
    options = ("--seed", 7, "--dtype", "bfloat16", "--against", tmp_path / where)
    assert run("plan", manifest, *options).exit_code == 0
    done = run("plan", manifest, "--against", tmp_path / where)
    assert done.exit_code == 1
    assert "second: gpt2 by recipe gpt2, seed 7" in done.stdout
    save_file(Plan(manifest, seed=0).init(), tmp_path / "gpt2.safetensors")
    assert run("plan", manifest, "--against", tmp_path / "gpt2.safetensors").exit_code == 0


def test_models() -> None:
    lines = run("models").stdout.splitlines()
    assert [line.split()[0] for line in lines[2:]] == names(MODELS)
    assert max(map(len, lines)) <= 80
    assert [each["model"] for each in json.loads(run("models", "--json").stdout)] == names(MODELS)


def test_recipes() -> None:
    found = json.loads(run("recipes", "--json").stdout)
    assert [each["name"] for each in found] == fastinit.list_recipes()
    shown = run("recipes").stdout
    assert "fastinit recipe NAME shows the rules of one" in " ".join(shown.split())
    assert all(f"\n{each} " in shown for each in fastinit.list_recipes())
    assert "smollm3" in shown


@pytest.mark.parametrize("name", fastinit.list_recipes())
def test_recipe(name: str, tmp_path: Path) -> None:
    """There is a line for every rule; the JSON is a recipe."""
    lines = run("recipe", name).stdout.splitlines()
    (source,) = (k for k, line in enumerate(lines) if line.startswith(f"{name}: "))
    assert max(map(len, lines[:source])) <= 80
    rules = [line for line in lines[2:source] if not line.startswith(" ")]
    assert len(rules) == len(fastinit.recipe(name).rules)
    path = tmp_path / "mine.json"
    path.write_text(run("recipe", name, "--json").stdout, encoding="utf-8")
    assert fastinit.recipe(path) == fastinit.recipe(name)


def test_unknown_recipe() -> None:
    done = run("recipe", "gpt9")
    assert (done.exit_code, done.stderr.count("\n")) == (2, 1)


@pytest.mark.parametrize("arguments", [[], ["--help"]])
def test_help_names_models_and_recipes(arguments: list[str]) -> None:
    shown = " ".join(run(*arguments).output.split())
    assert f"Models: {', '.join(names(MODELS))};" in shown
    assert f"Recipes: {', '.join(fastinit.list_recipes())};" in shown


def test_without_a_command() -> None:
    """It is wrong usage, of which the help says what is right."""
    result = run()
    assert result.exit_code == 2
    assert result.output == run("--help").output


COMMANDS = [
    *(
        "init",
        "plan",
        "verify",
        "diff",
        "models",
        "recipes",
        "recipe",
        "recommend",
        "propagate",
        "info",
    ),
]


@pytest.mark.parametrize("columns", [80, 120])
@pytest.mark.parametrize("command", COMMANDS)
def test_help_has_examples(command: str, columns: int) -> None:
    """They keep their lines, within the terminal."""
    shown = run(command, "--help", columns=columns).stdout
    assert f"Examples:\n    fastinit {command}" in shown
    assert max(map(len, shown.splitlines())) <= columns


PAGE = Path(__file__).parents[2] / "docs" / "command-line.md"


@pytest.mark.skipif(not PAGE.exists(), reason="the pages are not beside the tests")
@pytest.mark.parametrize("command", ["", *COMMANDS])
def test_page_lists_all_options(command: str) -> None:
    shown = run(*command.split(), "--help").stdout
    page = PAGE.read_text("utf-8")
    options = set(re.findall(r"--[a-z][a-z-]+", shown)) - {"--help"}
    assert {option for option in options if f"`{option}`" not in page} == set()
    assert f"`fastinit {command}" in page


@pytest.mark.parametrize(
    ("words", "offered"),
    [
        (["ver"], ["verify"]),
        (["plan", "llama"], ["llama-3-8b", "llama-3.2-1b"]),
        (["plan", "gpt2", "--recipe", "ro"], ["roberta"]),
        (["plan", "gpt2", "--dtype", "bf"], ["bfloat16"]),
        (["init", "gpt2", "--device", ""], ["cpu", "cuda"]),
        (["recipe", "small"], ["small-init"]),
        (["plan", "path/to"], []),  # the shell offers files then
    ],
)
def test_completion(words: list[str], offered: list[str]) -> None:
    environment = {"COMP_WORDS": " ".join(["fastinit", *words]), "COMP_CWORD": str(len(words))}
    done = CliRunner().invoke(
        app, [], prog_name="fastinit", env={"_FASTINIT_COMPLETE": "complete_bash", **environment}
    )
    assert done.stdout.split() == offered
