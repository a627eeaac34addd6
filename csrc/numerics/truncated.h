// The truncated normal: each word gives one value, z = the inverse CDF at v = (word + 1/2) / 2^32 of the standard
// normal truncated to [lower, upper]. A word and its complement have exactly v and 1 - v. p is a tail's mass, Phi(z) or
// Phi(-z).
//
// The host (host/truncation.h) chooses a formula for each truncation once, and computes the constants that it needs:
//
//   center   symmetric truncations up to 2 sigmas: z = x G(x^2), where x = (Phi(z) - 1/2) / (Phi(2) - 1/2) is affine in
//            the word
//   wide     other truncations that reach within 1.75 sigmas of zero: z = x G(r) up to 3 sigmas, where
//            r = constant - (p (1 - p))^(1/4) and p is affine in the word too; rare values beyond 3 sigmas use the
//            formula of the tail
//   tail     truncations that start at 1.75 sigmas or farther out: z = r - D(r), r = sqrt(-2 ln p)
//
// In float32, z never decreases as the word increases: every operation is correctly rounded, hence monotone, and both G
// have positive coefficients only, so z = x G is monotone for every truncation. The tail is a function of p alone and
// was tried for every p. Symmetric truncations work on the distance from the middle and apply the sign at the end, so a
// word and its complement give exactly z and -z.
//
// The inverse error function has positive Taylor coefficients and a singularity where p vanishes. Powers spaced ever
// wider (0 1 2 3 4 6 10 18 34 66) reach with half the operations what a dense polynomial would; compare Braess and
// Hackbusch, "Approximation of 1/x by exponential sums in [1, inf)", IMA J. Numer. Anal. 25, 2005.
// host/fit_truncated.py finds the coefficients; errors in comments are relative errors of z with rounded coefficients.
#pragma once

#include "numerics/normal.h"
#include "numerics/polynomial.h"
#include "numerics/precision.h"
#include "numerics/truncated64.h"

