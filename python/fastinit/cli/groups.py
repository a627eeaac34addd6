"""Tables of tensors, with one line for those whose names differ only in numbers."""

from __future__ import annotations

import re
from collections.abc import Callable, Hashable, Iterable, Sequence
from typing import TypeVar

import typer

from fastinit.cli.tables import print_table
from fastinit.folding import Column

Item = TypeVar("Item")

_NUMBER = re.compile(r"(?<![^.])(?:0|[1-9][0-9]*)(?![^.])")
_MOST_RANGES = 4  # in one place of a name


def print_tensors(
    items: Sequence[Item],
    columns: Sequence[Column],
    *,
    name: Callable[[Item], str],
    key: Callable[[Item], Hashable],
    cells: Callable[[list[Item]], Sequence[str]],
    every: bool,
    most: int | None = None,
) -> None:
    """Print a row for each group of tensors with the same key, or for every tensor.

    Args:
        items: What is known of the tensors.
        columns: The columns after the names and numbers of tensors.
        name: Returns the name of a tensor.
        key: Returns what the tensors of a group share.
        cells: Returns the cells of a group in those columns.
        every: Whether each tensor has a row of its own, and none is left out.
        most: The most rows of groups; None for all.
    """
    groups = [[each] for each in items] if every else grouped(items, name, key)
    shown = groups if every else groups[:most]
    if shown:
        print_table(
            [Column("Tensor", "name"), Column("Count", "number"), *columns],
            [[_printable(common_name(map(name, g))), f"{len(g):,}", *cells(g)] for g in shown],
        )
    if left_out := sum(map(len, groups[len(shown) :])):
        typer.echo(f"and {left_out:,} more tensors; --all shows a line for each")


def grouped(
    items: Iterable[Item], name: Callable[[Item], str], key: Callable[[Item], Hashable]
) -> list[list[Item]]:
    """Group items with the same key whose names differ only in numbers."""
    groups: dict[Hashable, list[Item]] = {}
    for each in items:
        groups.setdefault((_NUMBER.sub("*", name(each)), key(each)), []).append(each)
    return list(groups.values())


def common_name(names: Iterable[str]) -> str:
    """Return one name for several; where numbers differ, they become ranges (``h.0-11.ln``)."""
    return ".".join(map(_merged, zip(*(name.split(".") for name in names), strict=True)))


def _printable(name: str) -> str:
    """Return a name as it is, or with escapes where a file has others than printable ones."""
    return name if name.isprintable() else ascii(name)


def _merged(part: tuple[str, ...]) -> str:
    if len(set(part)) == 1:
        return part[0]
    ranges: list[tuple[int, int]] = []
    for number in sorted(set(map(int, part))):
        if ranges and number == ranges[-1][1] + 1:
            ranges[-1] = (ranges[-1][0], number)
        else:
            ranges.append((number, number))
    shown = [str(first) if first == last else f"{first}-{last}" for first, last in ranges]
    if len(shown) > _MOST_RANGES:
        shown[1:-1] = ["..."]
    return ",".join(shown)
