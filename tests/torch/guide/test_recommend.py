"""Recipes for torch modules: activations from the graph, residual branches, differences."""

import math

import pytest
import torch
from torch import nn
from torch.nn import functional as F  # noqa: N812

import fastinit
import fastinit.torch
from fastinit.guide.models.graph import Graph
from fastinit.torch.guide.graph import read
from fastinit.torch.guide.nodes import of_module
from helpers.models import tiny_transformers


class Functional(nn.Module):
    """Activations that are functions and methods."""

    def __init__(self) -> None:
        super().__init__()
        self.a, self.b, self.c, self.d, self.e = (nn.Linear(8, 8) for _ in range(5))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = F.leaky_relu(self.a(x), 0.3)
        x = F.gelu(self.b(x), approximate="tanh")
        x = F.dropout(self.c(x)).tanh()
        return F.softmax(self.e(torch.sigmoid_(self.d(x))), -1)


class Block(nn.Module):
    """A residual block, with a projection in its shortcut where widths differ."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.one, self.two = (
            nn.Conv2d(inputs, outputs, 3, padding=1),
            nn.Conv2d(outputs, outputs, 1),
        )
        self.shortcut = nn.Identity() if inputs == outputs else nn.Conv2d(inputs, outputs, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.relu(self.shortcut(x) + self.two(torch.relu(self.one(x))))


class Residual(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 8, 3)
        self.blocks = nn.Sequential(Block(8, 8), Block(8, 16), Block(16, 16), Block(16, 16))
        self.head = nn.Linear(16, 4)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        pooled: torch.Tensor = self.blocks(torch.relu(self.stem(x))).mean((2, 3))
        return self.head(pooled)  # type: ignore[no-any-return]


class Branching(nn.Module):
    """Control flow that torch.fx does not trace."""

    def __init__(self) -> None:
        super().__init__()
        self.a, self.act, self.b = nn.Linear(8, 8), nn.SiLU(), nn.Linear(8, 8)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.b(self.act(self.a(x))) if x.sum() > 0 else x


def ends(graph: Graph) -> set[str | None]:
    return {each.weight for each in graph.branches or ()}


def activations(module: nn.Module) -> dict[str, tuple[str, float | None]]:
    return {name: (act.name, act.a) for name, act in read(module).followed_by.items()}


def test_activations_of_functions() -> None:
    assert activations(Functional()) == {
        "a": ("leaky_relu", 0.3),
        "b": ("gelu_tanh", None),
        "c": ("tanh", None),
        "d": ("sigmoid", None),
        "e": ("linear", None),
    }


def test_activations_of_modules() -> None:
    layers = [nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.ELU(0.5), nn.MaxPool2d(2), nn.Flatten()]
    model = nn.Sequential(*layers, nn.Linear(8, 8), nn.Hardswish(), nn.Linear(8, 2))
    assert activations(model) == {
        "0": ("elu", 0.5),
        "5": ("hard_swish", None),
        "7": ("linear", None),
    }
    assert fastinit.torch.recommend_recipe(model).case.normalization == "batch"


def test_activations_that_are_registered() -> None:
    graph = read(Branching())
    assert (graph.followed_by["a"].name, "b" in graph.followed_by) == ("silu", False)
    assert (graph.residual, graph.depth_of("mlp")) == (None, None)
    assert "The module runs neither traced nor without memory (" in str(
        fastinit.torch.recommend_recipe(Branching())
    )


@pytest.mark.parametrize(
    ("module", "name"),
    [
        (nn.GELU(), "gelu"),
        (nn.GELU("tanh"), "gelu_tanh"),
        (nn.Softplus(2.0), "Softplus(beta=2.0, threshold=20.0)"),
        (nn.Softmax(-1), "linear"),
        (nn.ReLU6(), "relu6"),
        (nn.Softsign(), "softsign"),
    ],
)
def test_modules_that_are_activations(module: nn.Module, name: str) -> None:
    found = of_module(module)
    assert found is not None
    assert found.name == name


def test_residual_branches() -> None:
    """Only the ends of branches start at 0, not a shortcut and not the stem."""
    graph = read(Residual())
    assert ends(graph) == {f"blocks.{k}.two" for k in range(4)}
    assert (graph.residual, graph.depth_of("cnn")) == (True, 4)
    found = fastinit.torch.recommend_recipe(Residual())
    rows = {row.name: row for row in found.rows}
    assert rows["blocks.1.two.weight"].initializer == fastinit.Constant(0)
    assert rows["blocks.1.two.weight"].layer == "residual_output"
    assert rows["blocks.1.shortcut.weight"].std is not None
    assert rows["blocks.1.shortcut.weight"].std > 0
    assert rows["blocks.0.one.weight"].std == pytest.approx((2 / 72) ** 0.5 / 2)  # Fixup
    assert rows["head.weight"].layer == "output"


class Normalized(nn.Module):
    """A residual block with batch norms."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1, self.conv2 = (nn.Conv2d(8, 8, 3, padding=1) for _ in range(2))
        self.bn1, self.bn2 = nn.BatchNorm2d(8), nn.BatchNorm2d(8)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        inner = torch.relu(self.bn1(self.conv1(x)))
        return torch.relu(x + self.bn2(self.conv2(inner)))


