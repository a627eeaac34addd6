// Log-uniform on the open interval (low, high): with n as in uniform.h and t = n half 2^-24, value = center 2^t, where
// half = log2(high / low) / 2 and center = sqrt(low high).
//
// t is split into the nearest integer k and a remainder r, |r| <= 1/2, which one fma rounds once: its product is exact.
// 2^r is a polynomial: (2^r - 1) / r interpolated at the Chebyshev points of [-1/2, 1/2], coefficients rounded;
// relative errors 9.2e-9 (float32) and 2.0e-17 (float64). Adding k to the exponent is exact. All in all the error is at
// most 2e-7 of the value in float32 and 4e-16 in float64.
#pragma once

#include "numerics/distributions.h"

namespace fastinit {
namespace {

// 2^r for |r| <= 1/2.
template <class L>
FASTINIT_INLINE typename L::F32 power_of_two(typename L::F32 r) {
  constexpr float c[] = {1.0f,           0x1.62e43p-1f,  0x1.ebfbep-3f,  0x1.c6af6cp-5f,
                         0x1.3b2a54p-7f, 0x1.5f089p-10f, 0x1.44138ap-13f};
  return polynomial<L>(r, c);
}

template <class L>
FASTINIT_INLINE typename L::F64 power_of_two(typename L::F64 r) {
  constexpr double c[] = {1.0,
                          0x1.62e42fefa39efp-1,
                          0x1.ebfbdff82c598p-3,
                          0x1.c6b08d704a0c2p-5,
                          0x1.3b2ab6fba1ddap-7,
                          0x1.5d87fe78a5276p-10,
                          0x1.430913096fd9fp-13,
                          0x1.ffcbfc670dcd4p-17,
                          0x1.62bfd47773353p-20,
                          0x1.b524fae627834p-24,
                          0x1.e6063f7217bc6p-28,
                          0x1.e9d3fe3952179p-32};
  return polynomial<L>(r, c);
}

template <class P>
struct LogUniform {
  typename P::F center, scale;
  FASTINIT_MEMBER LogUniform(double middle, double half)
      : center(P::value(middle)), scale(P::value(half) * P::value(P::bits == 32 ? 0x1p-24 : 0x1p-53)) {}
  FASTINIT_MEMBER void operator()(typename P::U a, typename P::U b, typename P::F& x, typename P::F& y) const {
    x = value(a);
    y = value(b);
  }

 private:
  FASTINIT_MEMBER typename P::F value(typename P::U word) const {
    using L = typename P::Lanes;
    constexpr int mantissa = P::bits == 32 ? 23 : 52;
    // The sum of this number and t is rounded to an integer, which its last bits hold.
    const typename P::F shift = P::value(P::bits == 32 ? 0x1.8p23 : 0x1.8p52);
    const typename P::F shifted = uniform<P>(word, scale, shift);
    const typename P::F power = center * power_of_two<L>(uniform<P>(word, scale, shift - shifted));
    return L::float_of(L::bits(power) + (L::bits(shifted) << mantissa));
  }
};

struct LogUniformFormula {
  template <class P>
  using Draw = Clamped<P, LogUniform<P>>;
  template <class P>
  FASTINIT_INLINE Draw<P> prepare(const double* parameter) {
    return {{parameter[0], parameter[1]}, parameter[2], parameter[3]};
  }
};

// Parameters: center, half, low, high; the last two are inclusive bounds that the dtype can hold.
using LogUniformDistribution = Formulas<4, LogUniformFormula>;

}  // namespace
}  // namespace fastinit
