"""Steps of ``benchmarks/on_gpu.sh`` that are slow, fail, or are run again."""

import json
import time
from collections.abc import Callable

import pytest

from benchmarks.on_gpu import __main__ as command
from benchmarks.on_gpu import machine
from benchmarks.on_gpu.session import FAILED, NOT_RUN, PASSED, TIMED_OUT, Session
from benchmarks.on_gpu.steps import Step
from helpers.cuda.sessions import CARD


def run(session: Session, *options: str, made_of: list[Step]) -> int:
    """Run the command with steps of the test's own."""
    return command.main([str(session.out), "--work", str(session.work), *options], made_of)


def statuses(session: Session) -> dict[str, str]:
    """Return the outcome of each step."""
    found = json.loads((session.out / "steps.json").read_text())
    return {name: each["status"] for name, each in found.items()}


@pytest.fixture
def card(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "card", lambda: CARD)


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
        "slow": TIMED_OUT,
        "broken": FAILED,
        "exit": FAILED,
        "good": PASSED,
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
