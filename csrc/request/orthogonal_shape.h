// The geometry of a request for matrices: what its axes are, and where the matrices' elements lie.
#pragma once

#include "request/request.h"

namespace fastinit {

struct OrthogonalShape {
  std::uint64_t whole[maximum_rank];  // extents of the whole array
  std::uint64_t start[maximum_rank];  // of the part in it
  std::uint64_t step[maximum_rank];   // elements of the destination from one index to the next
  std::uint64_t height, width;        // of each matrix, as it stands in the array
  std::uint64_t matrices;             // in the part; none where it lacks the center of a kernel axis
  std::uint64_t center;               // elements from the start of the destination to the center of the kernel axes
  std::uint64_t rows, columns;        // of the tall matrix: of each matrix, or of its transpose if it is wide
  bool is_wide;
};

// A matrix of the part: its index in the whole batch, and the offset in the destination of its element of index 0 in
// the part, in elements.
struct MatrixPlace {
  std::uint64_t number, offset;
};

FASTINIT_INLINE MatrixPlace matrix_place(const Request& r, const OrthogonalShape& shape, std::uint64_t matrix) {
  std::uint64_t number = 0, step = 1, offset = shape.center, axis = r.rank;
  FASTINIT_ROLLED
  do {
    if (r.role[--axis] != AxisRole::batch) continue;
    const std::uint64_t quotient = matrix / r.extent[axis], at = matrix - quotient * r.extent[axis];
    number += (shape.start[axis] + at) * step;
    step *= shape.whole[axis];
    offset += at * shape.step[axis];
    matrix = quotient;
  } while (axis > 0);
  return {number, offset};
}

// The offset in the destination of an index on the axes of a role, in elements; -1 outside the part.
FASTINIT_INLINE std::int64_t offset_along(const Request& r, const OrthogonalShape& shape, AxisRole role,
                                          std::uint64_t index) {
  std::uint64_t offset = 0, axis = r.rank;
  FASTINIT_ROLLED
  do {
    if (r.role[--axis] != role) continue;
    const std::uint64_t quotient = index / shape.whole[axis];
    const std::uint64_t at = index - quotient * shape.whole[axis] - shape.start[axis];
    if (at >= r.extent[axis]) return -1;
    offset += at * shape.step[axis];
    index = quotient;
  } while (axis > 0);
  return static_cast<std::int64_t>(offset);
}

// False where the request's numbers cannot be a part of a whole array.
bool orthogonal_shape(const Request& request, OrthogonalShape& shape);

}  // namespace fastinit
