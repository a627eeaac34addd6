// How the requests of a compiled program are completed when it runs: by a key, and by where the part begins. For any
// processor, and for each thread of a GPU.
#pragma once

#include "lanes/inline.h"
#include "request/request.h"

namespace fastinit {

FASTINIT_INLINE std::uint64_t joined(const std::uint32_t* words) { return std::uint64_t{words[0]} << 32 | words[1]; }

// The words of a key come from the most significant one on: 2 are a seed, 4 a seed and a stream.
FASTINIT_INLINE void set_key(Request& r, const std::uint32_t* words, std::uint64_t count) {
  r.seed = joined(words);
  r.stream = count == 4 ? joined(words + 2) : 0;
}

// Moves a request of a part that begins at index 0 of every axis to one that begins at `starts`. Strides are those of
// the whole array, in elements.
FASTINIT_INLINE void move_to(Request& r, const std::int32_t* starts, const std::int64_t* strides, std::uint64_t axes) {
  FASTINIT_ROLLED
  for (std::uint64_t axis = 0; axis < axes; ++axis)
    r.offset += static_cast<std::uint64_t>(starts[axis]) * static_cast<std::uint64_t>(strides[axis]);
}

}  // namespace fastinit
