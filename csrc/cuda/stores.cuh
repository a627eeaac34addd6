// Stores of elements and words to global memory.
#pragma once

#include <cstdint>
#include <type_traits>

#include "cuda/tuning.h"
#include "lanes/cuda.h"

namespace fastinit {
namespace {

using Lanes = CudaLanes;

// Stores an element's bits, which are the low `size` bytes.
__device__ void store_item(std::uint64_t address, std::uint32_t size, std::uint64_t bits) {
  switch (size) {
    case 1:
      return Lanes::store(address, static_cast<std::uint8_t>(bits));
    case 2:
      return Lanes::store(address, static_cast<std::uint16_t>(bits));
    case 4:
      return Lanes::store(address, static_cast<std::uint32_t>(bits));
    default:
      return Lanes::store(address, bits);
  }
}

// Stores words to an address that is a multiple of 4 * words, or of 16.
template <int words>
__device__ void store_words(std::uint64_t address, const std::uint32_t (&word)[words]) {
  if constexpr (words == 1) {
    Lanes::store(address, word[0]);
  } else if constexpr (words == 2 || fill_store_words == 2) {
    FASTINIT_UNROLL
    for (int k = 0; k < words; k += 2) Lanes::store(address + 4 * k, make_uint2(word[k], word[k + 1]));
  } else {
    FASTINIT_UNROLL
    for (int k = 0; k < words; k += 4)
      Lanes::store(address + 4 * k, make_uint4(word[k], word[k + 1], word[k + 2], word[k + 3]));
  }
}

// Stores the elements [from, to) of those that the words hold. `address` is that of element 0.
template <class Bits, int words>
__device__ void store_items(std::uint64_t address, const std::uint32_t (&word)[words], int from, int to) {
  static_assert(std::is_unsigned_v<Bits>, "bits are not converted");
  constexpr int size = sizeof(Bits), items = 4 * words / size;
  FASTINIT_UNROLL
  for (int j = 0; j < items; ++j) {
    if (j < from || j >= to) continue;
    if constexpr (size == 8) {
      Lanes::store(address + j * size, word[2 * j] | static_cast<std::uint64_t>(word[2 * j + 1]) << 32);
    } else {
      Lanes::store(address + j * size, static_cast<Bits>(word[j * size / 4] >> (j * size % 4 * 8)));
    }
  }
}

}  // namespace
}  // namespace fastinit
