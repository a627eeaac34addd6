// DLPack capsules: those of arrays that NumPy cannot wrap are read, and those of arrays that it cannot export are made.
#pragma once

#include <pybind11/pybind11.h>

#include <cstdint>
#include <optional>
#include <tuple>
#include <vector>

namespace fastinit {

// {"address", "shape", "strides" (in elements, None: contiguous), "type" (DLPack's code, bits, lanes), "device"
// (DLPack's type, number), "read_only", "copied"}. The capsule is not consumed: it owns the tensor and frees it.
pybind11::dict dlpack_view(const pybind11::object& exported);

// What a capsule that is made says of its tensor; strides in elements.
struct DlpackTensor {
  std::uintptr_t address;
  std::vector<std::int64_t> shape, strides;
  std::tuple<std::uint8_t, std::uint8_t, std::uint16_t> type;  // DLPack's code, bits, lanes
  bool read_only, copied;
};

// A capsule of a tensor on the CPU, which keeps `owner` until its consumer, or the capsule itself, frees it. Version
// (1, minor) if `minor` is not None; the capsule of before DLPack 1.0 otherwise, which cannot say what is read-only.
pybind11::capsule dlpack_capsule(pybind11::object owner, DlpackTensor described, std::optional<std::uint32_t> minor);

}  // namespace fastinit
