#include "bindings/requests.h"

#include <string>
#include <string_view>

#include "request/validity.h"

namespace py = pybind11;

namespace fastinit {

namespace {

RequestList checked(const Request* first, std::size_t count) {
  for (std::size_t k = 0; k < count; ++k) {
    if (!is_valid(first[k])) throw py::value_error("request " + std::to_string(k) + " is malformed");
  }
  return {first, count};
}

}  // namespace

RequestList requests_in(const py::array& requests, const py::dtype& request_dtype) {
  // By identity first, since to compare dtypes field by field takes longer than a small fill.
  const py::dtype given = requests.dtype();
  if (!given.is(request_dtype) && !given.equal(request_dtype)) throw py::type_error("requests lack request_dtype");
  if (!(requests.flags() & py::array::c_style)) throw py::value_error("requests are not contiguous");
  return checked(static_cast<const Request*>(requests.data()), static_cast<std::size_t>(requests.size()));
}

RequestList requests_in(const py::bytes& packed) {
  const auto given = static_cast<std::string_view>(packed);
  if (given.size() % sizeof(Request) != 0) throw py::value_error("requests are not whole ones");
  return checked(reinterpret_cast<const Request*>(given.data()), given.size() / sizeof(Request));
}

}  // namespace fastinit
