#include "lanes/avx2.h"

#include "cpu/kernels.inl"
#include "cpu/masks.inl"

namespace fastinit {
extern const Kernels avx2_kernels = {"avx2", fill<Avx2Lanes>, mask<Avx2Lanes>, keep<Avx2Lanes>, gather<Avx2Lanes>};
}
