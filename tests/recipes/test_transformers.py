"""Built-in recipes draw what transformers draws, for every tensor of real models.

Layers, vocabularies and numbers of experts are reduced, since they enter no fan; two layers remain
where their number enters a scale. Widths are those of real models where they enter a fan; of the
largest models, whose standard deviations are the config's, they are a half or a quarter.
"""

import contextlib
import logging
from typing import Any

import numpy as np
import pytest
import torch
import transformers
from numpy.typing import NDArray

from fastinit import Manifest, Plan

SMALL = {"vocab_size": 1000, "num_hidden_layers": 2}
DECODER = SMALL | {"num_hidden_layers": 1, "num_key_value_heads": 2}
MODELS: dict[str, tuple[str, str, dict[str, Any]]] = {  # recipe, class, config
    "gpt2": ("gpt2", "GPT2LMHeadModel", {"vocab_size": 1000, "n_layer": 2, "n_positions": 64}),
    "llama": (
        "llama",
        "LlamaForCausalLM",
        DECODER | {"hidden_size": 1024, "intermediate_size": 4096, "num_attention_heads": 16},
    ),
    "qwen2": (
        "llama",
        "Qwen2ForCausalLM",
        DECODER | {"hidden_size": 896, "intermediate_size": 4864, "num_attention_heads": 14},
    ),
    "qwen3": (
        "llama",
        "Qwen3ForCausalLM",
        DECODER | {"hidden_size": 1024, "intermediate_size": 3072, "num_attention_heads": 16},
    ),
    "mistral": (
        "llama",
        "MistralForCausalLM",
        DECODER | {"hidden_size": 1024, "intermediate_size": 3584, "num_attention_heads": 8},
    ),
    "gemma": (
        "gemma",
        "GemmaForCausalLM",
        DECODER | {"hidden_size": 1024, "intermediate_size": 8192, "num_attention_heads": 4},
    ),
    "gemma2": (
        "gemma",
        "Gemma2ForCausalLM",
        DECODER | {"hidden_size": 1152, "intermediate_size": 4608, "num_attention_heads": 4},
    ),
    "gemma3": (
        "gemma",
        "Gemma3ForCausalLM",
        DECODER | {"hidden_size": 1152, "intermediate_size": 6912, "num_attention_heads": 4},
    ),
    "mixtral": (
        "mixtral",
        "MixtralForCausalLM",
        DECODER
        | {"hidden_size": 1024, "intermediate_size": 3584, "num_attention_heads": 8}
        | {"num_local_experts": 2},
    ),
    "bert": ("bert", "BertForPreTraining", SMALL | {"initializer_range": 0.03, "pad_token_id": 3}),
    "vit": ("vit", "ViTForImageClassification", {"num_hidden_layers": 1}),
    "t5": (
        "t5",
        "T5ForConditionalGeneration",
        {"vocab_size": 1000, "d_model": 768, "d_ff": 3072, "num_heads": 12, "num_layers": 1},
    ),
    "mt5": (
        "t5",
        "MT5ForConditionalGeneration",
        {"vocab_size": 1000, "num_layers": 1, "tie_word_embeddings": False},
    ),
    "clip": (
        "clip",
        "CLIPModel",
        {
            "text_config": SMALL,
            "vision_config": {"num_hidden_layers": 3, "hidden_size": 768},
        },
    ),
    "resnet": ("resnet", "ResNetForImageClassification", {}),
    "convnext": ("convnext", "ConvNextForImageClassification", {"depths": [1, 1, 2, 1]}),
    "convnextv2": ("convnext", "ConvNextV2ForImageClassification", {"depths": [1, 1, 1, 1]}),
}


@contextlib.contextmanager
def quiet() -> Any:
    """Silence transformers' advice on configs."""
    logger = logging.getLogger("transformers")
    before = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(before)


def build(name: str) -> Any:
    """A model as transformers itself initializes it."""
    _, kind, config = MODELS[name]
    cls = getattr(transformers, kind)
    torch.manual_seed(0)
    with quiet():
        return cls(cls.config_class(**config))


def check_moments(name: str, theirs: NDArray[Any], mean: float, std: float) -> None:
    """Fail unless values have this mean and deviation, within 6 sigmas of each."""
    assert abs(theirs.mean(dtype=np.float64) - mean) <= 6 * std / theirs.size**0.5, name
    assert abs(theirs.std(dtype=np.float64) / std - 1) <= 6 / (2 * theirs.size) ** 0.5, name


def check_same_distribution(name: str, theirs: NDArray[Any], ours: NDArray[Any]) -> None:
    """Fail if two samples differ by more than chance (Kolmogorov and Smirnov, p = 1e-9)."""
    a, b = (np.sort(each.reshape(-1)[:30000]) for each in (theirs, ours))
    both = np.concatenate([a, b])
    ranks = [np.searchsorted(each, both, side="right") / each.size for each in (a, b)]
    assert np.abs(ranks[0] - ranks[1]).max() <= 3.3 * (1 / a.size + 1 / b.size) ** 0.5, name


@pytest.mark.parametrize("name", MODELS)
def test_draws_as_transformers_does(name: str) -> None:
    """Every tensor has the same mean, deviation, distribution or constant."""
    module = build(name)
    manifest = Manifest.from_torch(module)
    plan = Plan(manifest, seed=0)
    assert plan.recipe.name == MODELS[name][0]
    rows = {row["name"]: row for row in plan.explain()}
    state = module.state_dict()
    assert rows.keys() == state.keys() - manifest.tied.keys()
    for each in plan.tensors:
        key = each.parameter.name
        theirs, row = state[key].numpy(), rows[key]
        ours = plan.draw(key)
        if row["std"] in (0.0, None):
            np.testing.assert_array_equal(ours, theirs, err_msg=key, strict=True)
            continue
        if (row_of_zeros := each.parameter.zero_row) is not None:
            assert not ours[row_of_zeros].any(), key
            assert not theirs[row_of_zeros].any(), key
            theirs, ours = (np.delete(x, row_of_zeros, 0) for x in (theirs, ours))
        check_moments(key, theirs, row["mean"], row["std"])
        check_same_distribution(key, theirs, ours)
