// The kernel for masks and scatters that nvcc compiles, as what cudaLaunchKernel takes.
#pragma once

namespace fastinit {

// The kernel for all masks and scattered constants. Its argument is a FillTable whose tiles have mask_threads units.
const void* mask_kernel();

}  // namespace fastinit
