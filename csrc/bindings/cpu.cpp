// The module fastinit.native._cpu: checks buffers, releases the GIL and calls. It decides nothing itself.
#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <cfenv>
#include <cstring>
#include <iterator>
#include <new>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#include "bindings/dlpack.h"
#include "bindings/fill_function.h"
#include "bindings/gil.h"
#include "bindings/nonzeros.h"
#include "bindings/requests.h"
#include "cpu/arithmetic.h"
#include "cpu/dispatch.h"
#include "cpu/fill.h"
#include "cpu/functions.h"
#include "cpu/huge_pages.h"
#include "cpu/integers.h"
#include "cpu/mask/border.h"
#include "cpu/threads.h"
#include "cpu/unitary.h"
#include "numerics/host/eigen.h"
#include "numerics/host/rows.h"
#include "numerics/host/truncation.h"
#include "request/request.h"

namespace py = pybind11;

namespace fastinit {
namespace {

bool signal_pending() {
  return with_the_gil_or_never([] {
    const py::gil_scoped_acquire gil;
    return PyErr_CheckSignals() != 0;
  });
}

// Sets the default arithmetic for the calling thread, and returns its own, for set_arithmetic; None if it has that.
py::object set_default_arithmetic() {
  if (has_default_arithmetic()) return py::none();
  std::fenv_t before;
  std::fegetenv(&before);
  std::fesetenv(FE_DFL_ENV);
  return py::bytes(reinterpret_cast<const char*>(&before), sizeof before);
}

void set_arithmetic(const py::bytes& arithmetic) {
  const auto given = static_cast<std::string_view>(arithmetic);
  std::fenv_t wanted;
  if (given.size() != sizeof wanted) throw py::value_error("arithmetic is not what set_default_arithmetic returned");
  std::memcpy(&wanted, given.data(), sizeof wanted);
  std::fesetenv(&wanted);
}

// (formula, constants) for values that are computed in float64 or float32.
py::tuple truncation(double lower, double upper, bool in_float64) {
  const DefaultArithmetic arithmetic;
  const PreparedTruncation prepared =
      in_float64 ? prepare_truncation<double>(lower, upper) : prepare_truncation<float>(lower, upper);
  if (prepared.error == TruncationError::improbable) {
    throw py::value_error("the bounds leave less probability than 2^-125 (one of them infinite) or 2^-90");
  }
  if (prepared.error != TruncationError::none) throw py::value_error("the bounds are not in rising order");
  py::tuple constants(static_cast<std::size_t>(truncation_parameters));
  for (int k = 0; k < truncation_parameters; ++k) constants[k] = prepared.parameter[k];
  return py::make_tuple(static_cast<int>(prepared.formula), constants);
}

double std_of_truncation(double lower, double upper) {
  const DefaultArithmetic arithmetic;
  return truncated_std(lower, upper);
}

// The codes of an enumeration, by the names of its entries, which count from 0.
template <std::size_t size>
py::dict codes_of(const std::string_view (&names)[size]) {
  py::dict codes;
  for (std::size_t k = 0; k < size; ++k) codes[py::str(names[k])] = k;
  return codes;
}

// The elements of a contiguous array of T, which is called `name`.
template <class T>
T* elements_of(py::array& array, const char* name) {
  const py::dtype dtype = py::dtype::of<T>();
  if (!array.dtype().equal(dtype) || !(array.flags() & py::array::c_style)) {
    throw py::type_error(std::string(name) + " is not a contiguous array of " + std::string(py::str(dtype)));
  }
  return static_cast<T*>(array.mutable_data());
}

void apply_function(std::uint32_t function, py::array& values, double number) {
  if (function >= std::size(function_names)) throw py::value_error("function is not one of `functions`");
  double* const first = elements_of<double>(values, "values");
  const auto count = static_cast<std::uint64_t>(values.size());
  const GilRelease release;
  apply(static_cast<Function>(function), number, first, count);
}

// Replaces flat indices by the integers in [0, range) of these elements; a range of 0 stands for 2^64.
void replace_by_integers(std::uint64_t seed, std::uint64_t stream, std::uint64_t range, py::array& indices) {
  std::uint64_t* const first = elements_of<std::uint64_t>(indices, "indices");
  const auto count = static_cast<std::uint64_t>(indices.size());
  const GilRelease release;
  draw_integers(seed, stream, range, first, count);
}

// Replaces an array of pairs of shape (M, N, 2), M >= N, by those of a unitary matrix.
void replace_by_unitary(py::array& z) {
  double* const first = elements_of<double>(z, "z");
  if (z.ndim() != 3 || z.shape(2) != 2 || z.shape(0) < z.shape(1)) throw py::value_error("z is not of shape (M, N, 2)");
  const auto rows = static_cast<std::uint64_t>(z.shape(0)), columns = static_cast<std::uint64_t>(z.shape(1));
  const GilRelease release;
  make_unitary(first, rows, columns);
}

// Replaces a symmetric matrix by its eigenvectors, as rows, and `values` by their eigenvalues.
void replace_by_eigenvectors(py::array& matrix, py::array& values) {
  double* const first = elements_of<double>(matrix, "matrix");
  double* const found = elements_of<double>(values, "values");
  if (matrix.ndim() != 2 || values.ndim() != 1 || matrix.shape(0) != matrix.shape(1) ||
      values.shape(0) != matrix.shape(0)) {
    throw py::value_error("matrix is not of shape (N, N), or values not of shape (N,)");
  }
  const auto rows = static_cast<std::uint64_t>(matrix.shape(0));
  bool stopped = false, converged;
  {
    const GilRelease release;
    converged = make_eigenvectors(first, found, rows, signal_pending, stopped);
  }
  if (stopped) throw py::error_already_set();
  if (!converged) throw py::value_error("matrix has values that are not finite");
}

// Replaces `sums` by weights rows, for matrices whose products are added in order.
void replace_by_mixed_rows(py::array& weights, py::array& rows, py::array& sums) {
  const double* const factors = elements_of<double>(weights, "weights");
  const double* const first = elements_of<double>(rows, "rows");
  double* const found = elements_of<double>(sums, "sums");
  if (weights.ndim() != 2 || rows.ndim() != 2 || sums.ndim() != 2 || weights.shape(1) != rows.shape(0) ||
      sums.shape(0) != weights.shape(0) || sums.shape(1) != rows.shape(1)) {
    throw py::value_error("weights, rows and sums are not of shapes (N, K), (K, M) and (N, M)");
  }
  const auto count = static_cast<std::uint64_t>(sums.shape(0)), columns = static_cast<std::uint64_t>(sums.shape(1));
  const auto mixed = static_cast<std::uint64_t>(rows.shape(0));
  const GilRelease release;
  const DefaultArithmetic arithmetic;
  mix_rows(factors, first, found, count, mixed, columns);
}

void fill_requests(const RequestList& list, int threads) {
  if (threads < 0) throw py::value_error("threads is negative");
  bool finished;
  {
    const GilRelease release;
    finished = fill(list.first, list.count, signal_pending, threads);
  }
  if (!finished) throw py::error_already_set();
}

// (threshold, elements whose word equals it and that are zeroed as well).
py::tuple mask_border(std::uint64_t seed, std::uint64_t stream, std::uint64_t count, std::uint64_t zeros) {
  if (zeros == 0 || zeros >= count || count > largest_sample) throw py::value_error("zeros is not inside of count");
  MaskBorder border;
  BorderSearch search;
  {
    const GilRelease release;
    search = find_border(seed, stream, count, zeros, signal_pending, border);
  }
  if (search == BorderSearch::out_of_memory) throw std::bad_alloc();
  if (search == BorderSearch::interrupted) throw py::error_already_set();
  return py::make_tuple(border.threshold, py::tuple(py::cast(border.tied)));
}

// A new array in memory that NumPy allocates, and its address: a multiple of a cache line, which is the widest vector,
// and of a huge page from the size on at which NumPy asks the kernel for huge pages. An array of whole huge pages lies
// in these alone only if it starts with one; else hundreds of small pages at its ends are faulted in one by one, which
// took as long as half of the drawing. In Python this would be three calls, which take longer than a small fill.
py::tuple empty_array(const py::tuple& shape, const py::dtype& dtype) {
  std::vector<py::ssize_t> sizes;
  py::ssize_t bytes = dtype.itemsize();
  for (const py::handle size : shape) {
    sizes.push_back(size.cast<py::ssize_t>());
    if (sizes.back() < 0 || __builtin_mul_overflow(bytes, sizes.back(), &bytes))
      throw py::value_error("shape is out of range");
  }
  const std::size_t alignment = static_cast<std::size_t>(bytes) >= 2 * huge_page ? huge_page : 64;
  py::array_t<std::uint8_t> memory(bytes + static_cast<py::ssize_t>(alignment) - 1);
  const auto start = reinterpret_cast<std::uintptr_t>(memory.data());
  const std::uintptr_t address = (start + alignment - 1) / alignment * alignment;
  return py::make_tuple(py::array(dtype, std::move(sizes), reinterpret_cast<void*>(address), memory), address);
}

const Request& only(const py::array& requests, const py::dtype& request_dtype) {
  if (requests.size() != 1) throw py::value_error("pass one request");
  return *requests_in(requests, request_dtype).first;
}

}  // namespace
}  // namespace fastinit

