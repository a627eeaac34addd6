#include "lanes/avx2.h"

#include "cpu/kernels.inl"

namespace fastinit {
extern const Kernels avx2_kernels = {"avx2", fill<Avx2Lanes>};
}
