"""The names that generated code sees, besides those of its registers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from cuda_emulator.arithmetic.conversions import (
    float_to_int,
    from_bf16,
    int_to_odd_f64,
    to_bf16,
    to_f16,
)
from cuda_emulator.arithmetic.floats import (
    f32_bits,
    f64_bits,
    float_extremum,
    flush32,
    fma32,
    fma64,
)
from cuda_emulator.arithmetic.integers import (
    bfe,
    bfi,
    brev,
    clz,
    divided,
    lop3,
    mulhi,
    prmt,
    shf,
    shl,
    shr,
)
from cuda_emulator.arithmetic.rounding import f64_to_f32, to_odd, two_sum
from cuda_emulator.errors import EmuError
from cuda_emulator.ptx_types import NAMES

_FUNCTIONS: tuple[Callable[..., Any], ...] = (
    *(f32_bits, f64_bits, float_extremum, flush32, fma32, fma64),
    *(f64_to_f32, to_odd, two_sum),
    *(float_to_int, from_bf16, int_to_odd_f64, to_bf16, to_f16),
    *(bfe, bfi, brev, clz, divided, lop3, mulhi, prmt, shf, shl, shr),
)
NAMESPACE: dict[str, Any] = {
    "np": np,
    "EmuError": EmuError,
    **{each.__name__: each for each in _FUNCTIONS},
    **{name: dtype for dtype, name in NAMES.items() if name.isidentifier()},
}
