// Finding the entry to which a tile or a task belongs.
#pragma once

#include <cstdint>

namespace fastinit {
namespace {

// The last entry whose `first` is not greater than `number`, which is `index` or a later one. The entry after the last
// one ends the table.
template <auto first, class Entry, class Number>
__device__ std::uint32_t find_entry(const Entry* entries, std::uint32_t count, std::uint32_t index, Number number) {
  if (number < entries[index + 1].*first) return index;
  std::uint32_t after = count;
  while (after - index > 1) {
    const std::uint32_t middle = index + (after - index) / 2;
    (entries[middle].*first <= number ? index : after) = middle;
  }
  return index;
}

}  // namespace
}  // namespace fastinit
