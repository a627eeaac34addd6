"""Summaries of reports as lines of a terminal: plain ones, or with the styles of rich."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from fastinit.plots.summary import Summary

if TYPE_CHECKING:
    from rich.console import ConsoleOptions
    from rich.text import Text

_HEADING, _WRONG, _RIGHT = "bold", "red", "green"  # readable on dark and light
_NOTHING = "nothing is wrong"

Line = tuple[str, str]  # and its style


def plain(summary: Summary, width: int) -> str:
    """Return a summary as text without colors, whose cells and sentences are folded to a width."""
    lines = [summary.title]
    for caption, (head, body) in _tables(summary, width):
        lines += ["", *caption, *head, *body]
    said = [line for line, _ in _said(summary, width)]
    return "\n".join([*lines, *([""] if said else []), *said])


def styled(summary: Summary, options: ConsoleOptions) -> Iterator[Text]:
    """Yield the lines of a summary, as rich prints them.

    Sentences are not folded where rich is asked not to wrap.
    """
    from rich.text import Text

    width = options.max_width
    yield _line(summary.title, _HEADING)
    for caption, (head, body) in _tables(summary, width):
        yield from map(Text, ["", *caption])
        yield from styled_table(head, body, ascii_only=options.ascii_only)
    said = list(_said(summary, None if options.no_wrap else width))
    if said:
        yield Text("")
    for text, style in said:
        yield _line(text, style)


def styled_table(head: Sequence[str], body: Sequence[str], *, ascii_only: bool) -> Iterator[Text]:
    """Yield the lines of a table, with a rule below its titles."""
    for text in head:
        yield _line(text, _HEADING)
    if head:
        wide = max(map(len, (*head, *body)))
        yield _line(("-" if ascii_only else "─") * wide, "dim")
    for text in body:
        yield _line(text, "")


def _tables(
    summary: Summary, width: int
) -> Iterator[tuple[list[str], tuple[list[str], list[str]]]]:
    """Yield the caption of each table, where there are several, and its lines."""
    for caption, table in summary.tables:
        shown = f"{caption}:"
        yield [shown] if len(summary.tables) > 1 else [], table.folded(width)


def _said(summary: Summary, width: int | None) -> Iterator[Line]:
    """Yield the lines of notes and verdicts with their styles."""
    sentences = [(each, "") for each in summary.notes]
    if summary.verdicts is not None:
        sentences += [(f"! {each}", _WRONG) for each in summary.verdicts]
        sentences += [] if summary.verdicts else [(_NOTHING, _RIGHT)]
    for sentence, style in sentences:
        for line in _wrapped(sentence, width):
            yield line, style


def _wrapped(sentence: str, width: int | None) -> list[str]:
    if width is None:
        return [sentence]
    return textwrap.wrap(
        sentence, width, subsequent_indent="  ", break_long_words=False, break_on_hyphens=False
    )


def _line(text: str, style: str) -> Text:
    from rich.text import Text

    return Text(text, style, no_wrap=True, overflow="ignore")
