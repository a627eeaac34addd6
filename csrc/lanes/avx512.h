// Sixteen 32-bit or eight 64-bit lanes of AVX-512 F, BW, DQ and VL. scalar.h explains each operation.
#pragma once

#include <immintrin.h>

#include "lanes/inline.h"

namespace fastinit {

struct Avx512Lanes {
  static constexpr int blocks = 8;
  static constexpr int halves = 1;
  static constexpr int width = 16;
  static constexpr bool rounds_to_float16 = true;
  static constexpr int width64 = 8;
  static constexpr int tile_rows = 8, tile_vectors = 2;

  using F32 = __m512;
  using U32 = std::uint32_t __attribute__((vector_size(64)));
  using I32 = std::int32_t __attribute__((vector_size(64)));
  using M32 = __mmask16;
  using F64 = __m512d;
  using U64 = std::uint64_t __attribute__((vector_size(64)));
  using I64 = std::int64_t __attribute__((vector_size(64)));
  using M64 = __mmask8;

  FASTINIT_INLINE F32 f32(float x) { return _mm512_set1_ps(x); }
  FASTINIT_INLINE U32 u32(std::uint32_t x) { return (U32)_mm512_set1_epi32((int)x); }
  FASTINIT_INLINE F64 f64(double x) { return _mm512_set1_pd(x); }
  FASTINIT_INLINE U64 u64(std::uint64_t x) { return (U64)_mm512_set1_epi64((long long)x); }

  FASTINIT_INLINE F32 load(const float* in) { return _mm512_loadu_ps(in); }
  FASTINIT_INLINE F64 load(const double* in) { return _mm512_loadu_pd(in); }
  FASTINIT_INLINE F64 load_widened(const float* in) { return _mm512_cvtps_pd(_mm256_loadu_ps(in)); }
  FASTINIT_INLINE void store(float* out, F32 x) { _mm512_storeu_ps(out, x); }
  FASTINIT_INLINE void store(double* out, F64 x) { _mm512_storeu_pd(out, x); }

  FASTINIT_INLINE U32 bits(F32 x) { return (U32)x; }
  FASTINIT_INLINE F32 float_of(U32 x) { return (F32)x; }
  FASTINIT_INLINE U64 bits(F64 x) { return (U64)x; }
  FASTINIT_INLINE F64 float_of(U64 x) { return (F64)x; }

  FASTINIT_INLINE F32 fma(F32 a, F32 b, F32 c) { return _mm512_fmadd_ps(a, b, c); }
  FASTINIT_INLINE F64 fma(F64 a, F64 b, F64 c) { return _mm512_fmadd_pd(a, b, c); }
  FASTINIT_INLINE F32 sqrt(F32 x) { return _mm512_sqrt_ps(x); }
  FASTINIT_INLINE F64 sqrt(F64 x) { return _mm512_sqrt_pd(x); }

  FASTINIT_INLINE F32 to_float(I32 x) { return _mm512_cvtepi32_ps((__m512i)x); }
  FASTINIT_INLINE F64 to_float(I64 x) { return _mm512_cvtepi64_pd((__m512i)x); }

  FASTINIT_INLINE F32 significand(F32 x) { return _mm512_getmant_ps(x, _MM_MANT_NORM_1_2, _MM_MANT_SIGN_src); }
  FASTINIT_INLINE F64 significand(F64 x) { return _mm512_getmant_pd(x, _MM_MANT_NORM_1_2, _MM_MANT_SIGN_src); }
  FASTINIT_INLINE F32 exponent(F32 x) { return _mm512_getexp_ps(x); }
  FASTINIT_INLINE F64 exponent(F64 x) { return _mm512_getexp_pd(x); }

  FASTINIT_INLINE F32 add_halvings(F32 x, M32 negative, F32 scale, F32 sum) {
    return select(negative, sum, fma(exponent(x), -scale, sum));
  }
  FASTINIT_INLINE F64 add_halvings(F64 x, M64 negative, F64 scale, F64 sum) {
    return select(negative, sum, fma(exponent(x), -scale, sum));
  }

