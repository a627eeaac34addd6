"""Values of torch tensors as NumPy arrays."""

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from helpers.dtypes import dtype_of


def dtype_name(dtype: torch.dtype) -> str:
    return str(dtype).removeprefix("torch.")


def to_numpy(tensor: torch.Tensor) -> NDArray[Any]:
    """The values of a tensor of any dtype, also of one that NumPy lacks."""
    content = tensor.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy()
    array: NDArray[Any] = content.view(dtype_of(dtype_name(tensor.dtype)))
    return np.reshape(array, tuple(tensor.shape))
