#include "bindings/requests.h"

#include <string>

#include "request/orthogonal_shape.h"
#include "lanes/scalar.h"
#include "numerics/truncated.h"

namespace py = pybind11;

namespace fastinit {
namespace {

bool is_known(std::uint32_t distribution) {
  return distribution <= orthogonal || (subset <= distribution && distribution <= scatter);
}

bool is_valid_mask(const Request& r) {
  if (r.distribution != subset) return r.zeros <= UINT32_MAX;
  std::uint64_t along = 0;  // whether samples run along any axis
  for (std::uint64_t axis = 0; axis < r.rank; ++axis) along |= r.step[axis];
  return along && 0 < r.period && r.period <= UINT32_MAX && r.zeros <= r.period;
}

bool is_valid(const Request& r) {
  if (r.rank < 1 || r.rank > maximum_rank || !is_known(r.distribution) || r.dtype > float8_e5m2) return false;
  OrthogonalShape shape;
  if (r.distribution == orthogonal) {
    if (!orthogonal_shape(r, shape)) return false;
  } else if (r.cut > static_cast<std::uint32_t>(Cut::tail)) {
    return false;
  }
  if (r.item_size != 1 && r.item_size != 2 && r.item_size != 4 && r.item_size != 8) return false;
  constexpr std::uint32_t item_sizes[] = {8, 4, 2, 2, 1, 1};
  if (r.distribution >= subset && !is_valid_mask(r)) return false;
  if (constant < r.distribution && r.distribution <= orthogonal && r.item_size != item_sizes[r.dtype]) return false;
  std::uint64_t count = 1;
  for (std::uint64_t axis = 0; axis < r.rank; ++axis) {
    if (__builtin_mul_overflow(count, r.extent[axis], &count)) return false;
  }
  return count == r.count && (count == 0 || r.address != 0);
}

}  // namespace

RequestList requests_in(const py::array& requests, const py::dtype& request_dtype) {
  // By identity first: comparing dtypes field by field takes longer than a small fill.
  const py::dtype given = requests.dtype();
  if (!given.is(request_dtype) && !given.equal(request_dtype)) throw py::type_error("requests lack request_dtype");
  if (!(requests.flags() & py::array::c_style)) throw py::value_error("requests are not contiguous");
  const auto* first = static_cast<const Request*>(requests.data());
  const auto count = static_cast<std::size_t>(requests.size());
  for (std::size_t k = 0; k < count; ++k) {
    if (!is_valid(first[k])) throw py::value_error("request " + std::to_string(k) + " is malformed");
  }
  return {first, count};
}

}  // namespace fastinit
