// Where the blocks of a block mask lie, in integers only: for any processor, and for each thread of a GPU.
//
// A block mask decides about whole blocks of elements; the blocks are the elements of a grid, and the words are those
// of the grid. `step` is the size of a block on each axis, `position` the place of the part's first element in its
// block, in C order, `offset` the flat index of that block in the grid, and `stride` that of the grid, 1 on the last
// axis.
#pragma once

#include "lanes/inline.h"
#include "request/request.h"

namespace fastinit {

// A row of a part, along its last axis.
struct RowOfBlocks {
  std::uint64_t first;  // flat index in the grid of its first block
  std::uint64_t phase;  // elements of that block before the row
};

FASTINIT_INLINE RowOfBlocks row_of_blocks(const Request& r, std::uint64_t row) {
  const int last = static_cast<int>(r.rank) - 1;
  std::uint64_t place = r.position / r.step[last];
  RowOfBlocks found{r.offset, r.position % r.step[last]};
  FASTINIT_ROLLED
  for (int axis = last - 1; axis >= 0; --axis) {
    const std::uint64_t index = row % r.extent[axis];
    found.first += (place % r.step[axis] + index) / r.step[axis] * r.stride[axis];
    row /= r.extent[axis];
    place /= r.step[axis];
  }
  return found;
}

}  // namespace fastinit
