"""Sessions of ``benchmarks/on_gpu.sh`` without a card."""

import json
from typing import Any

from benchmarks.on_gpu.session import Card, Done, Session

CARD = Card("Test card", "90")


class Recorded(Session):
    """A session that starts nothing: it notes the commands and gives prepared answers."""

    def prepare(self, *answers: tuple[int | None, str]) -> list[list[str]]:
        self.answers, self.commands = list(answers), list[list[str]]()
        return self.commands

    def run(self, command: Any, section: str, **_: Any) -> Done:
        self.commands.append([str(word) for word in command])
        status, output = self.answers.pop(0)
        return Done(status, output, section)


def result_of(session: Session, name: str) -> dict[str, Any]:
    """Return what a step has written."""
    found: dict[str, Any] = json.loads((session.out / name).read_text())
    return found
