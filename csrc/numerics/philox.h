// Words: Philox4x32-10 (Salmon, Moraes, Dror, Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC 2011).
//
//   key     = (seed mod 2^32, seed div 2^32)
//   counter = (b mod 2^32, b div 2^32 + purpose 2^24, stream mod 2^32, stream div 2^32)
//
// Word i mod 4 of block b = i div 4 belongs to element i. A block's number and its purpose are one 64-bit integer here.
#pragma once

#include "lanes/inline.h"

namespace fastinit {

// What words are used for. A purpose is never reused.
constexpr std::uint64_t purpose_values = 0;
constexpr std::uint64_t purpose_low_words = std::uint64_t(1) << 56;  // the low words of float64 values
constexpr std::uint64_t purpose_masks = std::uint64_t(2) << 56;

struct Stream {
  std::uint64_t seed;
  std::uint64_t stream;
};

constexpr std::uint32_t philox_multiplier0 = 0xD2511F53u, philox_multiplier1 = 0xCD9E8D57u;
constexpr std::uint32_t philox_weyl0 = 0x9E3779B9u, philox_weyl1 = 0xBB67AE85u;

// Whether `count` blocks from `block` on have the same high 32 bits.
FASTINIT_INLINE bool shares_high_half(std::uint64_t block, std::uint64_t count) {
  return (block >> 32) == ((block + count - 1) >> 32);
}

// The key of the last round.
struct LastKey {
  std::uint64_t half0, half1;
};

// `groups` groups of L::blocks blocks each, the first of them at `block`, all sharing their high 32 bits, up to the
// products of the last round: word[g][0] and word[g][2] are those of multiplier1 and multiplier0, word[g][1] and
// word[g][3] the words that are added to their high halves. Only the low halves of these are defined, since the
// widening multiply never reads the others. Several groups in flight hide the latency of the multiplies.
//
// Blocks that share three of their four counter words share a product of the first round and one of the second, which
// are therefore computed once, outside the lanes: a twentieth of a uniform's operations.
template <class L, int groups>
FASTINIT_INLINE LastKey philox_products(Stream s, std::uint64_t block, typename L::U64 order,
                                        typename L::U64 (&word)[groups][4]) {
  using U64 = typename L::U64;
  const U64 multiplier0 = L::u64(philox_multiplier0), multiplier1 = L::u64(philox_multiplier1);
  const auto low_half = [](std::uint64_t x) { return static_cast<std::uint32_t>(x); };
  std::uint32_t key0 = low_half(s.seed), key1 = low_half(s.seed >> 32);
  const std::uint64_t shared1 = std::uint64_t(low_half(s.stream)) * philox_multiplier1;
  const std::uint64_t shared2 = ((shared1 >> 32) ^ (block >> 32) ^ key0) * philox_multiplier0;
  const U64 first = L::u64((s.stream >> 32) ^ key1);
  key0 += philox_weyl0;
  key1 += philox_weyl1;
  const U64 second0 = L::u64(low_half(shared1) ^ key0), second2 = L::u64((shared2 >> 32) ^ key1);
  FASTINIT_UNROLL
  for (int g = 0; g < groups; ++g) {
    const U64 product0 = L::multiply_low_halves(L::u64(block + std::uint64_t(g) * L::blocks) + order, multiplier0);
    const U64 product1 = L::multiply_low_halves(product0 >> 32 ^ first, multiplier1);
    const U64 word0 = product1 >> 32 ^ second0, word2 = product0 ^ second2;
    word[g][0] = L::multiply_low_halves(word2, multiplier1);
    word[g][1] = product1;
    word[g][2] = L::multiply_low_halves(word0, multiplier0);
    word[g][3] = L::u64(shared2);
  }
  FASTINIT_UNROLL
  for (int round = 2; round < 9; ++round) {
    key0 += philox_weyl0;
    key1 += philox_weyl1;
    const U64 k0 = L::u64(key0), k1 = L::u64(key1);
    FASTINIT_UNROLL
    for (int g = 0; g < groups; ++g) {
      const U64 product1 = word[g][0], product0 = word[g][2];
      word[g][2] = L::multiply_low_halves(L::xor3(product1 >> 32, word[g][1], k0), multiplier0);
      word[g][0] = L::multiply_low_halves(L::xor3(product0 >> 32, word[g][3], k1), multiplier1);
      word[g][1] = product1;
      word[g][3] = product0;
    }
  }
  return {std::uint64_t(low_half(key0 + philox_weyl0)), std::uint64_t(low_half(key1 + philox_weyl1))};
}

// The words of blocks: word[g][j] holds word j of the blocks of group g in its low half.
template <class L, int groups>
FASTINIT_INLINE void philox(Stream s, std::uint64_t block, typename L::U64 order, typename L::U64 (&word)[groups][4]) {
  using U64 = typename L::U64;
  const LastKey key = philox_products<L, groups>(s, block, order, word);
  FASTINIT_UNROLL
  for (int g = 0; g < groups; ++g) {
    const U64 product1 = word[g][0], product0 = word[g][2];
    word[g][0] = L::xor3(product1 >> 32, word[g][1], L::u64(key.half0));
    word[g][1] = product1;
    word[g][2] = L::xor3(product0 >> 32, word[g][3], L::u64(key.half1));
    word[g][3] = product0;
  }
}

// Words in pairs, as vectors hold them: those of even elements, 0 below 2, and of odd ones, 1 below 3. The last round
// works on both words of a pair at once, which saves a fortieth of a uniform's operations.
template <class L, int groups>
FASTINIT_INLINE void philox_pairs(Stream s, std::uint64_t block, typename L::U64 order, typename L::U64 (&even)[groups],
                                  typename L::U64 (&odd)[groups]) {
  typename L::U64 word[groups][4];
  const LastKey key = philox_products<L, groups>(s, block, order, word);
  const typename L::U64 keys = L::u64(key.half1 << 32 | key.half0);
  FASTINIT_UNROLL
  for (int g = 0; g < groups; ++g) {
    even[g] = L::xor3(L::high_halves(word[g][0], word[g][2]), L::low_halves(word[g][1], word[g][3]), keys);
    odd[g] = L::low_halves(word[g][0], word[g][2]);
  }
}

// 64-bit words: those of `block` and its purpose above those of the purpose after the next, as with purpose_values and
// purpose_low_words.
template <class L, int groups>
FASTINIT_INLINE void philox64(Stream s, std::uint64_t block, typename L::U64 order,
                              typename L::U64 (&word)[groups][4]) {
  typename L::U64 high[groups][4], low[groups][4];
  philox_products<L, groups>(s, block, order, high);
  const LastKey key = philox_products<L, groups>(s, block + purpose_low_words, order, low);
  FASTINIT_UNROLL
  for (int g = 0; g < groups; ++g) {
    for (int j = 0; j < 4; j += 2) {
      const std::uint64_t half = j == 0 ? key.half0 : key.half1;
      word[g][j] = L::xor3(L::high_halves(low[g][j], high[g][j]), L::low_halves(low[g][j + 1], high[g][j + 1]),
                           L::u64(half << 32 | half));
      word[g][j + 1] = L::low_halves(low[g][j], high[g][j]);
    }
  }
}

// The 64-bit word of a float64 value from the low halves of its words of purpose_values and purpose_low_words.
template <class L>
FASTINIT_INLINE typename L::U64 word64(typename L::U64 high, typename L::U64 low) {
  return high << 32 | (low & 0xffffffffu);
}

}  // namespace fastinit
