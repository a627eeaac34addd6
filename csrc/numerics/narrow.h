// Dtypes: what the elements of an array are, and how values become elements. request/dtypes.h lists them.
//
// The narrow ones are rounded from float32 once, to nearest even, in integer arithmetic (bfloat16) or by one exact
// float addition (subnormals of the others), so that every processor agrees. An element is a code in the low bits of a
// 32-bit lane. Overflow gives infinity, or NaN in float8_e4m3fn, which has no infinity, as in ml_dtypes. Values are
// never NaN.
#pragma once

#include "lanes/inline.h"

namespace fastinit {

// The code of x in a format of `width` bits with `mantissa` bits after the point and exponents biased by `bias`.
// Magnitudes above `largest` (float32 bits) round to the code `overflow`.
template <class L, int width, int mantissa, int bias, std::uint32_t largest, std::uint32_t overflow>
FASTINIT_INLINE typename L::U32 small_float_code(typename L::F32 x) {
  using U32 = typename L::U32;
  using F32 = typename L::F32;
  constexpr int dropped = 23 - mantissa;
  constexpr std::uint32_t exponent_of_one = std::uint32_t(127 - bias) << 23;
  // The float whose last bit has the weight of the format's smallest subnormal.
  constexpr std::uint32_t magic = std::uint32_t(127 + 1 - bias - mantissa + 23) << 23;
  const U32 b = L::bits(x);
  const U32 magnitude_bits = b & 0x7fffffffu;
  const F32 magnitude = L::float_of(magnitude_bits);
  const U32 normal =
      (magnitude_bits + ((1u << (dropped - 1)) - 1 - exponent_of_one) + ((magnitude_bits >> dropped) & 1u)) >> dropped;
  const U32 subnormal = L::bits(magnitude + L::float_of(L::u32(magic))) - magic;
  const U32 finite =
      L::select(L::less(magnitude, L::float_of(L::u32(exponent_of_one + (1u << 23)))), subnormal, normal);
  const U32 code = L::select(L::less(L::float_of(L::u32(largest)), magnitude), L::u32(overflow), finite);
  return code | ((b >> 31) << (width - 1));
}

// Each dtype has
//
// - Item: what an element is in memory.
// - in_float64: whether values are computed in float64.
// - encode<L>(x): the element of a value, in one lane.
// - order<L>: the order of a CPU's blocks that store() needs; see block_order in lanes/scalar.h.
// - store<L>(out, even, odd): writes a group of blocks on a CPU.
// - pack<L>(value, word): makes words of memory of a block's four elements on a GPU.
//
// float64 has its own loops and needs only the first three.
struct Float64 {
  using Item = double;
  static constexpr bool in_float64 = true;
  template <class L>
  FASTINIT_INLINE Item encode(double x) {
    return x;
  }
};

struct Float32 {
  using Item = float;
  static constexpr bool in_float64 = false;
  template <class L>
  static constexpr int order = 4;
  template <class L>
  FASTINIT_INLINE Item encode(float x) {
    return x;
  }
  template <class L>
  FASTINIT_INLINE void store(Item* out, const typename L::F32 (&even)[L::halves],
                             const typename L::F32 (&odd)[L::halves]) {
    L::store(out, even, odd);
  }
  template <class L>
  FASTINIT_INLINE void pack(const float (&value)[4], std::uint32_t* word) {
    for (int j = 0; j < 4; ++j) word[j] = L::bits(value[j]);
  }
};

// A dtype of codes: Format::code<L>(x) is that of a value.
template <class Format, class Code>
struct Narrow {
  using Item = Code;
  static constexpr bool in_float64 = false;
  template <class L>
  static constexpr int order = sizeof(Code);
  template <class L>
  FASTINIT_INLINE Item encode(float x) {
    return static_cast<Item>(Format::template code<L>(x));
  }
  template <class L>
  FASTINIT_INLINE void store(Item* out, const typename L::F32 (&even)[L::halves],
                             const typename L::F32 (&odd)[L::halves]) {
    typename L::U32 even_code[L::halves], odd_code[L::halves];
    for (int h = 0; h < L::halves; ++h) {
      even_code[h] = Format::template code<L>(even[h]);
      odd_code[h] = Format::template code<L>(odd[h]);
    }
    if constexpr (sizeof(Code) == 2) {
      for (int h = 0; h < L::halves; ++h) even_code[h] = even_code[h] | odd_code[h] << 16;
      L::store(out, even_code);
    } else {
      L::store(out, even_code, odd_code);
    }
  }
  template <class L>
  FASTINIT_INLINE void pack(const float (&value)[4], std::uint32_t* word) {
    constexpr int in_word = 4 / sizeof(Code), bits = 8 * sizeof(Code);
    FASTINIT_UNROLL
    for (int j = 0; j < 4; j += in_word) {
      std::uint32_t all = Format::template code<L>(value[j]);
      FASTINIT_UNROLL
      for (int k = 1; k < in_word; ++k) all |= Format::template code<L>(value[j + k]) << (k * bits);
      word[j / in_word] = all;
    }
  }
};

// Processors that convert to float16 round exactly as the code does.
struct Float16 : Narrow<Float16, std::uint16_t> {
  template <class L>
  static constexpr int order = L::rounds_to_float16 ? 4 : 2;
  // 65520 - 2^-8 is the last float32 that rounds to 65504, the largest float16.
  template <class L>
  FASTINIT_INLINE typename L::U32 code(typename L::F32 x) {
    return small_float_code<L, 16, 10, 15, 0x477fefff, 0x7c00>(x);
  }
  template <class L>
  FASTINIT_INLINE void store(Item* out, const typename L::F32 (&even)[L::halves],
                             const typename L::F32 (&odd)[L::halves]) {
    if constexpr (L::rounds_to_float16) {
      L::store_float16(out, even, odd);
    } else {
      Narrow::store<L>(out, even, odd);
    }
  }
  template <class L>
  FASTINIT_INLINE void pack(const float (&value)[4], std::uint32_t* word) {
    for (int j = 0; j < 2; ++j) word[j] = L::float16_pair(value[2 * j], value[2 * j + 1]);
  }
};

struct BFloat16 : Narrow<BFloat16, std::uint16_t> {
  template <class L>
  FASTINIT_INLINE typename L::U32 code(typename L::F32 x) {
    const typename L::U32 b = L::bits(x);
    return (b + 0x7fffu + ((b >> 16) & 1u)) >> 16;
  }
  // Two elements at once, in fewer operations: halves are rounded up, which leaves a low half of zero, and then the
  // code's last bit is cleared.
  template <class L>
  FASTINIT_INLINE void store(Item* out, const typename L::F32 (&even)[L::halves],
                             const typename L::F32 (&odd)[L::halves]) {
    typename L::U32 pair[L::halves];
    for (int h = 0; h < L::halves; ++h) {
      const typename L::U32 a = L::bits(even[h]) + 0x8000u, b = L::bits(odd[h]) + 0x8000u;
      const typename L::U32 kept = L::add_to_halves(L::low_halves(a, b), 0xfffe);  // 0xfffe where it is zero, or 0xffff
      pair[h] = L::high_halves(a, b) & kept;
    }
    L::store(out, pair);
  }
  template <class L>
  FASTINIT_INLINE void pack(const float (&value)[4], std::uint32_t* word) {
    if constexpr (L::rounds_to_bfloat16) {
      for (int j = 0; j < 2; ++j) word[j] = L::bfloat16_pair(value[2 * j], value[2 * j + 1]);
    } else {
      Narrow::pack<L>(value, word);
    }
  }
};

struct Float8E4M3FN : Narrow<Float8E4M3FN, std::uint8_t> {
  // 464, halfway between 448 and 480, which is absent, rounds to the even 448.
  template <class L>
  FASTINIT_INLINE typename L::U32 code(typename L::F32 x) {
    return small_float_code<L, 8, 3, 7, 0x43e80000, 0x7f>(x);
  }
};

struct Float8E5M2 : Narrow<Float8E5M2, std::uint8_t> {
  // The last float32 below 61440, halfway between 57344 and infinity.
  template <class L>
  FASTINIT_INLINE typename L::U32 code(typename L::F32 x) {
    return small_float_code<L, 8, 2, 15, 0x476fffff, 0x7c>(x);
  }
};

}  // namespace fastinit
