"""The functions of torch.nn.init that fill a tensor with a pattern."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import init

from fastinit.torch.drawing import is_ours


def dirac_(tensor: Tensor, groups: int = 1) -> Tensor:
    """Fill with the Dirac delta function, as ``torch.nn.init.dirac_`` does.

    As many input channels of a convolution as possible are preserved, in each group.

    Args:
        tensor: of 3, 4 or 5 axes, (out, in / groups, *kernel), and of any dtype and device.
        groups: of the convolution; divides the first axis.

    Returns:
        The tensor.

    Raises:
        ValueError: another number of axes, or ``groups`` does not divide the first.

    Example:
        >>> import fastinit.torch as init, torch
        >>> init.dirac_(torch.empty(2, 2, 3))[1]
        tensor([[0., 0., 0.],
                [0., 1., 0.]])
    """
    is_common = tensor.dim() in (3, 4, 5) and groups > 0 and tensor.shape[0] % groups == 0
    if not is_common or tensor.numel() == 0 or not is_ours(tensor):
        return init.dirac_(tensor, groups)
    with torch.no_grad():
        tensor.zero_()
        centre = tensor
        for size in reversed(tensor.shape[2:]):
            centre = centre.select(-1, size // 2)
        outputs, inputs = tensor.shape[0] // groups, tensor.shape[1]
        down, right = centre.stride()
        diagonals = (groups, min(outputs, inputs)), (outputs * down, down + right)
        centre.as_strided(*diagonals).fill_(1)
    return tensor
