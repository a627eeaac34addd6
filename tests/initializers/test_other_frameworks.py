"""What is said where a framework is given an initializer that is not its own."""

from collections.abc import Callable
from typing import Any

import jax
import numpy as np
import pytest
import torch

import fastinit
import fastinit.jax
from fastinit import other_frameworks
from helpers.ids import shortened

KEY = jax.random.key(0)
CORE: list[Any] = [fastinit.HeNormal(layout="*io"), fastinit.HeNormal, fastinit.he_normal]
OF_JAX: list[Any] = [fastinit.jax.he_normal, fastinit.jax.he_normal()]


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda init: init(KEY, (8, 4)), r"fastinit\.jax\.he_normal\(\), which"),
        (
            lambda init: init(jax.random.PRNGKey(0), (8, 4), "float32"),
            r"fastinit\.jax\.he_normal\(\), which",
        ),
        (
            lambda init: jax.jit(lambda key: init(key, (8, 4)))(KEY),
            r"fastinit\.jax\.he_normal\(\), which",
        ),
        (
            lambda init: init([8, 4], np.dtype("float32")),  # haiku
            r"fastinit\.jax\.he_normal\(\)\(hk\.next_rng_key\(\), shape, dtype\)$",
        ),
        (lambda init: init(torch.empty(8, 4)), r"fastinit\.torch fill|as out= to fill it"),
        (lambda init: torch.nn.Linear(8, 4).apply(init), r"fastinit\.torch\.init_\(module\)"),
    ],
    ids=["jax", "raw key", "jit", "haiku", "tensor", "module"],
)
@pytest.mark.parametrize("initializer", [*CORE, *OF_JAX], ids=shortened)
def test_what_to_write(initializer: Any, call: Callable[[Any], Any], words: str) -> None:
    if initializer is OF_JAX[1] and "next_rng" not in words and "torch" not in words:
        call(initializer)
        return
    with pytest.raises(TypeError, match=words):
        call(initializer)


def test_what_takes_arguments() -> None:
    with pytest.raises(TypeError, match=r"jax\.initializer\(fastinit\.Sparse\(\.\.\.\)\)"):
        fastinit.Sparse(0.5)(KEY, (8, 4), np.float32)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match=r"write fastinit\.jax\.normal\(\.\.\.\)"):
        fastinit.jax.normal(KEY, (8, 4), np.float32)  # type: ignore[call-arg]


def test_the_functions_are_there() -> None:
    assert all(hasattr(fastinit.jax, each) for each in other_frameworks._CLASSES)


def test_axes_are_not_shapes() -> None:
    """Arguments of a program's own calls are what they were."""
    assert fastinit.jax.he_normal((0, 1), 2).resolve((3, 4, 5)).fan == 12  # type: ignore[attr-defined]
    assert fastinit.jax.normal(torch.tensor(0.5))(KEY, (2,)).shape == (2,)
