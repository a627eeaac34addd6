"""Fixup over a ResNet, and the sum of Hanin and Rolnick."""

import pytest

import fastinit
from fastinit import Constant, HeNormal, Manifest, Plan


@pytest.mark.parametrize(("layers", "power"), [(2, -1 / 2), (3, -1 / 4), (4, -1 / 6)])
def test_fixup(layers: int, power: float) -> None:
    shapes: dict[str, tuple[int, ...]] = {"conv1.weight": (8, 3, 7, 7), "fc.weight": (5, 8)}
    for stage in (1, 2):
        for block in range(3):
            for k in range(1, layers + 1):
                shapes[f"layer{stage}.{block}.conv{k}.weight"] = (8, 8, 3, 3)
            shapes[f"layer{stage}.{block}.bias1a"] = (1,)
            shapes[f"layer{stage}.{block}.scale"] = (1,)
    model = Manifest.from_shapes(shapes)
    plan = Plan(model, fastinit.fixup(model), seed=0)
    he = HeNormal().resolve((8, 8, 3, 3)).moments(())
    assert he is not None
    for name, each in plan.items():
        if name.endswith(f"conv{layers}.weight") or name == "fc.weight" or "bias" in name:
            assert each.initializer == Constant(0), name
        elif ".conv" in name:
            found = each.initializer.moments(shapes[name])
            assert found is not None
            assert found[1] == pytest.approx(he[1] * 6**power, rel=1e-14), name
    assert plan["layer1.0.scale"].initializer == Constant(1)
    assert plan["conv1.weight"].initializer == HeNormal().resolve((8, 3, 7, 7))


def test_fixup_needs_blocks() -> None:
    model = Manifest.from_shapes({"w": (2, 2)})
    with pytest.raises(ValueError, match="no parameter of 'model' is in a residual block"):
        fastinit.fixup(model)
    single = Manifest.from_shapes({"layer1.0.conv1.weight": (2, 2, 1, 1)})
    with pytest.raises(ValueError, match=r"the block 'layer1\.0' has one layer"):
        fastinit.fixup(single)


def test_sums_of_widths() -> None:
    assert fastinit.hanin_rolnick([4, 4, 2]) == 1.0
    with pytest.raises(ValueError, match="widths=0 is not positive"):
        fastinit.hanin_rolnick([0])
