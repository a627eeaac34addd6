// Two vectors of a lane type side by side, as a lane type of twice the width. Each operation is two independent
// instructions one after the other, so that two chains of an algorithm hide each other's latency.
// Interleaved<Interleaved<L>> has four vectors side by side. scalar.h explains each operation.
#pragma once

#include "lanes/inline.h"

namespace fastinit {

// Two vectors or masks.
template <class V>
struct Pair {
  V a, b;

  template <class W>
  FASTINIT_MEMBER explicit operator Pair<W>() const {
    return {(W)a, (W)b};
  }
  FASTINIT_MEMBER friend Pair operator-(Pair x) { return {-x.a, -x.b}; }
  FASTINIT_MEMBER friend Pair operator~(Pair x) { return {~x.a, ~x.b}; }
  FASTINIT_MEMBER friend Pair operator+(Pair x, Pair y) { return {x.a + y.a, x.b + y.b}; }
  FASTINIT_MEMBER friend Pair operator-(Pair x, Pair y) { return {x.a - y.a, x.b - y.b}; }
  FASTINIT_MEMBER friend Pair operator*(Pair x, Pair y) { return {x.a * y.a, x.b * y.b}; }
  FASTINIT_MEMBER friend Pair operator&(Pair x, Pair y) { return {x.a & y.a, x.b & y.b}; }
  FASTINIT_MEMBER friend Pair operator|(Pair x, Pair y) { return {x.a | y.a, x.b | y.b}; }
  FASTINIT_MEMBER friend Pair operator^(Pair x, Pair y) { return {x.a ^ y.a, x.b ^ y.b}; }
};

template <class V, class Scalar>
FASTINIT_INLINE Pair<V> operator+(Pair<V> x, Scalar y) {
  return {x.a + y, x.b + y};
}
template <class V, class Scalar>
FASTINIT_INLINE Pair<V> operator-(Pair<V> x, Scalar y) {
  return {x.a - y, x.b - y};
}
template <class V, class Scalar>
FASTINIT_INLINE Pair<V> operator&(Pair<V> x, Scalar y) {
  return {x.a & y, x.b & y};
}
template <class V, class Scalar>
FASTINIT_INLINE Pair<V> operator|(Pair<V> x, Scalar y) {
  return {x.a | y, x.b | y};
}
template <class V, class Scalar>
FASTINIT_INLINE Pair<V> operator^(Pair<V> x, Scalar y) {
  return {x.a ^ y, x.b ^ y};
}
template <class V>
FASTINIT_INLINE Pair<V> operator<<(Pair<V> x, int bits) {
  return {x.a << bits, x.b << bits};
}
template <class V>
FASTINIT_INLINE Pair<V> operator>>(Pair<V> x, int bits) {
  return {x.a >> bits, x.b >> bits};
}

template <class L>
struct Interleaved {
  static constexpr int blocks = 2 * L::blocks;
  static constexpr int halves = L::halves;
  static constexpr bool rounds_to_float16 = L::rounds_to_float16;

  using F32 = Pair<typename L::F32>;
  using U32 = Pair<typename L::U32>;
  using I32 = Pair<typename L::I32>;
  using M32 = Pair<typename L::M32>;
  using F64 = Pair<typename L::F64>;
  using U64 = Pair<typename L::U64>;
  using I64 = Pair<typename L::I64>;
  using M64 = Pair<typename L::M64>;

  FASTINIT_INLINE F32 f32(float x) { return {L::f32(x), L::f32(x)}; }
  FASTINIT_INLINE U32 u32(std::uint32_t x) { return {L::u32(x), L::u32(x)}; }
  FASTINIT_INLINE F64 f64(double x) { return {L::f64(x), L::f64(x)}; }
  FASTINIT_INLINE U64 u64(std::uint64_t x) { return {L::u64(x), L::u64(x)}; }

  FASTINIT_INLINE U32 bits(F32 x) { return {L::bits(x.a), L::bits(x.b)}; }
  FASTINIT_INLINE F32 float_of(U32 x) { return {L::float_of(x.a), L::float_of(x.b)}; }
  FASTINIT_INLINE U64 bits(F64 x) { return {L::bits(x.a), L::bits(x.b)}; }
  FASTINIT_INLINE F64 float_of(U64 x) { return {L::float_of(x.a), L::float_of(x.b)}; }

  // F is F32 or F64.
  template <class F>
  FASTINIT_INLINE F fma(F x, F y, F z) {
    return {L::fma(x.a, y.a, z.a), L::fma(x.b, y.b, z.b)};
  }
  template <class F>
  FASTINIT_INLINE F sqrt(F x) {
    return {L::sqrt(x.a), L::sqrt(x.b)};
  }
  template <class F>
  FASTINIT_INLINE F significand(F x) {
    return {L::significand(x.a), L::significand(x.b)};
  }
  template <class F>
  FASTINIT_INLINE F exponent(F x) {
    return {L::exponent(x.a), L::exponent(x.b)};
  }
  template <class F, class M>
  FASTINIT_INLINE F add_halvings(F x, M negative, F scale, F sum) {
    return {L::add_halvings(x.a, negative.a, scale.a, sum.a), L::add_halvings(x.b, negative.b, scale.b, sum.b)};
  }
  template <class F>
  FASTINIT_INLINE F max(F x, F y) {
    return {L::max(x.a, y.a), L::max(x.b, y.b)};
  }
  template <class F>
  FASTINIT_INLINE F min(F x, F y) {
    return {L::min(x.a, y.a), L::min(x.b, y.b)};
  }

