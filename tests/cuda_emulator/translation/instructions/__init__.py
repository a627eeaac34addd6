"""How each instruction is written in Python."""

from cuda_emulator.translation.instructions import (
    arithmetic,
    comparisons,
    conversions,
    integers,
    memory,
    moves,
    threads,
)

HANDLERS = {
    **arithmetic.HANDLERS,
    **integers.HANDLERS,
    **comparisons.HANDLERS,
    **conversions.HANDLERS,
    **moves.HANDLERS,
    **memory.HANDLERS,
    **threads.HANDLERS,
}
"""By the first part of the instruction's name."""

SKIPPED = {
    *("membar", "fence", "prefetch", "prefetchu", "nanosleep", "pmevent", "griddepcontrol"),
    *("discard", "applypriority", "brkpt"),
}
"""Instructions that change no value, since memory is consistent here at any time."""
