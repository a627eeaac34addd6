"""``dirac_``."""

from __future__ import annotations

import torch
from torch import Tensor

from fastinit.torch.nn_init import originals
from fastinit.torch.nn_init.eligible import can_fill
from fastinit.torch.nn_init.leaving import leave
from fastinit.torch.nn_init.source import Source


def dirac_(tensor: Tensor, groups: int = 1) -> Tensor:
    """Fill a tensor with the Dirac delta function, as ``torch.nn.init.dirac_`` does.

    A convolution with these weights passes on as many of its input channels as possible, in each
    group.

    Args:
        tensor: A tensor of 3, 4 or 5 axes, (out, in / groups, *kernel), of any dtype and on any
            device.
        groups: The number of groups of the convolution, which divides the first axis.

    Returns:
        The tensor.

    Raises:
        ValueError: The tensor has another number of axes, or ``groups`` does not divide the first.

    Example:
        >>> import fastinit.torch as init, torch
        >>> init.dirac_(torch.empty(2, 2, 3))[1]
        tensor([[0., 0., 0.],
                [0., 1., 0.]])
    """
    is_common = tensor.dim() in (3, 4, 5) and groups > 0 and tensor.shape[0] % groups == 0
    if not is_common or tensor.numel() == 0 or not can_fill(tensor):
        return leave(originals.dirac_, tensor, (groups,), Source())
    # One strided view holds the ones of all groups, in every dtype and layout. The requests of
    # fastinit.Dirac are one per group: 3 ms in place of 7 us for 1,024 groups of (1, 3, 3).
    with torch.no_grad():
        tensor.zero_()
        center = tensor
        for size in reversed(tensor.shape[2:]):
            center = center.select(-1, size // 2)
        outputs, inputs = tensor.shape[0] // groups, tensor.shape[1]
        down, right = center.stride()
        diagonals = (groups, min(outputs, inputs)), (outputs * down, down + right)
        center.as_strided(*diagonals).fill_(1)
    return tensor
