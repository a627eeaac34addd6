// Polynomials by Horner's rule, one fma a coefficient.
#pragma once

#include "lanes/inline.h"

namespace fastinit {

// coefficient[0] + coefficient[1] x + ... + coefficient[n - 1] x^(n - 1)
template <class L, int n>
FASTINIT_INLINE typename L::F32 polynomial(typename L::F32 x, const float (&coefficient)[n]) {
  typename L::F32 sum = L::f32(coefficient[n - 1]);
  FASTINIT_UNROLL
  for (int k = n - 2; k >= 0; --k) sum = L::fma(sum, x, L::f32(coefficient[k]));
  return sum;
}

template <class L, int n>
FASTINIT_INLINE typename L::F64 polynomial(typename L::F64 x, const double (&coefficient)[n]) {
  typename L::F64 sum = L::f64(coefficient[n - 1]);
  FASTINIT_UNROLL
  for (int k = n - 2; k >= 0; --k) sum = L::fma(sum, x, L::f64(coefficient[k]));
  return sum;
}

}  // namespace fastinit
