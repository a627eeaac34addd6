// In a file of its own, since the bindings of every device check requests by it.
#include "cpu/orthogonal.h"

namespace fastinit {

bool orthogonal_shape(const Request& r, OrthogonalShape& shape) {
  shape.height = shape.width = 1;
  if (r.rank < 1 || r.rank > maximum_rank || r.stride[r.rank - 1] != 1 || r.dtype > bfloat16) return false;
  for (std::uint64_t axis = 0; axis < r.rank; ++axis) {
    const std::uint64_t outer = axis == 0 ? r.pattern : r.stride[axis - 1];
    if (r.stride[axis] == 0 || outer == 0 || outer % r.stride[axis] != 0) return false;
    const std::uint64_t size = shape.whole[axis] = outer / r.stride[axis];
    const std::uint64_t start = r.offset / r.stride[axis] % size;
    if (r.extent[axis] > size - start) return false;
    if (role_of(r, axis) == row_axis) shape.height *= size;
    if (role_of(r, axis) == column_axis) shape.width *= size;
  }
  return true;
}

}  // namespace fastinit
