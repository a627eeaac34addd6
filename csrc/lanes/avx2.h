// Eight 32-bit or four 64-bit lanes of AVX2 with FMA and F16C. scalar.h explains each operation.
#pragma once

#include <immintrin.h>

#include "lanes/inline.h"

namespace fastinit {

struct Avx2Lanes {
  static constexpr int blocks = 4;
  static constexpr int halves = 1;
  static constexpr int width = 8;
  static constexpr bool rounds_to_float16 = true;
  static constexpr int width64 = 4;
  static constexpr int tile_rows = 4, tile_vectors = 3;

  using F32 = __m256;
  using U32 = std::uint32_t __attribute__((vector_size(32)));
  using I32 = std::int32_t __attribute__((vector_size(32)));
  using F64 = __m256d;
  using U64 = std::uint64_t __attribute__((vector_size(32)));
  using I64 = std::int64_t __attribute__((vector_size(32)));
  struct M32 {
    __m256 sign;
  };
  struct M64 {
    __m256d sign;
  };

  FASTINIT_INLINE F32 f32(float x) { return _mm256_set1_ps(x); }
  FASTINIT_INLINE U32 u32(std::uint32_t x) { return (U32)_mm256_set1_epi32((int)x); }
  FASTINIT_INLINE F64 f64(double x) { return _mm256_set1_pd(x); }
  FASTINIT_INLINE U64 u64(std::uint64_t x) { return (U64)_mm256_set1_epi64x((long long)x); }

  FASTINIT_INLINE F32 load(const float* in) { return _mm256_loadu_ps(in); }
  FASTINIT_INLINE F64 load(const double* in) { return _mm256_loadu_pd(in); }
  FASTINIT_INLINE F64 load_widened(const float* in) { return _mm256_cvtps_pd(_mm_loadu_ps(in)); }
  FASTINIT_INLINE void store(float* out, F32 x) { _mm256_storeu_ps(out, x); }
  FASTINIT_INLINE void store(double* out, F64 x) { _mm256_storeu_pd(out, x); }

  FASTINIT_INLINE U32 bits(F32 x) { return (U32)x; }
  FASTINIT_INLINE F32 float_of(U32 x) { return (F32)x; }
  FASTINIT_INLINE U64 bits(F64 x) { return (U64)x; }
  FASTINIT_INLINE F64 float_of(U64 x) { return (F64)x; }

  FASTINIT_INLINE F32 fma(F32 a, F32 b, F32 c) { return _mm256_fmadd_ps(a, b, c); }
  FASTINIT_INLINE F64 fma(F64 a, F64 b, F64 c) { return _mm256_fmadd_pd(a, b, c); }
  FASTINIT_INLINE F32 sqrt(F32 x) { return _mm256_sqrt_ps(x); }
  FASTINIT_INLINE F64 sqrt(F64 x) { return _mm256_sqrt_pd(x); }

  FASTINIT_INLINE F32 to_float(I32 x) { return _mm256_cvtepi32_ps((__m256i)x); }
  FASTINIT_INLINE F64 to_float(I64 x) {
    // 2^52 + low half and 2^84 + 2^32 (high half + 2^31) are exact as doubles, and so is the difference below. Only
    // the last sum rounds.
    const F64 low = (F64)(((U64)x & 0xffffffffu) | 0x4330000000000000u);
    const F64 high = (F64)(((U64)x >> 32) ^ 0x4530000080000000u);
    return (high - f64(0x1p84 + 0x1p63 + 0x1p52)) + low;
  }

  FASTINIT_INLINE F32 significand(F32 x) { return (F32)(((U32)x & 0x007fffffu) | 0x3f800000u); }
  FASTINIT_INLINE F64 significand(F64 x) { return (F64)(((U64)x & 0x000fffffffffffffu) | 0x3ff0000000000000u); }
  FASTINIT_INLINE F32 exponent(F32 x) { return to_float((I32)((U32)x >> 23) - 127); }
  FASTINIT_INLINE F64 exponent(F64 x) {
    return (F64)(((U64)x >> 52) | 0x4330000000000000u) - f64(0x1p52 + 1023);  // 2^52 + n is n in the low bits
  }

