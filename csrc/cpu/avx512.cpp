#include "lanes/avx512.h"

#include "cpu/fill/kernels.inl"
#include "cpu/mask/kernels.inl"
#include "cpu/orthogonal/panels.inl"

namespace fastinit {
extern const Kernels avx512_kernels = {
    "avx512",          fill<Avx512Lanes>,   mask<Avx512Lanes>,
    keep<Avx512Lanes>, gather<Avx512Lanes>, {build_reflectors<Avx512Lanes>, apply_reflectors<Avx512Lanes>}};
}
