"""One draw of each of some kernels, for a profiler: ``python -m benchmarks.on_gpu.draws``."""

from __future__ import annotations

import sys

from benchmarks import gpu

BYTES = 1 << 30
MATRICES = ((1024, 64, 64), (1, 4096, 4096))


def main(size: int = BYTES) -> int:
    """Draw tensors of ``size`` bytes, and orthogonal matrices."""
    tasks = [task for task in gpu.TASKS if task.distribution != "zeros"]
    contenders = [gpu.of_fastinit(task, size // task.numpy_dtype.itemsize) for task in tasks]
    contenders += [gpu.of_matrices("fastinit", "orthogonal", shape) for shape in MATRICES]
    for each in contenders:
        each.run()
    gpu.needed("cupy").cuda.Device().synchronize()
    return 0


if __name__ == "__main__":
    sys.exit(main())
