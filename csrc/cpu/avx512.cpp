#include "lanes/avx512.h"

#include "cpu/kernels.inl"

namespace fastinit {
extern const Kernels avx512_kernels = kernels_of<Avx512Lanes>("avx512");
}