  FASTINIT_INLINE F32 max(F32 a, F32 b) { return _mm512_max_ps(a, b); }
  FASTINIT_INLINE F32 min(F32 a, F32 b) { return _mm512_min_ps(a, b); }
  FASTINIT_INLINE F64 max(F64 a, F64 b) { return _mm512_max_pd(a, b); }
  FASTINIT_INLINE F64 min(F64 a, F64 b) { return _mm512_min_pd(a, b); }

  FASTINIT_INLINE M32 less(F32 a, F32 b) { return _mm512_cmp_ps_mask(a, b, _CMP_LT_OQ); }
  FASTINIT_INLINE M64 less(F64 a, F64 b) { return _mm512_cmp_pd_mask(a, b, _CMP_LT_OQ); }
  FASTINIT_INLINE M32 less(U32 a, U32 b) { return _mm512_cmplt_epu32_mask((__m512i)a, (__m512i)b); }
  FASTINIT_INLINE M32 negative(I32 x) { return _mm512_movepi32_mask((__m512i)x); }
  FASTINIT_INLINE M64 negative(I64 x) { return _mm512_movepi64_mask((__m512i)x); }
  FASTINIT_INLINE M32 either(M32 a, M32 b) { return (M32)(a | b); }
  FASTINIT_INLINE M64 either(M64 a, M64 b) { return (M64)(a | b); }
  FASTINIT_INLINE bool any(unsigned mask) { return mask != 0; }
  FASTINIT_INLINE std::uint32_t mask_bits(M32 mask) { return mask; }
  FASTINIT_INLINE M32 mask_of(std::uint32_t bits) { return (M32)bits; }

  FASTINIT_INLINE F32 select(M32 mask, F32 a, F32 b) { return _mm512_mask_blend_ps(mask, b, a); }
  FASTINIT_INLINE U32 select(M32 mask, U32 a, U32 b) {
    return (U32)_mm512_mask_blend_epi32(mask, (__m512i)b, (__m512i)a);
  }
  FASTINIT_INLINE F64 select(M64 mask, F64 a, F64 b) { return _mm512_mask_blend_pd(mask, b, a); }
  FASTINIT_INLINE U64 select(M64 mask, U64 a, U64 b) {
    return (U64)_mm512_mask_blend_epi64(mask, (__m512i)b, (__m512i)a);
  }

  FASTINIT_INLINE U64 multiply_low_halves(U64 a, U64 b) { return (U64)_mm512_mul_epu32((__m512i)a, (__m512i)b); }
  FASTINIT_INLINE U64 xor3(U64 a, U64 b, U64 c) {
    return (U64)_mm512_ternarylogic_epi64((__m512i)a, (__m512i)b, (__m512i)c, 0x96);
  }

  FASTINIT_INLINE void transpose(U32 (&x)[width]) {
    __m512i pairs[16], fours[16];
    FASTINIT_UNROLL
    for (int i = 0; i < 16; i += 2) {
      pairs[i] = _mm512_unpacklo_epi32((__m512i)x[i], (__m512i)x[i + 1]);
      pairs[i + 1] = _mm512_unpackhi_epi32((__m512i)x[i], (__m512i)x[i + 1]);
    }
    FASTINIT_UNROLL
    for (int i = 0; i < 16; i += 4) {
      fours[i] = _mm512_unpacklo_epi64(pairs[i], pairs[i + 2]);
      fours[i + 1] = _mm512_unpackhi_epi64(pairs[i], pairs[i + 2]);
      fours[i + 2] = _mm512_unpacklo_epi64(pairs[i + 1], pairs[i + 3]);
      fours[i + 3] = _mm512_unpackhi_epi64(pairs[i + 1], pairs[i + 3]);
    }
    // fours[4 g + c] holds vectors 4 g to 4 g + 3 of lanes c, c + 4, c + 8 and c + 12.
    FASTINIT_UNROLL
    for (int c = 0; c < 4; ++c) {
      const __m512i even0 = _mm512_shuffle_i32x4(fours[c], fours[4 + c], 0x88);
      const __m512i even1 = _mm512_shuffle_i32x4(fours[8 + c], fours[12 + c], 0x88);
      const __m512i odd0 = _mm512_shuffle_i32x4(fours[c], fours[4 + c], 0xdd);
      const __m512i odd1 = _mm512_shuffle_i32x4(fours[8 + c], fours[12 + c], 0xdd);
      x[c] = (U32)_mm512_shuffle_i32x4(even0, even1, 0x88);
      x[4 + c] = (U32)_mm512_shuffle_i32x4(odd0, odd1, 0x88);
      x[8 + c] = (U32)_mm512_shuffle_i32x4(even0, even1, 0xdd);
      x[12 + c] = (U32)_mm512_shuffle_i32x4(odd0, odd1, 0xdd);
    }
  }

