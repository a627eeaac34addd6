#include "lanes/avx512.h"

#include "cpu/kernels.inl"
#include "cpu/masks.inl"
#include "cpu/orthogonal.inl"

namespace fastinit {
extern const Kernels avx512_kernels = {
    "avx512",          fill<Avx512Lanes>,   mask<Avx512Lanes>,
    keep<Avx512Lanes>, gather<Avx512Lanes>, {build_reflectors<Avx512Lanes>, apply_reflectors<Avx512Lanes>}};
}
