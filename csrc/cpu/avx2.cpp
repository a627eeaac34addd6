#include "lanes/avx2.h"

#include "cpu/kernels.inl"

namespace fastinit {
extern const Kernels avx2_kernels = kernels_of<Avx2Lanes>("avx2");
}
