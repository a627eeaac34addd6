#include "cpu/dispatch.h"

#include <atomic>

#if defined(FASTINIT_X86)
#include <cpuid.h>
#endif

namespace fastinit {

extern const Kernels scalar_kernels;
#if defined(FASTINIT_X86)
extern const Kernels avx2_kernels, avx512_kernels;
#endif

namespace {

#if defined(FASTINIT_X86)
struct Features {
  unsigned leaf1_ecx = 0, leaf7_ebx = 0;
  std::uint64_t saved_by_system = 0;  // register files that the operating system preserves
};

Features read_features() {
  Features f;
  unsigned eax, ebx, ecx, edx;
  if (!__get_cpuid(1, &eax, &ebx, &ecx, &edx)) return f;
  f.leaf1_ecx = ecx;
  if (ecx & bit_OSXSAVE) {
    unsigned low, high;
    __asm__("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    f.saved_by_system = (std::uint64_t(high) << 32) | low;
  }
  if (__get_cpuid_count(7, 0, &eax, &ebx, &ecx, &edx)) f.leaf7_ebx = ebx;
  return f;
}

bool has(std::uint64_t present, std::uint64_t needed) { return (present & needed) == needed; }

// Every subset that avx2.cpp is compiled for, and the state of the AVX registers.
bool has_avx2(const Features& f) {
  return has(f.leaf1_ecx, bit_AVX | bit_FMA | bit_F16C) && has(f.leaf7_ebx, bit_AVX2) && has(f.saved_by_system, 0x6);
}

// Likewise for avx512.cpp, with the state of the mask registers and of both new register files.
bool has_avx512(const Features& f) {
  return has_avx2(f) && has(f.leaf7_ebx, bit_AVX512F | bit_AVX512BW | bit_AVX512DQ | bit_AVX512VL) &&
         has(f.saved_by_system, 0xe6);
}
#endif

std::vector<const Kernels*> supported_kernels() {
  std::vector<const Kernels*> tables = {&scalar_kernels};
#if defined(FASTINIT_X86)
  const Features features = read_features();
  if (has_avx2(features)) tables.push_back(&avx2_kernels);
  if (has_avx512(features)) tables.push_back(&avx512_kernels);
#endif
  return tables;
}

const std::vector<const Kernels*>& supported() {
  static const std::vector<const Kernels*> tables = supported_kernels();
  return tables;
}

std::atomic<const Kernels*>& active() {
  static std::atomic<const Kernels*> table{supported().back()};
  return table;
}

}  // namespace

std::vector<std::string> instruction_sets() {
  std::vector<std::string> names;
  for (const Kernels* table : supported()) names.emplace_back(table->name);
  return names;
}

const Kernels& active_kernels() { return *active().load(); }

bool select_instruction_set(const std::string& name) {
  for (const Kernels* table : supported()) {
    if (name == table->name) {
      active() = table;
      return true;
    }
  }
  return false;
}

}  // namespace fastinit
