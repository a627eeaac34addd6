"""LSUV: every layer's output has unit variance, in one pass where the model allows it."""

import copy
import math
import warnings
from typing import Any

import pytest
import torch
import transformers
from torch import nn

import fastinit
from fastinit.torch import LsuvReport, lsuv_

IMAGES = torch.randn(32, 3, 8, 8, generator=torch.Generator().manual_seed(0))


def convolutional() -> nn.Sequential:
    """Convolutions of three kinds, linear layers and dropout, in training mode."""
    return nn.Sequential(
        nn.Conv2d(3, 16, 3, padding=1), nn.ReLU(), nn.Dropout(0.5),
        nn.Conv2d(16, 16, 3, groups=4), nn.ReLU(), nn.ConvTranspose2d(16, 8, 3), nn.Flatten(),
        nn.Linear(512, 64), nn.Tanh(), nn.Linear(64, 10),
    )  # fmt: skip


def variances(model: nn.Module, batch: Any, kinds: tuple[type[nn.Module], ...]) -> list[float]:
    """The variance of every layer's output, found by a plain pass in evaluation mode."""
    found = []

    def hook(_module: nn.Module, _args: Any, output: Any) -> None:
        found.append(
            float(output.to(torch.promote_types(output.dtype, torch.float32)).var(correction=0))
        )

    handles = [
        each.register_forward_hook(hook) for each in model.modules() if isinstance(each, kinds)
    ]
    was_training = model.training
    model.eval()
    with torch.no_grad():
        model(batch)
    model.train(was_training)
    for handle in handles:
        handle.remove()
    return found


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
def test_unit_variance_in_one_pass(dtype: torch.dtype) -> None:
    """A plain pass finds the variances that the report names; mode and dtype stay."""
    model = convolutional().to(dtype)
    calls: list[int] = []
    handle = model.register_forward_pre_hook(lambda *_: calls.append(1))
    report = lsuv_(model, IMAGES.to(dtype), seed=0)
    assert len(calls) == report.forwards == 1
    handle.remove()
    found = variances(model, IMAGES.to(dtype), (nn.Conv2d, nn.ConvTranspose2d, nn.Linear))
    assert [row.layer for row in report.rows] == ["0", "3", "5", "7", "9"]
    assert [row.after for row in report.rows] == pytest.approx(found, rel=1e-5)
    assert all(abs(value - 1) < 0.1 for value in found)
    assert all(parameter.dtype == dtype for parameter in model.parameters())
    assert model.training
    assert all(module.training for module in model.modules())


def test_the_start_is_orthogonal() -> None:
    """Weights are multiples of the orthogonal matrices of their names, biases zero."""
    model: Any = nn.Sequential(nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 48))
    nn.init.ones_(model[0].bias)
    lsuv_(model, torch.randn(256, 64), seed=3)
    for name in ("0.weight", "2.weight"):
        weight = model.get_parameter(name).detach().double()
        start = torch.from_numpy(
            fastinit.orthogonal(tuple(weight.shape), seed=3, name=name, dtype="float64")
        )
        scale = float((weight * start).sum() / (start * start).sum())
        assert torch.allclose(weight, scale * start, atol=1e-6 * scale), name
    assert not model[0].bias.any()


def test_the_start_may_stay() -> None:
    """Without the orthogonal start, weights are only multiplied, and biases stay."""
    model: Any = nn.Sequential(nn.Linear(8, 8), nn.Linear(8, 8))
    before = copy.deepcopy(model)
    lsuv_(model, torch.randn(64, 8), orthogonal=False)
    for now, then in zip(model, before, strict=True):
        ratio = now.weight / then.weight
        assert torch.allclose(ratio, ratio[0, 0].expand_as(ratio))
        assert torch.equal(now.bias, then.bias)


@pytest.mark.parametrize("variance", [0.25, 4.0])
def test_another_variance_and_tolerance(variance: float) -> None:
    model = convolutional()
    report = lsuv_(model, IMAGES, variance=variance, tolerance=1e-3, seed=0)
    assert all(abs(row.after - variance) < 1e-3 for row in report.rows)


