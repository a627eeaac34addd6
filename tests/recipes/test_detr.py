"""DETR and its kin with a ResNet backbone, bit for bit as their code asks for."""

from typing import Any

import pytest
import transformers

from fastinit import Plan
from fastinit.torch import record
from helpers.bits import check_bits

CLASSES = {
    "DetrForSegmentation": "detr",
    "ConditionalDetrForSegmentation": "conditional_detr",
    "TableTransformerForObjectDetection": "table-transformer",
}
SIZES = {
    "d_model": 128,
    "encoder_layers": 1,
    "decoder_layers": 1,
    "encoder_ffn_dim": 48,
    "decoder_ffn_dim": 48,
    "encoder_attention_heads": 8,
    "decoder_attention_heads": 8,
    "num_queries": 10,
    "init_std": 0.037,
    "init_xavier_std": 0.7,
}


@pytest.mark.slow
@pytest.mark.parametrize("positions", ["sine", "learned"])
@pytest.mark.parametrize("name", CLASSES)
def test_as_transformers(name: str, positions: str) -> None:
    backbone = transformers.ResNetConfig(
        embedding_size=8,
        hidden_sizes=[8, 8, 16, 32],
        depths=[1, 1, 1, 1],
        out_features=[f"stage{k}" for k in (1, 2, 3, 4)],
    )
    given: dict[str, Any] = {"use_timm_backbone": False, "backbone": None}
    config = transformers.AutoConfig.for_model(
        CLASSES[name],
        backbone_config=backbone,
        position_embedding_type=positions,
        **given,
        **SIZES,
    )
    recorded = record(lambda: getattr(transformers, name)(config), seed=0)
    arrays = Plan(recorded.manifest, seed=0).init()
    for key, expected in recorded.init().items():
        check_bits(arrays[key], expected, key)
