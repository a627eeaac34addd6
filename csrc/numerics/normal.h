// Normal pairs (Box and Muller, "A note on the generation of random normal deviates", 1958) from the words a and b of
// two neighboring elements: u = (a + 1/2) / 2^32, r = sqrt(-2 ln u), t = 2 pi b / 2^32, (z0, z1) = (r cos t, r sin t).
//
// The logarithm. The signed a gives fma(a, 2^-31, 2^-32) = 2u where a < 2^31, and 2u - 2 elsewhere: one conversion that
// is accurate at both ends. With h = 2u - 2 for large u, h = m - 2 for small ones (2u = m 2^e, 1 <= m < 2), everywhere
// -1 <= h < 0 and -2 ln u = -2 e ln 2 - 2 log1p(h / 2): two terms of one sign, so nothing cancels.
//
// The angle. quadrant = (b + 2^29) >> 30, and the signed 32-bit number 4 b is the exact remainder, times 2^32 / (pi/2).
//
// Coefficients: fpminimax in Sollya 8, see fit_normal.sollya; relative errors 2.5e-8 (log), 4.2e-9 (sin), 1.2e-10
// (cos), and below 1e-17 for float64. All 2^32 words were tried: with roundings r is within 1.54e-7 of exact, the
// sine 1.94e-7, the cosine 1.44e-7, so |error of z| <= 4.1e-7 |z| in float32.
#pragma once

#include "numerics/polynomial.h"
#include "numerics/precision.h"

namespace fastinit {

// -2 log1p(h / 2) / h for -1 <= h <= 0.
template <class L>
FASTINIT_INLINE typename L::F32 log_ratio(typename L::F32 h) {
  constexpr float c[] = {-0x1p0f,         0x1.fffeb8p-3f,  -0x1.55a49p-4f, 0x1.f2fa54p-6f, -0x1.0e4386p-6f,
                         -0x1.741c46p-8f, -0x1.35bfbep-6f, -0x1.a3ff3p-7f, -0x1.6a33a6p-8f};
  return polynomial<L>(h, c);
}

template <class L>
FASTINIT_INLINE typename L::F64 log_ratio(typename L::F64 h) {
  constexpr double c[] = {-0x1p0,
                          0x1.fffffffffff74p-3,
                          -0x1.555555556131ep-4,
                          0x1.fffffff49c114p-6,
                          -0x1.99999c6616756p-7,
                          0x1.5554eb3f62706p-8,
                          -0x1.249cabd59f30cp-9,
                          0x1.fe92e302204a4p-11,
                          -0x1.d968df92686ap-12,
                          0x1.d2e4cd33a26bap-14,
                          -0x1.a14a5d3beb9c1p-12,
                          -0x1.b8b01d6727c55p-11,
                          -0x1.032b7bbaa2addp-9,
                          -0x1.bc8e0d67ffce7p-9,
                          -0x1.2d754f53f7bfbp-8,
                          -0x1.39a388fd1b703p-8,
                          -0x1.eebd114d19587p-9,
                          -0x1.1dafe0510ee8fp-9,
                          -0x1.c9e0e0b180714p-11,
                          -0x1.c83b689df1ap-13,
                          -0x1.afaa003761641p-16};
  return polynomial<L>(h, c);
}

// sin t and cos t for |t| <= pi/4.
template <class L>
FASTINIT_INLINE typename L::F32 sine(typename L::F32 t, typename L::F32 square) {
  constexpr float c[] = {-0x1.555544p-3f, 0x1.1106e6p-7f, -0x1.992cf8p-13f};
  return L::fma(square * t, polynomial<L>(square, c), t);
}

template <class L>
FASTINIT_INLINE typename L::F32 cosine(typename L::F32 square) {
  constexpr float c[] = {1.0f, -0.5f, 0x1.55554ap-5f, -0x1.6c0c2ap-10f, 0x1.99e912p-16f};
  return polynomial<L>(square, c);
}

template <class L>
FASTINIT_INLINE typename L::F64 sine(typename L::F64 t, typename L::F64 square) {
  constexpr double c[] = {-0x1.5555555555555p-3,  0x1.111111111108ap-7,  -0x1.a01a01a0069e2p-13, 0x1.71de3a3fc9b42p-19,
                          -0x1.ae643cdcf8d2bp-26, 0x1.6114666f50ee4p-33, -0x1.a53e7629688dfp-41};
  return L::fma(square * t, polynomial<L>(square, c), t);
}

template <class L>
FASTINIT_INLINE typename L::F64 cosine(typename L::F64 square) {
  constexpr double c[] = {1.0,
                          -0.5,
                          0x1.5555555555555p-5,
                          -0x1.6c16c16c16b49p-10,
                          0x1.a01a01a001fb5p-16,
                          -0x1.27e4fb60d9042p-22,
                          0x1.1eed77b8f71bap-29,
                          -0x1.937e06f377a3bp-37,
                          0x1.a22089cf9736ep-45};
  return polynomial<L>(square, c);
}

// sqrt(-2 ln u), u = (a + 1/2) / 2^bits. P is Precision32 or Precision64 of a lane type.
template <class P>
FASTINIT_INLINE typename P::F normal_radius(typename P::U a) {
  using L = typename P::Lanes;
  using F = typename P::F;
  constexpr double two_ln2 = 0x1.62e42fefa39efp0;
  const F doubled = L::fma(L::to_float((typename P::I)a), P::value(2 * P::unit), P::value(P::unit));
  const auto large = L::negative((typename P::I)a);
  const F h = L::select(large, doubled, L::significand(doubled) - P::value(2));
  const F product = h * log_ratio<L>(h);
  return L::sqrt(L::add_halvings(doubled, large, P::value(two_ln2), product));
}

// z0 = r cos t and z1 = r sin t.
template <class P>
FASTINIT_INLINE void normal_pair(typename P::U a, typename P::U b, typename P::F& z0, typename P::F& z1) {
  using L = typename P::Lanes;
  using F = typename P::F;
  using U = typename P::U;
  using I = typename P::I;
  constexpr double half_pi = 0x1.921fb54442d18p0;
  constexpr typename P::Bits sign = typename P::Bits(1) << (P::bits - 1);
  const F r = normal_radius<P>(a);
  const F t = L::to_float((I)(b << 2)) * P::value(half_pi * P::unit);
  const F square = t * t;
  const F s = sine<L>(t, square), c = cosine<L>(square);
  const U turned = b + (sign >> 2);  // its top two bits are the quadrant
  const auto odd = L::negative((I)(turned << 1));
  const U cosine_sign = (turned + (sign >> 1)) & sign, sine_sign = turned & sign;
  z0 = r * L::float_of(L::bits(L::select(odd, s, c)) ^ cosine_sign);
  z1 = r * L::float_of(L::bits(L::select(odd, c, s)) ^ sine_sign);
}

}  // namespace fastinit
