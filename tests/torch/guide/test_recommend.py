"""Recipes for torch modules: what they draw, for which modules, and what they leave alone."""

import pytest
import torch
from torch import nn
from torch.nn import functional as F  # noqa: N812

import fastinit
import fastinit.torch
from helpers.models import tiny_transformers


def test_forget_gates() -> None:
    """One of the two biases of an LSTM has ones for the forget gate."""
    model = nn.Sequential(nn.LSTM(4, 8, num_layers=2, bidirectional=True))
    found = fastinit.torch.recommend_recipe(model)
    fastinit.torch.init_(model, found.recipe, seed=0)
    ones = torch.cat([torch.zeros(8), torch.ones(8), torch.zeros(16)])
    for name, bias in model.named_parameters():
        if "bias_ih" in name:
            assert torch.equal(bias, ones), name
        elif "bias_hh" in name:
            assert not bias.any()
    assert {row.layer for row in found.rows if "bias_ih" in row.name} == {"forget_bias"}
    assert fastinit.Recipe.from_json(found.recipe.to_json()) == found.recipe
    assert found.differences()
    assert fastinit.torch.recommend_recipe(model).differences() == []


class Sine(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.sin(30 * x)


def test_sines_make_a_siren() -> None:
    layers = [nn.Linear(2, 32), Sine(), nn.Linear(32, 32), Sine(), nn.Linear(32, 1)]
    found = fastinit.torch.recommend_recipe(nn.Sequential(*layers))
    assert found.case.architecture == "siren"
    rows = {row.name: row.initializer for row in found.rows}
    assert rows["0.weight"] == fastinit.Uniform(-0.5, 0.5)
    assert rows["2.weight"] != rows["0.weight"]


def test_the_recipe_initializes() -> None:
    """After init_ nothing differs any more; with torch's default, nearly everything does."""
    model = nn.Sequential(nn.Linear(64, 256), nn.GELU(), nn.Linear(256, 256), nn.Tanh())
    found = fastinit.torch.recommend_recipe(model)
    assert [row.name for row in found.differences()] == ["0.weight", "0.bias", "2.weight", "2.bias"]
    fastinit.torch.init_(model, found.recipe, seed=0)
    assert fastinit.torch.recommend_recipe(model).differences() == []
    spread = float(model.state_dict()["0.weight"].std())
    assert spread == pytest.approx(1.5335304412 / 8, rel=0.02)
    assert "now" in str(found).splitlines()[3]


def test_adapters_start_as_the_identity() -> None:
    """LoRA's B is a weight between two layers for the graph, and 0 by its name."""

    class Adapted(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.base_layer = nn.Linear(64, 32)
            self.lora_A, self.lora_B = nn.Linear(64, 4, bias=False), nn.Linear(4, 32, bias=False)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return F.gelu(self.base_layer(x) + self.lora_B(self.lora_A(x)))

    model = Adapted()
    found = fastinit.torch.recommend_recipe(model)
    assert found.case.residual is False
    rows = {row.name: row for row in found.rows}
    assert rows["lora_A.weight"].std == pytest.approx(1 / 8 / 3**0.5)
    assert rows["lora_B.weight"].initializer == fastinit.Constant(0)
    assert "arXiv 2106.09685" in rows["lora_A.weight"].source
    assert rows["base_layer.weight"].layer == "hidden"
    fastinit.torch.init_(model, found.recipe, seed=0)
    assert (model.lora_B.weight == 0).all()
    assert (model.lora_A.weight != 0).all()


@pytest.mark.filterwarnings("ignore::FutureWarning")  # of transformers, which peft causes
def test_adapters_of_peft() -> None:
    """A model of residual blocks has the same depth and roles with adapters as without."""
    peft = pytest.importorskip("peft")
    make = tiny_transformers.builder("gpt2")
    assert make is not None
    plain = {row.name: row for row in fastinit.torch.recommend_recipe(make()).rows}
    options = {"target_modules": ["c_proj", "c_attn"], "fan_in_fan_out": True}
    model = peft.get_peft_model(make(), peft.LoraConfig(**options))
    found = fastinit.torch.recommend_recipe(model)
    assert found.case.depth == 2
    for row in found.rows:
        name = row.name.removeprefix("base_model.model.").replace(".base_layer", "")
        if "lora_" in name:
            assert row.layer == ("adapter_up" if "lora_B" in name else "adapter_down")
        else:
            assert (row.layer, row.std) == (plain[name].layer, plain[name].std)


def test_modules_stay_as_they_are() -> None:
    model = nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.ReLU(), nn.Dropout(0.5))
    before = {name: each.clone() for name, each in model.state_dict().items()}
    state = torch.random.get_rng_state()
    fastinit.torch.recommend_recipe(model)
    assert torch.equal(torch.random.get_rng_state(), state)
    assert all(torch.equal(before[name], each) for name, each in model.state_dict().items())


def test_meta_device() -> None:
    with torch.device("meta"):
        model = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 2))
    found = fastinit.torch.recommend_recipe(model)
    assert [row.current for row in found.rows] == [None] * 4
    assert found.differences() == []


