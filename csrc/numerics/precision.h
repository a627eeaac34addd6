// Two precisions of one algorithm: a 32-bit word evaluated in float32, and a 64-bit word evaluated in float64. L is a
// lane type.
#pragma once

#include "lanes/inline.h"

namespace fastinit {

template <class L>
struct Precision32 {
  using Lanes = L;
  using F = typename L::F32;
  using U = typename L::U32;
  using I = typename L::I32;
  using Bits = std::uint32_t;
  static constexpr int bits = 32;
  static constexpr double unit = 0x1p-32;  // the weight of a word's last bit, as a fraction of one
  FASTINIT_INLINE F value(double x) { return L::f32(static_cast<float>(x)); }
};

template <class L>
struct Precision64 {
  using Lanes = L;
  using F = typename L::F64;
  using U = typename L::U64;
  using I = typename L::I64;
  using Bits = std::uint64_t;
  static constexpr int bits = 64;
  static constexpr double unit = 0x1p-64;
  FASTINIT_INLINE F value(double x) { return L::f64(x); }
};

}  // namespace fastinit
