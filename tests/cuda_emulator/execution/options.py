"""How a kernel is run."""

from __future__ import annotations

from dataclasses import dataclass

from cuda_emulator.errors import EmuError

ORDERS = ("lockstep", "warps", "warps-rev", "threads", "threads-rev", "random")


@dataclass(frozen=True)
class Options:
    """What is checked, and in which order threads run.

    Args:
        order: "lockstep" (all threads together), "warps", "warps-rev", "threads", "threads-rev" or
            "random". The bits must be the same in each.
        racecheck: find races in shared and global memory.
        initcheck: find reads of memory that nobody has written.
        allow: kinds of instructions ("approx", "contractable", "ftz", "float-atomic",
            "nondeterministic"), or whole ones ("rsqrt.approx.ftz.f32"), that run although PTX does
            not fix their results. Then .approx is computed in float64 and rounded, and .ftz is
            honored by f32 add, sub, mul, fma and cvt only.
        strict: refuse what CUDA leaves undefined.
        max_threads: that run in one batch.
        seed: of the order "random".
        max_steps: of one batch, after which it counts as a livelock.
    """

    order: str = "lockstep"
    racecheck: bool = True
    initcheck: bool = True
    allow: tuple[str, ...] = ()
    strict: bool = True
    max_threads: int = 16384
    seed: int = 0
    max_steps: int = 10**7

    def __post_init__(self) -> None:
        if self.order not in ORDERS:
            raise EmuError("unknown order " + self.order)
