"""Initializers over others: fused, stacked, transposed, normed and multiplied weights."""

import itertools
from typing import Any

import numpy as np
import pytest

import fastinit
from fastinit import Normed, Orthogonal, Product, Split, Stacked, Stream, Transposed
from helpers.bits import check_bits


def test_fused_parts_are_the_separate_weights() -> None:
    """Each has its own fans, its own name and its own orthogonal matrix."""
    made = {"q": "xavier_uniform", "k": "orthogonal", "v": "ones"}
    fused = Split(made, shares=(2, 1, 1), names="{grandparent}.{part}_proj.weight")
    values = fused((32, 12), seed=3, name="h.0.qkv.weight")
    for part, rows in {"q": np.s_[:16], "k": np.s_[16:24], "v": np.s_[24:]}.items():
        draw = getattr(fastinit, made[part])
        check_bits(values[rows], draw(values[rows].shape, seed=3, name=f"h.0.{part}_proj.weight"))


def test_parts_along_the_last_axis() -> None:
    """JAX's layout; parts of parts need neither whole rows nor whole matrices."""
    fused = Split(Orthogonal(layout="*io"), -1, shares=(1, 2), names="{name}/{part}")
    values = fused((7, 9), seed=1, name="w")
    second = fastinit.orthogonal((7, 6), layout="*io", seed=1, name="w/1")
    check_bits(np.ascontiguousarray(values[:, 3:]), second)
    edges = itertools.combinations(range(0, 10, 2), 2)
    for (left, right), (top, bottom) in itertools.product(edges, [(0, 7), (2, 5)]):
        index = np.s_[top:bottom, left:right]
        check_bits(
            fused((7, 9), seed=1, name="w", index=index), np.ascontiguousarray(values[index])
        )


def test_experts_are_the_separate_experts() -> None:
    gate_up = Split(
        {"gate": "he_normal", "up": "he_normal"}, names="{grandparent}.{part}_proj.weight"
    )
    experts = Stacked(gate_up, names="{parent}.{part}.gate_up_proj.weight")
    values = experts((3, 8, 5), seed=0, name="mlp.experts.gate_up_proj")
    up = fastinit.he_normal((4, 5), seed=0, name="mlp.experts.2.up_proj.weight")
    check_bits(values[2, 4:], up)
    more = experts((5, 8, 5), seed=0, name="mlp.experts.gate_up_proj")
    check_bits(more[:3], values)
    stream = Stream(0).child("mlp")
    check_bits(experts((3, 8, 5), seed=stream("experts.gate_up_proj")), values)


def test_plans_have_the_names_of_parts() -> None:
    """A fused and a separate model have equal values; flat pieces of files are the same."""
    fused = fastinit.Plan(
        {"attn.qkv.weight": (12, 4)},
        [("**", Split("glorot_uniform", labels="qkv", names="{grandparent}.{part}.weight"))],
        seed=5,
    )
    names = [f"attn.{part}.weight" for part in "qkv"]
    separate = fastinit.Plan(
        dict.fromkeys(names, (4, 4)), [("**", fastinit.GlorotUniform())], seed=5
    )
    whole = fused.init()["attn.qkv.weight"]
    check_bits(whole, np.concatenate([separate.init()[name] for name in names]))
    (tensor,) = fused.tensors
    for start, stop in itertools.combinations(range(0, 49, 3), 2):
        out = np.empty(stop - start, np.float32)
        requests = tensor.flat_requests(out.ctypes.data, start, stop - start)
        fastinit.arrays.devices.CPU.fill(requests)
        check_bits(out, whole.reshape(-1)[start:stop])


def test_names_that_are_numbers() -> None:
    """An array without a name has parts all the same, and they differ."""
    values = Stacked("normal")((2, 50), seed=4, name=7)
    check_bits(values[1], fastinit.normal(50, seed=4, name="..7.1"))
    assert len(np.unique(values)) == 100


@pytest.mark.parametrize(("order", "kwargs"), [("ifgo", {"f": "ones"}), ("rzn", {"z": "ones"})])
def test_gates(order: str, kwargs: dict[str, Any]) -> None:
    bias = Split.gates("zeros", order, **kwargs)(2 * len(order), seed=0, name="b")
    expected = [float(letter in kwargs) for letter in order for _ in range(2)]
    assert bias.tolist() == expected
    recurrent = Split.gates("orthogonal", order)((4 * len(order), 4), seed=0, name="w")
    for each in np.split(recurrent, len(order)):
        np.testing.assert_allclose(each @ each.T, np.eye(4), atol=1e-6)
    with pytest.raises(ValueError, match="has no gate x; use its letters"):
        Split.gates("zeros", order, x="ones")


def test_scaled_parts() -> None:
    """Recipes scale them by the depth."""
    halved = Split({"a": "normal", "b": Orthogonal()}).scaled(lambda x: x / 2)
    assert halved == Split({"a": fastinit.Normal(std=0.5), "b": Orthogonal(0.5)})
    assert Stacked("normal").scaled(lambda x: x / 2) == Stacked(fastinit.Normal(std=0.5))
    assert Transposed("normal").scaled(lambda x: x / 2) == Transposed(fastinit.Normal(std=0.5))


def test_transposed_axes() -> None:
    kernel = Transposed("he_normal", (2, 3, 1, 0))((3, 2, 4, 5), seed=0, name="w")
    weight = fastinit.he_normal((5, 4, 3, 2), seed=0, name="w")
    check_bits(kernel, np.ascontiguousarray(weight.transpose(2, 3, 1, 0)))


@pytest.mark.parametrize("axis", [0, 1, -1, None])
def test_norms(axis: int | None) -> None:
    values = Normed("he_uniform", 3.0, axis)((50, 40), seed=0, name="w", dtype="float64")
    base = fastinit.he_uniform((50, 40), seed=0, name="w", dtype="float64")
    norms = np.linalg.norm(values, axis=axis)
    np.testing.assert_allclose(norms, 3.0, rtol=1e-14)
    ratio = values / base
    assert np.ptp(ratio, axis=axis).max() < 1e-13


def test_vectors_of_zeros_stay() -> None:
    assert not Normed("zeros")((3, 4)).any()


@pytest.mark.parametrize("shape", [(12, 9), (9, 12), (90, 40), (30, 150)])
def test_spectral_norms(shape: tuple[int, ...]) -> None:
    """The error is about the square of the tolerance."""
    values = Normed(kind="spectral", norm=0.5, aspect=True)(shape, seed=0, name="w")
    expected = 0.5 * (shape[0] / shape[1]) ** 0.5
    assert abs(float(np.linalg.norm(values, 2)) / expected - 1) < 1e-3


def test_products() -> None:
    values = Product("normal", "orthogonal", 3, 0.5)((20, 6), seed=0, name="w", dtype="float64")
    left = fastinit.normal((20, 3), seed=0, name="w.left", dtype="float64")
    right = fastinit.orthogonal((3, 6), seed=0, name="w.right", dtype="float64")
    np.testing.assert_allclose(values, left @ right / 2, rtol=1e-13, atol=1e-14)


def test_ranks_that_no_array_can_have() -> None:
    with pytest.raises(ValueError, match="is too large"):
        fastinit.product((7, 6), "normal", "normal", 10**400, seed=0, name="w")
