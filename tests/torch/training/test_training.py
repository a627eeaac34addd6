"""A small GPT learns as well from our initial weights as from those of transformers and torch."""

import math
from pydoc_data.topics import topics

import numpy as np
import pytest
import torch
from transformers import GPT2Config, GPT2LMHeadModel

import fastinit.torch

STEPS, BATCH, LENGTH = 200, 16, 64
SEEDS = range(4)
CONFIG = GPT2Config(
    n_embd=64, n_layer=2, n_head=4, n_positions=LENGTH, vocab_size=128, bos_token_id=0,
    eos_token_id=0, resid_pdrop=0.0, embd_pdrop=0.0, attn_pdrop=0.0,
)  # fmt: skip
# The language reference that comes with Python.
TEXT = torch.tensor(list("".join(topics.values()).encode("ascii", "ignore")))


def losses(model: GPT2LMHeadModel, seed: int) -> tuple[float, float]:
    """(of the first batch, the mean of the last 20) of a training run; the batches are `seed`'s."""
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)
    batches = torch.Generator().manual_seed(seed)
    found = []
    for _ in range(STEPS):
        starts = torch.randint(len(TEXT) - LENGTH, (BATCH, 1), generator=batches)
        tokens = TEXT[starts + torch.arange(LENGTH)]
        loss = model(input_ids=tokens, labels=tokens).loss
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        found.append(float(loss.detach()))
    return found[0], float(np.mean(found[-20:]))


@pytest.mark.slow
def test_the_same_loss_within_noise() -> None:
    """200 steps from four seeds each, the same batches for both.

    The difference of the mean losses is below three standard errors of it, as those seeds show
    them, and below 5 % of the loss; and both have learned.
    """
    ours, theirs = [], []
    for seed in SEEDS:
        torch.manual_seed(seed)
        model = GPT2LMHeadModel(CONFIG)
        theirs.append(losses(model, seed))
        ours.append(losses(fastinit.torch.init_(GPT2LMHeadModel(CONFIG), "gpt2", seed), seed))
    (our_first, our_last), (their_first, their_last) = np.transpose(ours), np.transpose(theirs)
    assert our_first == pytest.approx(math.log(128), abs=0.1)
    assert their_first == pytest.approx(math.log(128), abs=0.1)
    error = math.sqrt((our_last.var(ddof=1) + their_last.var(ddof=1)) / len(SEEDS))
    difference = our_last.mean() - their_last.mean()
    print(f"ours {our_last}, theirs {their_last}, {difference / error:.2f} standard errors")
    assert our_last.mean() < 0.6 * math.log(128)
    assert abs(difference) < 3 * error
    assert abs(difference) < 0.05 * their_last.mean()
