// The lane type of a GPU's threads: one lane, device code only. scalar.h explains each operation; store() and
// read_again() exist only here.
//
// Every operation gives the bits of the scalar lanes. PTX defines all of them to the bit, except for rsqrt.approx in
// sqrt().
#pragma once

#include "lanes/inline.h"

namespace fastinit {

struct CudaLanes {
  static constexpr int blocks = 1;

  using F32 = float;
  using U32 = std::uint32_t;
  using I32 = std::int32_t;
  using M32 = bool;
  using F64 = double;
  using U64 = std::uint64_t;
  using I64 = std::int64_t;
  using M64 = bool;

  FASTINIT_INLINE F32 f32(float x) { return x; }
  FASTINIT_INLINE U32 u32(std::uint32_t x) { return x; }
  FASTINIT_INLINE F64 f64(double x) { return x; }
  FASTINIT_INLINE U64 u64(std::uint64_t x) { return x; }

  FASTINIT_INLINE U32 bits(F32 x) { return __float_as_uint(x); }
  FASTINIT_INLINE F32 float_of(U32 x) { return __uint_as_float(x); }
  FASTINIT_INLINE U64 bits(F64 x) { return static_cast<U64>(__double_as_longlong(x)); }
  FASTINIT_INLINE F64 float_of(U64 x) { return __longlong_as_double(static_cast<long long>(x)); }

  FASTINIT_INLINE F32 fma(F32 a, F32 b, F32 c) { return __fmaf_rn(a, b, c); }
  FASTINIT_INLINE F64 fma(F64 a, F64 b, F64 c) { return __fma_rn(a, b, c); }

  // Correctly rounded for 2^-101 <= x. These are the instructions, and the range, that ptxas itself uses for
  // sqrt.rn.f32 on every architecture; its test for other x takes two fifths of the time. The result is right although
  // the bits of the estimate are undefined.
  FASTINIT_INLINE F32 sqrt(F32 x) {
    F32 estimate;
    asm("rsqrt.approx.ftz.f32 %0, %1;" : "=f"(estimate) : "f"(x));
    const F32 root = x * estimate;
    return fma(fma(-root, root, x), estimate * 0.5f, root);
  }
  // Likewise for 2^-970 <= x, and to the bit what ptxas computes: it leaves a number of its test in the low half of the
  // estimate.
  FASTINIT_INLINE F64 sqrt(F64 x) {
    F64 high_half;
    asm("rsqrt.approx.ftz.f64 %0, %1;" : "=d"(high_half) : "d"(x));
    const F64 estimate = __hiloint2double(__double2hiint(high_half), __double2hiint(x) - 0x03500000);
    const F64 error = fma(-(estimate * estimate), x, 1.0);
    const F64 inverse = fma(fma(error, 0.375, 0.5), estimate * error, estimate);
    const F64 root = inverse * x;
    const F64 half = __hiloint2double(__double2hiint(inverse) - 0x00100000, __double2loint(inverse));
    return fma(fma(-root, root, x), half, root);
  }

  FASTINIT_INLINE F32 to_float(I32 x) { return static_cast<F32>(x); }
  FASTINIT_INLINE F64 to_float(I64 x) { return static_cast<F64>(x); }

  // (x & 0x7fffff) | 0x3f800000 in one instruction; from two constants the compiler makes two.
  FASTINIT_INLINE F32 significand(F32 x) {
    U32 result;
    asm("lop3.b32 %0, %1, %2, %3, 0xea;" : "=r"(result) : "r"(bits(x)), "r"(0x007fffffu), "r"(0x3f800000u));
    return float_of(result);
  }
  FASTINIT_INLINE F64 significand(F64 x) { return float_of((bits(x) & 0x000fffffffffffffu) | 0x3ff0000000000000u); }
  // One shift puts the biased exponent e after the bits of 2^23, which gives 2^23 + e.
  FASTINIT_INLINE F32 exponent(F32 x) {
    return float_of(__funnelshift_r(bits(x), 0x4b000000u >> 9, 23)) - (0x1p23f + 127);
  }
  FASTINIT_INLINE F64 exponent(F64 x) { return to_float(static_cast<I64>(bits(x) >> 52) - 1023); }
  FASTINIT_INLINE F32 add_halvings(F32 x, M32 negative, F32 scale, F32 sum) {
    return select(negative, sum, fma(exponent(x), -scale, sum));
  }
  FASTINIT_INLINE F64 add_halvings(F64 x, M64 negative, F64 scale, F64 sum) {
    return select(negative, sum, fma(exponent(x), -scale, sum));
  }

  FASTINIT_INLINE F32 max(F32 a, F32 b) { return a > b ? a : b; }
  FASTINIT_INLINE F32 min(F32 a, F32 b) { return a < b ? a : b; }
  FASTINIT_INLINE F64 max(F64 a, F64 b) { return a > b ? a : b; }
  FASTINIT_INLINE F64 min(F64 a, F64 b) { return a < b ? a : b; }

