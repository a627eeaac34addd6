"""Tables of the command line: where their cells fold, and in how many columns."""

import pytest

from fastinit.cli.groups import common_name, grouped
from fastinit.cli.tables import print_table
from fastinit.folding import Column, folded
from helpers.command_line import run


def joined(lines: list[str]) -> str:
    """A cell without its folds."""
    return "".join(line.strip() for line in lines).replace(" ", "")


@pytest.mark.parametrize(
    ("cell", "width", "lines"),
    [
        ("transformer.h.0.ln.weight", 25, ["transformer.h.0.ln.weight"]),
        ("transformer.h.0.ln.weight", 24, ["transformer.h.0.ln.", "  weight"]),
        ("transformer.h.0.ln.weight", 14, ["transformer.h.", "  0.ln.weight"]),
        ("(.*[._])?weight|bias", 18, ["(.*[._])?weight|", "  bias"]),
        ("(.*\\.)?h\\.(?P<k>[0-9]+)", 12, ["(.*\\.)?h\\.", "  (?P<k>[0-9", "  ]+)"]),
    ],
)
def test_names_fold_on_dots(cell: str, width: int, lines: list[str]) -> None:
    """Only a word that is longer than a line is folded within."""
    assert folded(cell, width, "name") == lines
    assert joined(lines) == cell


@pytest.mark.parametrize(
    ("cell", "width", "lines"),
    [
        ("Uniform(low=-0.5, high=0.5)", 17, ["Uniform(low=-0.5,", "  high=0.5)"]),
        ("Normal(std=0.02)", 12, ["Normal(", "  std=0.02)"]),
        ("64 x 3 x 7", 6, ["64 x", "  3 x", "  7"]),
        ("64 x 3 x 7", 7, ["64 x", "  3 x 7"]),
        ("left alone", 9, ["left", "  alone"]),
    ],
)
def test_texts_fold_between_words(cell: str, width: int, lines: list[str]) -> None:
    """Numbers and names stay whole."""
    assert folded(cell, width, "text") == lines
    assert joined(lines) == cell.replace(" ", "")


@pytest.mark.parametrize("columns", [40, 60, 80, 100, 120, 200])
@pytest.mark.parametrize("model", ["gpt2", "resnet-50", "vit-base"])
def test_width_of_tables(model: str, columns: int) -> None:
    """No line is wider than the terminal; where there is room, no cell is folded."""
    lines = run("plan", model, columns=columns).stdout.splitlines()
    table = [line for line in lines[1:] if "by recipe" not in line and " is " not in line]
    assert max(map(len, table)) <= columns
    continued = [line for line in table if line.startswith(" ")]
    if columns == 200 or (columns == 120 and model == "gpt2"):
        assert continued == []
    words = {word for line in table for word in line.replace(".", " ").split()}
    if columns >= 80:
        assert {"weight", "bias"} <= words
        assert not words & {"weigh", "ight", "eight", "wei", "bia", "normalizatio"}


def test_numbers_are_not_folded(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """They stand at the right, however narrow the terminal is."""
    monkeypatch.setenv("COLUMNS", "30")
    columns = [Column("Name", "name"), Column("Count", "number"), Column("Text")]
    print_table(columns, [["a.long.name.of.a.tensor", "1,234,567", "words and words"]])
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["Name", "Count", "Text"]
    assert max(map(len, lines)) <= 36  # 9 of the number, 12 of each other cell, and gaps
    assert " 1,234,567 " in lines[2]


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["a.b"], "a.b"),
        ([f"h.{k}.w" for k in range(8)], "h.0-7.w"),
        (["h.0.w", "h.2.w", "h.3.w"], "h.0,2-3.w"),
        ([f"h.{k}.w" for k in range(0, 10, 2)], "h.0,...,8.w"),
        ([f"h.{k}.e.{m}.w" for k in range(2) for m in range(3)], "h.0-1.e.0-2.w"),
    ],
)
def test_common_name(names: list[str], expected: str) -> None:
    assert grouped(names, str, len) == [names]
    assert common_name(names) == expected


def test_groups() -> None:
    """Names share a group if they differ in whole numbers only, and their keys are equal."""
    names = ["h.0.w", "h.1.w", "h.08.w", "h.8.w", "h.w1", "h.w2", "h.2.b"]
    apart = [[name] for name in ("h.08.w", "h.w1", "h.w2", "h.2.b")]
    found = grouped(names, str, len)
    assert found == [["h.0.w", "h.1.w", "h.8.w"], *apart]
    assert grouped(names[:2], str, str) == [["h.0.w"], ["h.1.w"]]
