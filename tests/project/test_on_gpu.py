"""``benchmarks/on_gpu.sh`` without a card: its steps with fakes in place of the GPU's software."""

import ctypes
import json
import subprocess
import sys
import time
import tomllib
from collections.abc import Callable
from importlib import metadata
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from benchmarks import fill, gpu
from benchmarks.on_gpu import __main__ as command
from benchmarks.on_gpu import build, machine, steps, summary, sweep
from benchmarks.on_gpu.session import (
    FAILED,
    NOT_RUN,
    PASSED,
    REFUSED,
    TIMED_OUT,
    Card,
    Done,
    Session,
    StopError,
)
from benchmarks.on_gpu.steps import Step

ROOT = Path(__file__).parents[2]
CARD = Card("Test card", "90")


@pytest.fixture
def session(tmp_path: Path) -> Session:
    """A run that has a minute, and a build of nothing."""
    out, work = tmp_path / "out", tmp_path / "work"
    out.mkdir()
    (work / "site").mkdir(parents=True)
    return Session(out, work, CARD, time.monotonic() + 60)


def run(session: Session, *options: str, made_of: list[Step]) -> int:
    """Run the command with steps of the test's own."""
    return command.main([str(session.out), "--work", str(session.work), *options], made_of)


def statuses(session: Session) -> dict[str, str]:
    """The outcome of each step."""
    found = json.loads((session.out / "steps.json").read_text())
    return {name: each["status"] for name, each in found.items()}


@pytest.fixture
def card(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "card", lambda: CARD)


# ---- the command --------------------------------------------------------------------------------


