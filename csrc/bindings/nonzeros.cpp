#include "bindings/nonzeros.h"

#include <algorithm>
#include <cstdint>
#include <new>

#include "cpu/mask/nonzeros.h"

namespace py = pybind11;

namespace fastinit {
namespace {

template <class Index>
py::tuple arrays_of(const KeptElements& kept, std::uint64_t rows, std::uint64_t columns, bool by_column) {
  const std::uint64_t lines = by_column ? columns : rows;
  py::array_t<Index> starts(static_cast<py::ssize_t>(lines + 1)), minor(static_cast<py::ssize_t>(kept.count()));
  Index* const first = starts.mutable_data();
  Index* const second = minor.mutable_data();
  {
    const py::gil_scoped_release release;
    kept.compress(lines, columns, by_column, first, second);
  }
  return py::make_tuple(starts, minor);
}

template <class Index>
bool gather_as(const Request& fill, const py::array& starts, const py::array& minor, bool by_column,
               Interrupted interrupted) {
  const auto* const first = static_cast<const Index*>(starts.data());
  const auto* const second = static_cast<const Index*>(minor.data());
  const auto lines = static_cast<std::uint64_t>(starts.size() - 1);
  const py::gil_scoped_release release;
  return gather(fill, lines, first, second, by_column, reinterpret_cast<void*>(fill.address), interrupted);
}

}  // namespace

py::tuple kept_arrays(const Request& mask, std::uint64_t rows, std::uint64_t columns, bool by_column,
                      Interrupted interrupted) {
  KeptElements kept;
  bool finished;
  {
    const py::gil_scoped_release release;
    finished = kept.find(mask, interrupted);
  }
  if (kept.out_of_memory()) throw std::bad_alloc();
  if (!finished) throw py::error_already_set();
  const bool is_small = std::max({rows, columns, kept.count()}) <= INT32_MAX;
  return is_small ? arrays_of<std::int32_t>(kept, rows, columns, by_column)
                  : arrays_of<std::int64_t>(kept, rows, columns, by_column);
}

void gather_values(const Request& fill, const py::array& starts, const py::array& minor, bool by_column,
                   Interrupted interrupted) {
  const bool finished = starts.itemsize() == 4 ? gather_as<std::int32_t>(fill, starts, minor, by_column, interrupted)
                                               : gather_as<std::int64_t>(fill, starts, minor, by_column, interrupted);
  if (!finished) throw py::error_already_set();
}

}  // namespace fastinit
