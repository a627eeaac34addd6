// In a file of its own, since the modules of all devices need it.
#include "request/orthogonal_shape.h"

namespace fastinit {

bool orthogonal_shape(const Request& r, OrthogonalShape& shape) {
  shape.height = shape.width = shape.matrices = 1;
  shape.centre = 0;
  if (r.rank < 1 || r.rank > maximum_rank || r.stride[r.rank - 1] != 1 || r.dtype > bfloat16) return false;
  std::uint64_t step = 1;
  for (std::uint64_t axis = r.rank; axis-- > 0;) {
    const std::uint64_t outer = axis == 0 ? r.pattern : r.stride[axis - 1];
    if (r.stride[axis] == 0 || outer == 0 || outer % r.stride[axis] != 0) return false;
    const std::uint64_t size = shape.whole[axis] = outer / r.stride[axis];
    const std::uint64_t start = shape.start[axis] = r.offset / r.stride[axis] % size;
    if (r.extent[axis] > size - start) return false;
    shape.step[axis] = step;
    const std::uint64_t centre = (size - 1) / 2;
    switch (role_of(r, axis)) {
      case row_axis:
        shape.height *= size;
        break;
      case column_axis:
        shape.width *= size;
        break;
      case batch_axis:
        shape.matrices *= r.extent[axis];
        break;
      case kernel_axis:
        if (centre < start || centre - start >= r.extent[axis]) {
          shape.matrices = 0;
        } else {
          shape.centre += (centre - start) * step;
        }
    }
    step *= r.extent[axis];
  }
  return true;
}

}  // namespace fastinit
