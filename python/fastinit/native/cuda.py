"""CUDA: whether it can be used here, if not, why and what to do, and the one call that fills."""

from __future__ import annotations

import functools
import importlib
from types import ModuleType
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

_OUT_OF_MEMORY, _NO_DEVICE = 2, 100  # cudaErrorMemoryAllocation, cudaErrorNoDevice
_ELSE = "or draw with device='cpu'"
INSTALL_CUPY = "pip install 'fastinit-nn[cuda]'"
_BUILD = "build it where nvcc is installed, with -Ccmake.define.FASTINIT_CUDA=ON"


def cuda_status() -> str:
    """Say whether ``device="cuda"`` can be used here; if not, why and what to do.

    Returns:
        A sentence that begins with ``"usable: "``, or with ``"usable with out= only: "`` where
        CuPy is missing for new arrays, or with ``"not usable: "``.

    Example:
        >>> import fastinit
        >>> fastinit.cuda_status().partition(":")[0] in (
        ...     "usable", "usable with out= only", "not usable"
        ... )
        True
    """
    why_not = problem()
    if why_not is not None:
        return f"not usable: {why_not}"
    found = ", ".join(f"cuda:{number} {_title(number)}" for number in range(_count()))
    from importlib.util import find_spec  # here, as few ask

    if find_spec("cupy") is None:
        return f"usable with out= only: {found}; new arrays need CuPy: {INSTALL_CUPY}"
    return f"usable: {found}"


def problem() -> str | None:
    """Return why no GPU can be used and what to do, or None if one can."""
    try:
        native = _load()
    except ModuleNotFoundError as error:
        if error.name != "fastinit.native._cuda":
            raise
        return f"this fastinit was built without CUDA; {_BUILD}, {_ELSE}"
    except ImportError as error:
        return (
            f"CUDA's part of fastinit cannot be loaded ({error}); install fastinit again, {_ELSE}"
        )
    driver, needed = native.driver_version(), native.runtime_version()
    if driver == 0:
        return f"there is no NVIDIA driver here; install one for CUDA {_version(needed)}, {_ELSE}"
    if driver // 1000 < needed // 1000:  # minor versions of a driver and a runtime mix
        return (
            f"the NVIDIA driver knows CUDA {_version(driver)}, fastinit was built with "
            f"{_version(needed)}; update the driver, {_ELSE}"
        )
    try:
        problems = [_problem_of(number) for number in range(_count())]
    except RuntimeError as error:
        return f"{error}; {_ELSE}"
    if not problems:
        return (
            f"there is a driver, but no GPU is visible; check nvidia-smi and CUDA_VISIBLE_DEVICES, "
            f"{_ELSE}"
        )
    return None if None in problems else problems[0]


@functools.cache
def extension(number: int | None = None) -> ModuleType:
    """Return the extension module, once it is known that it can draw (on GPU ``number``).

    Raises:
        RuntimeError: CUDA, or this GPU, cannot be used.
        ValueError: there is no such GPU.
    """
    why_not = problem()
    if number is not None and why_not is None:
        if number >= _count():
            raise ValueError(
                f"device='cuda:{number}' is not there: {_count()} found, numbered from cuda:0"
            )
        why_not = _problem_of(number)
    if why_not is not None:
        raise RuntimeError(f"CUDA cannot be used: {why_not}")
    return _load()


def fill(requests: NDArray[np.void], number: int, stream: int) -> None:
    """Enqueue the drawing of requests on a stream of GPU ``number``.

    Raises:
        MemoryError: the GPU, or pinned memory of the host, has no room for the requests' table or
            for the working memory of orthogonal matrices.
        RuntimeError: CUDA cannot be used here, or one of its calls failed; only the launches
            before that call are drawn.
    """
    native = extension(number)
    try:
        native.fill(requests, number, stream)
    except native.CudaError as error:
        if error.code != _OUT_OF_MEMORY:
            raise
        raise MemoryError(
            f"{len(requests)} requests need {requests.nbytes} bytes and a little more on "
            f"cuda:{number}, orthogonal matrices working memory too, beside the arrays: {error}; "
            "free some memory, or draw less at once"
        ) from None


def _load() -> ModuleType:
    return importlib.import_module("fastinit.native._cuda")


def _count() -> int:
    native = _load()
    try:
        count: int = native.device_count()
    except native.CudaError as error:
        if error.code != _NO_DEVICE:
            raise
        return 0
    return count


def _problem_of(number: int) -> str | None:
    architectures = _load().architectures
    capability = _load().device_properties(number)["compute_capability"]
    if any(_runs(code, *capability) for code in architectures):
        return None
    return (
        f"cuda:{number} {_title(number)} is not among what this fastinit was built for "
        f"({', '.join(architectures)}); build it there with "
        f"-Ccmake.define.CMAKE_CUDA_ARCHITECTURES=native, {_ELSE}"
    )


def _runs(code: str, major: int, minor: int) -> bool:
    """Whether a GPU runs code for ``"80"`` (machine code) or ``"80-virtual"`` (PTX)."""
    number, _, kind = code.partition("-")
    oldest = divmod(int(number.rstrip("af")), 10)
    return oldest <= (major, minor) and (kind == "virtual" or oldest[0] == major)


def _title(number: int) -> str:
    properties = _load().device_properties(number)
    major, minor = properties["compute_capability"]
    return f"{properties['name']} (compute capability {major}.{minor})"


def _version(number: int) -> str:
    """CUDA's numbers: 13000 is 13.0."""
    return f"{number // 1000}.{number % 1000 // 10}"
