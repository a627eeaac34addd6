// Distributions: from the words of an even element and its odd neighbor to their values, over Precision32 or
// Precision64 of any lane type. request/distributions.h lists the distributions.
#pragma once

#include "numerics/normal.h"
#include "numerics/truncated.h"
#include "numerics/type_list.h"
#include "numerics/uniform.h"

namespace fastinit {
namespace {

// ---- draws: the arithmetic of one distribution, with its numbers in all lanes

template <class P>
struct Uniform {
  typename P::F scale, mid;
  FASTINIT_MEMBER Uniform(double half, double middle)
      : scale(P::value(half) * P::value(P::bits == 32 ? 0x1p-24 : 0x1p-53)), mid(P::value(middle)) {}
  FASTINIT_MEMBER void operator()(typename P::U a, typename P::U b, typename P::F& x, typename P::F& y) const {
    x = uniform<P>(a, scale, mid);
    y = uniform<P>(b, scale, mid);
  }
};

template <class P>
struct Normal {
  typename P::F std, mean;
  FASTINIT_MEMBER Normal(double deviation, double center) : std(P::value(deviation)), mean(P::value(center)) {}
  FASTINIT_MEMBER void operator()(typename P::U a, typename P::U b, typename P::F& x, typename P::F& y) const {
    normal_pair<P>(a, b, x, y);
    x = P::Lanes::fma(x, std, mean);
    y = P::Lanes::fma(y, std, mean);
  }
};

template <class P, Truncation formula>
struct Truncated {
  typename P::F std, mean;
  TruncationLanes<P> constants;
  FASTINIT_MEMBER Truncated(double deviation, double center, const TruncationLanes<P>& truncation)
      : std(P::value(deviation)), mean(P::value(center)), constants(truncation) {}
  FASTINIT_MEMBER void operator()(typename P::U a, typename P::U b, typename P::F& x, typename P::F& y) const {
    x = P::Lanes::fma(standard_truncated<P, formula>(a, constants), std, mean);
    y = P::Lanes::fma(standard_truncated<P, formula>(b, constants), std, mean);
  }
};

// Any draw, clamped to the closed interval [low, high].
template <class P, class Draw>
struct Clamped {
  Draw draw;
  typename P::F low, high;
  FASTINIT_MEMBER Clamped(const Draw& inner, double lowest, double highest)
      : draw(inner), low(P::value(lowest)), high(P::value(highest)) {}
  FASTINIT_MEMBER void operator()(typename P::U a, typename P::U b, typename P::F& x, typename P::F& y) const {
    draw(a, b, x, y);
    x = clamp<typename P::Lanes>(x, low, high);
    y = clamp<typename P::Lanes>(y, low, high);
  }
};

// ---- formulas: Draw<P>, and how a request's parameters become one

struct NormalFormula {
  template <class P>
  using Draw = Normal<P>;
  template <class P>
  FASTINIT_INLINE Draw<P> prepare(const double* parameter) {
    return {parameter[0], parameter[1]};
  }
};

struct UniformFormula {
  template <class P>
  using Draw = Uniform<P>;
  template <class P>
  FASTINIT_INLINE Draw<P> prepare(const double* parameter) {
    return {parameter[0], parameter[1]};
  }
};

struct ClampedUniformFormula {
  template <class P>
  using Draw = Clamped<P, Uniform<P>>;
  template <class P>
  FASTINIT_INLINE Draw<P> prepare(const double* parameter) {
    return {{parameter[0], parameter[1]}, parameter[2], parameter[3]};
  }
};

template <Truncation formula>
struct TruncatedFormula {
  template <class P>
  using Draw = Clamped<P, Truncated<P, formula>>;
  // `low` and `high` as in broadcast_truncation.
  template <class P>
  FASTINIT_INLINE Draw<P> prepare(const double* parameter, int low = 0, int high = 1) {
    return {
        {parameter[0], parameter[1], broadcast_truncation<P>(parameter + 4, low, high)}, parameter[2], parameter[3]};
  }
};

// ---- distributions: how many parameters a request has, and the formulas that draw it

template <int count, class... Formula>
struct Formulas {
  static constexpr int parameters = count;
  using List = Types<Formula...>;
  // The formula that draws a request: the one that it names, unless its parameters decide.
  template <class L>
  FASTINIT_INLINE std::uint32_t choose(std::uint32_t named, const double*, bool /* in_float64 */) {
    return named;
  }
};

// Parameters: std, mean.
using NormalDistribution = Formulas<2, NormalFormula>;

// Parameters: half, mid, low, high; the last two are inclusive bounds that the dtype can hold.
struct UniformDistribution : Formulas<4, UniformFormula, ClampedUniformFormula> {
  // Values are clamped where the smallest or the largest one lies outside the bounds.
  template <class L>
  FASTINIT_INLINE std::uint32_t choose(std::uint32_t, const double* parameter, bool in_float64) {
    return in_float64 ? leaves_bounds<Precision64<L>>(parameter) : leaves_bounds<Precision32<L>>(parameter);
  }

 private:
  template <class P>
  FASTINIT_INLINE bool leaves_bounds(const double* parameter) {
    const Uniform<P> draw = UniformFormula::prepare<P>(parameter);
    const auto low = P::Lanes::fma(P::value(-uniform_largest<P>), draw.scale, draw.mid);
    const auto high = P::Lanes::fma(P::value(uniform_largest<P>), draw.scale, draw.mid);
    return low < P::value(parameter[2]) || P::value(parameter[3]) < high;
  }
};

// Parameters: std, mean, low, high, then the constants of the truncation. The formulas are in the order of Truncation.
using TruncatedNormalDistribution = Formulas<4 + truncation_parameters, TruncatedFormula<Truncation::center>,
                                             TruncatedFormula<Truncation::wide_symmetric>,
                                             TruncatedFormula<Truncation::wide>, TruncatedFormula<Truncation::tail>>;

}  // namespace
}  // namespace fastinit