def test_normalized_branches() -> None:
    """The scale of the last normalization of a branch is 1 / blocks."""
    model = nn.Sequential(nn.Conv2d(3, 8, 3), Normalized(), Normalized())
    found = fastinit.torch.recommend_recipe(model)
    rows = {row.name: row for row in found.rows}
    for k in (1, 2):
        assert rows[f"{k}.bn2.weight"].layer == "residual_norm_scale"
        assert rows[f"{k}.bn2.weight"].mean == 0.5
        assert rows[f"{k}.bn1.weight"].initializer == fastinit.Constant(1)
        assert rows[f"{k}.conv2.weight"].std == pytest.approx((2 / 72) ** 0.5)
    fastinit.torch.init_(model, found.recipe, seed=0)
    assert fastinit.torch.recommend_recipe(model).differences() == []
    # A norm before a branch, as transformers have it, is not the end of one.
    encoder = nn.TransformerEncoderLayer(8, 2, 16, norm_first=True)
    assert not any(each.norm for each in read(encoder).branches or ())


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
    model = Residual()
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


@pytest.mark.parametrize("norm_first", [False, True])
def test_norms_after_sums(norm_first: bool) -> None:
    """Branches whose sums are normalized end in DeepNorm's ratio, beta / alpha = (4 L)^(-1/2)."""
    layer = nn.TransformerEncoderLayer(64, 4, 128, norm_first=norm_first)
    model = nn.TransformerEncoder(layer, 3, enable_nested_tensor=False)
    rows = {row.name: row for row in fastinit.torch.recommend_recipe(model).rows}
    for name, width in (("self_attn.out_proj", 64), ("linear2", 128)):
        row = rows[f"layers.2.{name}.weight"]
        assert row.layer == ("residual_output" if norm_first else "post_norm_output")
        ratio = 2 * 3 if norm_first else (8 * 3 * 2 * 3) ** 0.5
        assert row.std == pytest.approx((width * ratio) ** -0.5)


class Embedded(nn.Module):
    """A language model of one block: token and position vectors, summed, are no residual branch."""

    def __init__(self) -> None:
        super().__init__()
        self.wte, self.wpe = nn.Embedding(16, 8), nn.Embedding(4, 8)
        self.learned = nn.Parameter(torch.zeros(8))
        self.up, self.down, self.head = nn.Linear(8, 32), nn.Linear(32, 8), nn.Linear(8, 16)

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        x = self.wte(ids) + self.wpe(torch.arange(ids.shape[1])) + self.learned
        return self.head(x + self.down(torch.relu(self.up(x))))  # type: ignore[no-any-return]


def test_sums_of_embeddings_are_not_residual() -> None:
    graph = read(Embedded())
    assert ends(graph) == {"down"}


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


class Scaled(nn.Module):
    """Attention by hand: math.sqrt of a size, which is a symbol when the module is traced."""

    def __init__(self) -> None:
        super().__init__()
        self.up, self.down = nn.Linear(8, 8), nn.Linear(8, 8)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        branch: torch.Tensor = self.down(torch.tanh(self.up(x)) / math.sqrt(x.size(-1)))
        return x + branch


def test_functions_of_math_are_traced() -> None:
    assert ends(read(Scaled())) == {"down"}


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


class PostNorm(nn.Module):
    """A block of a transformer, by hand, with the norms after or before its sums."""

    def __init__(self, norm_first: bool) -> None:
        super().__init__()
        self.mix, self.up, self.down = nn.Linear(64, 64), nn.Linear(64, 256), nn.Linear(256, 64)
        self.one, self.two, self.norm_first = nn.LayerNorm(64), nn.LayerNorm(64), norm_first

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if self.norm_first:
            x = x + self.mix(self.one(x))
            return x + self.down(F.gelu(self.up(self.two(x))))  # type: ignore[no-any-return]
        x = self.one(x + self.mix(x))
        return self.two(x + self.down(F.gelu(self.up(x))))  # type: ignore[no-any-return]


@pytest.mark.parametrize("norm_first", [False, True])
def test_norms_after_sums_by_hand(norm_first: bool) -> None:
    """The last norm of a model with norms before its branches is not after a sum of a block."""
    blocks = [PostNorm(norm_first) for _ in range(3)]
    model = nn.Sequential(nn.Embedding(16, 64), *blocks, nn.LayerNorm(64), nn.Linear(64, 16))
    graph = read(model)
    assert graph.depth_of("transformer") == 3
    assert ends(graph) == {f"{k}.{end}" for k in (1, 2, 3) for end in ("mix", "down")}
    assert {each.is_normalized for each in graph.branches or ()} == {not norm_first}


KINDS = {
    "bert": "post_norm_output",
    "distilbert": "post_norm_output",
    "openai-gpt": "post_norm_output",
    "gpt2": "residual_output",
    "llama": "residual_output",
}


