// Functions of csrc/ by themselves, for the emulator: each thread applies one to an element.
#include "cuda/places.cuh"
#include "lanes/cuda.h"

extern "C" __global__ void divide_all(const std::uint64_t* a, const std::uint64_t* b, std::uint64_t* quotient) {
  quotient[threadIdx.x] = fastinit::quotient(a[threadIdx.x], b[threadIdx.x]);
}

extern "C" __global__ void float32_roots(const float* x, float* root) {
  const unsigned k = blockIdx.x * blockDim.x + threadIdx.x;
  root[k] = fastinit::CudaLanes::sqrt(x[k]);
}

extern "C" __global__ void float64_roots(const double* x, double* root) {
  const unsigned k = blockIdx.x * blockDim.x + threadIdx.x;
  root[k] = fastinit::CudaLanes::sqrt(x[k]);
}
