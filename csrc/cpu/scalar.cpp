#include "lanes/scalar.h"

#include "cpu/fill/kernels.inl"
#include "cpu/mask/kernels.inl"
#include "cpu/orthogonal/panels.inl"

namespace fastinit {
extern const Kernels scalar_kernels = {
    "scalar",          fill<ScalarLanes>,   mask<ScalarLanes>,
    keep<ScalarLanes>, gather<ScalarLanes>, {build_reflectors<ScalarLanes>, apply_reflectors<ScalarLanes>}};
}
