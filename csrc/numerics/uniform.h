// Uniform on the open interval (low, high): n odd, |n| < 2^24 (2^53 for float64), value = fma(n, half 2^-24, mid) with
// half = high/2 - low/2 and mid = high/2 + low/2. Every n is exact as a float, and n and -n are equally likely, so
// symmetric bounds give an exactly symmetric distribution that has no zero and neither bound.
#pragma once

#include "numerics/precision.h"

namespace fastinit {

template <class P>
constexpr double uniform_largest = P::bits == 32 ? 0x1p24 - 1 : 0x1p53 - 1;  // the largest n

// P is Precision32 or Precision64 of a lane type; scale is half 2^-24 or half 2^-53.
template <class P>
FASTINIT_INLINE typename P::F uniform(typename P::U word, typename P::F scale, typename P::F mid) {
  constexpr int spare = P::bits == 32 ? 7 : 10;
  return P::Lanes::fma(P::Lanes::to_float(((typename P::I)word >> spare) | 1), scale, mid);
}

// v < low ? low : v, then v > high ? high : v. The order of the arguments decides the sign of a zero.
template <class L, class F>
FASTINIT_INLINE F clamp(F v, F low, F high) {
  return L::min(high, L::max(low, v));
}

}  // namespace fastinit
