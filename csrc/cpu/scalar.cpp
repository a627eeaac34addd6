#include "lanes/scalar.h"

#include "cpu/kernels.inl"

namespace fastinit {
extern const Kernels scalar_kernels = kernels_of<ScalarLanes>("scalar");
}
