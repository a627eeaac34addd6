"""Objects print as one line or one screen, and as HTML tables in notebooks."""

import dataclasses
import html.parser
from pathlib import Path
from typing import Any

import pytest

import fastinit
from fastinit import Constant, HeNormal, Manifest, Normal, Parameter, Plan, Recipe, Rule
from fastinit.tables import Table, count_text, on_screen, plural

TINY = {"a.weight": (4, 3), "a.bias": 4, "b.weight": (20000, 7)}


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Any:
    """What sets the size of the terminal."""

    def resize(columns: int, lines: int = 24) -> None:
        monkeypatch.setenv("COLUMNS", str(columns))
        monkeypatch.setenv("LINES", str(lines))

    resize(80)
    return resize


@pytest.mark.parametrize(
    ("made", "text"),
    [
        (
            Plan("gpt2", seed=0),
            "Plan(gpt2, recipe gpt2, seed 0, float32: 148 tensors, 124 M values)",
        ),
        (
            Plan("resnet-50", seed=1, dtype="bfloat16"),
            "Plan(resnet-50, recipe resnet, seed 1, bfloat16 and int64: 320 tensors, "
            "23.6 M values)",
        ),
        (
            Plan(
                [Parameter("w", (2,)), Parameter("z", (3,), dtype="float8_e8m0fnu")],
                Normal(),
                seed=2,
            ),
            "Plan(model, recipe Normal(), seed 2, float32: 1 tensor, 2 values, 1 left alone)",
        ),
        (Manifest.load("gpt2"), "Manifest(gpt2: 148 parameters, 1 tied, 124 M values)"),
        (
            Manifest.from_shapes({"w": 4, "running_mean": 4}),
            "Manifest(model: 1 parameter, 1 buffer, 8 values)",
        ),
        (fastinit.recipe("gpt2"), "Recipe(gpt2: 4 rules)"),
        (Recipe("r", "s", (Rule("**", Normal()),), dtype="float16"), "Recipe(r: 1 rule, float16)"),
        (Rule("**.bias", Constant(0)), "Rule('**.bias', Constant(value=0))"),
        (
            Rule("**", Normal(), ndim=2, settings={"std": "initializer_range"}, zero_row=0),
            "Rule('**', Normal(), ndim=2, settings={'std': 'initializer_range'}, zero_row=0)",
        ),
        (Parameter("w", (3, 4)), "Parameter('w', (3, 4))"),
        (Parameter("w", (), dtype="int8", value=0), "Parameter('w', (), dtype='int8', value=0)"),
        (
            Plan(TINY, HeNormal(), seed=0)["b.weight"],
            "TensorPlan('b.weight', (20000, 7), float32, Normal(std=0.5345224838248488))",
        ),
    ],
    ids=str,
)
def test_one_line(made: object, text: str) -> None:
    assert repr(made) == text


def test_checkpoints(tmp_path: Path) -> None:
    """What was saved, verified and compared; the HTML names what is wrong, and where."""
    plan, other = Plan(TINY, Normal(), seed=0), Plan(TINY, Normal(), seed=1)
    saved = plan.save(tmp_path / "one")
    assert repr(saved) == f"Saved({str(tmp_path / 'one')!r}: 3 tensors, {saved.size / 1000:.2f} kB)"
    assert "3 tensors, 8.03 GB" in repr(dataclasses.replace(saved, size=8_030_261_248))
    other.save(tmp_path / "two")
    good, bad = plan.verify(tmp_path / "one"), other.verify(tmp_path / "one")
    assert repr(good) == "Verification(ok, 3 as drawn)"
    assert repr(bad) == "Verification(not ok, 1 as drawn, 2 differs)"
    assert "<table" not in good._repr_html_()
    shown = cells_of(bad._repr_html_())
    assert shown[:3] == ["tensor", "status", "what is wrong"]
    assert shown[3:5] == ["a.weight", "differs"]
    assert shown[5].startswith("element [0, 0] should be ")
    assert shown[5].endswith("; 12 elements in all")
    same, differ = (fastinit.diff(tmp_path / "one", tmp_path / each) for each in ("one", "two"))
    assert repr(same) == "Comparison(ok, 3 equal)"
    assert repr(differ) == "Comparison(not ok, 2 differences, 1 equal)"
    assert cells_of(differ._repr_html_())[3:5] == ["a.weight", "12 of its elements differ"]


def test_problems_are_counted(tmp_path: Path) -> None:
    """A whole file may be wrong, as one beside which another belongs."""
    Plan(TINY, Normal(), seed=0).save(tmp_path, max_shard_size=100)
    found = fastinit.verify(tmp_path)
    assert repr(found) == "Verification(ok, 3 as drawn)"
    wrong = dataclasses.replace(found, problems=("a <file> is missing",))
    assert repr(wrong) == "Verification(not ok, 3 as drawn, 1 problem)"
    assert cells_of(wrong._repr_html_())[3:] == ["", "problem", "a <file> is missing"]


# ---- explanations: cut to a screen


