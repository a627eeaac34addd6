"""Digests: one short string that two machines can compare instead of two arrays."""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np

from fastinit.arrays import to_numpy
from fastinit.native import get_num_threads

PIECE = 4 << 20  # bytes


def digest(array: Any) -> str:
    r"""SHA-256 over an array's dtype, shape and the SHA-256 of each 4 MiB piece of its bytes.

    The pieces are digested in parallel. The value is that of
    ``sha256(f"{dtype.name} {shape}\n" + piece digests)``, with the shape as comma-separated
    integers and the elements in C order, little-endian.

    Args:
        array: a torch tensor, or anything that NumPy can see as an array.

    Returns:
        64 hexadecimal digits.

    Raises:
        ValueError: a torch tensor of a dtype that NumPy and ml_dtypes lack.

    Example:
        >>> import fastinit
        >>> fastinit.digest(fastinit.normal((64, 64), seed=0))[:8]
        '86f461fd'
    """
    data = to_numpy(array)
    shape = data.shape
    data = np.ascontiguousarray(data, data.dtype.newbyteorder("<"))
    content = data.reshape(-1).view(np.uint8)
    pieces = [content[at : at + PIECE] for at in range(0, content.size, PIECE)]
    if len(pieces) > 1:
        from concurrent.futures import ThreadPoolExecutor  # here: it takes milliseconds to import

        with ThreadPoolExecutor(min(get_num_threads(), len(pieces))) as pool:
            digests = list(pool.map(_sha256, pieces))
    else:
        digests = [_sha256(piece) for piece in pieces]
    result = begin(data.dtype, shape)
    result.update(b"".join(digests))
    return result.hexdigest()


def begin(dtype: np.dtype[Any], shape: tuple[int, ...]) -> hashlib._Hash:
    """A digest of the dtype and shape alone; update it with the SHA-256 of each piece, in order."""
    return hashlib.sha256(f"{dtype.name} {','.join(map(str, shape))}\n".encode())


def _sha256(piece: np.ndarray[Any, np.dtype[np.uint8]]) -> bytes:
    return hashlib.sha256(piece.data).digest()
