// The handlers, and what they call.
#pragma once

#include <pybind11/pybind11.h>
#include <xla/ffi/api/c_api.h>

#include <string_view>

#include "bindings/cuda_functions.h"
#include "bindings/fill_function.h"
#include "bindings/xla/calls.h"

namespace fastinit {

// Draw by the requests in the program.
XLA_FFI_Handler* handler_on_cpu(FillFunction* fill);
XLA_FFI_Handler* handler_on_cuda();

// Ask a function of Python to draw, which makes requests of its own.
XLA_FFI_Handler* python_handler_on_cpu();
XLA_FFI_Handler* python_handler_on_cuda();
void draw_parts_by(const pybind11::function& function);

void use_cuda(const CudaFunctions* functions);

struct CudaStream {
  int device;
  void* stream;
};

// Calls that function for a part with `axes` axes, whose starts and keys are on the host. `stream` is that of a GPU, or
// null.
xla::ffi::Error ask_python(std::string_view drawing, const std::uint32_t* words, const std::int32_t* starts,
                           std::size_t axes, const Batch& batch, Result& drawn, const CudaStream* stream);

}  // namespace fastinit
