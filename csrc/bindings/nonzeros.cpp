#include "bindings/nonzeros.h"

#include <algorithm>
#include <cstdint>
#include <new>

#include "bindings/gil.h"
#include "cpu/mask/nonzeros.h"

namespace py = pybind11;

namespace fastinit {
namespace {

template <class Index>
py::tuple arrays_of(const NonzeroElements& found, std::uint64_t rows, std::uint64_t columns, bool by_column) {
  const std::uint64_t compressed = by_column ? columns : rows;
  py::array_t<Index> indptr(static_cast<py::ssize_t>(compressed + 1)), indices(static_cast<py::ssize_t>(found.count()));
  Index* const first = indptr.mutable_data();
  Index* const second = indices.mutable_data();
  {
    const GilRelease release;
    found.compress(compressed, columns, by_column, first, second);
  }
  return py::make_tuple(indptr, indices);
}

template <class Index>
bool gather_as(const Request& fill, const py::array& indptr, const py::array& indices, bool by_column,
               Interrupted interrupted) {
  const auto* const first = static_cast<const Index*>(indptr.data());
  const auto* const second = static_cast<const Index*>(indices.data());
  const auto rows = static_cast<std::uint64_t>(indptr.size() - 1);
  const GilRelease release;
  return gather(fill, rows, first, second, by_column, reinterpret_cast<void*>(fill.address), interrupted);
}

}  // namespace

py::tuple nonzero_arrays(const Request& mask, std::uint64_t rows, std::uint64_t columns, bool by_column,
                         Interrupted interrupted) {
  NonzeroElements found;
  bool finished;
  {
    const GilRelease release;
    finished = found.find(mask, interrupted);
  }
  if (found.out_of_memory()) throw std::bad_alloc();
  if (!finished) throw py::error_already_set();
  const bool is_small = std::max({rows, columns, found.count()}) <= INT32_MAX;
  return is_small ? arrays_of<std::int32_t>(found, rows, columns, by_column)
                  : arrays_of<std::int64_t>(found, rows, columns, by_column);
}

void gather_values(const Request& fill, const py::array& indptr, const py::array& indices, bool by_column,
                   Interrupted interrupted) {
  const bool finished = indptr.itemsize() == 4 ? gather_as<std::int32_t>(fill, indptr, indices, by_column, interrupted)
                                               : gather_as<std::int64_t>(fill, indptr, indices, by_column, interrupted);
  if (!finished) throw py::error_already_set();
}

}  // namespace fastinit