@pytest.mark.parametrize("batch_first", [True, False])
def test_attention(batch_first: bool) -> None:
    """Queries, keys, values and the output are scaled in torch's own encoder layers."""
    layer = nn.TransformerEncoderLayer(32, 4, 64, batch_first=batch_first)
    model = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)
    report = lsuv_(model, torch.randn(8, 10, 32), seed=0)
    names = [row.layer for row in report.rows]
    one = ["self_attn.q", "self_attn.k", "self_attn.v", "self_attn.out_proj", "linear1", "linear2"]
    assert names == [f"layers.{k}.{name}" for k in (0, 1) for name in one]
    assert all(abs(row.after - 1) < 0.1 for row in report.rows)
    assert report.forwards == 1
    assert torch.backends.mha.get_fastpath_enabled()


def test_attention_to_something_of_another_size() -> None:
    """Keys and values of other sizes have weights of their own."""

    class Cross(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.attention = nn.MultiheadAttention(32, 4, kdim=24, vdim=20, batch_first=True)

        def forward(self, x: Any, key: Any, value: Any) -> Any:
            return self.attention(x, key=key, value=value)[0]

    batch = {
        "x": torch.randn(4, 6, 32),
        "key": torch.randn(4, 9, 24),
        "value": torch.randn(4, 9, 20),
    }
    report = lsuv_(Cross(), batch, seed=0)
    assert [row.layer[-1] for row in report.rows] == ["q", "k", "v", "j"]
    assert all(abs(row.after - 1) < 0.1 for row in report.rows)


def test_layers_that_are_called_again() -> None:
    """A recurrent cell counts with all its calls, which takes more passes."""

    class Recurrent(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.embed = nn.Embedding(50, 32)
            self.cell = nn.Linear(32, 32)
            self.head = nn.Linear(32, 50)

        def forward(self, x: Any) -> Any:
            state = torch.zeros(len(x), 32)
            for column in x.unbind(1):
                state = torch.tanh(self.cell(self.embed(column) + state))
            return self.head(state)

    torch.manual_seed(0)
    report = lsuv_(Recurrent(), torch.randint(0, 50, (64, 6)), tolerance=0.01, seed=0)
    assert 1 < report.forwards <= 11
    assert {row.layer for row in report.rows} == {"embed", "cell", "head"}
    assert all(abs(row.after - 1) < 0.01 for row in report.rows)


def test_of_tied_weights_the_first_call_decides() -> None:
    """The second module that uses a weight is reported, with a warning."""
    model = nn.Sequential(nn.Embedding(50, 32), nn.Linear(32, 50, bias=False))
    model[1].weight = model[0].weight
    with pytest.warns(UserWarning, match="is not within 0.1 of 1.0 in 1; print the report"):
        report = lsuv_(model, torch.arange(50), seed=0)
    assert abs(report.rows[0].after - 1) < 0.1
    assert report.rows[1].rounds == 0
    assert report.rows[1].note == "shares the weight of 0"
    assert "shares the weight of 0" in str(report)


def test_layers_that_are_not_called() -> None:
    """They are in the report, with no variance."""
    model = nn.Sequential(nn.Linear(4, 4))
    model.spare = nn.Linear(4, 4)
    model.forward = lambda x: model[0](x)  # type: ignore[method-assign]
    with pytest.warns(UserWarning, match="in spare"):
        report = lsuv_(model, torch.randn(64, 4), seed=0)
    spare = report.rows[1]
    assert (spare.layer, spare.rounds, spare.note) == ("spare", 0, "never called")
    assert math.isnan(spare.before)
    assert math.isnan(spare.after)


def test_outputs_that_do_not_vary_and_weights_that_are_computed() -> None:
    """Neither can be scaled; the report says why."""
    model: Any = nn.Sequential(nn.Linear(4, 4), nn.Linear(4, 4))
    nn.init.zeros_(model[0].weight)
    nn.init.zeros_(model[0].bias)
    nn.utils.parametrizations.weight_norm(model[1])
    with pytest.warns(UserWarning, match="in 0, 1"):
        report = lsuv_(model, torch.randn(64, 4), orthogonal=False)
    assert [row.note for row in report.rows] == [
        "its output does not vary",
        "its weight is computed from other parameters",
    ]


def test_a_model_of_transformers() -> None:
    """GPT-2 has embeddings and transposed linear layers."""
    config = transformers.GPT2Config(
        n_embd=64, n_layer=2, n_head=4, vocab_size=100, bos_token_id=0, eos_token_id=0
    )
    model = transformers.GPT2Model(config)
    batch = {"input_ids": torch.arange(96).reshape(4, 24)}
    report = lsuv_(model, batch, seed=0)
    assert len(report.rows) == 2 + 2 * 4
    assert report.forwards == 1
    assert all(abs(row.after - 1) < 0.1 for row in report.rows)


def test_hooks_of_others_still_work() -> None:
    """They see the output of the scaled layer, and ours are gone afterwards."""
    model: Any = nn.Sequential(nn.Linear(8, 8), nn.Linear(8, 8))
    seen = []
    model[0].register_forward_hook(lambda _m, _a, output: seen.append(float(output.var())))
    report = lsuv_(model, torch.randn(4096, 8), seed=0)
    assert seen == pytest.approx([report.rows[0].after], rel=1e-3)
    assert len(model[0]._forward_hooks) == 1
    assert not model[1]._forward_hooks


def test_a_progress_bar(capsys: pytest.CaptureFixture[str]) -> None:
    """It is shown when asked for, and silent without a terminal."""
    model: Any = nn.Sequential(nn.Linear(8, 8), nn.Linear(8, 8))
    lsuv_(model, torch.randn(64, 8), seed=0)
    assert capsys.readouterr().err == ""  # no terminal
    lsuv_(model, torch.randn(64, 8), seed=0, progress=True)
    assert "2/2 layers" in capsys.readouterr().err


def test_the_report_is_a_table() -> None:
    """There is a row for each layer, and the number of passes."""
    report = lsuv_(nn.Sequential(nn.Linear(8, 8)), torch.randn(64, 8), seed=0)
    assert isinstance(report, LsuvReport)
    title, _, header, row, _, count = str(report).splitlines()
    assert title == "Layer-sequential unit variance"
    assert header.split() == ["layer", "before", "after", "rounds"]
    assert row.split()[0] == "0"
    assert count == "1 forward pass"


ERRORS = [
    (nn.ReLU(), torch.ones(3), {}, ValueError, "model has no linear, convolution, attention"),
    (nn.Linear(3, 3, device="meta"), torch.ones(3), {}, ValueError, "on the meta device"),
    (nn.Linear(3, 3), torch.ones(2, 3) * math.inf, {}, ValueError, "is not finite"),
    (nn.Linear(3, 3), torch.ones(3), {"variance": 0.0}, ValueError, "variance=0.0 is not positive"),
    (nn.Linear(3, 3), torch.ones(3), {"tolerance": -1}, ValueError, "tolerance=-1 is not positive"),
    (nn.Linear(3, 3), torch.ones(3), {"rounds": 0}, ValueError, "rounds=0 is not positive"),
    (nn.Linear(3, 3), torch.ones(3), {"rounds": 1.5}, TypeError, "rounds=1.5 is a float"),
    (nn.Linear(3, 3), torch.ones(3), {"variance": "1"}, TypeError, "variance='1' is a str"),
    (torch.ones(3), torch.ones(3), {}, TypeError, "model is a Tensor; pass a torch.nn.Module"),
]


@pytest.mark.parametrize(("model", "batch", "options", "kind", "message"), ERRORS)
def test_errors(
    model: Any, batch: Any, options: dict[str, Any], kind: type[Exception], message: str
) -> None:
    """Models lack layers or memory, batches overflow, numbers are out of range."""
    with pytest.raises(kind, match=message):
        lsuv_(model, batch, **options)


def test_an_error_puts_everything_back() -> None:
    """Mode, hooks and the fast path of attention are as before."""
    model = nn.Sequential(nn.Linear(8, 8), nn.Dropout())
    with pytest.raises(RuntimeError, match="shapes cannot be multiplied"):
        lsuv_(model, torch.randn(4, 7), seed=0)
    assert model.training
    assert not model[0]._forward_hooks
    assert torch.backends.mha.get_fastpath_enabled()


def test_no_warning_where_all_is_well() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        lsuv_(nn.Sequential(nn.Linear(8, 8)), torch.randn(64, 8), seed=0)
