#include "bindings/requests.h"

#include <string>

#include "request/validity.h"

namespace py = pybind11;

namespace fastinit {

RequestList requests_in(const py::array& requests, const py::dtype& request_dtype) {
  // By identity first, since to compare dtypes field by field takes longer than a small fill.
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