  FASTINIT_INLINE U32 multiply_high(U32 a, U32 b) {
    const __m512i even = _mm512_mul_epu32((__m512i)a, (__m512i)b);
    const __m512i odd = _mm512_mul_epu32(_mm512_srli_epi64((__m512i)a, 32), _mm512_srli_epi64((__m512i)b, 32));
    return (U32)_mm512_mask_shuffle_epi32(odd, 0x5555, even, (_MM_PERM_ENUM)0xf5);
  }

  FASTINIT_INLINE U32 load(const std::uint32_t* from) { return (U32)_mm512_loadu_si512(from); }
  FASTINIT_INLINE void store(std::uint32_t* to, U32 x) { _mm512_storeu_si512(to, (__m512i)x); }

  // A whole load and a whole store, since masked stores are several times slower on some processors.
  FASTINIT_INLINE void zero_where(std::uint64_t* out, M32 mask) {
    zero_where_8(out, (M64)mask);
    zero_where_8(out + 8, (M64)(mask >> 8));
  }
  FASTINIT_INLINE void zero_where(std::uint32_t* out, M32 mask) {
    _mm512_storeu_si512(out, _mm512_mask_mov_epi32(_mm512_loadu_si512(out), mask, _mm512_setzero_si512()));
  }
  FASTINIT_INLINE void zero_where(std::uint16_t* out, M32 mask) {
    _mm256_storeu_si256((__m256i*)out,
                        _mm256_mask_mov_epi16(_mm256_loadu_si256((const __m256i*)out), mask, _mm256_setzero_si256()));
  }
  FASTINIT_INLINE void zero_where(std::uint8_t* out, M32 mask) {
    _mm_storeu_si128((__m128i*)out, _mm_mask_mov_epi8(_mm_loadu_si128((const __m128i*)out), mask, _mm_setzero_si128()));
  }

  template <int item>
  FASTINIT_INLINE U64 block_order() {
    if constexpr (item == 4) return U64{0, 4, 1, 5, 2, 6, 3, 7};  // natural after low and high pairs are unpacked
    return U64{0, 1, 2, 3, 4, 5, 6, 7};
  }

  FASTINIT_INLINE U64 low_halves(U64 a, U64 b) {
    return (U64)_mm512_mask_shuffle_epi32((__m512i)a, 0xaaaa, (__m512i)b, (_MM_PERM_ENUM)0xa0);
  }
  FASTINIT_INLINE U64 high_halves(U64 a, U64 b) {
    return (U64)_mm512_mask_shuffle_epi32((__m512i)b, 0x5555, (__m512i)a, (_MM_PERM_ENUM)0xf5);
  }
  FASTINIT_INLINE U32 low_halves(U32 a, U32 b) {
    return (U32)_mm512_mask_blend_epi16(0xaaaaaaaa, (__m512i)a, (__m512i)(b << 16));
  }
  FASTINIT_INLINE U32 high_halves(U32 a, U32 b) {
    return (U32)_mm512_mask_blend_epi16(0xaaaaaaaa, (__m512i)(a >> 16), (__m512i)b);
  }
  FASTINIT_INLINE U32 add_to_halves(U32 a, std::uint16_t b) {
    return (U32)_mm512_adds_epu16((__m512i)a, _mm512_set1_epi16((short)b));
  }
  FASTINIT_INLINE void split(U64 pairs, U32 (&word)[halves]) { word[0] = (U32)pairs; }

