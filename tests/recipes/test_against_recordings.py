"""Built-in recipes draw what the code of the models that they serve asks for, bit for bit.

Values that the code computes, such as a logarithm of uniform values, have the same distribution or,
without random numbers, agree to float32 rounding.
"""

import importlib
from typing import Any

import numpy as np
import pytest

from fastinit import Plan, list_recipes, recipe
from fastinit.initializers.composites.composite import Composite
from fastinit.initializers.existing.stored import Stored
from fastinit.initializers.existing.values import Values
from fastinit.torch import record
from helpers.bits import check_bits
from helpers.models.tiny_transformers import TYPES, builder

SERVED = {kind: name for name in list_recipes() for kind in recipe(name).serves if kind in TYPES}
SAMPLE = (
    *("bart", "bert", "marian", "clip", "convnext", "deepseek_v3", "dinov2", "gemma3_text"),
    *("gpt2", "gpt_oss", "jamba", "llama", "llama4_text", "mamba", "mamba2", "modernbert"),
    *("mt5", "qwen3_5_text", "qwen3_next", "recurrent_gemma", "siglip", "whisper"),
)
# Angles of positions that the code computes in float32, from 0 to 1500.
TABLES = {"encoder.embed_positions.weight": 2e-4}
FEWEST_TYPES = 190  # that build from these sizes


def check(kind: str) -> bool:
    """Return whether a type can be built; fail unless its recipe draws what its code asks for."""
    build = builder(kind)
    if build is None:
        return False
    recorded = record(build, seed=0)
    plan = Plan(recorded.manifest, SERVED[kind], seed=0)
    arrays = plan.init()
    for name, expected in recorded.init().items():
        asked = recorded.tensor(name).initializer
        if not isinstance(asked, (Composite, Stored, Values)):
            check_bits(arrays[name], expected, name)
        elif plan.tensor(name).initializer.is_random:
            check_distribution(name, arrays[name], expected)
        else:
            error = TABLES.get(name, 0)
            np.testing.assert_allclose(arrays[name], expected, 1e-6, error, err_msg=name)
    return True


def check_distribution(name: str, found: Any, expected: Any) -> None:
    """Fail if two samples differ by more than chance (Kolmogorov and Smirnov, p = 1e-6)."""
    stats: Any = importlib.import_module("scipy.stats")
    assert stats.ks_2samp(found.ravel(), expected.ravel()).pvalue > 1e-6, name


@pytest.mark.parametrize("kind", SAMPLE)
def test_a_sample(kind: str) -> None:
    assert check(kind)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_all_types() -> None:
    built = [kind for kind in SERVED if check(kind)]
    assert len(built) >= FEWEST_TYPES
