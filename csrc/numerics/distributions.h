// Draws and sinks, for any lane type: from words to values, and from values to elements of a dtype in memory.
#include "request/request.h"
#include "numerics/narrow.h"
#include "numerics/normal.h"
#include "numerics/truncated.h"
#include "numerics/uniform.h"

namespace fastinit {
namespace {

// ---- draws: the words of an even element and its odd neighbour -> their values

template <class W>
struct Uniform {
  typename W::F scale, mid;
  FASTINIT_MEMBER explicit Uniform(const Request& r)
      : scale(W::value(r.parameter[0]) * W::value(W::bits == 32 ? 0x1p-24 : 0x1p-53)), mid(W::value(r.parameter[1])) {}
  FASTINIT_MEMBER void operator()(typename W::U a, typename W::U b, typename W::F& x, typename W::F& y) const {
    x = uniform<W>(a, scale, mid);
    y = uniform<W>(b, scale, mid);
  }
};

template <class W>
struct Normal {
  typename W::F std, mean;
  FASTINIT_MEMBER explicit Normal(const Request& r) : std(W::value(r.parameter[0])), mean(W::value(r.parameter[1])) {}
  FASTINIT_MEMBER void operator()(typename W::U a, typename W::U b, typename W::F& x, typename W::F& y) const {
    normal_pair<W>(a, b, x, y);
    x = W::Lanes::fma(x, std, mean);
    y = W::Lanes::fma(y, std, mean);
  }
};

static_assert(4 + cut_parameters <= parameter_count, "a request has room for the constants of a cut");

template <class W, Cut cut>
struct Truncated {
  typename W::F std, mean;
  CutLanes<W> constants;
  FASTINIT_MEMBER explicit Truncated(const Request& r)
      : std(W::value(r.parameter[0])), mean(W::value(r.parameter[1])), constants(broadcast_cut<W>(r.parameter + 4)) {}
  FASTINIT_MEMBER void operator()(typename W::U a, typename W::U b, typename W::F& x, typename W::F& y) const {
    x = W::Lanes::fma(standard_truncated<W, cut>(a, constants), std, mean);
    y = W::Lanes::fma(standard_truncated<W, cut>(b, constants), std, mean);
  }
};

// Any draw, kept inside the closed interval of parameters 2 and 3.
template <class W, class Draw>
struct Clamped {
  Draw draw;
  typename W::F low, high;
  FASTINIT_MEMBER explicit Clamped(const Request& r)
      : draw(r), low(W::value(r.parameter[2])), high(W::value(r.parameter[3])) {}
  FASTINIT_MEMBER void operator()(typename W::U a, typename W::U b, typename W::F& x, typename W::F& y) const {
    draw(a, b, x, y);
    x = clamp<typename W::Lanes>(x, low, high);
    y = clamp<typename W::Lanes>(y, low, high);
  }
};

// ---- kinds of draw: Kind::Draw<W> is one over Words32 or Words64

struct NormalKind {
  template <class W>
  using Draw = Normal<W>;
};

struct UniformKind {
  template <class W>
  using Draw = Uniform<W>;
};

struct ClampedUniformKind {
  template <class W>
  using Draw = Clamped<W, Uniform<W>>;
};

template <Cut cut>
struct TruncatedKind {
  template <class W>
  using Draw = Clamped<W, Truncated<W, cut>>;
};

// Whether the largest or the smallest value that is drawn lies outside the bounds: the others lie between the two.
template <class W>
bool leaves_bounds(const Request& r) {
  const Uniform<W> draw(r);
  const auto low = W::Lanes::fma(W::value(-uniform_largest<W>), draw.scale, draw.mid);
  const auto high = W::Lanes::fma(W::value(uniform_largest<W>), draw.scale, draw.mid);
  return low < W::value(r.parameter[2]) || W::value(r.parameter[3]) < high;
}

// ---- sinks: float32 values of a group of blocks -> elements of a dtype in memory

template <class L>
struct Float32 {
  using Item = float;
  static constexpr int order = 4;
  FASTINIT_INLINE void store(float* out, const typename L::F32 (&even)[L::halves],
                             const typename L::F32 (&odd)[L::halves]) {
    L::store(out, even, odd);
  }
};

template <class L, class T, typename L::U32 (*code)(typename L::F32)>
struct Narrow {
  using Item = T;
  static constexpr int order = sizeof(T);
  FASTINIT_INLINE void store(T* out, const typename L::F32 (&even)[L::halves],
                             const typename L::F32 (&odd)[L::halves]) {
    typename L::U32 even_code[L::halves], odd_code[L::halves];
    for (int h = 0; h < L::halves; ++h) {
      even_code[h] = code(even[h]);
      odd_code[h] = code(odd[h]);
    }
    L::store(out, even_code, odd_code);
  }
};

// float16 by the processor's own conversion, which rounds exactly as numerics/narrow.h does.
template <class L>
struct ConvertedFloat16 {
  using Item = std::uint16_t;
  static constexpr int order = 4;
  FASTINIT_INLINE void store(Item* out, const typename L::F32 (&even)[L::halves],
                             const typename L::F32 (&odd)[L::halves]) {
    L::store_float16(out, even, odd);
  }
};

}  // namespace
}  // namespace fastinit
