// Stores to global memory: the compiler would not know, and would test at run time which memory an address is in.
#pragma once

#include <cstdint>

namespace fastinit {
namespace {

__device__ void store(std::uint64_t address, std::uint8_t x) {
  asm volatile("st.global.u8 [%0], %1;" ::"l"(address), "r"(static_cast<std::uint32_t>(x)));
}
__device__ void store(std::uint64_t address, std::uint16_t x) {
  asm volatile("st.global.u16 [%0], %1;" ::"l"(address), "h"(x));
}
__device__ void store(std::uint64_t address, std::uint32_t x) {
  asm volatile("st.global.u32 [%0], %1;" ::"l"(address), "r"(x));
}
__device__ void store(std::uint64_t address, std::uint64_t x) {
  asm volatile("st.global.u64 [%0], %1;" ::"l"(address), "l"(x));
}
__device__ void store(std::uint64_t address, uint2 x) {
  asm volatile("st.global.v2.u32 [%0], {%1, %2};" ::"l"(address), "r"(x.x), "r"(x.y));
}
__device__ void store(std::uint64_t address, uint4 x) {
  asm volatile("st.global.v4.u32 [%0], {%1, %2, %3, %4};" ::"l"(address), "r"(x.x), "r"(x.y), "r"(x.z), "r"(x.w));
}

// The element's bits, in the low `size` bytes.
__device__ void store_item(std::uint64_t address, std::uint32_t size, std::uint64_t bits) {
  switch (size) {
    case 1:
      return store(address, static_cast<std::uint8_t>(bits));
    case 2:
      return store(address, static_cast<std::uint16_t>(bits));
    case 4:
      return store(address, static_cast<std::uint32_t>(bits));
    default:
      return store(address, bits);
  }
}

}  // namespace
}  // namespace fastinit