def test_without_a_card(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """It says so in one line, builds nothing, and does not fail."""
    why = machine.card("no-such-library.so")
    assert why == "there is no NVIDIA driver (libcuda.so.1)"
    monkeypatch.setattr(machine, "card", lambda: why)
    paths = [tmp_path / "out", tmp_path / "work"]
    assert command.main([str(paths[0]), "--work", str(paths[1])]) == 0
    assert capsys.readouterr().out == f"Nothing is built or measured, because {why}.\n"
    assert not any(path.exists() for path in paths)


def test_script() -> None:
    """It runs the command from any folder, with the Python that it is given."""
    done = subprocess.run(
        ["sh", ROOT / "benchmarks" / "on_gpu.sh", "--list"],
        cwd="/",
        env={"PYTHON": sys.executable, "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=True,
    )
    names = [line.split()[0] for line in done.stdout.splitlines()]
    assert names == [
        "build",
        "suite",
        "figures",
        "jax",
        "sweep",
        "sanitizer",
        "counters",
        "threads",
    ]


def test_standard_library_alone() -> None:
    """Until fastinit is built, nothing else is imported."""
    code = "import sys, benchmarks.on_gpu.__main__; print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-S", "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    roots = {name.partition(".")[0] for name in done.stdout.split()}
    assert roots - sys.stdlib_module_names <= {"__main__", "benchmarks"}


def test_time_of_all_steps() -> None:
    """Even if each takes all of its time, only the last three may be left out."""
    assert sum(step.limit for step in steps.STEPS[:-3]) <= 8 * 60
    assert [step.name for step in steps.STEPS if not step.needs_build] == ["build"]


class Driver:
    """A driver with one GPU, or a failing one."""

    def __init__(self, status: int = 0, count: int = 1) -> None:
        self.status, self.count = status, count

    def cuInit(self, _: int) -> int:  # noqa: N802
        return self.status

    def cuDeviceGetCount(self, count: Any) -> int:  # noqa: N802
        count._obj.value = self.count
        return 0

    def cuDeviceGet(self, *_: Any) -> int:  # noqa: N802
        return 0

    def cuDeviceGetName(self, name: Any, *_: Any) -> int:  # noqa: N802
        name.value = b"Driver's card"
        return 0

    def cuDeviceGetAttribute(self, value: Any, attribute: int, _: Any) -> int:  # noqa: N802
        value._obj.value = {75: 12, 76: 0}[attribute]
        return 0


@pytest.mark.parametrize(
    ("driver", "found"),
    [
        (Driver(), Card("Driver's card", "120")),
        (Driver(status=999), "the driver sees no GPU (cuInit: 999)"),
        (Driver(count=0), "the driver sees no GPU"),
    ],
)
def test_card(driver: Driver, found: Card | str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ctypes, "CDLL", lambda _: driver)
    assert machine.card() == found


# ---- steps --------------------------------------------------------------------------------------


def sleeping(session: Session) -> str:
    """A slow step: a program whose child would go on after it."""
    session.run(["sh", "-c", "echo begun; sleep 60 & wait"], "slow").needed()
    return "never"


def failing(_: Session) -> str:
    raise ValueError("a bug")


@pytest.mark.usefixtures("card")
def test_isolation(session: Session) -> None:
    """A slow step and a failing one do not hide those after them."""
    made_of = [
        Step("slow", "sleep", 0.5, sleeping),
        Step("broken", "raise", 5, failing),
        Step(
            "exit", "exit", 5, lambda run: run.run(["sh", "-c", "exit 3"], "exit").needed().output
        ),
        Step("good", "pass", 5, lambda run: run.run(["echo", "well"], "good").needed().last_line),
    ]
    assert run(session, made_of=made_of) == 1
    assert statuses(session) == {
        **{"slow": TIMED_OUT, "broken": FAILED, "exit": FAILED, "good": PASSED},
    }
    log = (session.out / "log.txt").read_text()
    assert "\nexit status None\n" in log
    assert "in failing" in log.partition("==== broken\n")[2]
    page = (session.out / "summary.md").read_text()
    assert page.startswith("# fastinit on Test card (sm_90)\n")
    for line in (
        "| slow | timed out |",
        "| ValueError: a bug; see broken in log.txt |",
        "exit status 3",
        "| well |",
    ):
        assert line in page


def test_output_of_a_slow_program(session: Session) -> None:
    """What it has printed before its time was over is in the log."""
    session.end = session.step_end = time.monotonic() + 600
    for limit in (0.5, 5, 50):  # the first is too short where the machine is busy
        done = session.run(["sh", "-c", "echo begun; sleep 600 & wait"], "slow", limit=limit)
        if done.output:
            break
    assert (done.status, done.output) == (None, "begun\n")
    assert "begun\n\nexit status None\n" in (session.out / "log.txt").read_text()


@pytest.mark.usefixtures("card")
def test_time_is_spent(session: Session) -> None:
    """A step for which no time is left is not run, and that is no failure of its own."""
    assert run(session, "--minutes", "0.01", made_of=[Step("late", "raise", 5, failing)]) == 0
    assert statuses(session) == {"late": NOT_RUN}


@pytest.mark.usefixtures("card")
def test_one_step_again(session: Session) -> None:
    """A named step replaces its own outcome alone; without a build, that comes first."""
    ran: list[str] = []

    def noting(name: str) -> Callable[[Session], str]:
        def note(session: Session) -> str:
            ran.append(name)
            session.site.mkdir(exist_ok=True)
            return f"run {len(ran)}"

        return note

    made_of = [
        Step("build", "make", 5, noting("build"), needs_build=False),
        Step("first", "note", 5, noting("first")),
        Step("second", "note", 5, noting("second")),
    ]
    session.site.rmdir()
    assert run(session, made_of=made_of) == 0
    assert run(session, "--step", "second", made_of=made_of) == 0
    assert ran == ["build", "first", "second", "second"]
    page = (session.out / "summary.md").read_text()
    assert "| run 2 |" in page
    assert "| run 4 |" in page
    session.site.rmdir()
    assert run(session, "--step", "first", made_of=made_of) == 0
    assert ran[-2:] == ["build", "first"]


@pytest.mark.usefixtures("card")
def test_no_build(session: Session) -> None:
    """Where the build fails, nothing runs with an older one."""
    session.site.rmdir()
    made_of = [
        Step("build", "raise", 5, failing, needs_build=False),
        Step("suite", "raise", 5, failing),
    ]
    assert run(session, made_of=made_of) == 1
    assert statuses(session) == {"build": FAILED, "suite": NOT_RUN}


class Recorded(Session):
    """A session that starts nothing: it notes the commands and gives prepared answers."""

    def prepare(self, *answers: tuple[int | None, str]) -> list[list[str]]:
        self.answers, self.commands = list(answers), list[list[str]]()
        return self.commands

    def run(self, command: Any, section: str, **_: Any) -> Done:
        self.commands.append([str(word) for word in command])
        status, output = self.answers.pop(0)
        return Done(status, output, section)


@pytest.fixture
def recorded(session: Session) -> Recorded:
    return Recorded(session.out, session.work, CARD, session.end)


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
    report = _read(recorded, "fill.json")
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


# ---- variants -----------------------------------------------------------------------------------


def test_variants() -> None:
    """Each is told apart by its name, and sets numbers that csrc/cuda/tuning.h has."""
    text = (ROOT / "csrc" / "cuda" / "tuning.h").read_text()
    names = [variant.name for variant in sweep.VARIANTS]
    assert len(set(names)) == len(names)
    for variant in sweep.VARIANTS:
        for number in variant.tuning:
            assert f"#ifndef FASTINIT_{number.partition('=')[0]}\n" in text


def test_tasks_of_variants() -> None:
    """They are tasks of the benchmark, so that something is measured."""
    names = {task.name for task in gpu.TASKS}
    assert set(sweep.TASKS.split(",")) <= names


def test_sweep(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    """A variant that cannot be built or measured does not hide the others."""

    def built(session: Session, name: str, _: Any) -> Path:
        if name == "unbuilt":
            raise StopError(FAILED, "no compiler")
        return session.work / f"{name}.so"

    def measured(_: Session, command: list[str], section: str, **__: Any) -> Done:
        path = Path(command[command.index("--json") + 1])
        entries = [
            {"task": "normal float32", "library": library, "values_per_second": 2e11}
            for library in ("cudaMemset", "fastinit")
        ]
        path.write_text(json.dumps({"results": entries}))
        return Done(1 if section == "sweep-wrong" else 0, "fastinit is wrong", section)

    monkeypatch.setattr(sweep, "build_variant", built)
    monkeypatch.setattr(Session, "run", measured)
    variants = [sweep.Variant(name, ("FILL_THREADS=1",)) for name in ("unbuilt", "wrong", "good")]
    with pytest.raises(StopError, match=r"not measured: unbuilt, wrong; sweep\.json says why"):
        sweep.sweep(session, variants)
    assert sweep.rates(session) == {"normal float32": {"default": 2e11, "good": 2e11}}
    found = {each["variant"]: each["problem"] for each in _read(session, "sweep.json")["results"]}
    assert (found["unbuilt"], found["good"]) == ("no compiler", None)
    assert "fastinit is wrong" in found["wrong"]
    assert sweep.sweep(session, variants[2:]) == "2 variants"


def _read(session: Session, name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((session.out / name).read_text())
    return found


# ---- the page -----------------------------------------------------------------------------------


def figure(task: str, library: str, seconds: float, size: float, share: float) -> dict[str, Any]:
    return {
        "task": task,
        "library": library,
        "seconds": {"median": seconds},
        "bytes_per_second": size / seconds,
        "values_per_second": size / seconds / (2 if "bfloat16" in task else 4),
        "share": share,
    }


def test_page(session: Session) -> None:
    """Each figure stands beside its limit and its peers; goals are met, missed or open."""
    results = [
        figure("normal float32", "cudaMemset", 1e-3, 1e9, 1.0),
        figure("normal float32", "fastinit", 1.25e-3, 1e9, 0.8),
        figure("normal float32", "torch", 2.5e-3, 1e9, 0.4),
        figure("uniform float32", "fastinit", 2e-3, 1e9, 0.5),
        figure("normal bfloat16", "fastinit", 1e-3, 7e8, 0.7),
        figure("model", "fastinit", 1e-2, 1e10, 1.0),
    ]
    gpu = {"multiprocessors": 100, "clock": 1e9}
    report = {"environment": {"gpu": gpu}, "results": results}
    (session.out / "cuda.json").write_text(json.dumps(report))
    rates = [
        {"variant": "default", "rates": {"normal float32": 2e11}},
        {"variant": "good", "rates": {"normal float32": 2.5e11}},
    ]
    (session.out / "sweep.json").write_text(json.dumps({"results": rates}))
    page = summary.page(session, {"suite": {"status": PASSED, "seconds": 3.0, "note": "a | b"}})
    assert "| suite | passed | 3 s | a / b |" in page
    assert "| normal float32, share of `cudaMemset`'s rate | 0.8 | 0.80 | met |" in page
    assert "| uniform float32, share of `cudaMemset`'s rate | 0.9 | 0.50 | **missed** |" in page
    # 100 multiprocessors at 1 GHz issue 12.8e12 lanes, a value of 35 takes: 366e9 values/s.
    assert "per value | 0.85 | 0.96 | met |" in page
    assert "| 1024 x orthogonal 64, speedup over torch | 20 | – | – |" in page  # noqa: RUF001
    assert "| normal float32 | 1.25 ms | 800 | 80 % | 1000 (80 %, **refuted**) | 2.0x |" in page
    assert "| normal float32 | good | 1.000 | 1.250 |" in page


def test_page_without_figures(session: Session) -> None:
    page = summary.page(session, {"build": {"status": FAILED, "seconds": 1.0, "note": "why"}})
    assert page.splitlines()[-1] == "| build | failed | 1 s | why |"
