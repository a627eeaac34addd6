// Functions of float64 values, for what is computed after a draw or without one: exp, log, sin and their kin. Each is
// elementary arithmetic of IEEE 754 over a lane type, so that its bits are the same on every machine. The errors stated
// here, in units in the last place (ulp), are bounds that the tests hold against mpmath. NaN gives NaN.
//
// Logarithms and products are carried as unevaluated sums of two numbers (high, low) where one would lose digits.
#pragma once

#include "numerics/exponential.h"
#include "numerics/normal.h"
#include "numerics/uniform.h"

namespace fastinit {

template <class L>
struct Sum {
  typename L::F64 high, low;
};

template <class L>
FASTINIT_INLINE typename L::F64 magnitude(typename L::F64 x) {
  return L::float_of(L::bits(x) & 0x7fffffffffffffffu);
}

template <class L>
FASTINIT_INLINE typename L::F64 with_sign_of(typename L::F64 sign, typename L::F64 x) {
  return L::float_of((L::bits(x) & 0x7fffffffffffffffu) | (L::bits(sign) & 0x8000000000000000u));
}

// a + b without error (Knuth, The Art of Computer Programming 2, 4.2.2, theorem B).
template <class L>
FASTINIT_INLINE Sum<L> exact_sum(typename L::F64 a, typename L::F64 b) {
  const typename L::F64 sum = a + b, second = sum - a;
  return {sum, (a - (sum - second)) + (b - second)};
}

// a b without error.
template <class L>
FASTINIT_INLINE Sum<L> exact_product(typename L::F64 a, typename L::F64 b) {
  const typename L::F64 product = a * b;
  return {product, L::fma(a, b, -product)};
}

// ---- exponentials

// x = (k + r) ln 2 with an integer k and |r| <= 1/2, r as a sum. |x| <= 800.
template <class L>
struct Halvings {
  typename L::U64 k;  // modulo 2^64
  Sum<L> r;
};

template <class L>
FASTINIT_INLINE Halvings<L> halvings(Sum<L> x) {
  using F64 = typename L::F64;
  constexpr double log2_e = 0x1.71547652b82fep+0, log2_e_rest = 0x1.777d0ffda0d24p-56;
  const F64 shift = L::f64(0x1.8p52);  // the sum of this number and x is rounded to an integer, its last bits
  const Sum<L> t = exact_product<L>(x.high, L::f64(log2_e));
  const F64 rest = L::fma(x.high, L::f64(log2_e_rest), L::fma(x.low, L::f64(log2_e), t.low));
  const F64 shifted = t.high + shift;
  return {L::bits(shifted) - L::bits(shift), exact_sum<L>(t.high - (shifted - shift), rest)};
}

// x 2^k, rounded once. |k| <= 2000, modulo 2^64.
template <class L>
FASTINIT_INLINE typename L::F64 times_power_of_two(typename L::F64 x, typename L::U64 k) {
  using U64 = typename L::U64;
  const U64 half = ((k + 4096u) >> 1) - 2048u, rest = k - half;
  const typename L::F64 first = L::float_of((half + 1023u) << 52), second = L::float_of((rest + 1023u) << 52);
  return x * first * second;
}

// e^(high + low).
template <class L>
FASTINIT_INLINE typename L::F64 exponential(Sum<L> x) {
  // Beyond these bounds the result is 0 or infinite, and the low part has no meaning.
  const typename L::F64 high = clamp<L>(x.high, L::f64(-750), L::f64(711));
  const auto is_inside = L::less(magnitude<L>(x.high), L::f64(750));
  const Halvings<L> h = halvings<L>({high, L::select(is_inside, x.low, L::f64(0))});
  return times_power_of_two<L>(power_of_two<L>(h.r.high), h.k);
}

// Error at most 1 ulp, also where the result is subnormal.
template <class L>
FASTINIT_INLINE typename L::F64 exp(typename L::F64 x) {
  return exponential<L>({x, L::f64(0)});
}

// e^x - 1. Error at most 2.5 ulp.
template <class L>
FASTINIT_INLINE typename L::F64 expm1(typename L::F64 x) {
  using F64 = typename L::F64;
  const Halvings<L> h = halvings<L>({clamp<L>(x, L::f64(-64), L::f64(64)), L::f64(0)});
  const F64 ratio = power_of_two_ratio<L>(h.r.high);
  const F64 less_one = L::fma(h.r.low, ratio, h.r.high * ratio);  // 2^r - 1
  const F64 scale = L::float_of((h.k + 1023u) << 52);
  F64 result = L::fma(scale, less_one, scale - L::f64(1));
  result = L::select(L::less(magnitude<L>(x), L::f64(0x1p-54)), x, result);
  return L::select(L::less(L::f64(40), x), exp<L>(x), result);
}

// ---- logarithms

// The natural logarithm of a positive finite x, relative error 2^-58.
//
// x = m 2^e with sqrt(1/2) < m <= sqrt(2), s = (m - 1) / (m + 1), ln m = 2 atanh(s) = 2 s + 2 s^3 (1/3 + s^2 / 5 +
// ...). Unlike log_ratio in normal.h, whose arguments stay on one side of 1, this keeps its digits on both.
template <class L>
FASTINIT_INLINE Sum<L> logarithm(typename L::F64 x) {
  using F64 = typename L::F64;
  constexpr double ln2 = 0x1.62e42fefa3800p-1, ln2_rest = 0x1.ef35793c76730p-45;  // products of ln2 with e are exact
  constexpr double c[] = {0x1.5555555555555p-2, 0x1.9999999999a38p-3, 0x1.2492492476cccp-3, 0x1.c71c720159177p-4,
                          0x1.745cf9048dd95p-4, 0x1.3b1c355a8f7a2p-4, 0x1.0fbe95d716020p-4, 0x1.0c039c49989c6p-4};
  const auto is_subnormal = L::less(x, L::f64(0x1p-1022));
  const F64 normal = L::select(is_subnormal, x * L::f64(0x1p54), x);
  const F64 between = L::significand(normal);
  const auto is_large = L::less(L::f64(0x1.6a09e667f3bcdp+0), between);
  const F64 m = L::select(is_large, between * L::f64(0.5), between);
  const F64 e =
      L::exponent(normal) + L::select(is_large, L::f64(1), L::f64(0)) - L::select(is_subnormal, L::f64(54), L::f64(0));
  const F64 f = m - L::f64(1);
  const Sum<L> divisor = exact_sum<L>(m, L::f64(1));
  const F64 s = f / divisor.high;
  const F64 s_rest = L::fma(-s, divisor.low, L::fma(-s, divisor.high, f)) / divisor.high;
  const F64 square = s * s;
  const F64 twice = s + s, cubic = twice * square * polynomial<L>(square, c);
  const F64 rest = L::fma(s_rest + s_rest, square + L::f64(1), L::fma(e, L::f64(ln2_rest), cubic));
  const Sum<L> high = exact_sum<L>(e * L::f64(ln2), twice);
  return exact_sum<L>(high.high, high.low + rest);
}

// The logarithm of x, given that of the positive finite x: -infinity for 0, NaN for negative x, infinity for infinity.
template <class L>
FASTINIT_INLINE typename L::F64 at_all(typename L::F64 x, typename L::F64 of_positive) {
  using F64 = typename L::F64;
  const F64 infinity = L::f64(__builtin_inf());
  const F64 not_positive = L::select(L::less(x, L::f64(0)), L::f64(__builtin_nan("")), x - infinity);
  const F64 found = L::select(L::less(L::f64(0), x), of_positive, not_positive);
  return L::select(L::less(L::f64(0x1.fffffffffffffp1023), x), x, found);
}

// Error at most 0.52 ulp.
template <class L>
FASTINIT_INLINE typename L::F64 log(typename L::F64 x) {
  return at_all<L>(x, logarithm<L>(x).high);
}

// ln(1 + x). Error at most 0.75 ulp.
template <class L>
FASTINIT_INLINE typename L::F64 log1p(typename L::F64 x) {
  using F64 = typename L::F64;
  const Sum<L> u = exact_sum<L>(L::f64(1), x);
  const Sum<L> of_high = logarithm<L>(u.high);
  const F64 found = at_all<L>(u.high, of_high.high + (of_high.low + u.low / u.high));
  return L::select(L::less(magnitude<L>(x), L::f64(0x1p-54)), x, found);
}

// x^p for x >= 0 and NaN for x < 0; p is a finite number. Error at most 1 + |p ln x| / 32 ulp.
template <class L>
FASTINIT_INLINE typename L::F64 power(typename L::F64 x, double p) {
  using F64 = typename L::F64;
  const Sum<L> of_x = logarithm<L>(x);
  const Sum<L> high = exact_product<L>(of_x.high, L::f64(p));
  const F64 found = exponential<L>({high.high, L::fma(of_x.low, L::f64(p), high.low)});
  const F64 infinity = L::f64(__builtin_inf()), zero = L::f64(0), one = L::f64(1);
  const F64 of_zero = p > 0 ? zero : p < 0 ? infinity : one;
  const F64 of_infinity = p > 0 ? infinity : p < 0 ? zero : one;
  const F64 not_positive = L::select(L::less(x, zero), L::f64(__builtin_nan("")), x + of_zero);
  const F64 at_most_finite = L::select(L::less(zero, x), found, not_positive);
  return L::select(L::less(L::f64(0x1.fffffffffffffp1023), x), of_infinity, at_most_finite);
}

// base^x for a finite base > 0. Error at most 1 + |x ln base| / 32 ulp.
template <class L>
FASTINIT_INLINE typename L::F64 exponential_to_base(typename L::F64 x, double base) {
  const Sum<L> of_base = logarithm<L>(L::f64(base));
  const Sum<L> high = exact_product<L>(of_base.high, x);
  return exponential<L>({high.high, L::fma(of_base.low, x, high.low)});
}

// ln(e^x - 1) for x > 0, the x of softplus(x) = ln(1 + e^x); NaN for x < 0. Error at most 1.5 ulp + 2.3e-16.
template <class L>
FASTINIT_INLINE typename L::F64 inverse_softplus(typename L::F64 x) {
  const typename L::F64 found = x + log<L>(-expm1<L>(-x));
  return L::select(L::less(L::f64(0x1.fffffffffffffp1023), x), x, found);
}

// ---- circular and hyperbolic functions

// x = n pi/2 + r with |r| <= pi/4 (1 + 2^-11), r as a sum. |x| <= 2^40, where all digits of r are right: the difference
// of x and the product of n and the rounded pi/2 is exact.
template <class L>
FASTINIT_INLINE Sum<L> quarter_turns(typename L::F64 x, typename L::U64& n) {
  using F64 = typename L::F64;
  constexpr double half_pi[] = {0x1.921fb54442d18p+0, 0x1.1a62633145c07p-54, -0x1.f1976b7ed8fbcp-110};
  const F64 shift = L::f64(0x1.8p52), shifted = L::fma(x, L::f64(0x1.45f306dc9c883p-1), shift);
  const F64 turns = shifted - shift;
  n = L::bits(shifted);
  const Sum<L> second = exact_product<L>(turns, L::f64(half_pi[1]));
  const Sum<L> r = exact_sum<L>(L::fma(-turns, L::f64(half_pi[0]), x), -second.high);
  return exact_sum<L>(r.high, L::fma(-turns, L::f64(half_pi[2]), r.low - second.low));
}

// The sine of x + quarters pi/2. NaN for |x| > 2^40.
template <class L>
FASTINIT_INLINE typename L::F64 turned_sine(typename L::F64 x, std::uint64_t quarters) {
  using F64 = typename L::F64;
  using U64 = typename L::U64;
  U64 n;
  const Sum<L> r = quarter_turns<L>(x, n);
  n = n + quarters;
  const F64 square = r.high * r.high;
  const F64 s = sine<L>(r.high, square), c = cosine<L>(square);
  const auto odd = L::negative((typename L::I64)(n << 63));
  const F64 found = L::select(odd, L::fma(-s, r.low, c), L::fma(c, r.low, s));
  const F64 signed_value = L::float_of(L::bits(found) ^ ((n << 62) & 0x8000000000000000u));
  return L::select(L::less(magnitude<L>(x), L::f64(0x1.0000000000001p40)), signed_value, L::f64(__builtin_nan("")));
}

// Error at most 1.1 ulp for |x| <= 2^40; NaN beyond. The same holds for the cosine.
template <class L>
FASTINIT_INLINE typename L::F64 sin(typename L::F64 x) {
  return L::select(L::less(magnitude<L>(x), L::f64(0x1p-27)), x, turned_sine<L>(x, 0));
}

template <class L>
FASTINIT_INLINE typename L::F64 cos(typename L::F64 x) {
  return turned_sine<L>(x, 1);
}

// (e^2x - 1) / (e^2x + 1). Error at most 2.5 ulp.
template <class L>
FASTINIT_INLINE typename L::F64 tanh(typename L::F64 x) {
  using F64 = typename L::F64;
  const F64 twice = clamp<L>(magnitude<L>(x) * L::f64(2), L::f64(0), L::f64(40));
  const F64 e = expm1<L>(twice);
  return with_sign_of<L>(x, e / (e + L::f64(2)));
}

}  // namespace fastinit
