// Ternary: -scale, 0 or scale. With the odd n of uniform.h, the value is 0 where |n| < zeros 2^24 (2^53 for float64),
// else scale with the sign of n. Without zeros these are Rademacher's values.
#pragma once

#include "numerics/distributions.h"

namespace fastinit {
namespace {

template <class P>
struct Ternary {
  typename P::F scale, threshold;
  FASTINIT_MEMBER Ternary(double magnitude, double zeros)
      : scale(P::value(magnitude)), threshold(P::value(zeros) * P::value(P::bits == 32 ? 0x1p24 : 0x1p53)) {}
  FASTINIT_MEMBER void operator()(typename P::U a, typename P::U b, typename P::F& x, typename P::F& y) const {
    x = value(a);
    y = value(b);
  }

 private:
  FASTINIT_MEMBER typename P::F value(typename P::U word) const {
    using L = typename P::Lanes;
    constexpr typename P::Bits sign = typename P::Bits(1) << (P::bits - 1);
    const typename P::F n = uniform<P>(word, P::value(1), P::value(0));
    const typename P::U bits = L::bits(n);
    const typename P::F full = L::float_of(L::bits(scale) | (bits & sign));
    return L::select(L::less(L::float_of(bits & ~sign), threshold), P::value(0), full);
  }
};

struct TernaryFormula {
  template <class P>
  using Draw = Ternary<P>;
  template <class P>
  FASTINIT_INLINE Draw<P> prepare(const double* parameter) {
    return {parameter[0], parameter[1]};
  }
};

// Parameters: scale, zeros.
using TernaryDistribution = Formulas<2, TernaryFormula>;

}  // namespace
}  // namespace fastinit
