#include "lanes/avx512.h"

#include "cpu/kernels.inl"

namespace fastinit {
extern const Kernels avx512_kernels = {"avx512", fill<Avx512Lanes>};
}
