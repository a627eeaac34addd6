// Masks: which elements are zeroed. Each element has one word of purpose_masks.
//
// Exact-count masks. Elements form samples of `period` elements each, and exactly `zeros` elements of a sample are
// zeroed, every subset being equally likely: selection sampling (Knuth, The Art of Computer Programming 2,
// section 3.4.2, algorithm S). With `need` zeros still to place among the `left` elements that remain in a sample, the
// next element is zeroed when floor(word left / 2^32) < need, which has probability need / left to within 2^-32. It is
// always zeroed when need = left and never when need = 0, so the count is exact. 0 <= zeros <= period < 2^32.
//
// Bernoulli masks. Each element is zeroed independently, when word < threshold, an integer below 2^32.
//
// Exact counts of all elements. The elements with the smallest keys are zeroed. Since a key is a word and then an
// index, that is a Bernoulli mask whose threshold depends on all words, but for elements with equal words at the
// border.
//
// Block masks are one of the last two, whose elements are the blocks of a grid.
#pragma once

#include <cstdint>

#include "lanes/inline.h"

namespace fastinit {

template <class L>
FASTINIT_INLINE typename L::M32 is_zeroed(typename L::U32 word, typename L::U32 left, typename L::U32 need) {
  return L::less(L::multiply_high(word, left), need);
}

template <class L>
FASTINIT_INLINE typename L::M32 is_zeroed(typename L::U32 word, typename L::U32 threshold) {
  return L::less(word, threshold);
}

FASTINIT_INLINE std::uint64_t key_of(std::uint32_t word, std::uint64_t index) {
  return std::uint64_t(word) << 32 | index;
}

}  // namespace fastinit
