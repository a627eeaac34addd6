// The module fastinit.native._xla: handlers that XLA calls in compiled programs (https://openxla.org/xla/custom_call).
// They fill by the functions of the modules _cpu, whose threads and instruction set they therefore share, and _cuda.
#include <pybind11/pybind11.h>

#include "bindings/xla/handlers.h"

namespace py = pybind11;

namespace {

py::capsule capsule_of(XLA_FFI_Handler* handler) { return py::capsule(reinterpret_cast<void*>(handler)); }

}  // namespace

PYBIND11_MODULE(_xla, m, py::mod_gil_not_used()) {
  using namespace fastinit;
  const py::capsule fill = py::module_::import("fastinit.native._cpu").attr("fill_function");
  m.attr("api_version") = py::make_tuple(XLA_FFI_API_MAJOR, XLA_FFI_API_MINOR);
  m.attr("draw_on_cpu") = capsule_of(handler_on_cpu(reinterpret_cast<FillFunction*>(fill.get_pointer())));
  m.attr("draw_on_cuda") = capsule_of(handler_on_cuda());
  m.attr("draw_by_python_on_cpu") = capsule_of(python_handler_on_cpu());
  m.attr("draw_by_python_on_cuda") = capsule_of(python_handler_on_cuda());
  m.def("size_of_tables", &size_of_keyed_tables, py::arg("requests"), py::arg("arrays"));
  m.def("draw_parts_by", &draw_parts_by, py::arg("function"));
  m.def(
      "use_cuda", [](const py::capsule& functions) { use_cuda(functions.get_pointer<const CudaFunctions>()); },
      py::arg("functions"));
}
