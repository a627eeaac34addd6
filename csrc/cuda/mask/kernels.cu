#include "cuda/mask/kernels.h"

#include "cuda/mask/kernels.cuh"

namespace fastinit {

const void* mask_kernel() { return reinterpret_cast<const void*>(mask_requests); }

}  // namespace fastinit
