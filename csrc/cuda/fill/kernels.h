// The kernels that nvcc compiles, as what cudaLaunchKernel wants.
#pragma once

#include "request/request.h"
#include "cuda/table.h"

namespace fastinit {

constexpr unsigned fill_threads = 256, overlay_threads = 64;  // of a block

// The kernel for requests of one draw and dtype; every one of them fills constants as well. Its argument is a
// FillTable.
const void* fill_kernel_for(FillKind kind, Dtype dtype);

// The kernel for masks and scattered constants of every kind and size. Its argument is a FillTable whose tiles have
// overlay_threads units.
const void* overlay_kernel_address();

}  // namespace fastinit
