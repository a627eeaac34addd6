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

// The products of the first round, for blocks by the low halves of their numbers. Those of blocks n further on are
// n * philox_multiplier0 more, so that a loop adds where it would multiply.
template <class L>
FASTINIT_INLINE typename L::U64 first_products(typename L::U64 low_halves) {
  return L::multiply_low_halves(low_halves, L::u64(philox_multiplier0));
}

// `groups` groups of L::blocks blocks each, the first of them at `block`, all sharing their high 32 bits, before the
// last round. `first` is added to the products of their first round: first_products of what each lane adds to the low
// half of `block`, or 0. word[g][j] holds word j of the blocks of group g in the low halves of its 64-bit lanes; the
// high halves are undefined, since the widening multiply never reads them. Several groups in flight hide the latency of
// the multiplies.
//
// Blocks that share three of their four counter words share a product of the first round and one of the second, which
// are therefore computed once, outside the lanes: a twentieth of a uniform's operations.
template <class L, int groups>
FASTINIT_INLINE LastKey philox_before_last(Stream s, std::uint64_t block, typename L::U64 first,
                                           typename L::U64 (&word)[groups][4]) {
  using U64 = typename L::U64;
  const U64 multiplier0 = L::u64(philox_multiplier0), multiplier1 = L::u64(philox_multiplier1);
  const auto low_half = [](std::uint64_t x) { return static_cast<std::uint32_t>(x); };
  std::uint32_t key0 = low_half(s.seed), key1 = low_half(s.seed >> 32);
  const std::uint64_t shared1 = std::uint64_t(low_half(s.stream)) * philox_multiplier1;
  const std::uint64_t shared2 = ((shared1 >> 32) ^ (block >> 32) ^ key0) * philox_multiplier0;
  const U64 first2 = L::u64((s.stream >> 32) ^ key1);
  key0 += philox_weyl0;
  key1 += philox_weyl1;
  const U64 second0 = L::u64(low_half(shared1) ^ key0), second2 = L::u64((shared2 >> 32) ^ key1);
  FASTINIT_UNROLL
  for (int g = 0; g < groups; ++g) {
    const std::uint64_t product = std::uint64_t(low_half(block + std::uint64_t(g) * L::blocks)) * philox_multiplier0;
    const U64 product0 = L::u64(product) + first;
    const U64 product1 = L::multiply_low_halves(product0 >> 32 ^ first2, multiplier1);
    word[g][0] = product1 >> 32 ^ second0;
    word[g][1] = product1;
    word[g][2] = product0 ^ second2;
    word[g][3] = L::u64(shared2);
  }
  FASTINIT_UNROLL
  for (int round = 2; round < 9; ++round) {
    key0 += philox_weyl0;
    key1 += philox_weyl1;
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
  }
  return {std::uint64_t(low_half(key0 + philox_weyl0)), std::uint64_t(low_half(key1 + philox_weyl1))};
}

// The words of blocks: word[g][j] holds word j of the blocks of group g in its low half.
template <class L, int groups>
FASTINIT_INLINE void philox(Stream s, std::uint64_t block, typename L::U64 first, typename L::U64 (&word)[groups][4]) {
  using U64 = typename L::U64;
  const LastKey key = philox_before_last<L, groups>(s, block, first, word);
  const U64 k0 = L::u64(key.half0), k1 = L::u64(key.half1);
  FASTINIT_UNROLL
  for (int g = 0; g < groups; ++g) {
    const U64 product0 = L::multiply_low_halves(word[g][0], L::u64(philox_multiplier0));
    const U64 product1 = L::multiply_low_halves(word[g][2], L::u64(philox_multiplier1));
    word[g][0] = L::xor3(product1 >> 32, word[g][1], k0);
    word[g][1] = product1;
    word[g][2] = L::xor3(product0 >> 32, word[g][3], k1);
    word[g][3] = product0;
  }
}

// The last round for two words at once, x below y: the sums of the high halves of products and the words before them.
template <class L>
FASTINIT_INLINE typename L::U64 last_words(typename L::U64 product_x, typename L::U64 product_y, typename L::U64 word_x,
                                           typename L::U64 word_y, std::uint64_t key_x, std::uint64_t key_y) {
  return L::xor3(L::high_halves(product_x, product_y), L::low_halves(word_x, word_y), L::u64(key_y << 32 | key_x));
}

// Words in pairs, as vectors hold them: those of even elements, 0 below 2, and of odd ones, 1 below 3. That the last
// round works on both words of a pair saves a fortieth of a uniform's operations.
template <class L, int groups>
FASTINIT_INLINE void philox_pairs(Stream s, std::uint64_t block, typename L::U64 first, typename L::U64 (&even)[groups],
                                  typename L::U64 (&odd)[groups]) {
  using U64 = typename L::U64;
  U64 word[groups][4];
  const LastKey key = philox_before_last<L, groups>(s, block, first, word);
  FASTINIT_UNROLL
  for (int g = 0; g < groups; ++g) {
    const U64 product0 = L::multiply_low_halves(word[g][0], L::u64(philox_multiplier0));
    const U64 product1 = L::multiply_low_halves(word[g][2], L::u64(philox_multiplier1));
    even[g] = last_words<L>(product1, product0, word[g][1], word[g][3], key.half0, key.half1);
    odd[g] = L::low_halves(product1, product0);
  }
}

// 64-bit words: those of `block` and its purpose above those of the next purpose, as with purpose_values and
// purpose_low_words.
template <class L, int groups>
FASTINIT_INLINE void philox64(Stream s, std::uint64_t block, typename L::U64 first,
                              typename L::U64 (&word)[groups][4]) {
  using U64 = typename L::U64;
  U64 high[groups][4], low[groups][4];
  philox_before_last<L, groups>(s, block, first, high);
  const LastKey key = philox_before_last<L, groups>(s, block + purpose_low_words, first, low);
  FASTINIT_UNROLL
  for (int g = 0; g < groups; ++g) {
    U64 x[4], y[4];  // the products, where the words that they give are
    for (int j = 0; j < 4; j += 2) {
      const U64 multiplier = L::u64(j == 0 ? philox_multiplier1 : philox_multiplier0);
      x[j] = L::multiply_low_halves(low[g][2 - j], multiplier);
      y[j] = L::multiply_low_halves(high[g][2 - j], multiplier);
    }
    for (int j = 0; j < 4; j += 2) {
      const std::uint64_t half = j == 0 ? key.half0 : key.half1;
      word[g][j] = last_words<L>(x[j], y[j], low[g][j + 1], high[g][j + 1], half, half);
      word[g][j + 1] = L::low_halves(x[j], y[j]);
    }
  }
}

// The 64-bit word of a float64 value from the low halves of its words of purpose_values and purpose_low_words.
template <class L>
FASTINIT_INLINE typename L::U64 word64(typename L::U64 high, typename L::U64 low) {
  return high << 32 | (low & 0xffffffffu);
}

}  // namespace fastinit
