"""Verdicts: what is wrong with a start, in words, and a remedy."""

from __future__ import annotations

import math

from fastinit.guide.advice import case_of, initializer_of, rule_for
from fastinit.guide.propagation.profile import Profile, growth
from fastinit.plans.explanation import short

_STEADY = 1.25  # factor per layer, up or down, of what is still called steady
_TOTAL = 1e4  # factor over all layers
_MOSTLY = 0.5  # fraction of values that are saturated
_NEARLY_ALL = 0.95  # fraction of units that are dead


def verdicts_of(profile: Profile) -> tuple[str, ...]:
    """Return what is wrong, with a remedy."""
    signals = [each.q for each in profile.layers]
    if not signals[-1] or math.isnan(signals[-1]):
        return (
            "the signal is 0: weights that are all 0 pass nothing on, and units that start alike "
            "stay alike; draw random weights",
        )
    remedy = _remedy(profile)
    growths = (
        _of_growth("the signal", signals),
        _of_growth("the gradient", [each.gradient for each in profile.layers], is_backward=True),
    )
    found = [said + remedy for said in growths if said]
    last = profile.layers[-1]
    if last.saturated > _MOSTLY and profile.activation.is_bounded:
        found.append(f"{last.saturated:.0%} of the last layer's values are saturated{remedy}")
    if last.dead > _NEARLY_ALL:
        found.append(f"{last.dead:.0%} of the last layer's units are dead for all inputs{remedy}")
    return tuple(found)


def _of_growth(what: str, values: list[float], *, is_backward: bool = False) -> str:
    """Return what a growth is called, or "" of a steady one.

    The first half of the layers is left out: there a signal may approach the level that it keeps.
    """
    late = values[(len(values) - 1) // 2 :]
    if is_backward:
        values, late = values[::-1], late[::-1]
    if math.isnan(values[-1]) or not values[-1]:
        return f"the mean square of {what} is 0"
    factor, total = growth(late), values[-1] / values[0]
    if 1 / _STEADY <= factor <= _STEADY and 1 / _TOTAL <= total <= _TOTAL:
        return ""
    verb = "grows" if total > 1 else "shrinks"
    per_layer = f"{verb} by a factor of {factor:.3g} per layer"
    return f"the mean square of {what} {per_layer}, {total:.1e} in all"


def _remedy(profile: Profile) -> str:
    case = case_of(profile.activation, "mlp")
    wanted = initializer_of(rule_for(case), case)
    if wanted == profile.initializer:
        return "; add normalization or residual connections"
    return f"; {short(wanted.to_dict())} fits {profile.activation.name}"
