// Masks: which elements are zeroed. The words are those of purpose_masks, one an element.
//
// Exact counts. Elements form samples of `period` elements each, and exactly `zeros` of a sample are zeroed, every
// subset as likely as another: selection sampling (Knuth, The Art of Computer Programming 2, section 3.4.2, algorithm
// S). With `need` zeros still to place among the `left` elements that a sample has left, the next one is zeroed when
// floor(word left / 2^32) < need, which has probability need / left to within 2^-32. When need = left it always is,
// when need = 0 never: so the count is exact. 0 <= zeros <= period < 2^32.
//
// Bernoulli. Each element by itself: zeroed when word < threshold, an integer below 2^32.
#pragma once

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

}  // namespace fastinit