  FASTINIT_INLINE F32 to_float(I32 x) { return {L::to_float(x.a), L::to_float(x.b)}; }
  FASTINIT_INLINE F64 to_float(I64 x) { return {L::to_float(x.a), L::to_float(x.b)}; }

  FASTINIT_INLINE M32 less(F32 x, F32 y) { return {L::less(x.a, y.a), L::less(x.b, y.b)}; }
  FASTINIT_INLINE M64 less(F64 x, F64 y) { return {L::less(x.a, y.a), L::less(x.b, y.b)}; }
  FASTINIT_INLINE M32 negative(I32 x) { return {L::negative(x.a), L::negative(x.b)}; }
  FASTINIT_INLINE M64 negative(I64 x) { return {L::negative(x.a), L::negative(x.b)}; }
  template <class M>
  FASTINIT_INLINE bool any(M mask) {
    return L::any(L::either(mask.a, mask.b));
  }
  template <class M>
  FASTINIT_INLINE M either(M x, M y) {
    return {L::either(x.a, y.a), L::either(x.b, y.b)};
  }
  template <class M, class V>
  FASTINIT_INLINE V select(M mask, V x, V y) {
    return {L::select(mask.a, x.a, y.a), L::select(mask.b, x.b, y.b)};
  }

  FASTINIT_INLINE U64 multiply_low_halves(U64 x, U64 y) {
    return {L::multiply_low_halves(x.a, y.a), L::multiply_low_halves(x.b, y.b)};
  }
  FASTINIT_INLINE U64 xor3(U64 x, U64 y, U64 z) { return {L::xor3(x.a, y.a, z.a), L::xor3(x.b, y.b, z.b)}; }

  // The first half of the blocks is in the first vector.
  template <int item>
  FASTINIT_INLINE U64 block_order() {
    const auto order = L::template block_order<item>();
    return {order, order + std::uint64_t{L::blocks}};
  }
  // U is U32 or U64.
  template <class U>
  FASTINIT_INLINE U low_halves(U x, U y) {
    return {L::low_halves(x.a, y.a), L::low_halves(x.b, y.b)};
  }
  template <class U>
  FASTINIT_INLINE U high_halves(U x, U y) {
    return {L::high_halves(x.a, y.a), L::high_halves(x.b, y.b)};
  }
  FASTINIT_INLINE U32 add_to_halves(U32 x, std::uint16_t y) {
    return {L::add_to_halves(x.a, y), L::add_to_halves(x.b, y)};
  }
  FASTINIT_INLINE void split(U64 pairs, U32 (&word)[halves]) {
    typename L::U32 first[halves], second[halves];
    L::split(pairs.a, first);
    L::split(pairs.b, second);
    FASTINIT_UNROLL
    for (int h = 0; h < halves; ++h) word[h] = {first[h], second[h]};
  }
  template <class T, class V>
  FASTINIT_INLINE void store(T* out, const Pair<V> (&even)[halves], const Pair<V> (&odd)[halves]) {
    V x[halves], y[halves];
    first_of(even, x);
    first_of(odd, y);
    L::store(out, x, y);
    second_of(even, x);
    second_of(odd, y);
    L::store(out + 4 * L::blocks, x, y);
  }
  FASTINIT_INLINE void store(std::uint16_t* out, const U32 (&pair)[halves]) {
    typename L::U32 x[halves];
    first_of(pair, x);
    L::store(out, x);
    second_of(pair, x);
    L::store(out + 4 * L::blocks, x);
  }
  template <class V>
  FASTINIT_INLINE void store_float16(std::uint16_t* out, const Pair<V> (&even)[halves], const Pair<V> (&odd)[halves]) {
    V x[halves], y[halves];
    first_of(even, x);
    first_of(odd, y);
    L::store_float16(out, x, y);
    second_of(even, x);
    second_of(odd, y);
    L::store_float16(out + 4 * L::blocks, x, y);
  }
  FASTINIT_INLINE void store(double* out, const F64 (&value)[4]) {
    L::store(out, {value[0].a, value[1].a, value[2].a, value[3].a});
    L::store(out + 4 * L::blocks, {value[0].b, value[1].b, value[2].b, value[3].b});
  }

 private:
  template <class V>
  FASTINIT_INLINE void first_of(const Pair<V> (&pair)[halves], V (&vector)[halves]) {
    FASTINIT_UNROLL
    for (int h = 0; h < halves; ++h) vector[h] = pair[h].a;
  }
  template <class V>
  FASTINIT_INLINE void second_of(const Pair<V> (&pair)[halves], V (&vector)[halves]) {
    FASTINIT_UNROLL
    for (int h = 0; h < halves; ++h) vector[h] = pair[h].b;
  }
};

}  // namespace fastinit
