"""CUDA without a GPU: an emulator of PTX, and a stand-in for the runtime library.

    module = Module(open("k.ptx").read())
    device = Device()
    out = device.alloc(4 * n)
    module.launch("kernel", grid=8, block=256, args=[out, np.uint64(n)], device=device)
    x = device.read(out, np.float32, n)

Threads are lanes of vectors: each basic block is translated once to a Python function over NumPy
arrays, and is run for the group of threads that stand at it; groups that arrive at the same block
merge again.

Arithmetic is bit-exact IEEE 754 with PTX's rules: fma rounds once, and NaNs are canonical where PTX
makes them so. Instructions whose results PTX does not fix to the bit are refused unless allowed.
Checked while running: accesses that are out of bounds, misaligned or to memory that nobody wrote,
data races in shared and global memory, barriers that some threads do not reach, shuffles from
lanes that do not take part, deadlocks.
"""

from cuda_emulator.errors import EmuError, PtxError
from cuda_emulator.memory.device import Device
from cuda_emulator.module import Module

__all__ = ["Device", "EmuError", "Module", "PtxError"]
