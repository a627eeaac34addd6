"""Pages of propagation profiles: their charts, and tables of all layers."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from itertools import groupby

from fastinit.guide.named import title_of
from fastinit.guide.profile import LayerSignal, Profile
from fastinit.plots.chart import Chart, HeatMap, LineChart, Series
from fastinit.plots.page import Page
from fastinit.tables import Table

_MEAN_SQUARE = "mean square"
_FULL = 4.0  # the factor per layer whose cell has the full color

# Title, label of the vertical axis, field, and field of what theory says of it.
_SIGNALS = (
    ("signal, forward", _MEAN_SQUARE, "q", "q_theory"),
    ("gradient, backward", _MEAN_SQUARE, "gradient", "gradient_theory"),
    ("correlation of two inputs", "correlation", "correlation", "correlation_theory"),
)
_FRACTIONS = (("saturated values", "saturated"), ("dead units", "dead"))


def page_of(profiles: Sequence[Profile], summary: Table) -> Page:
    """Return the page of profiles; ``summary`` has a row for each."""
    groups = {
        name: list(each) for name, each in groupby(profiles, key=lambda each: each.activation.name)
    }
    charts: list[Chart] = _heat_maps(groups) if len(groups) > 1 else []
    for name, group in groups.items():
        charts += _charts(group, f"{name}: " if len(groups) > 1 else "")
    verdicts = [
        f"{each.activation.name}, {label(each)}: {'; '.join(each.verdicts)}"
        for each in profiles
        if each.verdicts
    ]
    return Page(
        title=f"{', '.join(groups)}: signals in {len(profiles[0].layers)} layers",
        subtitle="Mean squares of signals forward and of gradients backward in a network of random "
        "weights. Theory is that of infinite width, given the layer before.",
        verdicts=tuple(verdicts),
        charts=tuple(charts),
        tables=(("Growth per layer, and the last layer", summary), *map(_table, profiles)),
    )


def label(profile: Profile) -> str:
    """Return what the initializer of a profile is called."""
    return title_of(profile.initializer)


def _charts(profiles: Sequence[Profile], prefix: str) -> list[Chart]:
    """Return the charts of profiles of one activation."""
    found: list[Chart] = []
    for title, y_label, field, theory in _SIGNALS:
        lines = [_line(each, label(each), field) for each in profiles]
        lines += [_line(each, "theory", theory) for each in profiles]
        is_log = y_label == _MEAN_SQUARE
        found.append(LineChart(prefix + title, "layer", y_label, tuple(lines), is_log))
    for title, field in _FRACTIONS:
        lines = [_line(each, label(each), field) for each in profiles]
        if any(value > 0 for line in lines for value in line.y):
            found.append(LineChart(prefix + title, "layer", "fraction", tuple(lines)))
    spectra = [
        Series(label(each), range(1, 1 + len(values)), values)
        for each in profiles
        if (values := each.singular_values) is not None
    ]
    if spectra:
        title = f"{prefix}singular values of the Jacobian"
        found.append(LineChart(title, "number", "singular value", tuple(spectra), may_be_log=True))
    return found


def _line(profile: Profile, name: str, field: str) -> Series:
    x = [layer.layer for layer in profile.layers]
    y = [getattr(layer, field) for layer in profile.layers]
    return Series(name, x, y, is_theory=field.endswith("_theory"))


def _heat_maps(groups: dict[str, list[Profile]]) -> list[Chart]:
    """Return the growth of signals and of gradients for each activation and initializer."""
    columns = tuple(dict.fromkeys(label(each) for group in groups.values() for each in group))

    def heat_map(title: str, growth: Callable[[Profile], float]) -> HeatMap:
        rows = [{label(each): growth(each) for each in group} for group in groups.values()]
        growths = [[row[column] for column in columns] for row in rows]
        return HeatMap(
            title,
            tuple(groups),
            columns,
            tuple(tuple(map(_strength, row)) for row in growths),
            tuple(tuple(map(_text, row)) for row in growths),
        )

    return [
        heat_map("growth of the signal per layer", lambda each: each.forward),
        heat_map("growth of the gradient per layer, backward", lambda each: each.backward),
    ]


def _strength(factor: float) -> float:
    """Return -1 to 1 of a factor: 0 for 1, -1 for a signal that ends."""
    if math.isnan(factor) or factor <= 0:
        return -1.0
    return max(-1.0, min(1.0, math.log(factor) / math.log(_FULL)))


def _text(factor: float) -> str:
    return "0" if math.isnan(factor) else f"{factor:.3g}"


def _table(profile: Profile) -> tuple[str, Table]:
    """Return a table of all layers."""
    rows = [
        [f"{getattr(layer, field):.4g}" for field in LayerSignal.__dataclass_fields__]
        for layer in profile.layers
    ]
    titles = [field.replace("_", " ") for field in LayerSignal.__dataclass_fields__]
    caption = f"{profile.activation.name}, {label(profile)}"
    return caption, Table(titles, rows, frozenset(titles))
