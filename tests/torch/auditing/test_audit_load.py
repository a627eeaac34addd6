"""Audits find weights that code overwrites after it has loaded them."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers
from torch import nn
from torch.nn import init

from fastinit.torch import audit
from helpers.models.faulty import Base


class Decay(Base):
    """A model that initializes itself again on demand, in several ways."""

    def __init__(self) -> None:
        super().__init__()
        self.decay = nn.Parameter(torch.empty(8))
        self.init_weights()

    def init_weights(self) -> None:
        with torch.no_grad():
            self.decay.copy_(torch.log(torch.arange(1.0, 9.0)))


def trained(make: Callable[[], nn.Module]) -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    return {
        name: torch.randn(tensor.shape, generator=generator)
        for name, tensor in make().state_dict().items()
    }


WEIGHTS = trained(Decay)


def load_all(model: nn.Module) -> None:
    model.load_state_dict(WEIGHTS)


def assign_all(model: nn.Module) -> None:
    model.load_state_dict({name: each.clone() for name, each in WEIGHTS.items()}, assign=True)


def copy_all(model: nn.Module) -> None:
    with torch.no_grad():
        for name, tensor in model.named_parameters():
            tensor.copy_(WEIGHTS[name])


def again(model: Any) -> None:
    model.init_weights()


def reset_data(model: Any) -> None:
    model.decay.data = torch.ones(8)


def redraw(model: Any) -> None:
    init.normal_(model.decay)


def padding_again(model: Any) -> None:
    """Write what is there already."""
    with torch.no_grad():
        model.decay[0].fill_(float(WEIGHTS["decay"][0]))


@pytest.mark.parametrize("first", [load_all, assign_all, copy_all])
@pytest.mark.parametrize(
    ("then", "code"), [(again, "init_weights"), (reset_data, "reset_data"), (redraw, "redraw")]
)
def test_loaded_weights_that_are_overwritten(first: Any, then: Any, code: str) -> None:
    def load(model: nn.Module) -> None:
        first(model)
        then(model)

    report = audit(Decay, load)
    found = [(each.name, each.verdict) for each in report.findings]
    assert found == [("decay", "overwritten after load")]
    assert code in (report.findings[0].origin or "")


@pytest.mark.parametrize("first", [load_all, assign_all, copy_all])
def test_loaded_weights_that_survive(first: Any) -> None:
    def load(model: nn.Module) -> None:
        again(model)
        first(model)
        padding_again(model)

    assert audit(Decay, load).findings == ()


def test_a_load_that_returns_another_model() -> None:
    def load(_: nn.Module) -> nn.Module:
        model = Decay()
        load_all(model)
        return model

    assert audit(Decay, load).findings == ()
    assert [each.name for each in audit(Decay, lambda _: None).notes] == [""]


class Config(transformers.PreTrainedConfig):  # type: ignore[misc]
    """The configuration of a model of transformers."""

    model_type = "decaying"


class Layer(nn.Module):
    """A layer that is initialized after loading, since its buffer is not saved."""

    def __init__(self) -> None:
        super().__init__()
        self.decay = nn.Parameter(torch.empty(8))
        self.register_buffer("steps", torch.arange(4.0), persistent=False)


class Guarded(transformers.PreTrainedModel):  # type: ignore[misc]
    """A model of transformers that initializes by its functions, which spare loaded weights."""

    config_class = Config

    def __init__(self, config: Config) -> None:
        super().__init__(config)
        self.layer = Layer()
        self.linear = nn.Linear(4, 4)
        self.post_init()

    @torch.no_grad()
    def _init_weights(self, module: nn.Module) -> None:
        super()._init_weights(module)
        if isinstance(module, Layer):
            self.set(module.decay, torch.log(torch.arange(1.0, 9.0)))

    def set(self, tensor: torch.Tensor, value: torch.Tensor) -> None:
        transformers.initialization.copy_(tensor, value)


class Copying(Guarded):
    """A model that does not use these functions."""

    def set(self, tensor: torch.Tensor, value: torch.Tensor) -> None:
        tensor.copy_(value)


class Replacing(Guarded):
    """A model that replaces the data."""

    def set(self, tensor: torch.Tensor, value: torch.Tensor) -> None:
        tensor.data = value


@pytest.mark.parametrize(
    ("kind", "is_clean"), [(Guarded, True), (Copying, False), (Replacing, False)]
)
def test_transformers_initializes_after_loading(kind: Any, is_clean: bool, tmp_path: Path) -> None:
    model = kind(Config())
    model.layer.decay.data.fill_(7)
    model.save_pretrained(tmp_path)
    survives = bool((kind.from_pretrained(tmp_path).layer.decay == 7).all())
    assert survives is is_clean  # what transformers does, without an audit
    report = audit(lambda: kind(Config()), lambda _: kind.from_pretrained(tmp_path))
    expected = [] if is_clean else [("layer.decay", "overwritten after load")]
    assert [(each.name, each.verdict) for each in report.findings] == expected
