// float32 to the narrow dtypes: rounded once, to nearest even, in integer arithmetic (bfloat16) or by one exact float
// addition (subnormals of the others), so that every processor agrees. The result is a code in the low bits of a 32-bit
// lane. Overflow gives infinity, in float8_e4m3fn (which has none) NaN, as ml_dtypes does. NaN never comes in.
#pragma once

#include "lanes/inline.h"

namespace fastinit {

template <class L>
FASTINIT_INLINE typename L::U32 bfloat16_code(typename L::F32 x) {
  const typename L::U32 b = L::bits(x);
  return (b + 0x7fffu + ((b >> 16) & 1u)) >> 16;
}

// A format of `width` bits with `mantissa` bits after the point and exponents biased by `bias`: magnitudes above
// `largest` (float32 bits) round to the code `overflow`.
template <class L, int width, int mantissa, int bias, std::uint32_t largest, std::uint32_t overflow>
FASTINIT_INLINE typename L::U32 small_float_code(typename L::F32 x) {
  using U32 = typename L::U32;
  using F32 = typename L::F32;
  constexpr int dropped = 23 - mantissa;
  constexpr std::uint32_t exponent_of_one = std::uint32_t(127 - bias) << 23;
  // A float whose last bit weighs as much as the format's smallest subnormal.
  constexpr std::uint32_t magic = std::uint32_t(127 + 1 - bias - mantissa + 23) << 23;
  const U32 b = L::bits(x);
  const U32 magnitude_bits = b & 0x7fffffffu;
  const F32 magnitude = L::float_of(magnitude_bits);
  const U32 normal =
      (magnitude_bits + ((1u << (dropped - 1)) - 1 - exponent_of_one) + ((magnitude_bits >> dropped) & 1u)) >> dropped;
  const U32 subnormal = L::bits(magnitude + L::float_of(L::u32(magic))) - magic;
  const U32 finite =
      L::select(L::less(magnitude, L::float_of(L::u32(exponent_of_one + (1u << 23)))), subnormal, normal);
  const U32 code = L::select(L::less(L::float_of(L::u32(largest)), magnitude), L::u32(overflow), finite);
  return code | ((b >> 31) << (width - 1));
}

// 65520 - 2^-8 is the last float32 that rounds to 65504, the largest float16.
template <class L>
FASTINIT_INLINE typename L::U32 float16_code(typename L::F32 x) {
  return small_float_code<L, 16, 10, 15, 0x477fefff, 0x7c00>(x);
}

// 464, halfway between 448 and the absent 480, rounds to the even 448.
template <class L>
FASTINIT_INLINE typename L::U32 float8_e4m3fn_code(typename L::F32 x) {
  return small_float_code<L, 8, 3, 7, 0x43e80000, 0x7f>(x);
}

// Below 61440, halfway between 57344 and infinity.
template <class L>
FASTINIT_INLINE typename L::U32 float8_e5m2_code(typename L::F32 x) {
  return small_float_code<L, 8, 2, 15, 0x476fffff, 0x7c>(x);
}

}  // namespace fastinit