def test_explanations_are_cut_to_the_terminal(terminal: Any) -> None:
    explanation = Plan("gpt2", seed=0).explain()
    for columns, lines in [(80, 24), (120, 50), (60, 10), (200, 400)]:
        terminal(columns, lines)
        shown = repr(explanation).splitlines()
        assert len(shown) <= max(lines, 8)
        assert max(map(len, shown)) <= columns
        assert shown[0].startswith("name")
        assert "n_f.bias " in shown[-1], "the last row is there"
        left_out = 148 - (len(shown) - 2) if lines < 400 else 0
        assert sum(f"... {left_out} more rows" in line for line in shown) == (lines < 400)
    assert repr(explanation).count("\n") == 148
    assert str(explanation).count("\n") == 148, "print shows all"


def test_narrow_terminals_leave_out_what_the_distribution_says(terminal: Any) -> None:
    terminal(80)
    explanation = Plan("gpt2", seed=0).explain()
    assert repr(explanation).splitlines()[0].split() == ["name", "shape", "dtype", "distribution"]
    assert "transformer.h.0.attn.c_attn.weight  768 x 2304 " in repr(explanation)
    rules = repr(explanation.by_rule()).splitlines()
    assert rules[0].split() == ["pattern", "parameters", "elements", "dtype", "distribution"]
    assert rules[1].startswith("**.h.{layer...roj.weight")
    terminal(120)
    assert repr(explanation.by_rule()) == str(explanation.by_rule())


def test_cells_are_shortened_in_the_middle(terminal: Any) -> None:
    terminal(30)
    table = Table(("name", "n"), [("a" * 30 + "b" * 30, "7")], frozenset("n"))
    assert table.screen("all").splitlines()[1] == "a" * 12 + "..." + "b" * 12 + "  7"
    assert table.text().splitlines()[1] == "a" * 30 + "b" * 30 + "  7"


# ---- HTML


class _Cells(html.parser.HTMLParser):
    """The texts of a table's cells; fails on tags that are not closed."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.cells: list[str] = []

    def handle_starttag(self, tag: str, attrs: Any) -> None:  # noqa: ARG002
        self.open.append(tag)
        if tag in ("td", "th"):
            self.cells.append("")

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] in ("td", "th"):
            self.cells[-1] += data


def cells_of(text: str) -> list[str]:
    parser = _Cells()
    parser.feed(text)
    parser.close()
    assert parser.open == []
    return parser.cells


def test_html_of_plans() -> None:
    """A caption and a row for each rule."""
    shown = Plan("gpt2", seed=0)._repr_html_()
    assert "<p>Plan(gpt2, recipe gpt2, seed 0, float32: 148 tensors, 124 M values)</p>" in shown
    assert cells_of(shown)[6:12] == [
        "**.h.{layer}.*.c_proj.weight",
        *("24", "35,389,440", "float32", "Normal(std=0.0040825)", "0.0040825"),
    ]


def test_html_is_cut() -> None:
    shown = cells_of(Plan("gpt2", seed=0).explain()._repr_html_())
    assert "... 109 more rows ..." in shown
    assert shown.count("name") == 1
    assert "transformer.ln_f.bias" in shown


def test_html_is_escaped() -> None:
    """Names come from files of unknown origin."""
    name = "<script>alert('&')</script>"
    plan = Plan([Parameter(name, (2, 2))], [("**", Normal())], seed=0)
    for shown in (plan._repr_html_(), plan.explain()._repr_html_()):
        assert "<script" not in shown
    assert name in cells_of(plan.explain()._repr_html_())
    named = Plan(Manifest("<b>", (Parameter("w", (2,)),)), Normal())
    assert "<p>Plan(&lt;b&gt;, " in named._repr_html_()


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (0, "0"),
        (9_999, "9,999"),
        (10_000, "10.0 k"),
        (999_400, "999 k"),
        (1_234_567, "1.23 M"),
        (8_030_261_248, "8.03 B"),
        (405 * 10**9, "405 B"),
        (10**13, "10.0 T"),
    ],
)
def test_counts(count: int, text: str) -> None:
    assert count_text(count) == text


def test_plurals() -> None:
    assert (plural(1, "row"), plural(0, "row"), plural(2000, "row")) == (
        "1 row",
        "0 rows",
        "2,000 rows",
    )


# ---- long texts, cut to a screen


@pytest.mark.parametrize("count", [1, 21, 22, 100])
def test_long_texts_are_cut_in_the_middle(count: int, terminal: Any) -> None:
    """All lines that fit are there, and a note says how many are not."""
    terminal(80, 24)
    lines = [f"line {k}" for k in range(count)]
    shown = on_screen("\n".join(lines)).splitlines()
    if count <= 21:
        assert shown == lines
    else:
        assert len(shown) == 21
        assert shown[13:15] == [f"... {count - 20} more lines; print() shows all ...", lines[-7]]
        assert shown[:13] == lines[:13]
        assert shown[14:] == lines[-7:]
