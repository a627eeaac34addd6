"""Keys: each is a seed and a stream, whatever its implementation and however it is drawn."""

import jax
import numpy as np
import pytest

import fastinit
import fastinit.jax as ours
from helpers.bits import check_bits

NORMAL = ours.normal(1.0)


@pytest.mark.parametrize("seed", [0, 7, 2**31, 2**32 - 1])
def test_a_key_of_two_words_is_a_seed(seed: int) -> None:
    """``jax.random.key(n)`` draws what ``seed=n`` does."""
    expected = fastinit.normal((3, 5), seed=seed, name=0)
    for key in (jax.random.key(seed), jax.random.PRNGKey(seed)):
        check_bits(NORMAL(key, (3, 5)), expected)
        check_bits(jax.jit(lambda key: NORMAL(key, (3, 5)))(key), expected)


def test_the_first_word_is_the_high_one() -> None:
    key = jax.random.wrap_key_data(np.array([5, 6], np.uint32), impl="threefry2x32")
    check_bits(NORMAL(key, (4,)), fastinit.normal((4,), seed=5 << 32 | 6, name=0))


@pytest.mark.parametrize("impl", ["rbg", "unsafe_rbg"])
def test_a_key_of_four_words_is_a_seed_and_a_stream(impl: str) -> None:
    words = np.array([1, 2, 3, 4], np.uint32)
    key = jax.random.wrap_key_data(words, impl=impl)
    stream = 3 << 32 | 4
    expected = fastinit.normal((3, 5), seed=1 << 32 | 2, name=stream)
    check_bits(NORMAL(key, (3, 5)), expected)
    check_bits(jax.jit(lambda key: NORMAL(key, (3, 5)))(key), expected)


def test_raw_keys_of_the_implementation_that_is_set() -> None:
    with jax.default_prng_impl("rbg"):
        check_bits(NORMAL(jax.random.PRNGKey(1), (4,)), NORMAL(jax.random.key(1), (4,)))


def test_keys_of_other_lengths_give_four_words_of_their_own() -> None:
    """So an implementation of anyone's is drawn as well."""
    from jax.extend.random import define_prng_impl

    def bits(key: jax.Array, width: int, shape: tuple[int, ...]) -> jax.Array:
        assert width == 32
        return jax.numpy.broadcast_to(key.sum(), shape).astype("uint32")

    impl = define_prng_impl(
        key_shape=(3,),
        seed=lambda seed: jax.numpy.full(3, seed, "uint32"),
        split=lambda key, shape: jax.numpy.broadcast_to(key, (*shape, 3)),
        random_bits=bits,
        fold_in=lambda key, data: key + data,
        name="three",
        tag="three",
    )
    key = jax.random.key(2, impl=impl)
    expected = fastinit.normal((4,), seed=6 << 32 | 6, name=6 << 32 | 6)
    check_bits(NORMAL(key, (4,)), expected)
    check_bits(jax.jit(lambda key: NORMAL(key, (4,)))(key), expected)


def test_different_keys_draw_different_numbers() -> None:
    keys = jax.random.split(jax.random.key(0), 20)
    drawn = np.asarray(jax.vmap(lambda key: NORMAL(key, (100,)))(keys))
    assert len(np.unique(drawn)) == drawn.size
