"""Recorded plans of transformers' models draw what ``accelerate`` gives these models."""

import json

import pytest

from helpers.recordings import check_recording
from helpers.tiny_transformers import TYPES, build, on_meta

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
FEWEST_TYPES = 440  # that build from these sizes


@pytest.mark.parametrize("kind", SAMPLE)
@pytest.mark.filterwarnings("ignore:Initializing zero-element tensors")
def test_a_sample(kind: str) -> None:
    check_recording(lambda: build(kind))


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_all_types() -> None:
    built = []
    for kind in TYPES:
        try:
            on_meta(kind)
        except (Exception, SystemExit):  # a library is missing, or the sizes do not fit together
            continue
        check_recording(lambda: build(kind))  # noqa: B023  (called at once)
        built.append(kind)
    assert len(built) >= FEWEST_TYPES, json.dumps(sorted(set(TYPES) - set(built)))
