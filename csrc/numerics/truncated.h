// The truncated normal: one word, one value, z = the inverse CDF at v = (word + 1/2) / 2^32 of the standard normal cut to
// [lower, upper]. A word and its complement are v and 1 - v exactly.
//
// Which formulation serves a cut is decided once, on the host (cut.h), with the constants that it needs:
//
//   centre   both ends within 2 sigmas: z = x G(x^2), x = (Phi(z) - 1/2) / (Phi(2) - 1/2) affine in the word
//   wide     all other cuts that reach within 1.75 sigmas: z = x G(r) to 3 sigmas, r = 2^-1/2 - (P (1 - P))^(1/4), and the
//            rare values beyond by the tail's formula; P, the tail mass, is affine in the word as well
//   tail     from 1.75 sigmas on: r = sqrt(-2 ln P), z = r - D(r)
//
// z never decreases as the word increases. G has positive coefficients only, in the wide and the centre formulation, and
// every operation is correctly rounded, hence monotone: so is the whole, for every cut. The tail is a function of P alone:
// it was checked for every float. Symmetric cuts work on the distance from the middle and put the sign on at the end,
// so that a word and its complement give exactly z and -z.
//
// G follows from the positive Taylor coefficients of the inverse error function; as it is singular where the tail mass
// vanishes, terms that are spaced ever wider (powers 0 1 2 3 4 6 10 18 34 50 66) reach what a dense polynomial would need
// twice as many operations for (compare Braess and Hackbusch, "Approximation of 1/x by exponential sums in [1, inf)",
// IMA J. Numer. Anal. 25, 2005). fit_truncated.py finds all coefficients; the errors in the comments are of the rounded
// coefficients, relative in z.
#pragma once

#include "numerics/inline.h"

