// The host's part of truncated normals: from the bounds, in sigmas, it computes the constants with which
// numerics/truncated.h draws, and the standard deviation of the drawn values. It works in float64 and uses only
// operations that every processor rounds correctly.
#pragma once

#include "lanes/scalar.h"
#include "numerics/truncated.h"

namespace fastinit {

enum class TruncationError : int { none, not_a_number, empty, improbable };

// The result of prepare_truncation: `formula` chooses the kernel, `parameter` is the argument of broadcast_truncation.
struct PreparedTruncation {
  double parameter[truncation_parameters];
  Truncation formula;
  TruncationError error;
};

namespace truncation_host {

constexpr double infinity = __builtin_inf();

static inline double fma(double a, double b, double c) { return ScalarLanes::fma(a, b, c); }
static inline double magnitude(double x) { return x < 0 ? -x : x; }
static inline double smaller(double a, double b) { return b < a ? b : a; }
static inline double larger(double a, double b) { return a < b ? b : a; }

// ---- masses of the standard normal, relative error about 1e-15

// e^x for -700 < x <= 700: the Taylor series after the reduction to |x| <= ln(2) / 2.
static inline double exponential(double x) {
  const int doublings = static_cast<int>(x * 0x1.71547652b82fep0 + (x < 0 ? -0.5 : 0.5));
  const double r = fma(-doublings, 0x1.abc9e3b39803fp-56, fma(-doublings, 0x1.62e42fefa39efp-1, x));
  double sum = 0;
  for (int n = 14; n >= 2; --n) sum = (sum + 1) * r / n;
  sum = fma(sum, r, r) + 1;
  return sum * ScalarLanes::float_of(std::uint64_t(1023 + doublings) << 52);
}

// The density. The rounding error of the square matters, since the exponential magnifies it.
static inline double density(double z) {
  if (magnitude(z) > 37) return 0;
  const double square = z * z, rest = fma(z, z, -square);
  const double e = exponential(-0.5 * square);
  return fma(e, -0.5 * rest, e) * 0x1.9884533d43651p-2;  // 1 / sqrt(2 pi)
}

// Phi(-z) for z >= 1.25: Laplace's continued fraction, to a depth at which the omitted rest is negligible.
static inline double tail_fraction(double z) {
  if (z > 37) return 0;
  double fraction = z;
  for (int k = 20 + static_cast<int>(400 / (z * z)); k > 0; --k) fraction = z + k / fraction;
  return density(z) / fraction;
}

// Phi(z) - 1/2. Near zero the series of Marsaglia ("Evaluating the normal distribution", J. Stat. Softw. 11, 2004),
// whose terms have one sign.
static inline double central_mass(double z) {
  if (z <= -1.25) return tail_fraction(-z) - 0.5;
  if (z >= 1.25) return 0.5 - tail_fraction(z);
  double term = z, sum = 0;
  for (int k = 3; sum + term != sum; k += 2) {
    sum += term;
    term *= z * z / k;
  }
  return sum * density(z);
}

// Phi(-z) for z >= 0.
static inline double tail_mass(double z) { return z >= 1.25 ? tail_fraction(z) : 0.5 - central_mass(z); }

// ---- integrals over an interval, for those that cancellation would spoil

// Calls visit(t, weight) for Gauss's ten points on [left, right]: t is the distance from `origin`, weight the point's
// share of the mass, as a multiple of the density at `origin`.
template <class Visit>
static inline void for_gauss_points(double origin, double left, double right, const Visit& visit) {
  constexpr double node[] = {0x1.30e507891e27ap-3, 0x1.bbcc009016adcp-2, 0x1.5bdb9228de198p-1, 0x1.bae995e9cb2f3p-1,
                             0x1.f2a3e062af2d8p-1};
  constexpr double share[] = {0x1.2e9de7014d6efp-2, 0x1.13baa7a559bfep-2, 0x1.c0b059d00bc31p-3, 0x1.32138c878efe5p-3,
                              0x1.1115f8b62dc1fp-4};
  const double middle = (left - origin) / 2 + (right - origin) / 2, half = right / 2 - left / 2;
  for (int k = 0; k < 10; ++k) {
    const double t = middle + (k % 2 ? half : -half) * node[k / 2];
    visit(t, share[k / 2] * half * exponential(-t * (origin + t / 2)));
  }
}

// Whether ten points give full accuracy on this interval.
static inline bool is_one_panel(double lower, double upper) {
  return (upper - lower) * (1 + larger(magnitude(lower), magnitude(upper))) <= 2;
}

static inline double truncation_mass(double lower, double upper) {
  if (lower <= 0 && upper >= 0) return central_mass(upper) - central_mass(lower);
  if (is_one_panel(lower, upper)) {
    double sum = 0;
    for_gauss_points(lower, lower, upper, [&](double, double weight) { sum += weight; });
    return sum * density(lower);
  }
  return lower > 0 ? tail_mass(lower) - tail_mass(upper) : tail_mass(-upper) - tail_mass(-lower);
}

// The standard deviation by panels, from the end nearer to zero outwards until the rest is negligible. There are two
// sweeps, one for the mean and one for the squares around it; within each, all terms have one sign. Requires 0 <= lower
// or a narrow interval.
static inline double std_by_panels(double lower, double upper) {
  double mean = 0, variance = 0;
  for (int sweep = 0; sweep < 2; ++sweep) {
    double mass = 0, sum = 0;
    double left = lower;
    while (left < upper) {
      const double right = smaller(upper, left + 2 / (2 + magnitude(left)));
      double added = 0;
      for_gauss_points(lower, left, right, [&](double t, double weight) {
        added += weight;
        sum += sweep == 0 ? weight * t : weight * (t - mean) * (t - mean);
      });
      mass += added;
      if (left > 0 && added < 0x1p-70 * mass) break;
      left = right;
    }
    (sweep == 0 ? mean : variance) = sum / mass;
  }
  return ScalarLanes::sqrt(variance);
}

}  // namespace truncation_host

// The standard deviation of the standard normal truncated to [lower, upper], bounds that prepare_truncation accepts.
static inline double truncated_std(double lower, double upper) {
  using namespace truncation_host;
  if (upper <= 0) return truncated_std(-upper, -lower);
  if (lower > 0 || upper - lower < 2) return std_by_panels(lower, upper);
  const double mass = truncation_mass(lower, upper), low = density(lower), high = density(upper);
  const double mean = (low - high) / mass;
  const double ends = (lower == -infinity ? 0 : lower * low) - (upper == infinity ? 0 : upper * high);
  return ScalarLanes::sqrt(1 + ends / mass - mean * mean);
}

namespace truncation_host {

// ---- constants

// The arithmetic of one precision, as the kernels perform it: the constants of the two halves of the words must be
// adjusted to its roundings, or z would decrease where the halves meet.
template <class T>
struct Arithmetic;
template <>
struct Arithmetic<float> {
  using Bits = std::uint32_t;
  static constexpr double unit = 0x1p-32, middle = 0x1p31, mass_scale = tail_mass_scale32;
};
template <>
struct Arithmetic<double> {
  using Bits = std::uint64_t;
  static constexpr double unit = 0x1p-64, middle = 0x1p63, mass_scale = tail_mass_scale64;
};

// The neighbor of x != 0 of larger magnitude.
template <class T>
static inline T outwards(T x) {
  return ScalarLanes::float_of(ScalarLanes::bits(x) + typename Arithmetic<T>::Bits(1));
}
template <class T>
static inline T inwards(T x) {
  return ScalarLanes::float_of(ScalarLanes::bits(x) - typename Arithmetic<T>::Bits(1));
}
template <class T>
static inline T above(T x) {
  return x < 0 ? inwards(x) : outwards(x);
}
template <class T>
static inline T below(T x) {
  return x < 0 ? outwards(x) : inwards(x);
}

// The constants of the affine x.
template <class T>
static inline void prepare_x(double lower, double mass, double* parameter) {
  constexpr double unit = Arithmetic<T>::unit, middle = Arithmetic<T>::middle, two_sigmas = 0x1.e8b4307d3627ap-2;
  const double from = central_mass(lower);  // negative where zero is inside or above the interval
  const double crossing = -from / mass * (2 * middle);
  double anchor = crossing < 0 ? 0 : crossing < 2 * middle ? crossing : 2 * middle;
  anchor = anchor < 0x1p52 ? static_cast<double>(static_cast<std::uint64_t>(anchor)) : anchor;
  const double anchor_low = smaller(anchor, middle), anchor_high = larger(anchor, middle);
  const T slope = static_cast<T>(mass * unit / two_sigmas);
  T low = static_cast<T>(fma(mass, (anchor_low + 0.5) * unit, from) / two_sigmas);
  T high = static_cast<T>(fma(mass, (anchor_high + 0.5) * unit, from) / two_sigmas);
  const auto last = [&] { return ScalarLanes::fma(static_cast<T>(middle - anchor_low), slope, low); };
  const auto first = [&] { return ScalarLanes::fma(static_cast<T>(middle - anchor_high), slope, high); };
  while (last() > first()) {
    if (anchor_low < middle) {
      high = above(high);
    } else {
      low = below(low);
    }
  }
  parameter[truncation_slope] = slope;
  const double end = mass / (2 * two_sigmas);
  parameter[truncation_square_offset] = static_cast<float>(0x1p-7 + 2 * end * (end - slope * middle));
  parameter[truncation_offset_low] = low;
  parameter[truncation_offset_high] = high;
  parameter[truncation_anchor_low] = anchor_low;
  parameter[truncation_anchor_high] = anchor_high == 2 * middle ? 0 : anchor_high;
}

// The constants of the affine tail mass p, scaled: that of the lower tail for low words and of the upper tail for high
// ones, but of one tail throughout where the interval lies on one side of zero. `last` and `first` are p on the two
// sides of the middle.
template <class T>
static inline void prepare_mass(double lower, double upper, double mass, double scale, double* parameter) {
  constexpr double middle = Arithmetic<T>::middle;
  const bool low_from_upper = lower >= 0, high_from_lower = upper <= 0 && !low_from_upper;
  const double slope = mass * scale * Arithmetic<T>::unit;
  const double lower_tail = lower <= 0 ? tail_mass(-lower) : 0.5 + central_mass(lower);
  const double upper_tail = upper >= 0 ? tail_mass(upper) : 0.5 - central_mass(upper);
  const double lower_total = upper <= 0 ? tail_mass(-upper) : lower_tail + mass;
  const double upper_total = lower >= 0 ? tail_mass(lower) : upper_tail + mass;
  const T slope_low = static_cast<T>(low_from_upper ? -slope : slope);
  T slope_high = static_cast<T>(high_from_lower ? slope : -slope);
  T low = static_cast<T>(low_from_upper ? upper_total * scale - slope / 2 : lower_tail * scale + slope / 2);
  T high = static_cast<T>(high_from_lower ? lower_total * scale + slope / 2 : upper_tail * scale - slope / 2);
  const auto last = [&] { return ScalarLanes::fma(static_cast<T>(middle), slope_low, low); };
  const auto first = [&] { return ScalarLanes::fma(static_cast<T>(-middle), slope_high, high); };
  if (low_from_upper) {
    while (last() < first()) low = above(low);
  } else if (high_from_lower) {
    while (last() > first()) high = above(high);
  } else if (lower != -upper) {
    // |z| falls with p (1 - p), and z has the median's sign at the middle. The slope is adjusted and not the constant,
    // which may be a tail's whole mass.
    const auto product = [](T p) { return ScalarLanes::fma(-p, p, p); };
    if (upper < -lower) {
      while (product(first()) < product(last()))
        slope_high = first() < T(0.5) ? outwards(slope_high) : inwards(slope_high);
    } else {
      while (product(first()) > product(last()))
        slope_high = first() < T(0.5) ? inwards(slope_high) : outwards(slope_high);
    }
  }
  parameter[truncation_mass_slope_low] = slope_low;
  parameter[truncation_mass_slope_high] = slope_high;
  parameter[truncation_mass_low] = low;
  parameter[truncation_mass_high] = high;
}

}  // namespace truncation_host

// The constants for [lower, upper] and values drawn in T, which is float or double. Either bound may be infinite.
template <class T>
static inline PreparedTruncation prepare_truncation(double lower, double upper) {
  using namespace truncation_host;
  PreparedTruncation prepared = {};
  prepared.error = lower != lower || upper != upper ? TruncationError::not_a_number
                   : lower >= upper                 ? TruncationError::empty
                                                    : TruncationError::none;
  if (prepared.error != TruncationError::none) return prepared;
  const double mass = lower == -upper ? 2 * central_mass(upper) : truncation_mass(lower, upper);
  const bool one_sided = lower == -infinity || upper == infinity;
  if (!(mass >= (one_sided ? 0x1p-125 : 0x1p-90))) {
    prepared.error = TruncationError::improbable;
    return prepared;
  }
  if (lower >= 1.75 || upper <= -1.75) {
    prepared.formula = Truncation::tail;
    prepare_mass<T>(lower, upper, mass, Arithmetic<T>::mass_scale, prepared.parameter);
  } else {
    prepared.formula = lower != -upper ? Truncation::wide
                       : upper <= 2    ? Truncation::center
                                       : Truncation::wide_symmetric;
    prepare_x<T>(lower, mass, prepared.parameter);
    if (prepared.formula != Truncation::center) prepare_mass<T>(lower, upper, mass, 1, prepared.parameter);
  }
  prepared.parameter[truncation_sign] = lower >= 0 ? 1 : -1;
  return prepared;
}

}  // namespace fastinit
