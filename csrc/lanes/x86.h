// x86: whether the processor and its operating system have what a lane type is compiled for, and a thread's arithmetic.
#pragma once

#include <cpuid.h>

#include <cstdint>

namespace fastinit {

struct X86Features {
  unsigned leaf1_ecx = 0, leaf7_ebx = 0;
  std::uint64_t saved_by_system = 0;  // register files that the operating system preserves

  X86Features() {
    unsigned eax, ebx, ecx, edx;
    if (!__get_cpuid(1, &eax, &ebx, &ecx, &edx)) return;
    leaf1_ecx = ecx;
    if (ecx & bit_OSXSAVE) {
      unsigned low, high;
      __asm__("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
      saved_by_system = (std::uint64_t(high) << 32) | low;
    }
    if (__get_cpuid_count(7, 0, &eax, &ebx, &ecx, &edx)) leaf7_ebx = ebx;
  }

  // Every subset that avx2.h is compiled for, and the state of the AVX registers.
  bool has_avx2() const {
    return has(leaf1_ecx, bit_AVX | bit_FMA | bit_F16C) && has(leaf7_ebx, bit_AVX2) && has(saved_by_system, 0x6);
  }

  // Likewise for avx512.h, with the state of the mask registers and of both new register files.
  bool has_avx512() const {
    return has_avx2() && has(leaf7_ebx, bit_AVX512F | bit_AVX512BW | bit_AVX512DQ | bit_AVX512VL) &&
           has(saved_by_system, 0xe6);
  }

 private:
  static bool has(std::uint64_t present, std::uint64_t needed) { return (present & needed) == needed; }
};

// What the thread's floating-point operations do: rounding, subnormals and traps, without the flags of past operations.
inline std::uint32_t x86_arithmetic() {
  std::uint32_t control;
  __asm__ volatile("stmxcsr %0" : "=m"(control));
  return control & ~std::uint32_t{0x3f};
}
constexpr std::uint32_t x86_default_arithmetic = 0x1f80;  // to nearest, subnormals kept, no traps

}  // namespace fastinit
