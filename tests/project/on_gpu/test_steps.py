"""Each step of ``benchmarks/on_gpu.sh``, with fakes in place of the GPU's software."""

import json
import tomllib
from importlib import metadata
from pathlib import Path
from types import SimpleNamespace

import pytest

from benchmarks import fill
from benchmarks.on_gpu import build, machine, steps, summary, sweep
from benchmarks.on_gpu.session import FAILED, PASSED, REFUSED, TIMED_OUT, Session, StopError
from helpers.cuda.sessions import Recorded, result_of

ROOT = Path(__file__).parents[3]


def test_suite(recorded: Recorded) -> None:
    """The tests of a card run, and none of them is not enough."""
    commands = recorded.prepare(
        (0, "...\n==== 31 passed, 2 skipped in 9s ====\n"), (0, "2 skipped")
    )
    assert steps.suite(recorded) == "31 passed, 2 skipped in 9s"
    assert commands[0][1:7] == ["-m", "pytest", "tests/cuda", "-m", "gpu", "-k"]
    with pytest.raises(StopError, match="no test ran: 2 skipped"):
        steps.suite(recorded)


def test_figures(recorded: Recorded) -> None:
    """A benchmark that has nothing to measure has not passed."""
    recorded.prepare((0, "normal float32 ..."), (0, "Nothing is measured, since CUDA is not here"))
    assert steps.figures(recorded) == "every result was checked before it was timed"
    with pytest.raises(StopError, match="since CUDA is not here"):
        steps.figures(recorded)
    variant = sweep.Variant("default", ())
    recorded.prepare((0, "Nothing is measured, since CUDA is not here"))
    with pytest.raises(StopError, match="since CUDA is not here"):
        sweep._rates(recorded, variant, None)


def test_jax(recorded: Recorded) -> None:
    """JAX may be missing, or be one for CPUs."""
    commands = recorded.prepare((0, "gpu\n"), (0, "he_normal ..."), (0, "cpu\n"), (1, "no jax"))
    assert steps.jax(recorded) == "every result was checked before it was timed"
    assert "benchmarks.jax_init" in commands[1]
    for output in ("cpu", "no jax"):
        with pytest.raises(StopError, match=f"sees no GPU: {output}") as caught:
            steps.jax(recorded)
        assert caught.value.status == REFUSED


def program(path: Path, body: str) -> None:
    path.write_text(f"#!/bin/sh\n{body}\n")
    path.chmod(0o755)