  // A negative number's sign makes its exponent larger than the bias, so that the saturating difference is 0.
  FASTINIT_INLINE F32 add_halvings(F32 x, M32 /* negative */, F32 scale, F32 sum) {
    const __m256i n = _mm256_subs_epu16(_mm256_set1_epi32(127), (__m256i)((U32)x >> 23));
    return fma(to_float((I32)n), scale, sum);
  }
  FASTINIT_INLINE F64 add_halvings(F64 x, M64 /* negative */, F64 scale, F64 sum) {
    const __m256i n = _mm256_subs_epu16(_mm256_set1_epi64x(1023), (__m256i)((U64)x >> 52));
    return fma((F64)((U64)n | 0x4330000000000000u) - f64(0x1p52), scale, sum);  // 2^52 + n is n in the low bits
  }

  FASTINIT_INLINE F32 max(F32 a, F32 b) { return _mm256_max_ps(a, b); }
  FASTINIT_INLINE F32 min(F32 a, F32 b) { return _mm256_min_ps(a, b); }
  FASTINIT_INLINE F64 max(F64 a, F64 b) { return _mm256_max_pd(a, b); }
  FASTINIT_INLINE F64 min(F64 a, F64 b) { return _mm256_min_pd(a, b); }

  FASTINIT_INLINE M32 less(F32 a, F32 b) { return {_mm256_cmp_ps(a, b, _CMP_LT_OQ)}; }
  FASTINIT_INLINE M64 less(F64 a, F64 b) { return {_mm256_cmp_pd(a, b, _CMP_LT_OQ)}; }
  FASTINIT_INLINE M32 less(U32 a, U32 b) {  // AVX2 compares signed integers only
    const U32 sign = u32(0x80000000u);
    return {(__m256)_mm256_cmpgt_epi32((__m256i)(b ^ sign), (__m256i)(a ^ sign))};
  }
  FASTINIT_INLINE M32 negative(I32 x) { return {(__m256)x}; }
  FASTINIT_INLINE M64 negative(I64 x) { return {(__m256d)x}; }
  FASTINIT_INLINE M32 either(M32 a, M32 b) { return {_mm256_or_ps(a.sign, b.sign)}; }
  FASTINIT_INLINE M64 either(M64 a, M64 b) { return {_mm256_or_pd(a.sign, b.sign)}; }
  FASTINIT_INLINE bool any(M32 mask) { return _mm256_movemask_ps(mask.sign) != 0; }
  FASTINIT_INLINE bool any(M64 mask) { return _mm256_movemask_pd(mask.sign) != 0; }

  FASTINIT_INLINE M32 mask_of(std::uint32_t bits) {
    const __m256i lane = _mm256_setr_epi32(1, 2, 4, 8, 16, 32, 64, 128);
    return {(__m256)_mm256_cmpeq_epi32(_mm256_and_si256(_mm256_set1_epi32((int)bits), lane), lane)};
  }
  FASTINIT_INLINE std::uint32_t mask_bits(M32 mask) { return (std::uint32_t)_mm256_movemask_ps(mask.sign); }

  FASTINIT_INLINE F32 select(M32 mask, F32 a, F32 b) { return _mm256_blendv_ps(b, a, mask.sign); }
  FASTINIT_INLINE U32 select(M32 mask, U32 a, U32 b) { return (U32)select(mask, (F32)a, (F32)b); }
  FASTINIT_INLINE F64 select(M64 mask, F64 a, F64 b) { return _mm256_blendv_pd(b, a, mask.sign); }
  FASTINIT_INLINE U64 select(M64 mask, U64 a, U64 b) { return (U64)select(mask, (F64)a, (F64)b); }

  FASTINIT_INLINE U64 multiply_low_halves(U64 a, U64 b) { return (U64)_mm256_mul_epu32((__m256i)a, (__m256i)b); }
  FASTINIT_INLINE U64 xor3(U64 a, U64 b, U64 c) { return a ^ (b ^ c); }

