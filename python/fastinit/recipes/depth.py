"""Schemes for deep residual networks that are rules over a model: Fixup, and checks of widths."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from fractions import Fraction

from fastinit.checks import positive_integer, shown
from fastinit.initializers import Constant, HeNormal, Initializer
from fastinit.recipes.context import Model, checked_model
from fastinit.recipes.patterns.pattern import Regex
from fastinit.recipes.recipe import Recipe
from fastinit.recipes.rule import Rule
from fastinit.recipes.scale import Scale

_FIXUP = (
    "Zhang et al., Fixup Initialization (arXiv 1901.09321), section 3: the last layer of each "
    "residual branch and the classifier are zero; other layers of branches are He's times "
    "L^(-1 / (2 m - 2)) for L branches of m layers; multipliers are 1 and biases 0"
)


def fixup(
    model: Model,
    branches: str = r"(.*\.)?layer\d+\.\d+",
    layers: str = r"conv(\d+)\.weight",
    head: str = r"(.*\.)?(fc|head|classifier|linear)\.weight",
) -> Recipe:
    """Return Fixup for a residual network without normalization, as a recipe for this model.

    Args:
        model: A manifest.
        branches: A regular expression for the names of residual blocks, such as "layer1.0".
        layers: A regular expression for the rest of the names of the weights of a branch, whose
            group 1 is the number of the layer in the branch.
        head: A regular expression for the weight of the classifier.

    Returns:
        A recipe for the layers of this model; its numbers L and m are those of the model.

    Raises:
        TypeError: ``model`` is not a manifest.
        ValueError: An expression is wrong, the model has no such blocks, or a block has a single
            layer.

    Example:
        >>> import fastinit
        >>> names = [f"layer1.{k}.conv{j}.weight" for k in range(4) for j in (1, 2)]
        >>> model = fastinit.Manifest.from_shapes(dict.fromkeys(names, (8, 8, 3, 3)))
        >>> plan = fastinit.Plan(model, fastinit.fixup(model), seed=0)
        >>> he = fastinit.HeNormal().resolve((8, 8, 3, 3)).std
        >>> round(plan["layer1.0.conv1.weight"].initializer.std / he, 3)  # 4^(-1/2)
        0.5
        >>> plan["layer1.0.conv2.weight"].initializer
        Constant(value=0)
    """
    found: dict[str, list[tuple[int, str]]] = {}
    checked_model(model, "model")
    expression = _expression(rf"(?P<block>{branches})\.(?P<layer>{layers})", branches, layers)
    for each in model.parameters:
        if (match := expression.fullmatch(each.name)) is not None:
            number = re.fullmatch(layers, match["layer"])
            assert number is not None
            found.setdefault(match["block"], []).append((int(number[1]), each.name))
    if not found:
        raise ValueError(
            f"no parameter of {model.model!r} is in a residual block by branches={branches!r} and "
            f"layers={layers!r}; pass the regular expressions of this model"
        )
    rules = []
    for block, members in found.items():
        ordered = sorted(members)
        if len(ordered) < 2:
            raise ValueError(f"the block {block!r} has one layer, and Fixup needs two or more")
        count = len(ordered)
        factor = Scale("layers", power=Fraction(-1, 2 * count - 2))
        for position, (_, name) in enumerate(ordered):
            drawn: Initializer = Constant(0)
            if position + 1 < count:
                shape = next(each.shape for each in model.parameters if each.name == name)
                drawn = factor.scaled(HeNormal().resolve(shape), len(found))
            rules.append(Rule(Regex(re.escape(name)), drawn))
    rest = (
        Rule(Regex(head), Constant(0)),
        Rule("**.bias", Constant(0)),
        Rule(Regex(r"(.*\.)?[^.]*bias[^.]*"), Constant(0)),
        Rule(Regex(r"(.*\.)?(scale|multiplier)"), Constant(1)),
        Rule("**.weight", Constant(1), ndim=1),
        Rule("**.weight", HeNormal()),
    )
    return Recipe(f"fixup of {model.model}", _FIXUP, (*rules, *rest))


def _expression(text: str, branches: str, layers: str) -> re.Pattern[str]:
    try:
        return re.compile(text)
    except re.error as error:
        given = f"branches={shown(branches)} and layers={shown(layers)}"
        raise ValueError(f"{given} are not regular expressions: {error}; correct them") from None


def hanin_rolnick(widths: Sequence[int]) -> float:
    """Return the sum of 1 / width over the hidden layers of a ReLU network.

    With weights of variance 2 / fan_in, the lengths of activations of different networks of this
    shape vary with exp(O(sum)): Hanin and Rolnick 2018 (arXiv 1803.01719, theorem 1). A sum far
    above 1 means that many of these networks cannot be trained; wider layers make it smaller.

    Args:
        widths: The widths of the hidden layers.

    Raises:
        TypeError: A width is not an integer.
        ValueError: A width is not positive.

    Example:
        >>> import fastinit
        >>> fastinit.hanin_rolnick([10] * 50), fastinit.hanin_rolnick([500] * 50)
        (5.0, 0.1)
    """
    return math.fsum(1 / positive_integer(width, "widths") for width in widths)
