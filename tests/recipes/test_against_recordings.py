"""Built-in recipes draw what the code of the models that they serve asks for, bit for bit."""

import pytest

from fastinit import Plan, list_recipes, recipe
from fastinit.torch import record
from helpers.bits import check_bits
from helpers.tiny_transformers import TYPES, builder

SERVED = {kind: name for name in list_recipes() for kind in recipe(name).serves if kind in TYPES}
SAMPLE = (
    "gpt_oss",
    "dinov2",
    "llama4_text",
    "bert",
    "bloom",
    "clip",
    "convnext",
    "deepseek_v3",
    "gemma3_text",
    "gpt2",
    "llama",
    "mt5",
)
FEWEST_TYPES = 60  # that build from these sizes


def check(kind: str) -> bool:
    """Return whether a type can be built; fail unless its recipe draws what its code asks for."""
    build = builder(kind)
    if build is None:
        return False
    recorded = record(build, seed=0)
    arrays = Plan(recorded.manifest, SERVED[kind], seed=0).init()
    for name, expected in recorded.init().items():
        check_bits(arrays[name], expected, name)
    return True


@pytest.mark.parametrize("kind", SAMPLE)
def test_a_sample(kind: str) -> None:
    assert check(kind)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_all_types() -> None:
    built = [kind for kind in SERVED if check(kind)]
    assert len(built) >= FEWEST_TYPES
