"""Plans from checkpoints: what they take is what is there, files verify, memory of the source."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import fastinit
from helpers.bits import check_bits

D, F, V = 8, 12, 30
BLOCK = {
    "self_attn.q_proj": (D, D),
    "mlp.gate_proj": (F, D),
    "mlp.up_proj": (F, D),
    "mlp.down_proj": (D, F),
}


def dense(layers: int) -> dict[str, tuple[int, ...]]:
    shapes: dict[str, tuple[int, ...]] = {"embed_tokens.weight": (V, D)}
    for k in range(layers):
        shapes |= {f"layers.{k}.{name}.weight": shape for name, shape in BLOCK.items()}
    return shapes | {"norm.weight": (D,), "lm_head.weight": (V, D)}


@pytest.fixture
def source(tmp_path: Path) -> tuple[Path, dict[str, Any]]:
    path = tmp_path / "dense.safetensors"
    plan = fastinit.Plan(dense(2), fastinit.Normal(std=0.5), seed=4)
    plan.save(path)
    return path, plan.init()


def saved(plan: fastinit.Plan, folder: Path) -> dict[str, Any]:
    """What the file of a plan holds, once it has been verified by the plan that it carries."""
    path = folder / "grown.safetensors"
    plan.save(path)
    assert fastinit.verify(path).ok
    for name, values in plan.init().items():
        check_bits(fastinit.load_plan(path).draw(name), values)
    return dict(plan.init())


def test_equal_models_need_no_recipe(source: Any, tmp_path: Path) -> None:
    path, weights = source
    found = saved(fastinit.transfer(path, dense(2)), tmp_path)
    for name, values in weights.items():
        check_bits(found[name], values)


def test_other_names_and_what_is_missing(source: Any, tmp_path: Path) -> None:
    path, weights = source
    model = {f"model.{name}": shape for name, shape in dense(3).items()}
    plan = fastinit.transfer(path, model, "default", names={r"^model\.": ""}, seed=9)
    found = saved(plan, tmp_path)
    check_bits(found["model.layers.1.mlp.up_proj.weight"], weights["layers.1.mlp.up_proj.weight"])
    name = "model.layers.2.mlp.up_proj.weight"
    check_bits(found[name], fastinit.Plan(model, "default", seed=9).draw(name))


def test_names_by_a_function(source: Any) -> None:
    """None leaves a tensor to the recipe."""
    path, weights = source
    up, down = "mlp.up_proj.weight", "mlp.down_proj.weight"
    model = {f"layers.0.{name}": weights[f"layers.0.{name}"].shape for name in (up, down)}
    plan = fastinit.transfer(
        path, model, "normal", names=lambda name: name if "up" in name else None, seed=9
    )
    check_bits(plan.draw(f"layers.0.{up}"), weights[f"layers.0.{up}"])
    drawn = fastinit.Plan(model, "normal", seed=9).draw(f"layers.0.{down}")
    check_bits(plan.draw(f"layers.0.{down}"), drawn)


@pytest.mark.parametrize(
    ("depth", "expected"),
    [("stack", [0, 1, 0, 1]), ("repeat", [0, 0, 1, 1]), ("even", [0])],
)
def test_other_depths(source: Any, depth: str, expected: list[int]) -> None:
    path, weights = source
    found = fastinit.transfer(path, dense(len(expected)), depth=depth).init()
    for layer, from_ in enumerate(expected):
        values = weights[f"layers.{from_}.mlp.up_proj.weight"]
        check_bits(found[f"layers.{layer}.mlp.up_proj.weight"], values)


def test_smaller_models_by_selection(source: Any) -> None:
    path, weights = source
    found = fastinit.transfer(path, {"layers.0.mlp.up_proj.weight": (6, 4)}, fit="even").init()
    values = weights["layers.1.mlp.up_proj.weight"][::2, ::2]
    assert found["layers.0.mlp.up_proj.weight"].shape == values.shape
    check_bits(
        found["layers.0.mlp.up_proj.weight"],
        np.ascontiguousarray(weights["layers.0.mlp.up_proj.weight"][::2, ::2]),
    )
    one = fastinit.transfer(
        path, {"layers.0.norm": (6, 4)}, fit="even", names={"norm": "mlp.up_proj.weight"}
    )
    check_bits(one.init()["layers.0.norm"], found["layers.0.mlp.up_proj.weight"])
    fit = {r".*\.up_proj\.weight": ("even", "copy")}
    two = fastinit.transfer(path, {"layers.0.mlp.up_proj.weight": (6, 4)}, fit=fit).init()
    check_bits(
        two["layers.0.mlp.up_proj.weight"],
        np.ascontiguousarray(weights["layers.0.mlp.up_proj.weight"][::2, :4]),
    )


EXPERTS = 3
STACKED: dict[str, tuple[int, ...]] = {
    "experts.gate_up_proj": (EXPERTS, 2 * F, D),
    "experts.down_proj": (EXPERTS, D, F),
}
TURNED: dict[str, tuple[int, ...]] = {
    "experts.gate_up_proj": (EXPERTS, D, 2 * F),
    "experts.down_proj": (EXPERTS, F, D),
}
SEPARATE: dict[str, tuple[int, ...]] = {
    f"experts.{e}.{name}.weight": shape
    for e in range(EXPERTS)
    for name, shape in {"w1": (F, D), "w2": (D, F), "w3": (F, D)}.items()
}


KINDS: dict[str, dict[str, tuple[int, ...]]] = {
    "stacked": STACKED,
    "turned": TURNED,
    "separate": SEPARATE,
}


def sparse(experts: dict[str, tuple[int, ...]]) -> dict[str, tuple[int, ...]]:
    shapes = {name: shape for name, shape in dense(2).items() if ".mlp." not in name}
    for k in range(2):
        shapes |= {f"layers.{k}.mlp.{name}": shape for name, shape in experts.items()}
        shapes[f"layers.{k}.mlp.gate.weight"] = (EXPERTS, D)
    return shapes


@pytest.mark.parametrize("kind", ["stacked", "turned", "separate"])
def test_experts_are_copies(source: Any, tmp_path: Path, kind: str) -> None:
    path, weights = source
    experts = KINDS[kind]
    plan = fastinit.upcycle(path, sparse(experts), fastinit.Normal(std=0.02), seed=1)
    found = saved(plan, tmp_path)
    up, down = (weights[f"layers.1.mlp.{part}_proj.weight"] for part in ("up", "down"))
    if kind == "separate":
        check_bits(found["layers.1.mlp.experts.2.w3.weight"], up)
        check_bits(found["layers.1.mlp.experts.0.w2.weight"], down)
    else:
        both = found["layers.1.mlp.experts.gate_up_proj"][2]
        each = both[F:] if kind == "stacked" else np.ascontiguousarray(both[:, F:].T)
        check_bits(each, up)
        last = found["layers.1.mlp.experts.down_proj"][1]
        check_bits(last if kind == "stacked" else np.ascontiguousarray(last.T), down)
    router = found["layers.0.mlp.gate.weight"]
    check_bits(
        router, fastinit.normal((EXPERTS, D), std=0.02, seed=1, name="layers.0.mlp.gate.weight")
    )


@pytest.mark.parametrize("kind", ["stacked", "separate"])
def test_dropped_units_differ_in_each_expert(source: Any, tmp_path: Path, kind: str) -> None:
    """The same units of gate, up and down are drawn again, others in each expert."""
    path, weights = source
    experts = KINDS[kind]
    plan = fastinit.upcycle(path, sparse(experts), fastinit.Normal(), drop=0.5, seed=1)
    found = saved(plan, tmp_path)
    seen = []
    for e in range(EXPERTS):
        if kind == "stacked":
            gate_up = found["layers.0.mlp.experts.gate_up_proj"][e]
            gate, up, down = gate_up[:F], gate_up[F:], found["layers.0.mlp.experts.down_proj"][e]
        else:
            gate, down, up = (found[f"layers.0.mlp.experts.{e}.w{k}.weight"] for k in (1, 2, 3))
        again = (gate != weights["layers.0.mlp.gate_proj.weight"]).all(1)
        assert again.sum() == F // 2
        assert ((up != weights["layers.0.mlp.up_proj.weight"]).all(1) == again).all()
        assert ((down != weights["layers.0.mlp.down_proj.weight"]).all(0) == again).all()
        seen.append(tuple(again))
    assert len(set(seen)) > 1


@pytest.mark.parametrize("rows", [V + 300, V - 4])
def test_other_vocabularies(source: Any, tmp_path: Path, rows: int) -> None:
    path, weights = source
    plan = fastinit.resize_vocabulary(path, rows, covariance=1e-4, seed=2)
    found = saved(plan, tmp_path)
    for name in ("embed_tokens.weight", "lm_head.weight"):
        kept = min(rows, V)
        check_bits(found[name][:kept], weights[name][:kept])
        assert found[name].shape == (rows, D)
        if rows > V:
            apart = found[name][V:] - weights[name].mean(0)
            assert abs(float(apart.std()) / (0.01 * float(weights[name].std(0).mean())) - 1) < 0.2
    check_bits(found["norm.weight"], weights["norm.weight"])


def test_taken_values_are_rounded_to_the_dtype(source: Any) -> None:
    """What is taken, mixed and drawn is that of float32, rounded once."""
    path, _ = source
    model, other = dense(2) | {"lm_head.weight": (V + 8, D)}, fastinit.Normal()

    def plans(dtype: str | None) -> tuple[fastinit.Plan, ...]:
        return (
            fastinit.transfer(path, model, other, seed=3, dtype=dtype),
            fastinit.upcycle(path, sparse(STACKED), other, seed=3, dtype=dtype),
            fastinit.resize_vocabulary(path, V + 8, seed=3, dtype=dtype),
        )

    for wide, narrow in zip(plans(None), plans("float16"), strict=True):
        for name, values in wide.init().items():
            check_bits(narrow.draw(name), values.astype(np.float16))


def test_no_words(tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    fastinit.Plan({"a.weight": (2, 2)}, "normal", seed=0).save(path)
    with pytest.raises(ValueError, match=r"has no table of words among a\.weight"):
        fastinit.resize_vocabulary(path, 8)


def test_what_does_not_fit(source: Any) -> None:
    path, _ = source
    with pytest.raises(ValueError, match="has no tensor of the model; pass names="):
        fastinit.transfer(path, {"a.weight": (2, 2)})
    with pytest.raises(ValueError, match="depth='deep' is not known; use one of stack, repeat"):
        fastinit.transfer(path, dense(4), depth="deep")
    with pytest.raises(ValueError, match="depth= needs numbered layers, as in"):
        fastinit.transfer(path, {"up_proj.weight": (2, 2)}, depth="stack", names=str)
    with pytest.raises(
        ValueError, match=r"fit has 1 maps for 'layers\.0.*; pass one for each axis"
    ):
        fastinit.transfer(path, {"layers.0.mlp.up_proj.weight": (6, 4)}, fit={".*": ("even",)})
    with pytest.raises(ValueError, match="has no experts; their names end as in"):
        fastinit.upcycle(path, dense(2), "normal")
    wrong = {"layers.0.mlp.experts.gate_up_proj": (2, 10, D)}
    with pytest.raises(ValueError, match=r"needs 'layers\.0\.mlp\.gate_proj\.weight' of shape"):
        fastinit.upcycle(path, wrong, "normal")
