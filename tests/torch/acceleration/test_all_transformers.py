"""No type of transformers has uninitialized memory after ``accelerate`` or ``materialize_``."""

import json
import warnings

import pytest
import torch

from fastinit.torch import accelerate, materialize_
from fastinit.torch.modules import materialize
from helpers.models.tiny_transformers import TYPES, builder, memory_of_nan, undrawn

SAMPLE = (
    *("bart", "bert", "bloom", "convnext", "deberta-v2", "electra", "falcon", "gemma3_text"),
    *("gpt2", "gpt_neox", "imagegpt", "llama", "mamba", "mixtral", "opt", "phi3", "qwen3_moe"),
    *("swin", "t5", "vit", "xlnet"),
)
FEWEST_TYPES = 450  # that build from these sizes
LISTING = (  # errors that list what cannot be drawn
    "no module computes the buffers",
    "no rule of recipe 'default' matches",
    "no general rule draws",
)


@pytest.fixture(autouse=True)
def _messages_list_all_names(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(materialize, "listed", ", ".join)


def check(kind: str) -> bool:
    """Return whether a tiny model of a type can be built; fail if a part of it is not drawn."""
    with memory_of_nan():
        build = builder(kind)
        if build is None:
            return False
        with torch.device("meta"):
            meta = build()
        with accelerate(seed=0):
            model = build()
        assert undrawn(model) == [], kind
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            try:
                materialize_(meta, "default", seed=0)
            except ValueError as error:
                if not any(text in str(error) for text in LISTING):
                    raise
                return True
        said = " ".join(str(each.message) for each in caught)
    # The warning lists what constructors made with memory.
    assert [name for name in undrawn(meta) if name not in said] == [], kind
    return True


@pytest.mark.parametrize("kind", SAMPLE)
def test_a_sample(kind: str) -> None:
    assert check(kind)


@pytest.mark.slow
def test_all_types() -> None:
    built = [kind for kind in TYPES if check(kind)]
    assert len(built) >= FEWEST_TYPES, json.dumps(sorted(set(TYPES) - set(built)))
