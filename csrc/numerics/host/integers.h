// Integers in [0, range), each equally likely, by Lemire's method ("Fast random integer generation in an interval", ACM
// TOMACS 29(1), 2019): the high half of the product of range and a 64-bit word, unless its low half is below 2^64 mod
// range. An element whose word is refused takes its next one: word t has the purposes 0 and 1 for t = 0, and 6 + 2 t
// and 7 + 2 t for t > 0. It is refused less than every other time, so all 124 of them never are; the last one counts.
#pragma once

#include "lanes/scalar.h"
#include "numerics/philox.h"

namespace fastinit {

constexpr std::uint64_t most_words_of_an_integer = 124;

// The four 64-bit words of an element's block, for one of its tries.
FASTINIT_INLINE void words_of_block(Stream stream, std::uint64_t block, std::uint64_t attempt,
                                    std::uint64_t (&word)[4]) {
  const std::uint64_t purpose = (attempt == 0 ? 0 : 6 + 2 * attempt) << 56;
  std::uint64_t words[1][4];
  philox64<ScalarLanes, 1>(stream, block | purpose, 0, words);
  for (int j = 0; j < 4; ++j) word[j] = words[0][j];
}

// The integer of the element of flat index `index`, given its first word; a range of 0 stands for 2^64.
FASTINIT_INLINE std::uint64_t uniform_integer(Stream stream, std::uint64_t index, std::uint64_t word,
                                              std::uint64_t range) {
  if (range == 0) return word;
  const std::uint64_t refused = -range % range;
  for (std::uint64_t attempt = 1;; ++attempt) {
    const auto product = static_cast<unsigned __int128>(word) * range;
    if (static_cast<std::uint64_t>(product) >= refused || attempt == most_words_of_an_integer) {
      return static_cast<std::uint64_t>(product >> 64);
    }
    std::uint64_t words[4];
    words_of_block(stream, index / 4, attempt, words);
    word = words[index % 4];
  }
}

}  // namespace fastinit
