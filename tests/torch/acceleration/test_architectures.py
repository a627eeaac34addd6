"""Real architectures have the same distributions and constants with and without ``accelerate``."""

import functools
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
import transformers
from scipy import stats  # type: ignore[import-untyped]

from fastinit.torch import accelerate

SMALLEST_P = 1e-6  # of one parameter; some 250 are tested
SMALL: dict[str, Any] = {
    "hidden_size": 64,
    "intermediate_size": 96,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "vocab_size": 300,
}


def config(kind: str, **options: Any) -> Any:
    """A small configuration of a kind of model."""
    return getattr(transformers, f"{kind}Config")(**options)


MODELS: dict[str, Callable[[], torch.nn.Module]] = {
    "GPT-2": lambda: transformers.AutoModelForCausalLM.from_config(
        config("GPT2", n_layer=2, n_embd=64, n_head=4, vocab_size=300)
    ),
    "Llama": lambda: transformers.AutoModelForCausalLM.from_config(
        config("Llama", **SMALL, num_key_value_heads=2, pad_token_id=3)
    ),
    "BERT": lambda: transformers.BertForMaskedLM(config("Bert", **SMALL)),
    "ViT": lambda: transformers.ViTForImageClassification(
        config("ViT", **SMALL, image_size=32, patch_size=8)
    ),
    "Mamba": lambda: transformers.MambaForCausalLM(
        config("Mamba", hidden_size=64, num_hidden_layers=2, vocab_size=300, state_size=8)
    ),
    "T5": lambda: transformers.T5ForConditionalGeneration(
        config("T5", d_model=64, d_kv=16, d_ff=96, num_layers=2, num_heads=4, vocab_size=300)
    ),
    "CLIP": lambda: transformers.CLIPModel(
        config("CLIP", text_config=SMALL, vision_config=SMALL | {"image_size": 32, "patch_size": 8})
    ),
}


@functools.cache
def built(name: str, *, seed: int | None) -> dict[str, torch.Tensor]:
    """The parameters and buffers of a model, drawn by torch or with a seed by fastinit."""
    torch.manual_seed(0)
    if seed is None:
        model = MODELS[name]()
    else:
        with accelerate(seed):
            model = MODELS[name]()
    return {key: value.detach() for key, value in model.state_dict().items()}


@pytest.mark.parametrize("name", MODELS)
def test_equal_distributions(name: str) -> None:
    """Parameters that do not depend on torch's seed have equal bits."""
    torchs, ours = built(name, seed=None), built(name, seed=0)
    torch.manual_seed(1)
    others = MODELS[name]().state_dict()
    assert list(torchs) == list(ours)
    drawn = 0
    for key, expected in torchs.items():
        actual = ours[key]
        assert (actual.dtype, actual.shape) == (expected.dtype, expected.shape), key
        if torch.equal(expected, others[key]):
            assert torch.equal(actual, expected), key
            continue
        assert not torch.equal(actual, expected), key
        a, b = (each.double().flatten().numpy() for each in (actual, expected))
        assert np.array_equal(np.sort(a[a == 0]), np.sort(b[b == 0])), f"{key}: zeroed rows"
        assert stats.ks_2samp(a, b).pvalue > SMALLEST_P, key
        spread = 6 * (stats.kurtosis(b) + 3) ** 0.5 / len(b) ** 0.5
        assert abs(a.std() / b.std() - 1) < spread + 0.01, key
        assert abs(a.mean() - b.mean()) < 8 * b.std() / len(b) ** 0.5, key
        drawn += 1
    assert drawn


@pytest.mark.parametrize("name", MODELS)
def test_repeats_and_uses_no_generator(name: str) -> None:
    """Torch's seed neither matters nor changes."""
    built(name, seed=0)
    torch.manual_seed(99)
    state = torch.get_rng_state()
    with accelerate(seed=0) as context:
        model = MODELS[name]()
    again = model.state_dict()
    assert all(torch.equal(value, again[key]) for key, value in built(name, seed=0).items())
    if not context.left_to_torch:
        assert torch.equal(torch.get_rng_state(), state)
    assert context.drawn < context.requested, "what is initialized twice is drawn once"


@pytest.mark.parametrize("name", ["GPT-2", "BERT"])
def test_equal_parameters_do_not_repeat(name: str) -> None:
    """Every parameter that is drawn has numbers of its own."""
    matrices = [value for value in built(name, seed=0).values() if value.dim() > 1]
    drawn = {each.data_ptr(): each.flatten()[-64:] for each in matrices}.values()
    distinct = {tuple(each.div(each.std()).mul(1e4).round().tolist()) for each in drawn}
    assert len(distinct) == len(drawn) > 5
