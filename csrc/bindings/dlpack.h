// The tensor of a DLPack capsule (address, shape, strides and dtype), for arrays that NumPy cannot wrap.
#pragma once

#include <pybind11/pybind11.h>

namespace fastinit {

// {"address", "shape", "strides" (in elements, None: contiguous), "type" (DLPack's code, bits, lanes), "device"
// (DLPack's type, number), "read_only", "copied"}. The capsule is not consumed: it owns the tensor and frees it.
pybind11::dict dlpack_view(const pybind11::object& exported);

}  // namespace fastinit
