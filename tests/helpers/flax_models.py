"""Small models of flax with flax's own initializers, each with what it is called with."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

import fastinit

WIDTH, LAYERS, CLASSES = 32, 4, 64


def transformer() -> tuple[Any, Any]:
    """Return a causal transformer of linen, and tokens."""
    from flax import linen

    class Block(linen.Module):
        @linen.compact
        def __call__(self, x: Any) -> Any:
            mask = linen.make_causal_mask(jnp.ones(x.shape[:2]))
            y = linen.LayerNorm()(x)
            x = x + linen.MultiHeadDotProductAttention(4)(y, mask=mask)
            y = linen.gelu(linen.Dense(4 * WIDTH)(linen.LayerNorm()(x)))
            return x + linen.Dense(WIDTH)(y)

    class Model(linen.Module):
        @linen.compact
        def __call__(self, tokens: Any) -> Any:
            x = linen.Embed(CLASSES, WIDTH)(tokens)
            for _ in range(LAYERS):
                x = Block()(x)
            return linen.Dense(CLASSES)(linen.LayerNorm()(x))

    return Model(), _tokens()


def resnet() -> tuple[Any, Any]:
    """Return a residual network of linen with batch norms, and images."""
    from flax import linen

    class Block(linen.Module):
        @linen.compact
        def __call__(self, x: Any) -> Any:
            y = linen.BatchNorm(use_running_average=False)(linen.Conv(WIDTH, (3, 3))(x))
            y = linen.Conv(WIDTH, (3, 3))(linen.relu(y))
            return linen.relu(x + linen.BatchNorm(use_running_average=False)(y))

    class Model(linen.Module):
        @linen.compact
        def __call__(self, x: Any) -> Any:
            x = linen.relu(linen.Conv(WIDTH, (3, 3))(x))
            for _ in range(3):
                x = Block()(x)
            return linen.Dense(10)(x.mean((1, 2)))

    return Model(), jnp.asarray(fastinit.normal((8, 8, 8, 3), seed=0))


def lstm() -> tuple[Any, Any]:
    """Return a recurrent network of linen, and tokens."""
    from flax import linen

    class Model(linen.Module):
        @linen.compact
        def __call__(self, tokens: Any) -> Any:
            x = linen.Embed(CLASSES, WIDTH)(tokens)
            for _ in range(2):
                x = linen.RNN(linen.OptimizedLSTMCell(WIDTH))(x)
            return linen.Dense(CLASSES)(x)

    return Model(), _tokens()


def mixer() -> tuple[Any, Any]:
    """Return a network of linen that mixes tokens and channels in turn, and its inputs."""
    from flax import linen

    class Mlp(linen.Module):
        width: int

        @linen.compact
        def __call__(self, x: Any) -> Any:
            return linen.Dense(x.shape[-1])(linen.gelu(linen.Dense(self.width)(x)))

    class Model(linen.Module):
        @linen.compact
        def __call__(self, x: Any) -> Any:
            x = linen.Dense(WIDTH)(x)
            for _ in range(LAYERS):
                y = linen.LayerNorm()(x).swapaxes(1, 2)
                x = x + Mlp(2 * WIDTH)(y).swapaxes(1, 2)
                x = x + Mlp(4 * WIDTH)(linen.LayerNorm()(x))
            return linen.Dense(10)(linen.LayerNorm()(x).mean(1))

    return Model(), jnp.asarray(fastinit.normal((8, 16, 12), seed=0))


def nnx_transformer() -> tuple[Any, Any]:
    """Return an encoder of nnx, and its inputs."""
    from flax import nnx

    class Block(nnx.Module):
        def __init__(self, rngs: Any) -> None:
            self.attention = nnx.MultiHeadAttention(4, WIDTH, decode=False, rngs=rngs)
            self.norms = nnx.List([nnx.LayerNorm(WIDTH, rngs=rngs) for _ in range(2)])
            self.up = nnx.Linear(WIDTH, 4 * WIDTH, rngs=rngs)
            self.down = nnx.Linear(4 * WIDTH, WIDTH, rngs=rngs)

        def __call__(self, x: Any) -> Any:
            x = x + self.attention(self.norms[0](x))
            return x + self.down(nnx.silu(self.up(self.norms[1](x))))

    class Model(nnx.Module):
        def __init__(self, rngs: Any) -> None:
            self.blocks = nnx.List([Block(rngs) for _ in range(LAYERS)])
            self.norm, self.head = nnx.LayerNorm(WIDTH, rngs=rngs), nnx.Linear(WIDTH, 10, rngs=rngs)

        def __call__(self, x: Any) -> Any:
            for block in self.blocks:
                x = block(x)
            return self.head(self.norm(x))

    return Model(nnx.Rngs(0)), jnp.asarray(fastinit.normal((8, 16, WIDTH), seed=0))


def _tokens() -> jax.Array:
    return jnp.asarray((np.arange(8 * 16) * 37 % CLASSES).reshape(8, 16))


MODELS: dict[str, Callable[[], tuple[Any, Any]]] = {
    "transformer": transformer,
    "resnet": resnet,
    "lstm": lstm,
    "mixer": mixer,
    "nnx": nnx_transformer,
}
