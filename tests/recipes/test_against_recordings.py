"""Built-in recipes draw what the code of the models that they serve asks for, bit for bit."""

import pytest

from fastinit import Plan, list_recipes, recipe
from fastinit.torch import record
from helpers.bits import check_bits
from helpers.tiny_transformers import TYPES, build, on_meta

SERVED = {kind: name for name in list_recipes() for kind in recipe(name).serves if kind in TYPES}
SAMPLE = ("bert", "bloom", "clip", "convnext", "deepseek_v3", "gemma3_text", "gpt2", "llama", "mt5")
FEWEST_TYPES = 60  # that build from these sizes


def check(kind: str) -> None:
    """Fail unless the recipe of a type draws the model that its own code makes."""
    recorded = record(lambda: build(kind), seed=0)
    arrays = Plan(recorded.manifest, SERVED[kind], seed=0).init()
    for name, expected in recorded.init().items():
        check_bits(arrays[name], expected, name)


@pytest.mark.parametrize("kind", SAMPLE)
def test_a_sample(kind: str) -> None:
    check(kind)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_all_types() -> None:
    built = []
    for kind in SERVED:
        try:
            on_meta(kind)
        except (Exception, SystemExit):  # a library is missing, or the sizes do not fit together
            continue
        check(kind)
        built.append(kind)
    assert len(built) >= FEWEST_TYPES
