// The module fastinit.native._cuda: checks buffers, releases the GIL and calls. It decides nothing itself.
#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <cstdint>
#include <exception>
#include <string>
#include <string_view>

#include "bindings/cuda_functions.h"
#include "bindings/gil.h"
#include "bindings/requests.h"
#include "cuda/fill.h"
#include "cuda/runtime.h"

namespace py = pybind11;

namespace fastinit {
namespace {

void fill_requests(const py::array& requests, int device, std::uintptr_t stream, const py::dtype& request_dtype) {
  const RequestList list = requests_in(requests, request_dtype);
  for (std::size_t k = 0; k < list.count; ++k) {
    const Request& r = list.first[k];
    if (r.address % r.item_size != 0)
      throw py::value_error("request " + std::to_string(k) + " has an address that is not a multiple of its item size");
  }
  const GilRelease release;
  fill_on_cuda(list.first, list.count, device, reinterpret_cast<void*>(stream));
}

py::dict properties_of(int device) {
  const DeviceProperties found = [&] {
    const GilRelease release;
    return device_properties(device);
  }();
  py::dict result;
  result["name"] = found.name;
  result["compute_capability"] = py::make_tuple(found.major, found.minor);
  return result;
}

// "75 80-virtual" as a tuple.
py::tuple architectures() {
  py::list names;
  for (std::string_view rest = FASTINIT_CUDA_ARCHITECTURES; !rest.empty();) {
    const auto end = rest.find(' ');
    names.append(std::string(rest.substr(0, end)));
    rest = end == std::string_view::npos ? "" : rest.substr(end + 1);
  }
  return names;
}

}  // namespace
}  // namespace fastinit

PYBIND11_MODULE(_cuda, m, py::mod_gil_not_used()) {
  using namespace fastinit;
  const py::dtype request_dtype = py::module_::import("fastinit.native._cpu").attr("request_dtype");
  // Never released, like the types of extension modules.
  static const py::handle error_type =
      py::reinterpret_steal<py::object>(PyErr_NewExceptionWithDoc("fastinit.native._cuda.CudaError",
                                                                  "A failed CUDA call.", PyExc_RuntimeError, nullptr))
          .release();
  m.attr("CudaError") = error_type;
  py::register_local_exception_translator([](std::exception_ptr thrown) {
    try {
      if (thrown) std::rethrow_exception(thrown);
    } catch (const CudaFailure& failure) {
      const py::object error = error_type(failure.what());
      error.attr("code") = failure.code;
      error.attr("call") = failure.call;
      PyErr_SetObject(error_type.ptr(), error.ptr());
    }
  });
  static const CudaFunctions functions = {&fill_keyed_on_cuda, &read_from_cuda};
  m.attr("functions") = py::capsule(&functions);
  m.attr("compiler") = FASTINIT_CUDA_COMPILER;
  m.attr("architectures") = architectures();
  m.def(
      "fill",
      [request_dtype](const py::array& requests, int device, std::uintptr_t stream) {
        fill_requests(requests, device, stream, request_dtype);
      },
      py::arg("requests").noconvert(), py::arg("device"), py::arg("stream"));
  // The first of these calls starts the driver, which takes a second.
  const py::call_guard<GilRelease> without_gil;
  m.def("runtime_version", &runtime_version, without_gil);
  m.def("driver_version", &driver_version, without_gil);
  m.def("device_count", &device_count, without_gil);
  m.def("device_properties", &properties_of, py::arg("device"));
  m.def("pointer_device", &pointer_device, py::arg("address"), without_gil);
}
