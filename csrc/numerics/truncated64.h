// The float64 evaluation of truncated normals, for 64-bit words; truncated.h explains each formula. Speed is secondary.
#pragma once

#include "numerics/normal.h"
#include "numerics/polynomial.h"

namespace fastinit {

constexpr double tail_mass_scale64 = 1;

// z / x as a function of r = 2^-1/2 - (p (1 - p))^(1/4), up to 2.52 sigmas. Error 1.5e-13.
template <class L>
FASTINIT_INLINE typename L::F64 center_ratio(typename L::F64 r) {
  constexpr double c[] = {0x1.323fee65d111cp0,   0x1.c58b3d2d3cad7p0,  0x1.c06af51b3bce6p0,   0x1.50e8a027b583dp0,
                          0x1.8f2f6ca3c66ep-1,   0x1.e15538a144a2ap-2, 0x1.540c1f29ce015p-2,  0x1.f80933e0c1139p1,
                          -0x1.c7edd28d67cb5p4,  0x1.cc28cfd7a21bap7,  -0x1.3fc6d71b135d3p10, 0x1.51f4a1d527384p12,
                          -0x1.0983fee921a0ep14, 0x1.335cdadbcbb39p15, -0x1.fcc0273784fecp15, 0x1.1dbad2ff1d999p16,
                          -0x1.873529676d6bfp15, 0x1.f13f9e3044556p13};
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
      0x1.1caad4ca7144ap-1,  -0x1.41c07d647781dp-4,  0x1.a7539b3218fd6p-7,  -0x1.27fdd59e98e24p-9,
      0x1.ac61803968245p-12, -0x1.3d3f6e086465dp-14, 0x1.de3b787e50e3fp-17, -0x1.6dc49f5905598p-19,
      0x1.1b656e97d4db4p-21, -0x1.bb85d030bbe6p-24,  0x1.5d3b62810d80ep-26, -0x1.1a21943741ae8p-28,
      0x1.dcfa5d5f817dep-31, -0x1.6eab1f5d5052fp-33, 0x1.ad459ab3e4c7ap-36, -0x1.8a5e70983dfb5p-38,
      0x1.53943aa09bde1p-39, -0x1.45bf5e63330eep-41, 0x1.cce2066079815p-45};
  constexpr double deep[] = {
      0x1.37416ce743971p-2,  -0x1.42062d5934c0fp-6,  0x1.7949555f2f25cp-10, -0x1.d02c04c7ca05ap-14,
      0x1.255515e203accp-17, -0x1.79374924f38ap-21,  0x1.eb00f124d6cd8p-25, -0x1.426816ac8260dp-28,
      0x1.aaa5eed3c26fbp-32, -0x1.1ce68b3cb2a08p-35, 0x1.7b38e11ce2732p-39, -0x1.e5b118bd18bc8p-43,
      0x1.49614082417a3p-46, -0x1.1e396789d6662p-49, 0x1.b3a146e8cebaap-53, -0x1.32f13b431e821p-57};
  const F64 radius = tail_radius<L>(mass);
  F64 z = radius - polynomial<L>(radius - L::f64(4.5), near);
  const typename L::M64 far = L::less(L::f64(7.25), radius);
  if (L::any(far)) z = L::select(far, radius - polynomial<L>(radius - L::f64(11), deep), z);
  return z;
}

// z of a center truncation from x: p (1 - p) = 1/4 - (Phi(z) - 1/2)^2.
template <class L>
FASTINIT_INLINE typename L::F64 center_value(typename L::F64 x, typename L::F64 /* needed for float32 only */) {
  const typename L::F64 mass = x * L::f64(0x1.e8b4307d3627ap-2);  // Phi(2) - 1/2
  return x * center_ratio<L>(fourth_root_complement<L>(L::fma(-mass, mass, L::f64(0.25))));
}

// z of a wide truncation from x and the mass of either tail.
template <class L>
FASTINIT_INLINE typename L::F64 wide_value(typename L::F64 x, typename L::F64 mass) {
  const typename L::F64 r = fourth_root_complement<L>(L::fma(-mass, mass, mass));
  typename L::F64 z = x * center_ratio<L>(r);
  const typename L::M64 far = L::less(L::f64(0x1.b5124fa9cdbcbp-2), r);  // 2.5 sigmas
  if (L::any(far)) {
    const typename L::U64 negative = L::bits(x) & 0x8000000000000000u;
    z = L::select(far, L::float_of(L::bits(tail_magnitude<L>(mass)) | negative), z);
  }
  return z;
}

}  // namespace fastinit
