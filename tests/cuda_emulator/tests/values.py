"""Operands: special ones, all bits at random, small integers, and floats around 1."""

from __future__ import annotations

from random import Random

_SPECIAL_16 = [
    0,
    1,
    0x7C00,
    0xFC00,
    0x7E00,
    0x8000,
    0x3C00,
    0x7BFF,
    0x0001,
    0x03FF,
    0x7F80,
    0xFF80,
    0x7FC0,
    0xFFFF,
    0x3F80,
]
_SPECIAL_32 = [
    0,
    1,
    2,
    3,
    31,
    32,
    33,
    63,
    64,
    255,
    256,
    0x7FFF,
    0x8000,
    0xFFFF,
    0x10000,
    0x7FFFFFFF,
    0x80000000,
    0x80000001,
    0xFFFFFFFE,
    0xFFFFFFFF,
    0x3F800000,
    0xBF800000,
    0x7F800000,
    0xFF800000,
    0x7FC00000,
    0xFFC12345,
    0x7F800001,
    0x00800000,
    0x007FFFFF,
    0x807FFFFF,
    0x7F7FFFFF,
    0xFF7FFFFF,
    0x3F000000,
    0x3FC00000,
    0x40200000,
    0x4F000000,
    0xCF000000,
    0x4EFFFFFF,
    0x4F800000,
    0x477FE000,
    0x477FF000,
    0x477FEFFF,
    0x33000000,
    0x33000001,
    0x33800000,
    0x38800000,
    0x387FC000,
    0x3F801000,
    0x3F803000,
    0x3F808000,
    0x3F818000,
    0x7F7F8000,
    0x7F7F7FFF,
]
_SPECIAL_64 = [
    0,
    1,
    2,
    63,
    64,
    65,
    1 << 31,
    1 << 32,
    (1 << 53) - 1,
    1 << 53,
    (1 << 53) + 1,
    (1 << 54) + 2,
    (1 << 54) + 6,
    (1 << 63) - 1,
    1 << 63,
    (1 << 64) - 1,
    0xFFFFFFFF00000000,
    0x3FF0000000000000,
    0xBFF0000000000000,
    0x7FF0000000000000,
    0xFFF0000000000000,
    0x7FF8000000000000,
    0x0010000000000000,
    0x000FFFFFFFFFFFFF,
    0x8000000000000001,
    0x7FEFFFFFFFFFFFFF,
    0x3FE0000000000000,
    0x3FF8000000000000,
    0x4004000000000000,
    0x43E0000000000000,
    0xC3E0000000000000,
    0x41DFFFFFFFC00000,
    0x41E0000000000000,
    0x36A0000000000000,
    0x36A0000000000001,
    0x3690000000000000,
    0x47EFFFFFE0000000,
    0x47EFFFFFEFFFFFFF,
    0x47EFFFFFF0000000,
]


def values(random: Random, width: int, count: int, is_float: bool) -> list[int]:
    """Return bits of operands of some width."""
    return [_value(random, width, is_float) for _ in range(count)]


def _value(random: Random, width: int, is_float: bool) -> int:
    choice = random.random()
    if width == 16:
        return random.getrandbits(16) if choice < 0.8 else random.choice(_SPECIAL_16)
    if choice < 0.3:
        return random.choice(_SPECIAL_32 if width == 32 else _SPECIAL_64)
    if choice < 0.5:
        return random.getrandbits(width)
    if not is_float:
        return random.getrandbits(random.randint(1, width))
    fraction, least, most = (23, 100, 150) if width == 32 else (52, 970, 1080)
    sign, exponent = random.getrandbits(1), random.randint(least, most)
    zeros = random.randint(0, fraction - 1)  # many of the lowest bits: sums that are ties
    significand = random.getrandbits(fraction) >> zeros << zeros
    return sign << (width - 1) | exponent << fraction | significand