@pytest.mark.parametrize("kind", KINDS)
def test_norms_of_transformers(kind: str) -> None:
    """A copy that runs without memory says it, as torch.fx does not trace these models."""
    make = tiny_transformers.builder(kind)
    assert make is not None
    model = make()
    state = torch.random.get_rng_state()
    before = {name: each.clone() for name, each in model.state_dict().items()}
    graph = read(model)
    assert torch.equal(torch.random.get_rng_state(), state)
    assert all(torch.equal(before[name], each) for name, each in model.state_dict().items())
    assert not any(module._forward_hooks for module in model.modules())
    assert graph.depth_of("transformer") == model.config.num_hidden_layers
    found = fastinit.torch.recommend_recipe(model)
    outputs = {row.layer for row in found.rows if row.layer and row.layer.endswith("l_output")}
    outputs |= {row.layer for row in found.rows if row.layer and row.layer.startswith("post")}
    assert outputs == {KINDS[kind]}
    again = fastinit.torch.recommend_recipe(fastinit.torch.init_(model, found.recipe, seed=0))
    assert again.differences() == []


def test_layers_of_torch_are_counted() -> None:
    layer = nn.TransformerEncoderLayer(64, 4, 128)
    encoder = nn.TransformerEncoder(layer, 3, enable_nested_tensor=False)
    found = fastinit.torch.recommend_recipe(nn.Sequential(nn.Embedding(16, 64), encoder))
    assert (found.case.depth, found.case.residual) == (3, True)
    assert fastinit.torch.recommend_recipe(encoder).case.depth == 3
    found = fastinit.torch.recommend_recipe(nn.Transformer(64, 4, 3, 2, 128, batch_first=True))
    assert found.case.depth == 3
    stds = {row.name: row.std for row in found.rows}
    assert stds["decoder.layers.0.linear2.weight"] == pytest.approx((128 * 2 * 6) ** -0.5)


LAYERS = {  # the branches of each stack
    "t5": [2 * 2, 3 * 6],  # the encoder's, and the decoder's with its attention to the encoder
    "gpt_neox": [2 * 2],  # parallel branches, which are added to each other first
    "phi": [2 * 2],
    "cohere": [2 * 2],
    "bart": [2, 3],  # whose masks ask for values, which fake tensors alone refuse
}


@pytest.mark.parametrize("kind", LAYERS)
def test_branches_of_stacks(kind: str) -> None:
    """Each branch has the factor of all that its stream adds up; layers are those of a stack."""
    make = tiny_transformers.builder(kind)
    assert make is not None
    model = make()
    graph = read(model)
    assert [len(each) for each in graph.stacks()] == LAYERS[kind]
    assert None not in ends(graph)
    found = fastinit.torch.recommend_recipe(model)
    assert found.case.depth == max(LAYERS[kind]) // (3 if len(LAYERS[kind]) == 2 else 2)
    for stack in graph.stacks():
        for each in stack:
            (row,) = (row for row in found.rows if row.name == f"{each.weight}.weight")
            ratio = 2 if kind == "bart" else 1  # DeepNet's for norms after the sums
            assert row.layer == ("post_norm_output" if kind == "bart" else "residual_output")
            assert row.std == pytest.approx((row.shape[1] * ratio * len(stack)) ** -0.5)


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


class HalfGelu(nn.Module):
    """An activation whose name says nothing."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return 0.5 * x * (1 + torch.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)))


class Formulas(nn.Module):
    """Activations that are written out, and a unit that is gated by another layer's half."""

    def __init__(self) -> None:
        super().__init__()
        self.a, self.b, self.c, self.d = (nn.Linear(8, 8) for _ in range(4))
        self.smooth, self.e, self.last = HalfGelu(), nn.Linear(8, 16), nn.Linear(8, 8)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.smooth(self.a(x))
        x = self.b(x)
        x = 0.5 * x * (1.0 + torch.tanh(0.7978845608 * (x + 0.044715 * torch.pow(x, 3))))
        x = self.c(x)
        x = torch.where(x > 0, x, 0.2 * x) * 1.5
        x = self.d(x)
        u, v = self.e(x * torch.sigmoid(x)).chunk(2, -1)
        return self.last(u * torch.sigmoid(v))  # type: ignore[no-any-return]


class Branched(Formulas):
    """The same, for which torch.fx has no graph."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return super().forward(x) if math.prod(x.shape) > 0 else x


@pytest.mark.parametrize("kind", [Formulas, Branched])
def test_activations_by_their_values(kind: type[nn.Module]) -> None:
    assert activations(kind()) == {
        "a": ("gelu_tanh", None),
        "b": ("gelu_tanh", None),
        "c": ("leaky_relu", 0.2),
        "d": ("silu", None),
        "e": ("sigmoid", None),
        "last": ("linear", None),
    }


def test_gelu_of_bloom() -> None:
    make = tiny_transformers.builder("bloom")
    assert make is not None
    assert {"gelu_tanh", "linear"} == {name for name, _ in activations(make()).values()}
