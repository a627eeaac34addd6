// The kernels that nvcc compiles, as what cudaLaunchKernel wants.
#pragma once

#include "cpu/request.h"
#include "cuda/fill_table.h"

namespace fastinit {

constexpr unsigned fill_threads = 256;  // of a block

// The kernel for requests of one draw and dtype; every one of them fills constants as well. Its argument is a
// FillTable.
const void* fill_kernel_for(FillKind kind, Dtype dtype);

}  // namespace fastinit
