"""Models in wrappers have the names, probes, scales and recipes of the models that these wrap."""

from collections.abc import Callable

import pytest
import torch
from torch import nn
from torch.distributed.algorithms._checkpoint.checkpoint_wrapper import checkpoint_wrapper

import fastinit
import fastinit.torch
from fastinit.torch.shards.wrappers import own_names


def built() -> nn.Sequential:
    torch.manual_seed(0)
    inner = nn.Sequential(nn.Linear(8, 16), nn.Tanh())
    return nn.Sequential(nn.Linear(8, 8), inner, nn.Linear(16, 4))


def compiled(model: nn.Sequential) -> nn.Module:
    return torch.compile(model, backend="eager")  # type: ignore[return-value]


def with_compiled_part(model: nn.Sequential) -> nn.Module:
    model[1] = torch.compile(model[1], backend="eager")  # type: ignore[assignment]
    return model


def with_checkpointed_part(model: nn.Sequential) -> nn.Module:
    model[1] = checkpoint_wrapper(model[1])
    return model


def parallel(model: nn.Sequential) -> nn.Module:
    return nn.DataParallel(with_checkpointed_part(model))


WRAPPERS = (compiled, with_compiled_part, with_checkpointed_part, parallel)
Wrapper = Callable[[nn.Sequential], nn.Module]
BATCH = torch.linspace(-1, 1, 64 * 8).reshape(64, 8).sin()


@pytest.mark.parametrize("wrap", WRAPPERS)
def test_probe(wrap: Wrapper) -> None:
    model = wrap(built())
    modules = list(model.modules())
    report = fastinit.torch.probe(model, BATCH, torch.sum)
    assert report.to_dict() == fastinit.torch.probe(built(), BATCH, torch.sum).to_dict()
    assert list(model.modules()) == modules  # the wrappers are back


@pytest.mark.parametrize("wrap", WRAPPERS)
def test_balance(wrap: Wrapper) -> None:
    """The recipe is the same, and draws what the model has."""
    for batch in (BATCH, None):
        model = wrap(built())
        report = fastinit.torch.balance_(model, batch, "default", seed=0)
        plain = built()
        expected = fastinit.torch.balance_(plain, batch, "default", seed=0)
        assert report.recipe == expected.recipe
        assert report.rows == expected.rows
        own = own_names(model)
        values = {own[name]: value for name, value in model.named_parameters()}
        assert all(torch.equal(values[name], value) for name, value in plain.named_parameters())


@pytest.mark.parametrize("wrap", WRAPPERS)
def test_lsuv(wrap: Wrapper) -> None:
    report = fastinit.torch.lsuv_(wrap(built()), BATCH, seed=0)
    expected = fastinit.torch.lsuv_(built(), BATCH, seed=0)
    assert [row.layer for row in report.rows] == ["0", "1.0", "2"]
    assert report.rows == expected.rows


@pytest.mark.parametrize("wrap", WRAPPERS)
def test_recommend_recipe(wrap: Wrapper) -> None:
    model = wrap(built())
    found = fastinit.torch.recommend_recipe(model)
    assert found.to_dict() == fastinit.torch.recommend_recipe(built()).to_dict()
    fastinit.torch.init_(model, found.recipe, seed=0)
    assert fastinit.torch.recommend_recipe(model).differences() == []


def test_compare() -> None:
    """Runs of wrapped models name gradients as the recipe names parameters."""
    data = (BATCH, (BATCH[:, 0] > 0).long())
    starts = {"he": fastinit.HeNormal()}
    runs = [
        fastinit.torch.compare(build, starts, data, steps=2, seeds=1, progress=False).runs
        for build in (built, lambda: parallel(built()))
    ]
    assert runs[0] == runs[1]
    assert [each.name for each in runs[1][0].gradients][:2] == ["0.weight", "0.bias"]


def test_coord_check() -> None:
    """Layers of wrapped models have their own names, with recipes too."""

    def build(width: int) -> nn.Module:
        return with_checkpointed_part(
            nn.Sequential(
                nn.Linear(8, width), nn.Sequential(nn.Linear(width, width)), nn.Linear(width, 2)
            )
        )

    report = fastinit.torch.coord_check(
        build, (8, 16), BATCH, 1, recipe=fastinit.Recipe.mup, loss=torch.sum, progress=False
    )
    assert {row.layer for row in report.rows} == {"0", "1.0", "2"}
