// The geometry of an orthogonal request: what its axes are, and where the matrices' elements lie.
#pragma once

#include "request/request.h"
#include "lanes/inline.h"

namespace fastinit {

// What an axis of an orthogonal request is (Request::cut holds two bits an axis, outermost first in the low bits).
// The matrix has the row axes' indices down and the column axes' across, each in C order; every index of the batch axes
// is a matrix of its own; on a kernel axis the matrix lies at the centre, (size - 1) / 2.
enum AxisRole : std::uint32_t { row_axis = 0, column_axis = 1, batch_axis = 2, kernel_axis = 3 };
FASTINIT_INLINE AxisRole role_of(const Request& r, std::uint64_t axis) { return AxisRole(r.cut >> (2 * axis) & 3); }

struct OrthogonalShape {
  std::uint64_t whole[maximum_rank];  // extents of the whole array
  std::uint64_t start[maximum_rank];  // of the part in it
  std::uint64_t step[maximum_rank];   // elements of the destination from one index to the next
  std::uint64_t height, width;        // of each matrix, as it stands in the array
  std::uint64_t matrices;             // of the part; none where it lacks the centre of a kernel axis
  std::uint64_t centre;               // elements from the destination's first to the kernel axes' centre
};

// False where the request's numbers cannot be a part of a whole array.
bool orthogonal_shape(const Request& request, OrthogonalShape& shape);

}  // namespace fastinit
