// The truncated normal: one word, one value, z = the inverse CDF at v = (word + 1/2) / 2^32 of the standard normal cut
// to [lower, upper]. A word and its complement are v and 1 - v exactly. P is a tail's mass, Phi(z) or Phi(-z).
//
// Which formulation serves a cut is decided once, on the host (cut.h), with the constants that it needs:
//
//   centre   symmetric cuts up to 2 sigmas: z = x G(x^2), x = (Phi(z) - 1/2) / (Phi(2) - 1/2) affine in the word
//   wide     other cuts that reach within 1.75 sigmas: z = x G(r) up to 3 sigmas, r = constant - (P (1 - P))^(1/4), P
//            too being affine in the word, and for the rare values beyond the formula of the tail
//   tail     cuts that start at 1.75 sigmas or farther out: z = r - D(r), r = sqrt(-2 ln P)
//
// In float32 z never decreases as the word increases. Every operation is correctly rounded, hence monotone, and the two
// G have positive coefficients only, so z = x G is monotone whatever the cut. The tail is a function of P alone, and
// was tried for every P. Symmetric cuts work on the distance from the middle and put the sign on at the end: a word and
// its complement give exactly z and -z.
//
// The inverse error function's Taylor coefficients are positive, and it is singular where P vanishes. Powers spaced
// ever wider (0 1 2 3 4 6 10 18 34 66) then do what takes a dense polynomial twice the operations; compare Braess
// and Hackbusch, "Approximation of 1/x by exponential sums in [1, inf)", IMA J. Numer. Anal. 25, 2005. fit_truncated.py
// finds the coefficients; errors in comments are relative in z, rounded coefficients included.
#pragma once

#include "numerics/normal.h"
#include "numerics/polynomial.h"
#include "numerics/truncated64.h"
#include "numerics/precision.h"

namespace fastinit {

enum class Cut : int { centre, wide_symmetric, wide, tail };

// A prepared cut's constants. "low" is for the words in the lower half, "high" for those in the upper half. Symmetric
// cuts use the slopes (of P the low one) and mass_low only.
enum CutParameter : int {
  cut_slope,  // x = slope * (word - anchor) + offset: anchored where x is smallest, to be accurate there
  cut_offset_low,
  cut_offset_high,
  cut_anchor_low,  // integers below 2^32, or 2^64
  cut_anchor_high,
  cut_mass_slope_low,  // P = mass_slope * word + mass, the word as a signed integer. In tails P is scaled.
  cut_mass_slope_high,
  cut_mass_low,
  cut_mass_high,
  cut_sign,           // of z in a tail
  cut_square_offset,  // for the square of x, in a centre cut
  cut_parameters,
};

// Tail masses are kept times 2^32, lest they be subnormal.
constexpr double tail_mass_scale32 = 0x1p32;

// ---- float32

// z of a centre cut from x, at most 1, and the constant to be added to its square: 2^-7, lest the powers be subnormal
// (which some processors work very slowly), and what makes up for the rounding of x's slope at the end of the interval,
// where an error of the square counts most. Error 1.4e-7 in the middle and 0.8e-7 at 2 sigmas.
template <class L>
FASTINIT_INLINE typename L::F32 centre_value(typename L::F32 x, typename L::F32 square_offset) {
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

// z of a wide cut from x and the mass of either tail; of the smaller one where that is rare. G has error 2.8e-8 up to
// r = 0.521, which is 3.03 sigmas, and lies below the true one beyond: it lacks the higher, positive terms. r starts at
// 0.0009 instead of 0 for the sake of its powers, as above.
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

// ---- either precision: W is Words32 or Words64

// A prepared cut's constants in all lanes.
template <class W>
struct CutLanes {
  typename W::F slope, offset_low, offset_high, mass_slope_low, mass_slope_high, mass_low, mass_high, sign,
      square_offset;
  typename W::U anchor_low, anchor_high;
};

template <class W>
FASTINIT_INLINE CutLanes<W> broadcast_cut(const double* parameter) {
  using U = typename W::U;
  using Bits = typename W::Bits;
  return {W::value(parameter[cut_slope]),
          W::value(parameter[cut_offset_low]),
          W::value(parameter[cut_offset_high]),
          W::value(parameter[cut_mass_slope_low]),
          W::value(parameter[cut_mass_slope_high]),
          W::value(parameter[cut_mass_low]),
          W::value(parameter[cut_mass_high]),
          W::value(parameter[cut_sign]),
          W::value(parameter[cut_square_offset]),
          U{} + static_cast<Bits>(parameter[cut_anchor_low]),
          U{} + static_cast<Bits>(parameter[cut_anchor_high])};
}

// A symmetric cut. All steps are counted as whole words; the half word is in the constants.
template <class W, Cut cut>
FASTINIT_INLINE typename W::F symmetric_truncated(typename W::U word, const CutLanes<W>& c) {
  using L = typename W::Lanes;
  using I = typename W::I;
  constexpr typename W::Bits sign = typename W::Bits(1) << (W::bits - 1);
  const typename W::U high = (typename W::U)((I)word >> (W::bits - 1));  // all ones in the upper half
  const typename W::F x =
      L::fma(L::to_float((I)(word ^ high ^ (sign - 1))), c.slope, c.slope * W::value(0.5));  // from the middle
  typename W::F z;
  if constexpr (cut == Cut::centre) {
    z = centre_value<L>(x, c.square_offset);
  } else {
    z = wide_value<L>(x, L::fma(L::to_float((I)(word ^ high)), c.mass_slope_low, c.mass_low));  // from the end
  }
  return L::float_of(L::bits(z) ^ (~word & sign));
}

template <class W, Cut cut>
FASTINIT_INLINE typename W::F standard_truncated(typename W::U word, const CutLanes<W>& c) {
  using L = typename W::Lanes;
  using F = typename W::F;
  using I = typename W::I;
  if constexpr (cut == Cut::centre || cut == Cut::wide_symmetric) {
    return symmetric_truncated<W, cut>(word, c);
  } else {
    const auto high = L::negative((I)word);
    const F mass = L::fma(L::to_float((I)word), L::select(high, c.mass_slope_high, c.mass_slope_low),
                          L::select(high, c.mass_high, c.mass_low));
    if constexpr (cut == Cut::tail) return tail_magnitude<L>(mass) * c.sign;
    const F x = L::fma(L::to_float((I)(word - L::select(high, c.anchor_high, c.anchor_low))), c.slope,
                       L::select(high, c.offset_high, c.offset_low));
    return wide_value<L>(x, mass);
  }
}

}  // namespace fastinit
