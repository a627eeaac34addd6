"""The CUDA benchmarks without a card, and the counts of instructions in machine code."""

import importlib
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import fastinit
from benchmarks import common, cuda, cuda_static, gpu, sass
from benchmarks.on_gpu import draws
from fastinit.native import _cpu
from helpers.cuda.fake_gpu import Cupy, CupyDevice, Extension, machine

TINY = ["--size", "65536", "--matrix", "16", "--batch", "3", "--repeats", "1", "--peers", ""]


@pytest.mark.parametrize(
    ("extension", "reason"),
    [(None, "this fastinit was built without"), (Extension(driver=0), "there is no NVIDIA driver")],
)
def test_without_a_card(
    extension: Extension | None,
    reason: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
) -> None:
    """It says why it measures nothing, writes nothing, and does not fail."""
    path = tmp_path / "cuda.json"
    with machine(monkeypatch, extension):
        assert cuda.main(["--json", str(path)]) == 0
    printed = capsys.readouterr().out
    assert printed.startswith(f"Nothing is measured, since CUDA is not usable: {reason}")
    assert not path.exists()


@pytest.fixture
def card(monkeypatch: pytest.MonkeyPatch) -> Iterator[Extension]:
    """A machine with a GPU and CuPy, both fakes."""
    made = Extension(capabilities=[(9, 0)])
    monkeypatch.setitem(sys.modules, "cupy", Cupy())
    monkeypatch.setattr(CupyDevice, "attributes", {"ClockRate": 1_980_000}, raising=False)
    with machine(monkeypatch, made):
        yield made


def test_checks_and_times(card: Extension, tmp_path: Path) -> None:  # noqa: ARG001
    """Every task is checked and has figures, beside cudaMemset."""
    path = tmp_path / "cuda.json"
    manifest = fastinit.Manifest.from_shapes({"wte.weight": (50, 8), "h.0.attn.bias": 7}, "gpt2")
    (tmp_path / "model.json").write_text(json.dumps(manifest.to_dict()))
    options = ["--model", str(tmp_path / "model.json"), "--json", str(path)]
    assert cuda.main([*TINY, *options]) == 0
    report = json.loads(path.read_text())
    tasks = [task.name for task in gpu.TASKS] + ["1000 tensors", "model"]
    tasks += ["orthogonal 16", "3 x orthogonal 64", "sparse 16"]
    for library in ("fastinit", "cudaMemset"):
        found = [each for each in report["results"] if each["library"] == library]
        assert [each["task"] for each in found] == tasks
        assert all(each["share"] > 0 for each in found)
    assert [each["what"] for each in report["checks"] if each["ok"]] == tasks
    assert report["environment"]["gpu"]["clock"] == 1.98e9


