// The structures of DLPack 1.1 (https://dmlc.github.io/dlpack/latest/c_api.html), as far as they are read here.
#include "bindings/dlpack.h"

#include <cstdint>
#include <cstring>
#include <string>

namespace py = pybind11;

namespace fastinit {
namespace {

struct Tensor {
  void* data;
  std::int32_t device_type, device_id;
  std::int32_t rank;
  std::uint8_t type_code, type_bits;
  std::uint16_t type_lanes;
  const std::int64_t* shape;
  const std::int64_t* strides;
  std::uint64_t byte_offset;
};

struct VersionedTensor {
  std::uint32_t major, minor;
  void* context;
  void (*deleter)(VersionedTensor*);
  std::uint64_t flags;
  Tensor tensor;
};

constexpr std::uint64_t read_only_flag = 1, copied_flag = 2;

py::tuple tuple_of(const std::int64_t* values, int count) {
  py::tuple result(count);
  for (int k = 0; k < count; ++k) result[k] = py::int_(values[k]);
  return result;
}

}  // namespace

py::dict dlpack_view(const py::object& exported) {
  if (!PyCapsule_CheckExact(exported.ptr())) {
    throw py::type_error("__dlpack__() returned a " + std::string(Py_TYPE(exported.ptr())->tp_name) +
                         ", not a capsule; the array's library must export DLPack");
  }
  const auto capsule = py::reinterpret_borrow<py::capsule>(exported);
  const char* name = capsule.name();
  const Tensor* tensor = nullptr;
  std::uint64_t flags = 0;
  if (name && std::strcmp(name, "dltensor") == 0) {
    tensor = capsule.get_pointer<Tensor>();  // the tensor of an unversioned capsule comes first
  } else if (name && std::strcmp(name, "dltensor_versioned") == 0) {
    const auto* versioned = capsule.get_pointer<VersionedTensor>();
    if (versioned->major != 1) throw py::value_error("DLPack of another major version than 1");
    tensor = &versioned->tensor;
    flags = versioned->flags;
  } else {
    throw py::value_error("not a DLPack capsule, or one that was consumed");
  }
  py::dict view;
  view["address"] = reinterpret_cast<std::uintptr_t>(tensor->data) + tensor->byte_offset;
  view["shape"] = tuple_of(tensor->shape, tensor->rank);
  view["strides"] = tensor->strides ? py::object(tuple_of(tensor->strides, tensor->rank)) : py::object(py::none());
  view["type"] = py::make_tuple(tensor->type_code, tensor->type_bits, tensor->type_lanes);
  view["device"] = py::make_tuple(tensor->device_type, tensor->device_id);
  view["read_only"] = (flags & read_only_flag) != 0;
  view["copied"] = (flags & copied_flag) != 0;
  return view;
}

}  // namespace fastinit