namespace fastinit {

enum class Truncation : int { center, wide_symmetric, wide, tail };

// The constants of a truncation. "low" is for words in the lower half, "high" for those in the upper half, next to it.
// Symmetric truncations use only the slopes (of p, the low one) and mass_low.
enum TruncationParameter : int {
  truncation_slope,  // x = slope * (word - anchor) + offset; the anchor is where |x| is smallest, for accuracy there
  truncation_offset_low,
  truncation_offset_high,
  truncation_anchor_low,  // integers below 2^32, or 2^64
  truncation_anchor_high,
  truncation_mass_slope_low,  // p = mass_slope * word + mass, with the word as a signed integer; scaled in tails
  truncation_mass_slope_high,
  truncation_mass_low,
  truncation_mass_high,
  truncation_sign,           // of z in a tail
  truncation_square_offset,  // added to the square of x in the center formula
  truncation_parameters,
};

// Tail masses are scaled by 2^32, or they could be subnormal.
constexpr double tail_mass_scale32 = 0x1p32;

// ---- float32

// z of a center truncation from x, which is at most 1. `square_offset` is added to its square: 2^-7, so that the powers
// are never subnormal (some processors are very slow with those), and a compensation for the rounding of x's slope at
// the end of the interval, where an error of the square matters most. Error 1.4e-7 in the middle and 0.8e-7 at 2
// sigmas.
template <class L>
FASTINIT_INLINE typename L::F32 center_value(typename L::F32 x, typename L::F32 square_offset) {
  using F32 = typename L::F32;
  const F32 y = L::fma(x, x, square_offset), y2 = y * y, y4 = y2 * y2, y8 = y4 * y4, y16 = y8 * y8;
  F32 g = L::fma(y16 * L::f32(0x1.190bd8p-12f), y16, L::f32(0x1.b422d4p-8f));
  g = L::fma(g, y16, L::f32(0x1.0e4f6ep-5f));
  g = L::fma(g, y8, L::f32(0x1.185df4p-4f));
  g = L::fma(g, y4, L::f32(0x1.6d8216p-4f));
  g = L::fma(g, y2, L::f32(0x1.3583b2p-4f));
  g = L::fma(g, y, L::f32(0x1.523a3p-4f));
  g = L::fma(g, y, L::f32(0x1.2183a6p-3f));
  g = L::fma(g, y, L::f32(0x1.21e2f4p-2f));
  g = L::fma(g, y, L::f32(0x1.31ae6ep+0f));
  return x * g;
}

// sqrt(-2 ln(mass / 2^scale)).
template <class L, int scale>
FASTINIT_INLINE typename L::F32 tail_radius(typename L::F32 mass) {
  const typename L::F32 h = L::significand(mass) - L::f32(2);
  return L::sqrt(L::fma(L::exponent(mass) + L::f32(1 - scale), L::f32(-0x1.62e43p0f), h * log_ratio<L>(h)));
}

// z for radii from 2.53 (1.74 sigmas) to 7.26, error 5.7e-8, and from 7.24 to 15, the largest there is, error 2e-8.
template <class L>
FASTINIT_INLINE typename L::F32 tail_near(typename L::F32 radius) {
  constexpr float c[] = {0x1.1caadcp-1f,   -0x1.41bfeap-4f, 0x1.a74662p-7f,   -0x1.2837bep-9f, 0x1.aec5c4p-12f,
                         -0x1.37cb48p-14f, 0x1.b44296p-17f, -0x1.94e5a8p-19f, 0x1.b77586p-21f, -0x1.c82056p-24f};
  return radius - polynomial<L>(radius - L::f32(4.5f), c);
}

template <class L>
FASTINIT_INLINE typename L::F32 tail_deep(typename L::F32 radius) {
  constexpr float c[] = {0x1.4cfa9ap-2f,  -0x1.774492p-6f,  0x1.e026b6p-10f, -0x1.42474ep-13f,
                         0x1.be5808p-17f, -0x1.4b8436p-20f, 0x1.e4cd9ep-24f, -0x1.9e21c6p-28f};
  return radius - polynomial<L>(radius - L::f32(10), c);
}

template <class L>
FASTINIT_INLINE typename L::F32 tail_magnitude(typename L::F32 mass) {
  const typename L::F32 radius = tail_radius<L, 32>(mass);
  typename L::F32 z = tail_near<L>(radius);
  const typename L::M32 deep = L::less(L::f32(7.25f), radius);
  if (L::any(deep)) z = L::select(deep, tail_deep<L>(radius), z);
  return z;
}

// z of a wide truncation from x and the mass of either tail; where that is rare, of the smaller one. G has error 2.8e-8
// up to r = 0.521, which is 3.03 sigmas, and lies below the true function beyond, where it lacks the higher, positive
// terms. r starts at 0.0009 and not at 0 because of its powers, as above.
template <class L>
FASTINIT_INLINE typename L::F32 wide_value(typename L::F32 x, typename L::F32 mass) {
  using F32 = typename L::F32;
  const F32 r = L::f32(0x1.6a8p-1f) - L::sqrt(L::sqrt(L::fma(-mass, mass, mass)));
  const F32 r2 = r * r, r4 = r2 * r2, r8 = r4 * r4;
  F32 g = L::fma(L::f32(0x1.bf67fep+7f), r8, L::f32(0x1.a1b654p+3f));
  g = L::fma(g, r2, L::f32(0x1.863df2p-1f));
  g = L::fma(g, r2, L::f32(0x1.bf343ep+0f));
  g = L::fma(g, r2, L::f32(0x1.b868aap-1f));
  g = L::fma(g, r, L::f32(0x1.4e4facp+0f));
  g = L::fma(g, r, L::f32(0x1.bf9448p+0f));
  g = L::fma(g, r, L::f32(0x1.c4bc72p+0f));
  g = L::fma(g, r, L::f32(0x1.31d768p+0f));
  F32 z = x * g;
  const typename L::M32 far = L::less(L::f32(0x1.09984p-1f), r);  // 3.015 sigmas
  if (L::any(far)) {
    const typename L::U32 negative = L::bits(x) & 0x80000000u;
    // The larger of two increasing functions: z increases across the joint too.
    const F32 size = L::max(L::float_of(L::bits(z) ^ negative), tail_near<L>(tail_radius<L, 0>(mass)));
    z = L::select(far, L::float_of(L::bits(size) | negative), z);
  }
  return z;
}

// ---- either precision: P is Precision32 or Precision64

// The constants of a truncation in all lanes.
template <class P>
struct TruncationLanes {
  typename P::F slope, offset_low, offset_high, mass_slope_low, mass_slope_high, mass_low, mass_high, sign,
      square_offset;
  typename P::U anchor_low, anchor_high;
};

// `parameter` holds truncation_parameters numbers. Where all words are known to be in one half, `low` and `high` may
// both be that half, so that its constants are the only ones.
template <class P>
FASTINIT_INLINE TruncationLanes<P> broadcast_truncation(const double* parameter, int low = 0, int high = 1) {
  using U = typename P::U;
  using Bits = typename P::Bits;
  static_assert(truncation_offset_high == truncation_offset_low + 1 &&
                    truncation_anchor_high == truncation_anchor_low + 1 &&
                    truncation_mass_slope_high == truncation_mass_slope_low + 1 &&
                    truncation_mass_high == truncation_mass_low + 1,
                "the upper half's constant follows the lower half's");
  return {P::value(parameter[truncation_slope]),
          P::value(parameter[truncation_offset_low + low]),
          P::value(parameter[truncation_offset_low + high]),
          P::value(parameter[truncation_mass_slope_low + low]),
          P::value(parameter[truncation_mass_slope_low + high]),
          P::value(parameter[truncation_mass_low + low]),
          P::value(parameter[truncation_mass_low + high]),
          P::value(parameter[truncation_sign]),
          P::value(parameter[truncation_square_offset]),
          U{} + static_cast<Bits>(parameter[truncation_anchor_low + low]),
          U{} + static_cast<Bits>(parameter[truncation_anchor_low + high])};
}

// A symmetric truncation. Steps are counted as whole words; the half word is in the constants.
template <class P, Truncation formula>
FASTINIT_INLINE typename P::F symmetric_truncated(typename P::U word, const TruncationLanes<P>& c) {
  using L = typename P::Lanes;
  using I = typename P::I;
  constexpr typename P::Bits sign = typename P::Bits(1) << (P::bits - 1);
  const typename P::U high = (typename P::U)((I)word >> (P::bits - 1));  // all ones in the upper half
  const typename P::F x =
      L::fma(L::to_float((I)(word ^ high ^ (sign - 1))), c.slope, c.slope * P::value(0.5));  // from the middle
  typename P::F z;
  if constexpr (formula == Truncation::center) {
    z = center_value<L>(x, c.square_offset);
  } else {
    z = wide_value<L>(x, L::fma(L::to_float((I)(word ^ high)), c.mass_slope_low, c.mass_low));  // from the end
  }
  return L::float_of(L::bits(z) ^ (~word & sign));
}

template <class P, Truncation formula>
FASTINIT_INLINE typename P::F standard_truncated(typename P::U word, const TruncationLanes<P>& c) {
  using L = typename P::Lanes;
  using F = typename P::F;
  using I = typename P::I;
  if constexpr (formula == Truncation::center || formula == Truncation::wide_symmetric) {
    return symmetric_truncated<P, formula>(word, c);
  } else {
    const auto high = L::negative((I)word);
    const F mass = L::fma(L::to_float((I)word), L::select(high, c.mass_slope_high, c.mass_slope_low),
                          L::select(high, c.mass_high, c.mass_low));
    if constexpr (formula == Truncation::tail) return tail_magnitude<L>(mass) * c.sign;
    const F x = L::fma(L::to_float((I)(word - L::select(high, c.anchor_high, c.anchor_low))), c.slope,
                       L::select(high, c.offset_high, c.offset_low));
    return wide_value<L>(x, mass);
  }
}

}  // namespace fastinit
