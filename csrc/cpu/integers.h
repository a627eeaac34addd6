// Integers in a range, for elements anywhere in an array.
#pragma once

#include <cstdint>

namespace fastinit {

// Replaces flat indices by the integers of these elements in [0, range), where 0 stands for 2^64.
void draw_integers(std::uint64_t seed, std::uint64_t stream, std::uint64_t range, std::uint64_t* indices,
                   std::uint64_t count);

}  // namespace fastinit
