// Contiguous stretches of a part, for the loops over elements.
#pragma once

#include "lanes/inline.h"
#include "request/request.h"

namespace fastinit {
namespace {

// Calls run(first, count, position) for each stretch of the part's elements [begin, end) that is contiguous in the
// whole array: `first` is its flat index there, `position` its index in the part.
template <class Run>
FASTINIT_INLINE void for_each_run(const Request& r, std::uint64_t begin, std::uint64_t end, const Run& run) {
  const int last = static_cast<int>(r.rank) - 1;
  const std::uint64_t length = r.extent[last];
  std::uint64_t index[maximum_rank];
  std::uint64_t row = r.offset, rest = begin / length, skipped = begin % length;
  for (int axis = last - 1; axis >= 0; --axis) {
    index[axis] = rest % r.extent[axis];
    rest /= r.extent[axis];
    row += index[axis] * r.stride[axis];
  }
  for (std::uint64_t position = begin; position < end;) {
    const std::uint64_t left = length - skipped, wanted = end - position;
    const std::uint64_t count = left < wanted ? left : wanted;
    run(row + skipped, count, position);
    position += count;
    skipped = 0;
    for (int axis = last - 1; axis >= 0; --axis) {
      row += r.stride[axis];
      if (++index[axis] < r.extent[axis]) break;
      row -= r.extent[axis] * r.stride[axis];
      index[axis] = 0;
    }
  }
}

}  // namespace
}  // namespace fastinit
