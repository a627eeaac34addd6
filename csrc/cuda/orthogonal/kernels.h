// The kernels for orthogonal matrices that nvcc compiles, as what cudaLaunchKernel takes. Each has an OrthogonalTable
// as its argument.
#pragma once

namespace fastinit {

struct OrthogonalKernels {
  const void* small;       // a task is a whole matrix, in small_size bytes of dynamic shared memory
  const void* reflectors;  // a task is a block of reflectors of a matrix
  const void* panels;      // a task is a panel of a matrix
};

OrthogonalKernels orthogonal_kernels(bool is_float64);

}  // namespace fastinit