def test_parts_are_kept(
    card: Extension,  # noqa: ARG001
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What was measured before a failure is in the file."""
    path = tmp_path / "cuda.json"

    def fail(_: int) -> None:
        raise RuntimeError("later")

    monkeypatch.setattr(gpu, "small_plan", fail)
    with pytest.raises(RuntimeError, match="later"):
        cuda.main([*TINY, "--parts", "batch,small", "--json", str(path)])
    found = [each["task"] for each in json.loads(path.read_text())["results"]]
    assert found == ["3 x orthogonal 64"] * 2


def test_draws_for_a_profiler(card: Extension, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each kernel is launched once."""
    monkeypatch.setattr(draws, "MATRICES", ((3, 8, 8), (1, 16, 16)))
    assert draws.main(4096) == 0
    assert len(card.calls) == 8


def test_another_library(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A build of the module takes the place of the installed one, and other files are refused."""
    monkeypatch.setitem(sys.modules, "fastinit.native._cuda", None)
    with pytest.raises(ImportError, match="is not an extension module; pass one with --library"):
        gpu.use(tmp_path / "file.txt")
    module = tmp_path / "variant.py"
    module.write_text("compiler = 'nvcc of a variant'\n")
    gpu.use(module)
    assert importlib.import_module("fastinit.native._cuda").compiler == "nvcc of a variant"


def test_left_out(card: Extension, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: ARG001
    """What a library cannot do is left out, with the reason, and the rest is measured."""
    path = tmp_path / "cuda.json"
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    options = [*TINY[:-2], "--peers", "torch", "--parts", "orthogonal,small", "--json", str(path)]
    assert cuda.main(options) == 0
    report = json.loads(path.read_text())
    assert {(each["library"], each["what"], each["reason"]) for each in report["left_out"]} == {
        ("torch", "orthogonal 16", "this torch sees no GPU"),
        ("torch", "1000 tensors", "this torch sees no GPU"),
    }
    assert [each["library"] for each in report["results"]] == ["cudaMemset", "fastinit"] * 2


def test_wrong_answers(card: Extension, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is timed where the card draws other bytes than the CPU."""
    monkeypatch.setattr(card, "fill", lambda *_: None)
    with pytest.raises(SystemExit, match="fastinit is wrong, so nothing is timed"):
        cuda.main([*TINY, "--parts", "large"])


# ---- what is counted ----------------------------------------------------------------------------

# Two loops: the first stores 16 bytes in every iteration and has a detour of two instructions; the
# second stores 16 bytes or four times 4.
LISTING = """
//--------------------- .text._Z4fillv --------------------------
        .type           _Z4fillv,@function
_Z4fillv:
.text._Z4fillv:
        /*0000*/                   MOV R1, c[0x0][0x28] ;
        /*0010*/               @P0 BRA `(.L_x_3) ;
.L_x_0:
        /*0020*/                   IMAD.WIDE.U32 R4, R2, -0x2daee0ad, RZ ;
        /*0030*/                   BSSY B0, `(.L_x_2) ;
        /*0040*/               @P1 BRA `(.L_x_1) ;
        /*0050*/                   FADD R4, R4, 1 ;
        /*0060*/                   STL [R1], R4 ;
.L_x_1:
        /*0070*/                   BSYNC B0 ;
.L_x_2:
        /*0080*/                   STG.E.128 desc[UR4][R6.64], R8 ;
        /*0090*/                   STG.E.128.SYS [R6+0x10], R8 ;
        /*00a0*/                   ISETP.NE.AND P2, PT, R3, RZ, PT ;
        /*00b0*/              @!P2 BRA `(.L_x_0) ;
        /*00c0*/                   EXIT ;
.L_x_3:
        /*00d0*/               @P3 BRA `(.L_x_4) ;
        /*00e0*/                   STG.E desc[UR4][R6.64], R8 ;
        /*00f0*/                   STG.E desc[UR4][R6.64+0x4], R9 ;
        /*0100*/                   BRA.U UP0, `(.L_x_3) ;
        /*0110*/                   EXIT ;
.L_x_4:
        /*0120*/                   STG.E.128 desc[UR4][R6.64], R8 ;
        /*0130*/                   BRA `(.L_x_3) ;
.L_x_5:
        /*0140*/                   BRA `(.L_x_5);
"""


@pytest.fixture(scope="module")
def code() -> list[sass.Instruction]:
    """The function of the listing."""
    functions = sass.parse(LISTING.splitlines())
    assert list(functions) == ["_Z4fillv"]
    return functions["_Z4fillv"]


def test_instructions(code: list[sass.Instruction]) -> None:
    """All are read, with their predicates and labels, and the bytes that they store."""
    assert len(code) == 21
    assert (code[1].predicate, code[1].opcode, code[1].targets) == ("@P0", "BRA", [".L_x_3"])
    assert (code[2].labels, code[2].modifiers) == ((".L_x_0",), ".WIDE.U32")
    assert [each.stored for each in code if each.stored] == [16, 16, 4, 4, 16]


def test_control_flow(code: list[sass.Instruction]) -> None:
    """Blocks end at branches and labels; a conditional branch may fall through."""
    graph = sass.Graph(code)
    assert [len(block) for block in graph.blocks] == [2, 3, 2, 1, 4, 1, 1, 3, 1, 2, 1]
    assert graph.after == [
        *({1, 6}, {2, 3}, {3}, {4}, {1, 5}, set()),
        *({7, 9}, {6, 8}, set(), {6}, {10}),
    ]


def test_loops(code: list[sass.Instruction]) -> None:
    """Their bodies are found, and their shortest iterations through a block."""
    graph = sass.Graph(code)
    first, second, _ = sorted(graph.loops, key=lambda loop: loop.first)
    assert (set(first.body), set(second.body)) == ({1, 2, 3, 4}, {6, 7, 9})
    assert (len(first.instructions), len(first.shortest(4)), len(first.shortest(2))) == (10, 8, 10)
    assert first.is_on_every_iteration(4)
    assert (len(second.shortest(9)), len(second.shortest(7))) == (3, 4)
    assert not second.is_on_every_iteration(9)


def test_counts(code: list[sass.Instruction]) -> None:
    """A value of 4 bytes: 8 to 10 instructions store 32 bytes; a constant's 16 take 3."""
    found = cuda_static.counts(code, 4)
    assert (found["per_value"], found["per_value_most"]) == (1.0, 1.25)
    assert (found["constant"], found["spills"], found["instructions"]) == (3.0, 1, 21)


# A loop that draws and in which another one stores.
NESTED = """
//--------------------- .text._Z4nestv --------------------------
.L_x_0:
        /*0000*/                   IMAD.WIDE.U32 R4, R2, -0x2daee0ad, RZ ;
.L_x_1:
        /*0010*/                   FADD R4, R4, 1 ;
        /*0020*/               @P1 BRA `(.L_x_2) ;
        /*0030*/                   FADD R4, R4, 1 ;
.L_x_2:
        /*0040*/                   STG.E.128 desc[UR4][R6.64], R8 ;
        /*0050*/               @P2 BRA `(.L_x_1) ;
        /*0060*/               @P3 BRA `(.L_x_0) ;
        /*0070*/                   EXIT ;
"""


def test_nested_loops() -> None:
    """An inner loop counts once per iteration: 2 + 2 * 4 instructions store 32 bytes."""
    code = sass.parse(NESTED.splitlines())["_Z4nestv"]
    found = cuda_static.counts(code, 8)
    assert (found["per_value"], found["per_value_most"]) == (10 / 4, 12 / 4)
    assert found["constant"] is None


NAMES = {
    "fill_requests<Group32<NormalFormula, fastinit::BFloat16> >(fastinit::FillTable)": (
        "normal",
        "bfloat16",
    ),
    "fill_requests<Group64<ClampedUniformFormula> >(fastinit::FillTable)": (
        "clamped uniform",
        "float64",
    ),
    "fill_requests<Group32<TruncatedFormula<(fastinit::Truncation)1>, "
    "fastinit::Float8E4M3FN> >(X)": (
        "truncated wide symmetric",
        "float8_e4m3fn",
    ),
    "mask_requests(fastinit::FillTable)": (None, None),
}


@pytest.mark.parametrize("name", NAMES)
def test_titles(name: str) -> None:
    """The C++ name of a kernel says what it draws."""
    titles = cuda_static.titles(name)
    assert (titles["draw"], titles["dtype"]) == NAMES[name]


# ---- what was found -----------------------------------------------------------------------------

STATIC = common.read(common.RESULTS / "cuda_static.json")
BUDGET = {  # instructions per value on sm_90
    ("uniform", "float32"): 20,
    ("normal", "float32"): 44,
    ("normal", "bfloat16"): 48,
}


def found(architecture: str) -> dict[tuple[str, str], dict[str, Any]]:
    """The committed figures of the fills on one architecture."""
    return {
        (each["draw"], each["dtype"]): each
        for each in STATIC["results"]
        if each["architecture"] == architecture and each["draw"]
    }


OTHERS = ("constant", "orthogonal", "scatter")  # beside masks: not draws of a fill's main loop


def test_every_distribution_is_counted() -> None:
    """A new distribution needs new counts: CONTRIBUTING.md has the command."""
    counted = {draw for draw, _ in found("sm_90")}
    for name in _cpu.distributions:
        if name not in OTHERS and not name.endswith("_mask"):
            title = name.removesuffix("_normal").replace("_", " ")
            assert any(draw.startswith(title) for draw in counted), name


@pytest.mark.parametrize(("draw", "dtype"), BUDGET)
def test_budget(draw: str, dtype: str) -> None:
    """A value takes no more instructions than its budget, with every branch taken."""
    entry = found("sm_90")[draw, dtype]
    assert entry["per_value"] <= entry["per_value_most"] <= BUDGET[draw, dtype]


def test_registers() -> None:
    """Four blocks of 256 threads of a fill fit on a multiprocessor, and nothing is spilled."""
    for entry in STATIC["results"]:
        what = (entry["architecture"], entry["kernel"])
        assert (entry["stack"], entry["spills"]) == (0, 0), what
        if entry["draw"]:
            assert entry["registers"] <= 64, what


@pytest.mark.slow
def test_figures_are_those_of_the_code() -> None:
    """Where the same compiler built this module, the committed figures are its own."""
    library = cuda_static.built()
    if library is None:
        pytest.skip("this fastinit was built without CUDA")
    if cuda_static.compiler(library)["nvcc"] != STATIC["environment"]["nvcc"]:
        pytest.skip(f"the committed figures are of {STATIC['environment']['nvcc']}")
    measured = list(cuda_static.measure(library))
    built = {each["architecture"] for each in measured}
    expected = [each for each in STATIC["results"] if each["architecture"] in built]
    rank = cuda_static.rank
    assert sorted(measured, key=rank) == sorted(expected, key=rank)
