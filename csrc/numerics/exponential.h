// 2^r for |r| <= 1/2: (2^r - 1) / r is interpolated at the Chebyshev points, coefficients rounded; the relative errors
// of 2^r are 9.2e-9 (float32) and 2.0e-17 (float64).
#pragma once

#include "numerics/polynomial.h"

namespace fastinit {

// (2^r - 1) / r.
template <class L>
FASTINIT_INLINE typename L::F32 power_of_two_ratio(typename L::F32 r) {
  constexpr float c[] = {0x1.62e43p-1f, 0x1.ebfbep-3f, 0x1.c6af6cp-5f, 0x1.3b2a54p-7f, 0x1.5f089p-10f, 0x1.44138ap-13f};
  return polynomial<L>(r, c);
}

template <class L>
FASTINIT_INLINE typename L::F64 power_of_two_ratio(typename L::F64 r) {
  constexpr double c[] = {0x1.62e42fefa39efp-1,  0x1.ebfbdff82c598p-3,  0x1.c6b08d704a0c2p-5,  0x1.3b2ab6fba1ddap-7,
                          0x1.5d87fe78a5276p-10, 0x1.430913096fd9fp-13, 0x1.ffcbfc670dcd4p-17, 0x1.62bfd47773353p-20,
                          0x1.b524fae627834p-24, 0x1.e6063f7217bc6p-28, 0x1.e9d3fe3952179p-32};
  return polynomial<L>(r, c);
}

template <class L>
FASTINIT_INLINE typename L::F32 power_of_two(typename L::F32 r) {
  return L::fma(power_of_two_ratio<L>(r), r, L::f32(1));
}

template <class L>
FASTINIT_INLINE typename L::F64 power_of_two(typename L::F64 r) {
  return L::fma(power_of_two_ratio<L>(r), r, L::f64(1));
}

}  // namespace fastinit
