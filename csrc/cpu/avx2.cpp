#include "lanes/avx2.h"

#include "cpu/fill/kernels.inl"
#include "cpu/mask/kernels.inl"
#include "cpu/orthogonal/panels.inl"

namespace fastinit {
extern const Kernels avx2_kernels = {
    "avx2",          fill<Avx2Lanes>,   mask<Avx2Lanes>,
    keep<Avx2Lanes>, gather<Avx2Lanes>, {build_reflectors<Avx2Lanes>, apply_reflectors<Avx2Lanes>}};
}
