// The structures of DLPack 1.1 (https://dmlc.github.io/dlpack/latest/c_api.html), as far as they are used here.
#include "bindings/dlpack.h"

#include <cstdint>
#include <cstring>
#include <memory>
#include <string>
#include <utility>

#include "bindings/gil.h"

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

struct UnversionedTensor {
  Tensor tensor;
  void* context;
  void (*deleter)(UnversionedTensor*);
};

constexpr std::int32_t cpu_device = 1;
constexpr std::uint64_t read_only_flag = 1, copied_flag = 2;
constexpr const char unversioned_name[] = "dltensor", versioned_name[] = "dltensor_versioned";

py::tuple tuple_of(const std::int64_t* values, int count) {
  py::tuple result(count);
  for (int k = 0; k < count; ++k) result[k] = py::int_(values[k]);
  return result;
}

// A tensor that was exported, with what its pointers point to. `Managed` is one of the two structures above.
template <class Managed>
struct Exported {
  Managed managed;
  std::vector<std::int64_t> shape, strides;
  PyObject* owner;
};

// The consumer calls it, on any thread, with or without the interpreter's lock.
template <class Managed>
void free_exported(Managed* managed) {
  const std::unique_ptr<Exported<Managed>> exported(static_cast<Exported<Managed>*>(managed->context));
  if (!Py_IsInitialized()) return;  // the interpreter, and the owner with it, is gone
  with_the_gil_or_never([&] {
    const py::gil_scoped_acquire gil;
    Py_DECREF(exported->owner);
  });
}

// Frees what nobody consumed: a consumer renames the capsule.
template <class Managed>
void free_capsule(PyObject* capsule, const char* name) {
  if (!PyCapsule_IsValid(capsule, name)) return;
  auto* managed = static_cast<Managed*>(PyCapsule_GetPointer(capsule, name));
  managed->deleter(managed);
}

template <class Managed>
py::capsule capsule_of(py::object owner, DlpackTensor described, Managed managed, const char* name,
                       PyCapsule_Destructor destructor) {
  auto exported = std::make_unique<Exported<Managed>>();
  exported->shape = std::move(described.shape);
  exported->strides = std::move(described.strides);
  exported->owner = owner.ptr();
  const auto [code, bits, lanes] = described.type;
  managed.tensor = Tensor{reinterpret_cast<void*>(described.address),
                          cpu_device,
                          0,
                          static_cast<std::int32_t>(exported->shape.size()),
                          code,
                          bits,
                          lanes,
                          exported->shape.data(),
                          exported->strides.data(),
                          0};
  managed.context = exported.get();
  managed.deleter = &free_exported<Managed>;
  exported->managed = managed;
  PyObject* const capsule = PyCapsule_New(&exported->managed, name, destructor);
  if (!capsule) throw py::error_already_set();
  exported.release();
  owner.release();  // which the capsule holds from here on
  return py::reinterpret_steal<py::capsule>(capsule);
}

}  // namespace

py::capsule dlpack_capsule(py::object owner, DlpackTensor described, std::optional<std::uint32_t> minor) {
  if (!minor) {
    return capsule_of(std::move(owner), std::move(described), UnversionedTensor{}, unversioned_name,
                      [](PyObject* capsule) { free_capsule<UnversionedTensor>(capsule, unversioned_name); });
  }
  VersionedTensor managed{};
  managed.major = 1;
  managed.minor = *minor;
  managed.flags = (described.read_only ? read_only_flag : 0) | (described.copied ? copied_flag : 0);
  return capsule_of(std::move(owner), std::move(described), managed, versioned_name,
                    [](PyObject* capsule) { free_capsule<VersionedTensor>(capsule, versioned_name); });
}

py::dict dlpack_view(const py::object& exported) {
  if (!PyCapsule_CheckExact(exported.ptr())) {
    throw py::type_error("__dlpack__() returned a " + std::string(Py_TYPE(exported.ptr())->tp_name) +
                         ", not a capsule; the array's library must export DLPack");
  }
  const auto capsule = py::reinterpret_borrow<py::capsule>(exported);
  const char* name = capsule.name();
  const Tensor* tensor = nullptr;
  std::uint64_t flags = 0;
  if (name && std::strcmp(name, unversioned_name) == 0) {
    tensor = capsule.get_pointer<Tensor>();  // the tensor of an unversioned capsule comes first
  } else if (name && std::strcmp(name, versioned_name) == 0) {
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
