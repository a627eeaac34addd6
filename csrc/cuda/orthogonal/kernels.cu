#include "cuda/orthogonal/kernels.h"

#include "cuda/orthogonal/panels.cuh"
#include "cuda/orthogonal/reflectors.cuh"
#include "cuda/orthogonal/small.cuh"

namespace fastinit {
namespace {

template <class T>
OrthogonalKernels kernels_of() {
  const auto address = [](void (*kernel)(OrthogonalTable)) { return reinterpret_cast<const void*>(kernel); };
  return {address(small_orthogonal_kernel<T>), address(orthogonal_reflectors_kernel<T>),
          address(orthogonal_panels_kernel<T>)};
}

}  // namespace

OrthogonalKernels orthogonal_kernels(bool is_float64) {
  return is_float64 ? kernels_of<double>() : kernels_of<float>();
}

}  // namespace fastinit
