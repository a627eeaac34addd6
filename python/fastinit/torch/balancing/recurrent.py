"""Recurrent layers step by step: the inputs of their gates, which fused layers do not show."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn
from torch.nn import functional as F  # noqa: N812


def gates(module: nn.RNNBase, given: Any, layer: int, is_reverse: bool) -> torch.Tensor:
    """Return the inputs of all gates of a layer, (steps, batch, gates), from a state of zeros.

    These are W_ih x + b_ih + W_hh h + b_hh; in a GRU's new gate the recurrent part is multiplied by
    the reset gate.

    Args:
        module: an LSTM, a GRU or an RNN.
        given: what the module is called with: a tensor, or a packed sequence.
        layer: the number of the layer, from 0.
        is_reverse: whether it is that of the second direction.
    """
    if isinstance(given, nn.utils.rnn.PackedSequence):
        given, _ = nn.utils.rnn.pad_packed_sequence(given, batch_first=module.batch_first)
    inputs = given[:, None] if given.ndim == 2 else given
    inputs = inputs.transpose(0, 1) if module.batch_first and given.ndim == 3 else inputs
    for k in range(layer):
        directions = (False, True) if module.bidirectional else (False,)
        inputs = torch.cat([_run(module, inputs, k, each)[1] for each in directions], -1)
    return _run(module, inputs, layer, is_reverse)[0]


def _run(
    module: nn.RNNBase, inputs: torch.Tensor, layer: int, is_reverse: bool
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the inputs of the gates and the states of all steps."""
    suffix = f"l{layer}{'_reverse' * is_reverse}"
    weight_ih, weight_hh = (
        getattr(module, f"weight_ih_{suffix}"),
        getattr(module, f"weight_hh_{suffix}"),
    )
    bias_ih, bias_hh = (
        getattr(module, f"bias_ih_{suffix}", None),
        getattr(module, f"bias_hh_{suffix}", None),
    )
    projection = getattr(module, f"weight_hr_{suffix}", None)
    from_inputs = F.linear(inputs, weight_ih, bias_ih)
    hidden = inputs.new_zeros(inputs.shape[1], weight_hh.shape[1])
    cell = inputs.new_zeros(inputs.shape[1], module.hidden_size)
    found, states = [], []
    for step in reversed(from_inputs) if is_reverse else from_inputs:
        recurrent = F.linear(hidden, weight_hh, bias_hh)
        if module.mode == "GRU":
            summed, hidden = _gru(step, recurrent, hidden)
        elif module.mode == "LSTM":
            summed = step + recurrent
            i, f, g, o = summed.chunk(4, -1)
            cell = f.sigmoid() * cell + i.sigmoid() * g.tanh()
            hidden = o.sigmoid() * cell.tanh()
            hidden = hidden if projection is None else F.linear(hidden, projection)
        else:
            summed = step + recurrent
            hidden = summed.relu() if module.mode == "RNN_RELU" else summed.tanh()
        found.append(summed)
        states.append(hidden)
    order = slice(None, None, -1) if is_reverse else slice(None)
    return torch.stack(found[order]), torch.stack(states[order])


def _gru(
    step: torch.Tensor, recurrent: torch.Tensor, hidden: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the inputs of a GRU's gates at a step, and its next state."""
    (r, z, n), (hr, hz, hn) = step.chunk(3, -1), recurrent.chunk(3, -1)
    reset, update, new = r + hr, z + hz, n + (r + hr).sigmoid() * hn
    share = update.sigmoid()
    return torch.cat([reset, update, new], -1), (1 - share) * new.tanh() + share * hidden
