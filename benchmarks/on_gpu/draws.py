"""One draw of each of some kernels, for a profiler: ``python -m benchmarks.on_gpu.draws``."""

from __future__ import annotations

import sys

from benchmarks import gpu

COUNT = 1 << 28


def main() -> int:
    """Draw a gigabyte of each, into the same memory."""
    cupy = gpu.needed("cupy")
    import fastinit

    memory = cupy.empty(COUNT, "float32")
    for task in gpu.TASKS[:3]:
        getattr(fastinit, task.distribution)(COUNT, seed=0, out=memory)
    fastinit.orthogonal((1024, 64, 64), seed=0, out=memory[: 1 << 22].reshape(1024, 64, 64))
    fastinit.orthogonal((4096, 4096), seed=0, out=memory[: 1 << 24].reshape(4096, 4096))
    cupy.cuda.Device().synchronize()
    return 0


if __name__ == "__main__":
    sys.exit(main())
