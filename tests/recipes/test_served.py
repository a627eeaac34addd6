"""Served types with their heads, and another standard deviation than the usual one.

The recipe of the type draws what transformers' own code does, with the same moments to rounding.
Tensors that the code computes from drawn ones are compared in test_against_recordings.py.
"""

from typing import Any

import pytest
import transformers
from transformers.models.auto import modeling_auto

from fastinit import Plan, list_recipes, recipe
from fastinit.initializers.composites.composite import Composite
from fastinit.initializers.existing.stored import Stored
from fastinit.initializers.existing.values import Values

HEADS = {
    "AutoModelForCausalLM": modeling_auto.MODEL_FOR_CAUSAL_LM_MAPPING_NAMES,
    "AutoModelForMaskedLM": modeling_auto.MODEL_FOR_MASKED_LM_MAPPING_NAMES,
    "AutoModelForSeq2SeqLM": modeling_auto.MODEL_FOR_SEQ_TO_SEQ_CAUSAL_LM_MAPPING_NAMES,
    "AutoModelForImageClassification": modeling_auto.MODEL_FOR_IMAGE_CLASSIFICATION_MAPPING_NAMES,
    "AutoModel": modeling_auto.MODEL_MAPPING_NAMES,
}
TYPES = [kind for name in list_recipes() for kind in recipe(name).serves]
# Its positions have the name of those of images, whose standard deviation is a setting.
AMBIGUOUS = "clip_text_model"
SMALL = {
    **dict.fromkeys(("num_hidden_layers", "encoder_layers", "decoder_layers", "n_layer"), 2),
    **dict.fromkeys(("num_local_experts", "num_experts", "n_routed_experts", "moe_num_experts"), 4),
    "first_k_dense_replace": 1,
}
STDS = dict.fromkeys(("initializer_range", "init_std"), 0.037)
ROWS = [
    (auto, kind)
    for kind in TYPES
    if kind != AMBIGUOUS
    for auto in HEADS
    if auto == next((each for each, kinds in HEADS.items() if kind in kinds), None)
]


def config_of(kind: str) -> Any:
    """A config with few layers and experts, as far as the type has these numbers."""
    usual = transformers.AutoConfig.for_model(kind)
    stds, small = (
        {key: value for key, value in chosen.items() if hasattr(usual, key)}
        for chosen in (STDS, SMALL)
    )
    try:
        return transformers.AutoConfig.for_model(kind, **stds, **small)
    except Exception:  # the lists of kinds of layers do not fit; each type has an error of its own
        return transformers.AutoConfig.for_model(kind, **stds)


def check(auto: str, kind: str) -> None:
    """Fail unless the recipe draws what the code asks for; skip types that need more settings."""
    config = config_of(kind)
    try:
        recorded = Plan.record(lambda: getattr(transformers, auto).from_config(config), seed=0)
    except (ImportError, TypeError, ValueError) as error:
        with pytest.raises(type(error)):  # transformers' own, without the recorder
            getattr(transformers, auto).from_config(config)
        pytest.skip(f"the usual settings of {kind} make no model: {error}")
    plan = Plan(recorded.manifest, seed=0)
    for name in (row["name"] for row in plan.diff(recorded)):
        asked, found = recorded.tensor(name), plan.tensor(name)
        if not isinstance(asked.initializer, (Composite, Stored, Values)):
            shape = asked.parameter.shape
            expected = pytest.approx(asked.initializer.moments(shape), rel=1e-9)
            assert found.initializer.moments(shape) == expected, name


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(("auto", "kind"), ROWS)
def test_heads_and_standard_deviations(auto: str, kind: str) -> None:
    check(auto, kind)