  FASTINIT_INLINE M32 less(F32 a, F32 b) { return a < b; }
  FASTINIT_INLINE M64 less(F64 a, F64 b) { return a < b; }
  FASTINIT_INLINE M32 less(U32 a, U32 b) { return a < b; }
  FASTINIT_INLINE M32 negative(I32 x) { return x < 0; }
  FASTINIT_INLINE M64 negative(I64 x) { return x < 0; }
  FASTINIT_INLINE bool any(bool mask) { return mask; }

  FASTINIT_INLINE F32 select(M32 mask, F32 a, F32 b) { return mask ? a : b; }
  FASTINIT_INLINE U32 select(M32 mask, U32 a, U32 b) { return mask ? a : b; }
  FASTINIT_INLINE F64 select(M64 mask, F64 a, F64 b) { return mask ? a : b; }
  FASTINIT_INLINE U64 select(M64 mask, U64 a, U64 b) { return mask ? a : b; }

  // Written out, since the compiler would multiply 64-bit numbers, with one more addition.
  FASTINIT_INLINE U64 multiply_low_halves(U64 a, U64 b) {
    U64 product;
    asm("mul.wide.u32 %0, %1, %2;" : "=l"(product) : "r"(static_cast<U32>(a)), "r"(static_cast<U32>(b)));
    return product;
  }
  FASTINIT_INLINE U32 multiply_high(U32 a, U32 b) { return __umulhi(a, b); }
  FASTINIT_INLINE U64 xor3(U64 a, U64 b, U64 c) { return a ^ b ^ c; }

  // Two values as codes of 16 bits, the first in the low half, rounded once and to nearest even, as in
  // numerics/narrow.h. They would differ for NaN only, which no value is.
  static constexpr bool rounds_to_float16 = true;
#if !defined(__CUDA_ARCH__) || __CUDA_ARCH__ >= 800
  static constexpr bool rounds_to_bfloat16 = true;
  FASTINIT_INLINE U32 bfloat16_pair(F32 first, F32 second) {
    U32 pair;
    asm("cvt.rn.bf16x2.f32 %0, %1, %2;" : "=r"(pair) : "f"(second), "f"(first));
    return pair;
  }
  FASTINIT_INLINE U32 float16_pair(F32 first, F32 second) {
    U32 pair;
    asm("cvt.rn.f16x2.f32 %0, %1, %2;" : "=r"(pair) : "f"(second), "f"(first));
    return pair;
  }
#else
  static constexpr bool rounds_to_bfloat16 = false;
  FASTINIT_INLINE U32 float16_pair(F32 first, F32 second) {
    std::uint16_t low, high;
    asm("cvt.rn.f16.f32 %0, %1;" : "=h"(low) : "f"(first));
    asm("cvt.rn.f16.f32 %0, %1;" : "=h"(high) : "f"(second));
    return low | static_cast<U32>(high) << 16;
  }
#endif

  // To an address in global memory; the compiler does not know in which memory an address lies, and would test it at
  // run time.
  FASTINIT_INLINE void store(std::uint64_t address, std::uint8_t x) {
    asm volatile("st.global.u8 [%0], %1;" ::"l"(address), "r"(static_cast<std::uint32_t>(x)));
  }
  FASTINIT_INLINE void store(std::uint64_t address, std::uint16_t x) {
    asm volatile("st.global.u16 [%0], %1;" ::"l"(address), "h"(x));
  }
  FASTINIT_INLINE void store(std::uint64_t address, std::uint32_t x) {
    asm volatile("st.global.u32 [%0], %1;" ::"l"(address), "r"(x));
  }
  FASTINIT_INLINE void store(std::uint64_t address, std::uint64_t x) {
    asm volatile("st.global.u64 [%0], %1;" ::"l"(address), "l"(x));
  }
  FASTINIT_INLINE void store(std::uint64_t address, float x) { store(address, bits(x)); }
  FASTINIT_INLINE void store(std::uint64_t address, double x) { store(address, bits(x)); }
  FASTINIT_INLINE void store(std::uint64_t address, uint2 x) {
    asm volatile("st.global.v2.u32 [%0], {%1, %2};" ::"l"(address), "r"(x.x), "r"(x.y));
  }
  FASTINIT_INLINE void store(std::uint64_t address, uint4 x) {
    asm volatile("st.global.v4.u32 [%0], {%1, %2, %3, %4};" ::"l"(address), "r"(x.x), "r"(x.y), "r"(x.z), "r"(x.w));
  }

  // Makes the compiler read memory again where it is next needed, so that it takes no register until then.
  FASTINIT_INLINE void read_again() { asm volatile("" ::: "memory"); }
};

}  // namespace fastinit
