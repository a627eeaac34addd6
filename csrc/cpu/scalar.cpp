#include "lanes/scalar.h"

#include "cpu/kernels.inl"
#include "cpu/masks.inl"
#include "cpu/orthogonal.inl"

namespace fastinit {
extern const Kernels scalar_kernels = {
    "scalar",          fill<ScalarLanes>,   mask<ScalarLanes>,
    keep<ScalarLanes>, gather<ScalarLanes>, {build_reflectors<ScalarLanes>, apply_reflectors<ScalarLanes>}};
}
