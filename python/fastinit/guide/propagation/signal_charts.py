"""Charts of propagation profiles: signals and gradients, layer by layer, and maps of growth."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence

from fastinit.guide.propagation.profile import Profile
from fastinit.plots.chart import Chart, HeatMap, LineChart, Series

_MEAN_SQUARE = "mean square"
_FULL = 4.0  # the factor per layer whose cell has the full color

# Title, label of the vertical axis, field, and field of what theory says of it.
_SIGNALS = (
    ("signal, forward", _MEAN_SQUARE, "q", "q_theory"),
    ("gradient, backward", _MEAN_SQUARE, "gradient", "gradient_theory"),
    ("correlation of two inputs", "correlation", "correlation", "correlation_theory"),
)
_FRACTIONS = (("saturated values", "saturated"), ("dead units", "dead"))


def charts_of(groups: Mapping[str, Sequence[Profile]]) -> tuple[Chart, ...]:
    """Return the charts of profiles, which are grouped by the name of their activation."""
    found: list[Chart] = _heat_maps(groups) if len(groups) > 1 else []
    for name, group in groups.items():
        found += _charts(group, f"{name}: " if len(groups) > 1 else "")
    return tuple(found)


def _charts(profiles: Sequence[Profile], prefix: str) -> list[Chart]:
    """Return the charts of profiles of one activation."""
    found: list[Chart] = []
    for title, y_label, field, theory in _SIGNALS:
        lines = [_line(each, each.label, field) for each in profiles]
        lines += [_line(each, "theory", theory) for each in profiles]
        is_log = y_label == _MEAN_SQUARE
        found.append(LineChart(prefix + title, "layer", y_label, tuple(lines), is_log))
    for title, field in _FRACTIONS:
        lines = [_line(each, each.label, field) for each in profiles]
        is_meant = field != "saturated" or profiles[0].activation.is_bounded
        if is_meant and any(value > 0 for line in lines for value in line.y):
            found.append(LineChart(prefix + title, "layer", "fraction", tuple(lines)))
    spectra = [
        Series(each.label, range(1, 1 + len(values)), values)
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


def _heat_maps(groups: Mapping[str, Sequence[Profile]]) -> list[Chart]:
    """Return the growth of signals and of gradients for each activation and initializer."""
    columns = tuple(dict.fromkeys(each.label for group in groups.values() for each in group))

    def heat_map(title: str, growth: Callable[[Profile], float]) -> HeatMap:
        rows = [{each.label: growth(each) for each in group} for group in groups.values()]
        growths = [[row[column] for column in columns] for row in rows]
        return HeatMap(
            title,
            tuple(groups),
            tuple(each.removesuffix("()") for each in columns),
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
