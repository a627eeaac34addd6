// Log-uniform on the open interval (low, high): with n as in uniform.h and t = n half 2^-24, value = center 2^t, where
// half = log2(high / low) / 2 and center = sqrt(low high).
//
// t is split into the nearest integer k and a remainder r, |r| <= 1/2, which one fma rounds once: its product is exact.
// 2^r is that of exponential.h. Adding k to the exponent is exact. All in all the error is at most 2e-7 of the value in
// float32 and 4e-16 in float64.
#pragma once

#include "numerics/distributions.h"
#include "numerics/exponential.h"

namespace fastinit {
namespace {

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