  FASTINIT_INLINE void store(float* out, const F32 (&even)[halves], const F32 (&odd)[halves]) {
    _mm512_storeu_ps(out, _mm512_unpacklo_ps(even[0], odd[0]));
    _mm512_storeu_ps(out + 16, _mm512_unpackhi_ps(even[0], odd[0]));
  }
  FASTINIT_INLINE void store(std::uint32_t* out, const U32 (&even)[halves], const U32 (&odd)[halves]) {
    _mm512_storeu_si512(out, _mm512_unpacklo_epi32((__m512i)even[0], (__m512i)odd[0]));
    _mm512_storeu_si512(out + 16, _mm512_unpackhi_epi32((__m512i)even[0], (__m512i)odd[0]));
  }
  FASTINIT_INLINE void store(std::uint16_t* out, const U32 (&pair)[halves]) {
    _mm512_storeu_si512(out, (__m512i)pair[0]);
  }
  FASTINIT_INLINE void store(std::uint8_t* out, const U32 (&even)[halves], const U32 (&odd)[halves]) {
    _mm256_storeu_si256((__m256i*)out, _mm512_cvtepi32_epi16((__m512i)(even[0] | odd[0] << 8)));
  }
  // Rounds to nearest even. Blocks are in the order of four-byte items.
  FASTINIT_INLINE void store_float16(std::uint16_t* out, const F32 (&even)[halves], const F32 (&odd)[halves]) {
    _mm256_storeu_si256((__m256i*)out, _mm512_cvtps_ph(_mm512_unpacklo_ps(even[0], odd[0]), _MM_FROUND_TO_NEAREST_INT));
    _mm256_storeu_si256((__m256i*)out + 1,
                        _mm512_cvtps_ph(_mm512_unpackhi_ps(even[0], odd[0]), _MM_FROUND_TO_NEAREST_INT));
  }
  FASTINIT_INLINE void store(double* out, const F64 (&value)[4]) {
    const F64 a = _mm512_unpacklo_pd(value[0], value[1]), b = _mm512_unpacklo_pd(value[2], value[3]);
    const F64 c = _mm512_unpackhi_pd(value[0], value[1]), d = _mm512_unpackhi_pd(value[2], value[3]);
    // The 128-bit pieces of a, b, c and d at one position are the elements of two successive blocks.
    const F64 ab_low = _mm512_shuffle_f64x2(a, b, 0x44), ab_high = _mm512_shuffle_f64x2(a, b, 0xee);
    const F64 cd_low = _mm512_shuffle_f64x2(c, d, 0x44), cd_high = _mm512_shuffle_f64x2(c, d, 0xee);
    _mm512_storeu_pd(out, _mm512_shuffle_f64x2(ab_low, cd_low, 0x88));
    _mm512_storeu_pd(out + 8, _mm512_shuffle_f64x2(ab_low, cd_low, 0xdd));
    _mm512_storeu_pd(out + 16, _mm512_shuffle_f64x2(ab_high, cd_high, 0x88));
    _mm512_storeu_pd(out + 24, _mm512_shuffle_f64x2(ab_high, cd_high, 0xdd));
  }

 private:
  FASTINIT_INLINE void zero_where_8(std::uint64_t* out, M64 mask) {
    _mm512_storeu_si512(out, _mm512_mask_mov_epi64(_mm512_loadu_si512(out), mask, _mm512_setzero_si512()));
  }
};

}  // namespace fastinit
