#include "request/orthogonal_shape.h"

namespace fastinit {

bool orthogonal_shape(const Request& r, OrthogonalShape& shape) {
  shape.height = shape.width = shape.matrices = 1;
  shape.center = 0;
  const bool fits = visit_dtype(r.dtype, [](auto element) { return holds_matrices<typename decltype(element)::type>; });
  if (!fits || r.stride[r.rank - 1] != 1) return false;
  std::uint64_t step = 1;
  for (std::uint64_t axis = r.rank; axis-- > 0;) {
    const std::uint64_t outer = axis == 0 ? r.whole_count : r.stride[axis - 1];
    if (r.role[axis] > AxisRole::kernel) return false;
    if (r.stride[axis] == 0 || outer == 0 || outer % r.stride[axis] != 0) return false;
    const std::uint64_t size = shape.whole[axis] = outer / r.stride[axis];
    const std::uint64_t start = shape.start[axis] = r.offset / r.stride[axis] % size;
    if (r.extent[axis] > size - start) return false;
    shape.step[axis] = step;
    const std::uint64_t center = (size - 1) / 2;
    switch (r.role[axis]) {
      case AxisRole::row:
        shape.height *= size;
        break;
      case AxisRole::column:
        shape.width *= size;
        break;
      case AxisRole::batch:
        shape.matrices *= r.extent[axis];
        break;
      case AxisRole::kernel:
        if (center < start || center - start >= r.extent[axis]) {
          shape.matrices = 0;
        } else {
          shape.center += (center - start) * step;
        }
        break;
    }
    step *= r.extent[axis];
  }
  shape.is_wide = shape.height < shape.width;
  shape.rows = shape.is_wide ? shape.width : shape.height;
  shape.columns = shape.is_wide ? shape.height : shape.width;
  return true;
}

}  // namespace fastinit