  FASTINIT_INLINE void transpose(U32 (&x)[width]) {
    __m256i pairs[8], fours[8];
    FASTINIT_UNROLL
    for (int i = 0; i < 8; i += 2) {
      pairs[i] = _mm256_unpacklo_epi32((__m256i)x[i], (__m256i)x[i + 1]);
      pairs[i + 1] = _mm256_unpackhi_epi32((__m256i)x[i], (__m256i)x[i + 1]);
    }
    FASTINIT_UNROLL
    for (int i = 0; i < 8; i += 4) {
      fours[i] = _mm256_unpacklo_epi64(pairs[i], pairs[i + 2]);
      fours[i + 1] = _mm256_unpackhi_epi64(pairs[i], pairs[i + 2]);
      fours[i + 2] = _mm256_unpacklo_epi64(pairs[i + 1], pairs[i + 3]);
      fours[i + 3] = _mm256_unpackhi_epi64(pairs[i + 1], pairs[i + 3]);
    }
    FASTINIT_UNROLL
    for (int c = 0; c < 4; ++c) {  // fours[4 g + c] holds vectors 4 g to 4 g + 3 of lanes c and c + 4
      x[c] = (U32)_mm256_permute2x128_si256(fours[c], fours[4 + c], 0x20);
      x[4 + c] = (U32)_mm256_permute2x128_si256(fours[c], fours[4 + c], 0x31);
    }
  }

  FASTINIT_INLINE U32 multiply_high(U32 a, U32 b) {
    const U64 even = multiply_low_halves((U64)a, (U64)b), odd = multiply_low_halves((U64)a >> 32, (U64)b >> 32);
    return (U32)_mm256_blend_epi32((__m256i)(even >> 32), (__m256i)odd, 0xaa);
  }

  FASTINIT_INLINE U32 load(const std::uint32_t* from) { return (U32)_mm256_loadu_si256((const __m256i*)from); }
  FASTINIT_INLINE void store(std::uint32_t* to, U32 x) { _mm256_storeu_si256((__m256i*)to, (__m256i)x); }

  // A comparison of integers sets all bits of a lane of M32, or none.
  FASTINIT_INLINE void zero_where(std::uint64_t* out, M32 mask) {
    const __m256i lanes = (__m256i)mask.sign;
    zero_bits(out, _mm256_cvtepi32_epi64(_mm256_castsi256_si128(lanes)));
    zero_bits(out + 4, _mm256_cvtepi32_epi64(_mm256_extracti128_si256(lanes, 1)));
  }
  FASTINIT_INLINE void zero_where(std::uint32_t* out, M32 mask) { zero_bits(out, (__m256i)mask.sign); }
  FASTINIT_INLINE void zero_where(std::uint16_t* out, M32 mask) {
    __m128i* const at = (__m128i*)out;
    _mm_storeu_si128(at, _mm_andnot_si128(halves_of(mask), _mm_loadu_si128(at)));
  }
  FASTINIT_INLINE void zero_where(std::uint8_t* out, M32 mask) {
    const __m128i bytes = _mm_packs_epi16(halves_of(mask), _mm_setzero_si128());
    __m128i* const at = (__m128i*)out;
    _mm_storel_epi64(at, _mm_andnot_si128(bytes, _mm_loadl_epi64(at)));
  }

  template <int item>
  FASTINIT_INLINE U64 block_order() {
    if constexpr (item == 4) return U64{0, 2, 1, 3};  // natural after low and high pairs are unpacked
    return U64{0, 1, 2, 3};
  }

