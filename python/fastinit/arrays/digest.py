"""Digests: one short string that two machines compare in place of an array."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import numpy as np

from fastinit.checks import type_of
from fastinit.native.cpu import get_num_threads
from fastinit.native.dtypes import dtype_of

if TYPE_CHECKING:
    import hashlib

    from numpy.typing import NDArray

PIECE = 4 << 20  # bytes


def digest(array: Any) -> str:
    r"""Return the SHA-256 of an array's dtype, shape and content.

    The content counts by the SHA-256 of each 4 MiB piece of its bytes; pieces are digested in
    parallel. The value is that of
    ``sha256(f"{dtype.name} {shape}\n" + piece digests)``, with the shape as comma-separated
    integers and the elements in C order, little-endian.

    Args:
        array: a torch tensor, or anything that NumPy can see as an array.

    Returns:
        64 hexadecimal digits.

    Raises:
        TypeError: NumPy cannot see numbers in it.
        ValueError: a torch tensor of a dtype that NumPy and ml_dtypes lack.

    Example:
        >>> import fastinit
        >>> fastinit.digest(fastinit.normal((64, 64), seed=0))[:8]
        '86f461fd'
    """
    data = to_numpy(array)
    if data.dtype.hasobject:
        kind = type_of(array)
        raise TypeError(f"array is {kind}, which NumPy holds as Python objects; pass numbers")
    shape = data.shape
    data = np.ascontiguousarray(data, data.dtype.newbyteorder("<"))
    content = data.reshape(-1).view(np.uint8)
    pieces = [content[at : at + PIECE] for at in range(0, content.size, PIECE)]
    if len(pieces) > 1:
        from concurrent.futures import ThreadPoolExecutor  # here: it takes milliseconds to import

        with ThreadPoolExecutor(min(get_num_threads(), len(pieces))) as pool:
            digests = list(pool.map(_digest_of, pieces))
    else:
        digests = [_digest_of(piece) for piece in pieces]
    result = begin(data.dtype, shape)
    result.update(b"".join(digests))
    return result.hexdigest()


def begin(dtype: np.dtype[Any], shape: tuple[int, ...]) -> hashlib._Hash:
    """Start a digest of a dtype and shape; update it with the SHA-256 of each piece, in order."""
    return _sha256(f"{dtype.name} {','.join(map(str, shape))}\n".encode())


def to_numpy(array: Any) -> NDArray[Any]:
    """Return ``array`` as a NumPy array on the CPU, whatever its device and dtype."""
    cupy = sys.modules.get("cupy")
    if cupy is not None and isinstance(array, cupy.ndarray):
        copy: NDArray[Any] = array.get()
        return copy
    torch = sys.modules.get("torch")
    if torch is None or not isinstance(array, torch.Tensor):
        return np.asarray(array)
    plain = array.detach().cpu().resolve_conj().resolve_neg()  # views may leave these to the reader
    plain = plain.contiguous().as_strided((plain.numel(),), (1,))
    flat: NDArray[Any] = plain.view(torch.uint8).numpy()
    return flat.view(dtype_of(array.dtype)).reshape(tuple(array.shape))


def _digest_of(piece: NDArray[np.uint8]) -> bytes:
    return _sha256(piece.data).digest()


def _sha256(data: Any) -> hashlib._Hash:
    import hashlib  # here: it loads OpenSSL, which takes milliseconds

    return hashlib.sha256(data)