def test_siren() -> None:
    class Sine(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return torch.sin(30 * x)

    model = nn.Sequential(nn.Linear(2, 64), Sine(), nn.Linear(64, 64), Sine(), nn.Linear(64, 1))
    found = fastinit.torch.recommend_recipe(model, architecture="siren")
    stds = [row.std for row in found.rows if row.name.endswith("weight")]
    assert stds[:2] == pytest.approx([1 / 2 / 3**0.5, (2 / 64) ** 0.5 / 30])
    assert [row.layer for row in found.rows[::2]] == ["input", "hidden", "hidden"]


def test_recurrent_and_prelu() -> None:
    class Model(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.embed, self.rnn = nn.Embedding(16, 8), nn.LSTM(8, 8)
            self.act, self.norm = nn.PReLU(), nn.LayerNorm(8)

    rows = {row.name: row for row in fastinit.torch.recommend_recipe(Model()).rows}
    assert rows["rnn.weight_hh_l0"].initializer == fastinit.Split((fastinit.Orthogonal(),) * 4)
    assert rows["rnn.weight_ih_l0"].layer == "input"
    assert rows["act.weight"].initializer == fastinit.Constant(0.25)
    assert rows["embed.weight"].layer == "embedding"
    assert rows["norm.weight"].initializer == fastinit.Constant(1)


def test_wrong_arguments() -> None:
    with pytest.raises(TypeError, match=r"module is an int; pass a torch.nn.Module"):
        fastinit.torch.recommend_recipe(3)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="did you mean 'cnn'"):
        fastinit.torch.recommend_recipe(nn.Linear(2, 2), architecture="cn")


@pytest.mark.parametrize("kind", ["bert", "llama", "t5", "gemma", "vit", "resnet"])
def test_transformers(kind: str) -> None:
    """All parameters of models of transformers have advice; norms start as the identity."""
    make = tiny_transformers.builder(kind)
    assert make is not None
    model = make()
    found = fastinit.torch.recommend_recipe(model)
    assert len(found.rows) == len(list(model.parameters()))
    if kind == "gemma":
        assert {row.layer for row in found.rows if "norm" in row.name} == {"norm_offset"}
    fastinit.torch.init_(model, found.recipe, seed=0)
    assert fastinit.torch.recommend_recipe(model).differences() == []


def test_one_rule_for_layers_that_agree() -> None:
    """The activation of most layers is that of the model, and exceptions have few rules."""
    layers = [each for _ in range(9) for each in (nn.Linear(8, 8), nn.Tanh())]
    found = fastinit.torch.recommend_recipe(nn.Sequential(*layers, nn.Linear(8, 2)))
    assert found.case.activation is not None
    assert found.case.activation.name == "tanh"
    assert len(found.recipe.rules) <= 3
    layer = nn.TransformerEncoderLayer(64, 4, 128)
    encoder = nn.TransformerEncoder(layer, 3, enable_nested_tensor=False)
    rules = fastinit.torch.recommend_recipe(encoder).recipe.rules
    assert sum("linear2" in str(rule.pattern) for rule in rules) == 1


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
@pytest.mark.parametrize("center", [0.0, 0.01, 3.0])
def test_moments_of_values(dtype: torch.dtype, center: float) -> None:
    """The mean and std of values now are those of NumPy in float64."""
    convolution = nn.Conv2d(6, 32, 3)
    model = nn.Sequential(convolution, nn.LayerNorm(32)).to(dtype)
    with torch.no_grad():
        convolution.weight.normal_(center, 0.1, generator=torch.Generator().manual_seed(0))
    found = fastinit.torch.recommend_recipe(model)
    current = {row.name: row.current for row in found.rows}
    values = convolution.weight.detach().double().numpy()
    assert current["0.weight"] == pytest.approx((values.mean(), values.std()), rel=1e-4)
    assert current["1.weight"] == (1.0, 0.0)
    assert current["1.bias"] == (0.0, 0.0)


class Unrunnable(nn.Module):
    """A module that reads a value, and whose layers do not fit together."""

    def __init__(self) -> None:
        super().__init__()
        self.a, self.b = nn.Linear(8, 16), nn.Linear(8, 8)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.a(x) if x.device.type != "meta" or float(x.sum()) else x
        return self.b(y) * y.numpy()  # type: ignore[no-any-return]


def test_modules_that_do_not_run(capfd: pytest.CaptureFixture[str]) -> None:
    """A note says so, and nothing is printed."""
    assert "The module runs neither" in fastinit.torch.recommend_recipe(Unrunnable()).notes[0]
    assert capfd.readouterr() == ("", "")
