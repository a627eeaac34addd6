// The module fastinit._cpu: checks the buffers, releases the GIL, calls. No defaults and no meaning here.
#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include "bindings/nonzeros.h"
#include "bindings/dlpack.h"
#include "bindings/requests.h"
#include "cpu/arithmetic.h"
#include "cpu/dispatch.h"
#include "cpu/fill.h"
#include "request/request.h"
#include "cpu/threads.h"
#include "numerics/host/truncation.h"

namespace py = pybind11;

namespace fastinit {
namespace {

bool signal_pending() {
  const py::gil_scoped_acquire gil;
  return PyErr_CheckSignals() != 0;
}

// (which formulation, its constants) for values drawn in float64 or float32.
py::tuple prepared_cut(double lower, double upper, bool in_float64) {
  const DefaultArithmetic arithmetic;
  const PreparedCut cut = in_float64 ? prepare_cut<double>(lower, upper) : prepare_cut<float>(lower, upper);
  if (cut.error == CutError::improbable) {
    throw py::value_error("the bounds leave less probability than 2^-125 (one of them infinite) or 2^-90");
  }
  if (cut.error != CutError::none) throw py::value_error("the bounds are not in rising order");
  py::tuple constants(static_cast<std::size_t>(cut_parameters));
  for (int k = 0; k < cut_parameters; ++k) constants[k] = cut.parameter[k];
  return py::make_tuple(static_cast<int>(cut.cut), constants);
}

double std_of_cut(double lower, double upper) {
  const DefaultArithmetic arithmetic;
  return truncated_std(lower, upper);
}

void fill_requests(const py::array& requests, int threads, const py::dtype& request_dtype) {
  if (threads < 0) throw py::value_error("threads is negative");
  const RequestList list = requests_in(requests, request_dtype);
  bool finished;
  {
    const py::gil_scoped_release release;
    finished = fill(list.first, list.count, signal_pending, threads);
  }
  if (!finished) throw py::error_already_set();
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
                       item_size, cut, pattern, parameter, step, position, period, zeros);
  const py::dtype request_dtype = py::dtype::of<Request>();
  m.attr("request_dtype") = request_dtype;
  m.attr("compiler") = FASTINIT_COMPILER;
  m.def(
      "fill",
      [request_dtype](const py::array& requests, int threads) { fill_requests(requests, threads, request_dtype); },
      py::arg("requests").noconvert(), py::arg("threads") = 0);
  m.def(
      "kept",
      [request_dtype](const py::array& mask, std::uint64_t rows, std::uint64_t columns, bool by_column) {
        return kept_arrays(only(mask, request_dtype), rows, columns, by_column, signal_pending);
      },
      py::arg("mask").noconvert(), py::arg("rows"), py::arg("columns"), py::arg("by_column"));
  m.def(
      "gather",
      [request_dtype](const py::array& fill, const py::array& starts, const py::array& minor, bool by_column) {
        gather_values(only(fill, request_dtype), starts, minor, by_column, signal_pending);
      },
      py::arg("fill").noconvert(), py::arg("starts").noconvert(), py::arg("minor").noconvert(), py::arg("by_column"));
  m.def(
      "address", [](const py::array& array) { return reinterpret_cast<std::uintptr_t>(array.data()); },
      py::arg("array").noconvert());
  m.def("cut", &prepared_cut, py::arg("lower"), py::arg("upper"), py::arg("in_float64"));
  m.def("truncated_std", &std_of_cut, py::arg("lower"), py::arg("upper"));
  m.def("instruction_sets", &instruction_sets);
  m.def("instruction_set", [] { return std::string(active_kernels().name); });
  m.def("select_instruction_set", &select_instruction_set, py::arg("name"));
  m.def("thread_count", &thread_count);
  m.def("set_thread_count", &set_thread_count, py::arg("count"));
  m.def("dlpack", &dlpack_view, py::arg("exported"));
}
