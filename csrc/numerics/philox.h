// Words: Philox4x32-10 (Salmon, Moraes, Dror, Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC 2011).
//
//   key     = (seed mod 2^32, seed div 2^32)
//   counter = (b mod 2^32, b div 2^32 + purpose 2^24, stream mod 2^32, stream div 2^32)
//
// Word i mod 4 of block b = i div 4 belongs to element i. A block's number and its purpose are one 64-bit integer here.
#pragma once

#include "numerics/inline.h"

namespace fastinit {

// What the words serve. Never reused.
constexpr std::uint64_t purpose_values = 0;
constexpr std::uint64_t purpose_low_words = std::uint64_t(1) << 56;  // the low words of float64 values

struct Stream {
  std::uint64_t seed;
  std::uint64_t stream;
};

// `groups` groups of L::blocks blocks each, the first of them at `block`. word[g][j] holds word j of the blocks of group
// g, one to a 64-bit lane, in its low half; the high halves hold whatever is left over, since the widening multiply
// never reads them. Several groups in flight hide the latency of the multiplies.
template <class L, int groups>
FASTINIT_INLINE void philox(Stream s, std::uint64_t block, typename L::U64 order,
                            typename L::U64 (&word)[groups][4]) {
  using U64 = typename L::U64;
  const U64 multiplier0 = L::u64(0xD2511F53u), multiplier1 = L::u64(0xCD9E8D57u);
  std::uint32_t key0 = static_cast<std::uint32_t>(s.seed), key1 = static_cast<std::uint32_t>(s.seed >> 32);
  FASTINIT_UNROLL
  for (int g = 0; g < groups; ++g) {
    word[g][0] = L::u64(block + std::uint64_t(g) * L::blocks) + order;
    word[g][1] = word[g][0] >> 32;
    word[g][2] = L::u64(s.stream);
    word[g][3] = L::u64(s.stream >> 32);
  }
  FASTINIT_UNROLL
  for (int round = 0; round < 10; ++round) {
    const U64 k0 = L::u64(key0), k1 = L::u64(key1);
  FASTINIT_UNROLL
    for (int g = 0; g < groups; ++g) {
      const U64 product0 = L::multiply_low_halves(word[g][0], multiplier0);
      const U64 product1 = L::multiply_low_halves(word[g][2], multiplier1);
      word[g][0] = L::xor3(product1 >> 32, word[g][1], k0);
      word[g][1] = product1;
      word[g][2] = L::xor3(product0 >> 32, word[g][3], k1);
      word[g][3] = product0;
    }
    key0 += 0x9E3779B9u;
    key1 += 0xBB67AE85u;
  }
}

}  // namespace fastinit
