// The lane type of width one, for any processor. cuda.h is the same for each thread of a GPU.
//
// A lane type names vectors (F32, U32, I32, F64, U64, I64), masks (M32, M64) and the operations for which there is no
// operator. Vectors have the arithmetic, bitwise and shift operators of their element type, also with a scalar operand.
//
//   blocks            Philox blocks (four words each) that are computed side by side, one in each 64-bit lane
//   halves            32-bit vectors that hold the even elements of those blocks; the same number holds the odd ones
//   width, width64    lanes of a 32-bit and of a 64-bit vector
//   tile_rows, tile_vectors  the tile of a matrix product that fits into the registers
//   rounds_to_float16  whether there is store_float16, which rounds as numerics/narrow.h does
#pragma once

#include <cstring>

#include "lanes/inline.h"

namespace fastinit {

struct ScalarLanes {
  static constexpr int blocks = 1;
  static constexpr int halves = 2;
  static constexpr int width = 1;
  static constexpr bool rounds_to_float16 = false;
  static constexpr int width64 = 1;
  static constexpr int tile_rows = 4, tile_vectors = 4;

  using F32 = float;
  using U32 = std::uint32_t;
  using I32 = std::int32_t;
  using M32 = bool;
  using F64 = double;
  using U64 = std::uint64_t;
  using I64 = std::int64_t;
  using M64 = bool;

  // One value in every lane.
  FASTINIT_INLINE F32 f32(float x) { return x; }
  FASTINIT_INLINE U32 u32(std::uint32_t x) { return x; }
  FASTINIT_INLINE F64 f64(double x) { return x; }
  FASTINIT_INLINE U64 u64(std::uint64_t x) { return x; }

  // Successive values in memory, of any alignment.
  FASTINIT_INLINE F32 load(const float* in) { return *in; }
  FASTINIT_INLINE F64 load(const double* in) { return *in; }
  FASTINIT_INLINE F64 load_widened(const float* in) { return *in; }
  FASTINIT_INLINE void store(float* out, F32 x) { *out = x; }
  FASTINIT_INLINE void store(double* out, F64 x) { *out = x; }

  // The same bits as another type.
  FASTINIT_INLINE U32 bits(F32 x) { return recast<U32>(x); }
  FASTINIT_INLINE F32 float_of(U32 x) { return recast<F32>(x); }
  FASTINIT_INLINE U64 bits(F64 x) { return recast<U64>(x); }
  FASTINIT_INLINE F64 float_of(U64 x) { return recast<F64>(x); }
  // IEEE 754 defines fma and sqrt exactly: these are instructions, or the C library's exact emulation.
  FASTINIT_INLINE F32 fma(F32 a, F32 b, F32 c) { return __builtin_fmaf(a, b, c); }
  FASTINIT_INLINE F64 fma(F64 a, F64 b, F64 c) { return __builtin_fma(a, b, c); }
  FASTINIT_INLINE F32 sqrt(F32 x) { return __builtin_sqrtf(x); }
  FASTINIT_INLINE F64 sqrt(F64 x) { return __builtin_sqrt(x); }

  // To the nearest float, ties to even.
  FASTINIT_INLINE F32 to_float(I32 x) { return static_cast<F32>(x); }
  FASTINIT_INLINE F64 to_float(I64 x) { return static_cast<F64>(x); }

  // x = significand * 2^exponent, 1 <= significand < 2, for positive normal x; undefined for others.
  FASTINIT_INLINE F32 significand(F32 x) { return float_of((bits(x) & 0x007fffffu) | 0x3f800000u); }
  FASTINIT_INLINE F64 significand(F64 x) { return float_of((bits(x) & 0x000fffffffffffffu) | 0x3ff0000000000000u); }
  FASTINIT_INLINE F32 exponent(F32 x) { return to_float(static_cast<I32>(bits(x) >> 23) - 127); }
  FASTINIT_INLINE F64 exponent(F64 x) { return to_float(static_cast<I64>(bits(x) >> 52) - 1023); }

  // sum + scale n, where x is a normal number in (0, 1] and its exponent is -n, or negative, as the mask says, and n 0.
  // Rounded once.
  FASTINIT_INLINE F32 add_halvings(F32 x, M32 negative, F32 scale, F32 sum) {
    return select(negative, sum, fma(exponent(x), -scale, sum));
  }
  FASTINIT_INLINE F64 add_halvings(F64 x, M64 negative, F64 scale, F64 sum) {
    return select(negative, sum, fma(exponent(x), -scale, sum));
  }

  // The second operand if both are equal, which includes zeros of either sign.
  FASTINIT_INLINE F32 max(F32 a, F32 b) { return a > b ? a : b; }
  FASTINIT_INLINE F32 min(F32 a, F32 b) { return a < b ? a : b; }
  FASTINIT_INLINE F64 max(F64 a, F64 b) { return a > b ? a : b; }
  FASTINIT_INLINE F64 min(F64 a, F64 b) { return a < b ? a : b; }

