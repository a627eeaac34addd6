"""Masks of modules: drawn as ``init_`` draws them, applied, and handed to torch's pruning."""

import re
from typing import Any

import numpy as np
import pytest
import torch
from torch.nn.utils import prune

import fastinit
import fastinit.torch
from fastinit import HeNormal


def model() -> torch.nn.Sequential:
    torch.manual_seed(0)
    layers = torch.nn.Linear(8, 16), torch.nn.ReLU(), torch.nn.Linear(16, 4)
    return torch.nn.Sequential(*layers)


@pytest.fixture
def sparse() -> tuple[torch.nn.Sequential, dict[str, torch.Tensor]]:
    """A module with sparse weights, and its masks."""
    made = model()
    recipe = fastinit.sparse_recipe(made, 0.25, HeNormal())
    fastinit.torch.init_(made, recipe, seed=3)
    return made, fastinit.torch.draw_masks(made, recipe, seed=3)


def test_masks_are_those_of_the_values(
    sparse: tuple[torch.nn.Sequential, dict[str, torch.Tensor]],
) -> None:
    made, masks = sparse
    assert list(masks) == ["0.weight", "2.weight"]
    for name, mask in masks.items():
        assert mask.dtype == torch.bool
        assert not mask.requires_grad
        assert torch.equal(mask, made.get_parameter(name) != 0)
    kept = sum(int(mask.sum()) for mask in masks.values())
    assert abs(kept - 0.25 * (8 * 16 + 16 * 4)) <= 1


def test_masks_are_those_of_the_plan() -> None:
    made = model().to(torch.bfloat16)
    recipe = fastinit.sparse_recipe(made, 0.25, HeNormal())
    alone = fastinit.Plan(made, recipe, seed=3).masks()
    for name, mask in fastinit.torch.draw_masks(made, recipe, seed=3).items():
        assert np.array_equal(mask.numpy(), alone[name])
    only = fastinit.torch.draw_masks(made, recipe, seed=3, only="2.*")
    assert list(only) == ["2.weight"]


def test_masks_keep_a_trained_model_sparse(
    sparse: tuple[torch.nn.Sequential, dict[str, torch.Tensor]],
) -> None:
    made, masks = sparse
    optimizer = torch.optim.SGD(made.parameters(), lr=0.1)
    made(torch.ones(2, 8)).sum().backward()
    optimizer.step()
    assert bool((made.get_parameter("0.weight")[~masks["0.weight"]] != 0).any())
    kept = made.get_parameter("0.weight").detach().clone()
    assert fastinit.torch.apply_masks_(made, masks) is made
    weight = made.get_parameter("0.weight")
    assert torch.equal(weight, kept * masks["0.weight"] + 0)
    assert weight.requires_grad


def test_arrays_are_masks_too() -> None:
    made = model()
    mask = fastinit.mask((16, 8), 0.5, per="tensor", seed=0)
    fastinit.torch.apply_masks_(made, {"0.weight": mask})
    assert np.array_equal((made.get_parameter("0.weight") != 0).numpy(), mask)


def test_prune(sparse: tuple[torch.nn.Sequential, dict[str, torch.Tensor]]) -> None:
    """torch's own functions see and remove the masks."""
    made, masks = sparse
    before = {name: made.get_parameter(name).detach().clone() for name in masks}
    assert fastinit.torch.prune_(made, masks) is made
    assert prune.is_pruned(made)
    for name in masks:
        layer: Any = made.get_submodule(name.partition(".")[0])
        assert torch.equal(layer.weight_mask.bool(), masks[name])
        with torch.no_grad():
            layer.weight_orig.add_(1)
        layer(torch.ones(1, layer.in_features))
        assert torch.equal(layer.weight, (before[name] + 1) * masks[name])
        prune.remove(layer, "weight")  # type: ignore[no-untyped-call]
    assert dict(made.named_parameters()).keys() == dict(model().named_parameters()).keys()


def test_wrapped_modules() -> None:
    """Names are those without wrappers."""
    made = model()
    wrapped: Any = torch.compile(made, backend="eager")
    recipe = fastinit.sparse_recipe(made, 0.25, HeNormal())
    masks = fastinit.torch.draw_masks(wrapped, recipe, seed=3)
    fastinit.torch.apply_masks_(wrapped, masks)
    assert torch.equal(made.get_parameter("0.weight") != 0, masks["0.weight"])
    fastinit.torch.prune_(wrapped, masks)
    assert prune.is_pruned(made)


@pytest.mark.parametrize(
    ("masks", "error", "message"),
    [
        ({"weight": torch.ones(16, 8)}, ValueError, "the module has no parameter 'weight'"),
        ({"1.weight": torch.ones(16, 8)}, ValueError, "the module has no parameter '1.weight'"),
        (
            {"0.weight": torch.zeros(16, 8), "2.weight": torch.ones(16, 4)},
            ValueError,
            "the mask of '2.weight' has shape (16, 4), the parameter (4, 16)",
        ),
        ([torch.ones(16, 8)], TypeError, "masks is a list; pass a mapping"),
    ],
)
@pytest.mark.parametrize("name", ["apply_masks_", "prune_"])
def test_errors_come_before_anything_changes(
    name: str, masks: Any, error: type[Exception], message: str
) -> None:
    made = model()
    with pytest.raises(error, match=re.escape(message)):
        getattr(fastinit.torch, name)(made, masks)
    for mine, theirs in zip(made.parameters(), model().parameters(), strict=True):
        assert torch.equal(mine, theirs)
    with pytest.raises(TypeError, match="module is an int; pass a torch"):
        getattr(fastinit.torch, name)(7, {})


def test_prune_refuses_tied_parameters() -> None:
    """Each would be a parameter of its own afterwards, and one of them not pruned."""
    made = torch.nn.Sequential(torch.nn.Linear(4, 4), torch.nn.Linear(4, 4))
    made[1].weight = made[0].weight
    masks = {"1.weight": torch.ones(4, 4, dtype=torch.bool)}
    with pytest.raises(ValueError, match=r"'0\.weight' and '1\.weight' are one parameter"):
        fastinit.torch.prune_(made, masks)
    assert made[1].weight is made[0].weight