namespace fastinit {

enum class Cut : int { centre_symmetric, centre, wide_symmetric, wide, tail };

// Where each constant stands in a prepared cut. Words count from the left end of the interval. Those of a symmetric cut
// are the slopes and mass_low, the rest being for the words below 2^31 ("low") and for those from there on ("high").
enum CutParameter : int {
  cut_slope,            // of x, per word
  cut_offset_low,       // x = slope * (word - anchor) + offset, the anchor where x is smallest, for
  cut_offset_high,      //     relative accuracy of a small x
  cut_anchor_low,       // integers, modulo 2^32
  cut_anchor_high,
  cut_mass_slope_low,   // P = mass_slope * int32(word) + mass
  cut_mass_slope_high,
  cut_mass_low,
  cut_mass_high,
  cut_sign,             // of z in a tail
  cut_parameters,
};

// A prepared cut's constants, in every lane.
template <class L>
struct CutLanes {
  typename L::F32 slope, half_slope, offset_low, offset_high, mass_slope_low, mass_slope_high, mass_low, mass_high, sign;
  typename L::U32 anchor_low, anchor_high;
};

template <class L>
FASTINIT_INLINE CutLanes<L> broadcast_cut(const double* parameter) {
  CutLanes<L> c;
  c.slope = L::f32(static_cast<float>(parameter[cut_slope]));
  c.half_slope = L::f32(0.5f * static_cast<float>(parameter[cut_slope]));
  c.offset_low = L::f32(static_cast<float>(parameter[cut_offset_low]));
  c.offset_high = L::f32(static_cast<float>(parameter[cut_offset_high]));
  c.anchor_low = L::u32(static_cast<std::uint32_t>(parameter[cut_anchor_low]));
  c.anchor_high = L::u32(static_cast<std::uint32_t>(parameter[cut_anchor_high]));
  c.mass_slope_low = L::f32(static_cast<float>(parameter[cut_mass_slope_low]));
  c.mass_slope_high = L::f32(static_cast<float>(parameter[cut_mass_slope_high]));
  c.mass_low = L::f32(static_cast<float>(parameter[cut_mass_low]));
  c.mass_high = L::f32(static_cast<float>(parameter[cut_mass_high]));
  c.sign = L::f32(static_cast<float>(parameter[cut_sign]));
  return c;
}

// z / x as a function of y = x^2 in [0, 1]. Error 1.6e-7 in the middle, 0.9e-7 at 2 sigmas, where x's errors weigh most.
template <class L>
FASTINIT_INLINE typename L::F32 centre_ratio(typename L::F32 y) {
  using F32 = typename L::F32;
  const F32 y2 = y * y, y4 = y2 * y2, y8 = y4 * y4, y16 = y8 * y8;
  F32 h = L::fma(L::f32(0x1.b6e4c6p-12f), y16, L::f32(0x1.a62b64p-16f));
  h = L::fma(h, y16, L::f32(0x1.146fa2p-7f));
  h = L::fma(h, y16, L::f32(0x1.333c34p-5f));
  h = L::fma(h, y8, L::f32(0x1.2c97b4p-4f));
  h = L::fma(h, y4, L::f32(0x1.7dcf72p-4f));
  h = L::fma(h, y2, L::f32(0x1.3d8018p-4f));
  h = L::fma(h, y, L::f32(0x1.5a3b1ap-4f));
  h = L::fma(h, y, L::f32(0x1.259ceap-3f));
  h = L::fma(h, y, L::f32(0x1.2429d6p-2f));
  return L::fma(h, y, L::f32(0x1.323ff0p+0f));
}

// z / x as a function of r = 2^-1/2 - (P (1 - P))^(1/4) in [0, 0.5202], which is 3.03 sigmas. Error 3.8e-8. Beyond, it is
// too small: the polynomial lacks the higher, positive terms.
template <class L>
FASTINIT_INLINE typename L::F32 wide_ratio(typename L::F32 r) {
  using F32 = typename L::F32;
  const F32 r2 = r * r, r4 = r2 * r2, r8 = r4 * r4;
  F32 h = L::fma(L::f32(0x1.c63e70p+7f), r8, L::f32(0x1.ac1720p+3f));
  h = L::fma(h, r2, L::f32(0x1.596e7ap-1f));
  h = L::fma(h, r2, L::f32(0x1.c9ef98p+0f));
  h = L::fma(h, r2, L::f32(0x1.b735a6p-1f));
  h = L::fma(h, r, L::f32(0x1.4f5e8cp+0f));
  h = L::fma(h, r, L::f32(0x1.c07488p+0f));
  h = L::fma(h, r, L::f32(0x1.c58b62p+0f));
  return L::fma(h, r, L::f32(0x1.323feep+0f));
}

// sqrt(-2 ln(mass / 2^scale)), the mass a normal number.
template <class L, int scale>
FASTINIT_INLINE typename L::F32 tail_radius(typename L::F32 mass) {
  using F32 = typename L::F32;
  using U32 = typename L::U32;
  using I32 = typename L::I32;
  constexpr std::uint32_t root_half = 0x3f3504f3u;  // mass = 2^(scale + e) (1 + f), 1 + f from sqrt(1/2) to sqrt(2)
  const U32 exponent = (L::bits(mass) - (root_half + (std::uint32_t(scale) << 23))) & 0xff800000u;
  const F32 f = L::fma(L::float_of(L::bits(mass) - exponent), L::f32(scale == 32 ? 0x1p-32f : 1.0f), L::f32(-1.0f));
  F32 h = L::fma(L::f32(0x1.a7f1b6p-3f), f, L::f32(-0x1.4d6570p-2f));  // -2 ln(1 + f) / f, absolute error 1.6e-7 times f
  h = L::fma(h, f, L::f32(0x1.604608p-2f));
  h = L::fma(h, f, L::f32(-0x1.976db0p-2f));
  h = L::fma(h, f, L::f32(0x1.ff74cap-2f));
  h = L::fma(h, f, L::f32(-0x1.5559f4p-1f));
  h = L::fma(h, f, L::f32(0x1.000030p+0f));
  h = L::fma(h, f, L::f32(-2.0f));
  const F32 e = L::to_float((I32)exponent);  // times 2^23
  return L::sqrt(L::fma(e, L::f32(-0x1.62e430p-23f), f * h));
}

// z for radii from 2.53 (1.74 sigmas) to 7.26. Error 5.7e-8.
template <class L>
FASTINIT_INLINE typename L::F32 tail_near(typename L::F32 radius) {
  using F32 = typename L::F32;
  const F32 s = radius - L::f32(4.5f);
  F32 h = L::fma(L::f32(-0x1.c81f80p-24f), s, L::f32(0x1.b77524p-21f));
  h = L::fma(h, s, L::f32(-0x1.94e5cep-19f));
  h = L::fma(h, s, L::f32(0x1.b442c6p-17f));
  h = L::fma(h, s, L::f32(-0x1.37cb46p-14f));
  h = L::fma(h, s, L::f32(0x1.aec5c0p-12f));
  h = L::fma(h, s, L::f32(-0x1.2837bep-9f));
  h = L::fma(h, s, L::f32(0x1.a74662p-7f));
  h = L::fma(h, s, L::f32(-0x1.41bfeap-4f));
  h = L::fma(h, s, L::f32(0x1.1caadcp-1f));
  return radius - h;
}

// z for radii from 7.24 to 15, the largest there is. Error 2e-8.
template <class L>
FASTINIT_INLINE typename L::F32 tail_deep(typename L::F32 radius) {
  using F32 = typename L::F32;
  const F32 s = radius - L::f32(10.0f);
  F32 h = L::fma(L::f32(-0x1.9e2204p-28f), s, L::f32(0x1.e4cfaap-24f));
  h = L::fma(h, s, L::f32(-0x1.4b84bap-20f));
  h = L::fma(h, s, L::f32(0x1.be57ccp-17f));
  h = L::fma(h, s, L::f32(-0x1.424746p-13f));
  h = L::fma(h, s, L::f32(0x1.e026b8p-10f));
  h = L::fma(h, s, L::f32(-0x1.774492p-6f));
  h = L::fma(h, s, L::f32(0x1.4cfa9ap-2f));
  return radius - h;
}

// x of a cut that is not symmetric: from the zero crossing in the half of the words that holds it, from the middle in
// the other, so that the difference always fits an int32 and a small x is accurate.
template <class L>
FASTINIT_INLINE typename L::F32 cut_x(typename L::U32 word, typename L::M32 high, const CutLanes<L>& c) {
  const typename L::U32 steps = word - L::select(high, c.anchor_high, c.anchor_low);
  return L::fma(L::to_float((typename L::I32)steps), c.slope, L::select(high, c.offset_high, c.offset_low));
}

// |z| of a wide cut from |x| and the mass of the nearer tail, or of the farther.
template <class L>
FASTINIT_INLINE typename L::F32 wide_magnitude(typename L::F32 x, typename L::F32 mass) {
  using F32 = typename L::F32;
  const F32 r = L::f32(0x1.6a09e6p-1f) - L::sqrt(L::sqrt(L::fma(mass * L::f32(-1.0f), mass, mass)));
  F32 z = x * wide_ratio<L>(r);
  const typename L::M32 far = L::less(L::f32(0x1.092226p-1f), r);  // 3.015 sigmas
  if (L::any(far)) {
    // Never below the other formula, which is too small beyond the joint: so nothing decreases there.
    z = L::select(far, L::max(z, tail_near<L>(tail_radius<L, 0>(mass))), z);
  }
  return z;
}

template <class L, Cut cut>
FASTINIT_INLINE typename L::F32 standard_truncated(typename L::U32 word, const CutLanes<L>& c) {
  using F32 = typename L::F32;
  using U32 = typename L::U32;
  using I32 = typename L::I32;
  if constexpr (cut == Cut::centre_symmetric || cut == Cut::wide_symmetric) {
    const U32 high = (U32)((I32)word >> 31);                // all ones in the upper half
    const U32 from_middle = (word ^ ~high) & 0x7fffffffu;   // whole steps: the half step comes with half_slope
    const F32 x = L::fma(L::to_float((I32)from_middle), c.slope, c.half_slope);
    F32 z;
    if constexpr (cut == Cut::centre_symmetric) {
      z = x * centre_ratio<L>(x * x);
    } else {
      const F32 mass = L::fma(L::to_float((I32)(word ^ high)), c.mass_slope_low, c.mass_low);
      z = wide_magnitude<L>(x, mass);
    }
    return L::float_of(L::bits(z) ^ (~word & 0x80000000u));
  } else {
    const typename L::M32 high = L::negative((I32)word);
    if constexpr (cut == Cut::centre) {
      const F32 x = cut_x<L>(word, high, c);
      return x * centre_ratio<L>(x * x);
    } else {
      const F32 mass = L::fma(L::to_float((I32)word), L::select(high, c.mass_slope_high, c.mass_slope_low),
                              L::select(high, c.mass_high, c.mass_low));
      if constexpr (cut == Cut::wide) {
        const U32 x = L::bits(cut_x<L>(word, high, c));
        const F32 z = wide_magnitude<L>(L::float_of(x & 0x7fffffffu), mass);
        return L::float_of(L::bits(z) | (x & 0x80000000u));
      } else {
        const F32 radius = tail_radius<L, 32>(mass);
        F32 z = tail_near<L>(radius);
        const typename L::M32 deep = L::less(L::f32(7.25f), radius);
        if (L::any(deep)) z = L::select(deep, tail_deep<L>(radius), z);
        return z * c.sign;
      }
    }
  }
}

}  // namespace fastinit