  FASTINIT_INLINE M32 less(F32 a, F32 b) { return a < b; }
  FASTINIT_INLINE M64 less(F64 a, F64 b) { return a < b; }
  FASTINIT_INLINE M32 less(U32 a, U32 b) { return a < b; }
  FASTINIT_INLINE M32 negative(I32 x) { return x < 0; }
  FASTINIT_INLINE M64 negative(I64 x) { return x < 0; }
  FASTINIT_INLINE bool either(bool a, bool b) { return a || b; }
  FASTINIT_INLINE bool any(bool mask) { return mask; }
  // Lane k is bit k; the bits from `width` on are undefined.
  FASTINIT_INLINE std::uint32_t mask_bits(M32 mask) { return mask; }
  FASTINIT_INLINE M32 mask_of(std::uint32_t bits) { return bits & 1; }

  // mask ? a : b in every lane.
  FASTINIT_INLINE F32 select(M32 mask, F32 a, F32 b) { return mask ? a : b; }
  FASTINIT_INLINE U32 select(M32 mask, U32 a, U32 b) { return mask ? a : b; }
  FASTINIT_INLINE F64 select(M64 mask, F64 a, F64 b) { return mask ? a : b; }
  FASTINIT_INLINE U64 select(M64 mask, U64 a, U64 b) { return mask ? a : b; }

  // The 64-bit product of the low halves; a ^ b ^ c.
  FASTINIT_INLINE U64 multiply_low_halves(U64 a, U64 b) {
    return static_cast<U64>(static_cast<U32>(a)) * static_cast<U32>(b);
  }
  FASTINIT_INLINE U64 xor3(U64 a, U64 b, U64 c) { return a ^ b ^ c; }

  // Lane j of vector i becomes lane i of vector j.
  FASTINIT_INLINE void transpose(U32 (&)[width]) {}

  // The high half of the 64-bit product.
  FASTINIT_INLINE U32 multiply_high(U32 a, U32 b) { return static_cast<U32>((static_cast<U64>(a) * b) >> 32); }

  // Lanes from and to memory, in order, and zeros to the elements of any size whose lanes are set.
  FASTINIT_INLINE U32 load(const std::uint32_t* from) { return *from; }
  FASTINIT_INLINE void store(std::uint32_t* to, U32 x) { *to = x; }
  template <class T>
  FASTINIT_INLINE void zero_where(T* out, M32 mask) {
    *out = mask ? T(0) : *out;
  }

  // The order of `blocks` successive blocks in the 64-bit lanes, for elements of `item` bytes: the one for which the
  // stores below need the fewest permutations.
  template <int item>
  FASTINIT_INLINE U64 block_order() {
    return 0;
  }

  // The low half of a below that of b, and the high half of a below that of b.
  FASTINIT_INLINE U64 low_halves(U64 a, U64 b) { return b << 32 | (a & 0xffffffffu); }
  FASTINIT_INLINE U64 high_halves(U64 a, U64 b) { return (b >> 32) << 32 | a >> 32; }
  FASTINIT_INLINE U32 low_halves(U32 a, U32 b) { return b << 16 | (a & 0xffffu); }
  FASTINIT_INLINE U32 high_halves(U32 a, U32 b) { return (b >> 16) << 16 | a >> 16; }

  // The sum with both halves, where 65535 stands for larger ones.
  FASTINIT_INLINE U32 add_to_halves(U32 a, std::uint16_t b) {
    const U32 low = (a & 0xffffu) + b, high = (a >> 16) + b;
    return low_halves(low < 0xffffu ? low : 0xffffu, high < 0xffffu ? high : 0xffffu);
  }

  // The words of two elements of each block, the first ones in the low halves.
  FASTINIT_INLINE void split(U64 pairs, U32 (&word)[halves]) {
    word[0] = static_cast<U32>(pairs);
    word[1] = static_cast<U32>(pairs >> 32);
  }

  // Stores the elements of `blocks` blocks in their natural order. Bytes are the low bits of 32-bit lanes; a pair has
  // an even element of two bytes below an odd one.
  FASTINIT_INLINE void store(float* out, const F32 (&even)[halves], const F32 (&odd)[halves]) {
    store_any(out, even, odd);
  }
  FASTINIT_INLINE void store(std::uint32_t* out, const U32 (&even)[halves], const U32 (&odd)[halves]) {
    store_any(out, even, odd);
  }
  FASTINIT_INLINE void store(std::uint16_t* out, const U32 (&pair)[halves]) { std::memcpy(out, pair, sizeof pair); }
  FASTINIT_INLINE void store(std::uint8_t* out, const U32 (&even)[halves], const U32 (&odd)[halves]) {
    store_any(out, even, odd);
  }
  // value[j] holds element j of each block.
  FASTINIT_INLINE void store(double* out, const F64 (&value)[4]) {
    for (int j = 0; j < 4; ++j) out[j] = value[j];
  }

 private:
  template <class T, class V>
  FASTINIT_INLINE void store_any(T* out, const V (&even)[halves], const V (&odd)[halves]) {
    for (int h = 0; h < halves; ++h) {
      out[2 * h] = static_cast<T>(even[h]);
      out[2 * h + 1] = static_cast<T>(odd[h]);
    }
  }
  template <class To, class From>
  FASTINIT_INLINE To recast(From x) {
    static_assert(sizeof(To) == sizeof(From), "a bit cast keeps the size");
    To y;
    std::memcpy(&y, &x, sizeof y);
    return y;
  }
};

}  // namespace fastinit
