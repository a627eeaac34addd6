// The float64 evaluation of a cut, for 64-bit words: truncated.h says how each formulation works. Speed is secondary.
#pragma once

#include "numerics/normal.h"
#include "numerics/polynomial.h"

namespace fastinit {

constexpr double tail_mass_scale64 = 1;

// z / x as a function of r = 2^-1/2 - (P (1 - P))^(1/4), up to 2.52 sigmas. Error 1.5e-13.
template <class L>
FASTINIT_INLINE typename L::F64 centre_ratio(typename L::F64 r) {
  constexpr double c[] = {0x1.323fee65d111ep+0,   0x1.c58b3d2d3c1e0p+0,  0x1.c06af51bbf689p+0,   0x1.50e89ff974aa3p+0,
                          0x1.8f2f7d907cdb7p-1,   0x1.e1517ca2d0e76p-2,  0x1.54515760a86e4p-2,   0x1.f79a29fbe832ep+1,
                          -0x1.c76e1f515558bp+4,  0x1.cbbd25c244451p+7,  -0x1.3f8372085a2ccp+10, 0x1.51b5b85c4bac0p+12,
                          -0x1.095865815b4fdp+14, 0x1.3330a5458ef84p+15, -0x1.fc80781ccdf7cp+15, 0x1.1d9bfbbbfab42p+16,
                          -0x1.87112895b4938p+15, 0x1.f11959af1a8d6p+13};
  return polynomial<L>(r, c);
}

// 2^-1/2 - product^(1/4).
template <class L>
FASTINIT_INLINE typename L::F64 fourth_root_complement(typename L::F64 product) {
  return L::f64(0x1.6a09e667f3bcdp-1) - L::sqrt(L::sqrt(product));
}

// sqrt(-2 ln mass).
template <class L>
FASTINIT_INLINE typename L::F64 tail_radius(typename L::F64 mass) {
  const typename L::F64 h = L::significand(mass) - L::f64(2);
  return L::sqrt(L::fma(L::exponent(mass) + L::f64(1), L::f64(-0x1.62e42fefa39efp0), h * log_ratio<L>(h)));
}

// |z| in a tail from its mass: radii from 2.53 to 7.3, error 1.5e-13, and from 7.2 to 16.4, error 8e-14.
template <class L>
FASTINIT_INLINE typename L::F64 tail_magnitude(typename L::F64 mass) {
  using F64 = typename L::F64;
  constexpr double near[] = {
      0x1.1caad4ca71449p-1,  -0x1.41c07d6477819p-4,  0x1.a7539b3219088p-7,  -0x1.27fdd59e99585p-9,
      0x1.ac6180396a683p-12, -0x1.3d3f6e0841979p-14, 0x1.de3b787cd8106p-17, -0x1.6dc49f5d50f22p-19,
      0x1.1b656eb316b1ap-21, -0x1.bb85cff62043ep-24, 0x1.5d3b60a82c1c0p-26, -0x1.1a21949378ebap-28,
      0x1.dcfa6e38e7885p-31, -0x1.6eab25efb2befp-33, 0x1.ad454e38d2e8ep-36, -0x1.8a5e2e7ca55c6p-38,
      0x1.5394583e00b98p-39, -0x1.45bf8b6df8f83p-41, 0x1.cce23d2e26084p-45};
  constexpr double deep[] = {
      0x1.37416ce743942p-2,  -0x1.42062d5935449p-6,  0x1.7949555f3e639p-10, -0x1.d02c04c6d557bp-14,
      0x1.255515ddc8acbp-17, -0x1.7937495822632p-21, 0x1.eb00f21654942p-25, -0x1.42681210c57a3p-28,
      0x1.aaa5e0968d123p-32, -0x1.1ce6c0aa59daap-35, 0x1.7b39615ef2e07p-39, -0x1.e5aeab739edd5p-43,
      0x1.495e99f43abf3p-46, -0x1.1e3c42decc0bfp-49, 0x1.b3a798697a7b8p-53, -0x1.32f103aa5c83ep-57};
  const F64 radius = tail_radius<L>(mass);
  F64 z = radius - polynomial<L>(radius - L::f64(4.5), near);
  const typename L::M64 far = L::less(L::f64(7.25), radius);
  if (L::any(far)) z = L::select(far, radius - polynomial<L>(radius - L::f64(11), deep), z);
  return z;
}

// z of a centre cut from x: P (1 - P) = 1/4 - (Phi(z) - 1/2)^2.
template <class L>
FASTINIT_INLINE typename L::F64 centre_value(typename L::F64 x) {
  const typename L::F64 mass = x * L::f64(0x1.e8b4307d3627ap-2);  // Phi(2) - 1/2
  return x * centre_ratio<L>(fourth_root_complement<L>(L::fma(-mass, mass, L::f64(0.25))));
}

// z of a wide cut from x and the mass of either tail.
template <class L>
FASTINIT_INLINE typename L::F64 wide_value(typename L::F64 x, typename L::F64 mass) {
  const typename L::F64 r = fourth_root_complement<L>(L::fma(-mass, mass, mass));
  typename L::F64 z = x * centre_ratio<L>(r);
  const typename L::M64 far = L::less(L::f64(0x1.b5124fa9cdbcbp-2), r);  // 2.5 sigmas
  if (L::any(far)) {
    const typename L::U64 negative = L::bits(x) & 0x8000000000000000u;
    z = L::select(far, L::float_of(L::bits(tail_magnitude<L>(mass)) | negative), z);
  }
  return z;
}

}  // namespace fastinit
