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
};

// False where the request's numbers cannot be a part of a whole array.
bool orthogonal_shape(const Request& request, OrthogonalShape& shape);

}  // namespace fastinit
