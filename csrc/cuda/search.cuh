// Finding what a tile or a task belongs to.
#pragma once

#include <cstdint>

namespace fastinit {
namespace {

// The last entry whose `first` is not greater than `number`: `index` or one behind it. One more entry stands behind
// all.
template <auto first, class Entry, class Number>
__device__ std::uint32_t find_entry(const Entry* entries, std::uint32_t count, std::uint32_t index, Number number) {
  if (number < entries[index + 1].*first) return index;
  std::uint32_t behind = count;
  while (behind - index > 1) {
    const std::uint32_t middle = index + (behind - index) / 2;
    (entries[middle].*first <= number ? index : behind) = middle;
  }
  return index;
}

}  // namespace
}  // namespace fastinit