PYBIND11_MODULE(_cpu, m, py::mod_gil_not_used()) {
  using namespace fastinit;
  PYBIND11_NUMPY_DTYPE(Request, address, count, seed, stream, offset, rank, extent, stride, distribution, dtype,
                       item_size, formula, parameter, pattern, step, position, period, zeros, threshold, whole_count,
                       role);
  const py::dtype request_dtype = py::dtype::of<Request>();
  m.attr("request_dtype") = request_dtype;
  m.attr("distributions") = codes_of(distribution_names);
  m.attr("dtypes") = codes_of(dtype_names);
  m.attr("axis_roles") = codes_of(axis_role_names);
  m.attr("largest_sample") = largest_sample;
  m.attr("compiler") = FASTINIT_COMPILER;
  m.def(
      "fill", [](const py::bytes& requests, int threads) { fill_requests(requests_in(requests), threads); },
      py::arg("requests"), py::arg("threads") = 0);
  m.def(
      "fill",
      [request_dtype](const py::array& requests, int threads) {
        fill_requests(requests_in(requests, request_dtype), threads);
      },
      py::arg("requests").noconvert(), py::arg("threads") = 0);
  m.attr("functions") = codes_of(function_names);
  m.def("apply", &apply_function, py::arg("function"), py::arg("values").noconvert(), py::arg("number") = 0.0);
  m.def("integers", &replace_by_integers, py::arg("seed"), py::arg("stream"), py::arg("range"),
        py::arg("indices").noconvert());
  m.def("unitary", &replace_by_unitary, py::arg("z").noconvert());
  m.def("eigenvectors", &replace_by_eigenvectors, py::arg("matrix").noconvert(), py::arg("values").noconvert());
  m.def("mixed_rows", &replace_by_mixed_rows, py::arg("weights").noconvert(), py::arg("rows").noconvert(),
        py::arg("sums").noconvert());
  m.def("mask_border", &mask_border, py::arg("seed"), py::arg("stream"), py::arg("count"), py::arg("zeros"));
  m.def(
      "nonzeros",
      [request_dtype](const py::array& mask, std::uint64_t rows, std::uint64_t columns, bool by_column) {
        return nonzero_arrays(only(mask, request_dtype), rows, columns, by_column, signal_pending);
      },
      py::arg("mask").noconvert(), py::arg("rows"), py::arg("columns"), py::arg("by_column"));
  m.def(
      "gather",
      [request_dtype](const py::array& fill, const py::array& indptr, const py::array& indices, bool by_column) {
        gather_values(only(fill, request_dtype), indptr, indices, by_column, signal_pending);
      },
      py::arg("fill").noconvert(), py::arg("indptr").noconvert(), py::arg("indices").noconvert(), py::arg("by_column"));
  m.def(
      "address", [](const py::array& array) { return reinterpret_cast<std::uintptr_t>(array.data()); },
      py::arg("array").noconvert());
  m.def("empty", &empty_array, py::arg("shape"), py::arg("dtype"));
  m.def("set_default_arithmetic", &set_default_arithmetic);
  m.def("set_arithmetic", &set_arithmetic, py::arg("arithmetic"));
  m.def("truncation", &truncation, py::arg("lower"), py::arg("upper"), py::arg("in_float64"));
  m.def("truncated_std", &std_of_truncation, py::arg("lower"), py::arg("upper"));
  m.def("instruction_sets", &instruction_sets);
  m.def("instruction_set", [] { return std::string(active_kernels().name); });
  m.def("select_instruction_set", &select_instruction_set, py::arg("name"));
  m.def("thread_count", &thread_count);
  m.def("set_thread_count", &set_thread_count, py::arg("count"));
  m.def("dlpack", &dlpack_view, py::arg("exported"));
  m.def(
      "dlpack_capsule",
      [](py::object owner, std::uintptr_t address, std::vector<std::int64_t> shape, std::vector<std::int64_t> strides,
         const std::tuple<std::uint8_t, std::uint8_t, std::uint16_t>& type, bool read_only, bool copied,
         std::optional<std::uint32_t> minor) {
        return dlpack_capsule(std::move(owner),
                              {address, std::move(shape), std::move(strides), type, read_only, copied}, minor);
      },
      py::arg("owner"), py::arg("address"), py::arg("shape"), py::arg("strides"), py::arg("type"), py::arg("read_only"),
      py::arg("copied"), py::arg("minor"));
  FillFunction* const function = &fill;
  m.attr("fill_function") = py::capsule(reinterpret_cast<void*>(function));
}
