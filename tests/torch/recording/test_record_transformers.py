"""Recorded plans of transformers' models draw what ``accelerate`` gives these models."""

import json

import pytest

from benchmarks.coverage import large
from helpers.models.tiny_transformers import TYPES, builder
from helpers.recordings import check_recording

SAMPLE = (
    *("albert", "bamba", "bart", "beit", "bert", "bloom", "clip", "convnext", "deberta-v2"),
    *("deepseek_v3", "dinov2", "falcon_h1", "fastspeech2_conformer", "gemma3"),
    *("gpt2", "gpt_neox", "gpt_oss", "jamba", "llama", "lw_detr", "mamba", "mamba2", "mixtral"),
    *(
        "nemotron_h",
        "opt",
        "patchtst",
        "phi3",
        "qwen3_moe",
        "qwen3_next",
        "recurrent_gemma",
        "rwkv",
    ),
    *("siglip", "swin", "t5", "vit", "wav2vec2", "whisper", "xlnet", "xlstm"),
)
FEWEST_TYPES = 580  # that build from small sizes without further libraries
MOST_SECONDS, MOST_BYTES = 20, 400e6


def check(kind: str) -> bool:
    """Return whether a tiny model of a type can be built; fail if its plan draws other bits."""
    build = builder(kind)
    if build is not None:
        check_recording(build)
    return build is not None


@pytest.mark.parametrize("kind", SAMPLE)
@pytest.mark.filterwarnings("ignore:Initializing zero-element tensors")
def test_a_sample(kind: str) -> None:
    assert check(kind)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_all_types() -> None:
    built = [kind for kind in TYPES if check(kind)]
    assert len(built) >= FEWEST_TYPES, json.dumps(sorted(set(TYPES) - set(built)))


@pytest.mark.slow
@pytest.mark.parametrize("name", large.names())
def test_large_models(name: str) -> None:
    """They take seconds and little memory, each in a process of its own."""
    (entry,) = large.measure([name])
    assert entry["cpu_seconds"] < MOST_SECONDS, entry
    assert entry["bytes"] < MOST_BYTES, entry
