// Masks that zero an exact number of all elements of a tensor: which keys they zero.
#pragma once

#include <cstdint>
#include <vector>

#include "cpu/interrupt.h"

namespace fastinit {

// All elements whose word is below `threshold` are zeroed, and of those whose word equals it, these.
struct MaskBorder {
  std::uint32_t threshold;
  std::vector<std::uint64_t> tied;
};

enum class BorderSearch { found, interrupted, out_of_memory };

// Finds the border of the `zeros` smallest keys among `count` elements, 0 < zeros < count <= largest_sample. Every word
// is drawn once; only the keys near the border, a few times the square root of their number, are in memory.
BorderSearch find_border(std::uint64_t seed, std::uint64_t stream, std::uint64_t count, std::uint64_t zeros,
                         Interrupted interrupted, MaskBorder& border);

}  // namespace fastinit