  FASTINIT_INLINE U64 low_halves(U64 a, U64 b) {
    return (U64)_mm256_blend_epi32((__m256i)a, _mm256_shuffle_epi32((__m256i)b, 0xa0), 0xaa);
  }
  FASTINIT_INLINE U64 high_halves(U64 a, U64 b) {
    return (U64)_mm256_blend_epi32((__m256i)(a >> 32), (__m256i)b, 0xaa);
  }
  FASTINIT_INLINE U32 low_halves(U32 a, U32 b) { return (U32)_mm256_blend_epi16((__m256i)a, (__m256i)(b << 16), 0xaa); }
  FASTINIT_INLINE U32 high_halves(U32 a, U32 b) {
    return (U32)_mm256_blend_epi16((__m256i)(a >> 16), (__m256i)b, 0xaa);
  }
  FASTINIT_INLINE U32 add_to_halves(U32 a, std::uint16_t b) {
    return (U32)_mm256_adds_epu16((__m256i)a, _mm256_set1_epi16((short)b));
  }
  FASTINIT_INLINE void split(U64 pairs, U32 (&word)[halves]) { word[0] = (U32)pairs; }

  FASTINIT_INLINE void store(float* out, const F32 (&even)[halves], const F32 (&odd)[halves]) {
    _mm256_storeu_ps(out, _mm256_unpacklo_ps(even[0], odd[0]));
    _mm256_storeu_ps(out + 8, _mm256_unpackhi_ps(even[0], odd[0]));
  }
  FASTINIT_INLINE void store(std::uint32_t* out, const U32 (&even)[halves], const U32 (&odd)[halves]) {
    _mm256_storeu_si256((__m256i*)out, _mm256_unpacklo_epi32((__m256i)even[0], (__m256i)odd[0]));
    _mm256_storeu_si256((__m256i*)out + 1, _mm256_unpackhi_epi32((__m256i)even[0], (__m256i)odd[0]));
  }
  FASTINIT_INLINE void store(std::uint16_t* out, const U32 (&pair)[halves]) {
    _mm256_storeu_si256((__m256i*)out, (__m256i)pair[0]);
  }
  FASTINIT_INLINE void store(std::uint8_t* out, const U32 (&even)[halves], const U32 (&odd)[halves]) {
    const __m256i pairs = (__m256i)(even[0] | odd[0] << 8);
    const __m256i packed = _mm256_packus_epi32(pairs, pairs);
    _mm_storeu_si128((__m128i*)out, _mm256_castsi256_si128(_mm256_permute4x64_epi64(packed, 0x08)));
  }
  // Rounds to nearest even. Blocks are in the order of four-byte items.
  FASTINIT_INLINE void store_float16(std::uint16_t* out, const F32 (&even)[halves], const F32 (&odd)[halves]) {
    _mm_storeu_si128((__m128i*)out, _mm256_cvtps_ph(_mm256_unpacklo_ps(even[0], odd[0]), _MM_FROUND_TO_NEAREST_INT));
    _mm_storeu_si128((__m128i*)out + 1,
                     _mm256_cvtps_ph(_mm256_unpackhi_ps(even[0], odd[0]), _MM_FROUND_TO_NEAREST_INT));
  }
  FASTINIT_INLINE void store(double* out, const F64 (&value)[4]) {
    const F64 a = _mm256_unpacklo_pd(value[0], value[1]), b = _mm256_unpacklo_pd(value[2], value[3]);
    const F64 c = _mm256_unpackhi_pd(value[0], value[1]), d = _mm256_unpackhi_pd(value[2], value[3]);
    _mm256_storeu_pd(out, _mm256_permute2f128_pd(a, b, 0x20));
    _mm256_storeu_pd(out + 4, _mm256_permute2f128_pd(c, d, 0x20));
    _mm256_storeu_pd(out + 8, _mm256_permute2f128_pd(a, b, 0x31));
    _mm256_storeu_pd(out + 12, _mm256_permute2f128_pd(c, d, 0x31));
  }

 private:
  FASTINIT_INLINE void zero_bits(void* out, __m256i mask) {
    __m256i* const at = (__m256i*)out;
    _mm256_storeu_si256(at, _mm256_andnot_si256(mask, _mm256_loadu_si256(at)));
  }
  FASTINIT_INLINE __m128i halves_of(M32 mask) {
    const __m256i lanes = (__m256i)mask.sign;
    return _mm_packs_epi32(_mm256_castsi256_si128(lanes), _mm256_extracti128_si256(lanes, 1));
  }
};

}  // namespace fastinit
