// The fill kernels that nvcc compiles, as what cudaLaunchKernel takes.
#pragma once

#include "request/request.h"

namespace fastinit {

// The kernel for requests of one formula of a distribution, and one dtype. Every one of them fills with constants too.
// Its argument is a FillTable.
const void* fill_kernel(Distribution distribution, std::uint32_t formula, Dtype dtype);

}  // namespace fastinit