@pytest.mark.parametrize(
    ("body", "status", "note"),
    [
        (
            'echo "12 cases agree"',
            PASSED,
            "memcheck, racecheck, initcheck, synccheck found nothing",
        ),
        (
            "echo hazard; exit 86",
            FAILED,
            "memcheck: exit status 86: hazard; see memcheck in log.txt",
        ),
        ("echo Device not supported; exit 86", REFUSED, "refuses this device"),
        ("true", FAILED, "memcheck: no case ran"),
        (
            '[ "$2" = racecheck ] && sleep 60; echo 3 cases agree',
            TIMED_OUT,
            "racecheck: out of time",
        ),
    ],
)
def test_sanitizer(
    body: str, status: str, note: str, session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its findings, its refusal and its slowness are told apart."""
    fake = session.work / "compute-sanitizer"
    program(fake, body)
    monkeypatch.setattr(machine, "tool", lambda *_: str(fake))
    session.begin_step(1.5 if "sleep" in body else 20)
    if status == PASSED:
        assert steps.sanitizer(session) == note
        return
    with pytest.raises(StopError, match=note) as caught:
        steps.sanitizer(session)
    assert caught.value.status == status


@pytest.mark.parametrize(
    ("answer", "status", "note"),
    [
        ((0, 'log\n"ID","Value"\n"0","1"\n'), PASSED, "1 values in counters.csv"),
        ((1, "==ERROR== ERR_NVGPUCTRPERM"), REFUSED, "cannot read the counters here"),
        ((1, "Failed to initialize the profiler: LibraryNotLoaded"), REFUSED, "cannot read"),
        ((0, "==WARNING== No kernels"), FAILED, "no kernel was seen"),
        ((None, ""), TIMED_OUT, "out of time"),
    ],
)
def test_counters(
    answer: tuple[int | None, str],
    status: str,
    note: str,
    recorded: Recorded,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Clocks are left alone, and a machine that shows no counters is no failure."""
    monkeypatch.setattr(machine, "tool", lambda name, _: name)
    commands = recorded.prepare(answer)
    if status == PASSED:
        assert steps.counters(recorded) == note
        assert (recorded.out / "counters.csv").read_text() == '"ID","Value"\n"0","1"\n'
    else:
        with pytest.raises(StopError, match=note) as caught:
            steps.counters(recorded)
        assert caught.value.status == status
    place = commands[0].index("--clock-control")
    assert commands[0][place + 1] == "none"


def test_threads(
    recorded: Recorded, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Powers of two up to the number of processors; the benchmark takes these options."""
    commands = recorded.prepare((0, ""), (0, ""), (1, "fastinit is wrong"))
    monkeypatch.setattr("os.sched_getaffinity", lambda _: range(16))
    assert steps.threads(recorded) == "1,2,4,8,16 threads; one digest for all of them"
    monkeypatch.setattr("os.sched_getaffinity", lambda _: range(3))
    assert steps.threads(recorded) == "1,2 threads; one digest for all of them"
    assert commands[1][1:5] == ["-m", "benchmarks.fill", "--threads", "1,2"]
    with pytest.raises(StopError, match="fastinit is wrong"):
        steps.threads(recorded)
    monkeypatch.undo()
    fill.main([*commands[1][3:], "--threads", "1", "--size", "64", "--repeats", "1"])
    capsys.readouterr()
    title = "normal bfloat16: fastinit"
    report = result_of(recorded, "fill.json")
    assert {each["task"] for each in report["results"]} == set(steps.FILLS)
    assert f"| {title} |" in summary.page(recorded, {})
    report["settings"]["threads"] = [1, 2]
    twice = [{**each, "threads": 2} for each in report["results"]]
    for each in twice:
        each["values_per_second"] *= 2
    report["results"] += twice
    (recorded.out / "fill.json").write_text(json.dumps(report))
    page = summary.page(recorded, {})
    assert "| 10^9 values/s | 1 thread | 2 threads |" in page
    row = next(line for line in page.splitlines() if line.startswith(f"| {title} |"))
    assert row.count("(1.0x)") == row.count("(2.0x)") == 1


def test_missing_tools(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The message says what is needed, and headers inside torch are found."""
    with pytest.raises(StopError, match="no-such-tool, which makes tea, was not found"):
        machine.tool("no-such-tool", "makes tea")
    headers = tmp_path / "torch" / "include" / "pybind11"
    headers.mkdir(parents=True)
    (headers / "pybind11.h").touch()
    specs = {"torch": SimpleNamespace(submodule_search_locations=[str(tmp_path / "torch")])}
    monkeypatch.setattr("importlib.util.find_spec", specs.get)
    settings = machine.pybind11()
    assert settings["FASTINIT_PYBIND11_INCLUDE"] == str(tmp_path / "torch" / "include")
    assert (Path(settings["pybind11_DIR"]) / "pybind11Config.cmake").exists()
    specs.clear()
    with pytest.raises(StopError, match="pip install pybind11"):
        machine.pybind11()


def test_build(recorded: Recorded, monkeypatch: pytest.MonkeyPatch) -> None:
    """It compiles for the card alone, and puts the package and its version into one folder."""
    monkeypatch.setattr(machine, "tool", lambda name, _: name)
    monkeypatch.setattr(machine, "nvcc", lambda: "nvcc")
    usable = "usable: cuda:0 Test card"
    commands = recorded.prepare(*[(0, "")] * 3, (0, usable))
    assert build.build(recorded) == f"for sm_90: {usable}"
    assert "-DCMAKE_CUDA_ARCHITECTURES=90-real" in commands[0]
    assert "-DFASTINIT_CUDA_TUNING=" in commands[0]
    assert (recorded.site / "fastinit" / "__init__.py").exists()
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    (found,) = metadata.distributions(name=project["name"], path=[str(recorded.site)])
    assert found.version == project["version"]
    recorded.prepare(*[(0, "")] * 3, (1, "not usable: the driver is old"))
    with pytest.raises(StopError, match="cannot be used: not usable: the driver is old"):
        build.build(recorded)
    assert not recorded.is_built
