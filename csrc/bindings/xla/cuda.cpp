#include <algorithm>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "bindings/xla/handlers.h"

namespace ffi = xla::ffi;

namespace fastinit {
namespace {

const CudaFunctions* on_cuda = nullptr;

// Fills whose keys and starts stay on the GPU. `tables` is memory for what the kernels read.
ffi::Error draw(void* stream, std::int32_t device, Words words, Starts starts, Result drawn, Result tables,
                Packed packed, Packed strides) {
  return without_exceptions([&] {
    const Batch batch(words, drawn);
    const Requests requests(packed, batch.bytes_of_array);
    if (const auto problem = problem_of(batch, requests, starts, strides); !problem.empty()) return invalid(problem);
    if (batch.is_empty()) return ffi::Error::Success();
    if (!requests.are_fills()) return invalid("a request of the program is not a fill");
    if (strides.size() > most_axes) return invalid("an array has more than " + std::to_string(most_axes) + " axes");
    KeyedArrays arrays = {batch.arrays,
                          batch.bytes_of_array,
                          words.typed_data(),
                          static_cast<std::uint32_t>(batch.words_of_array),
                          static_cast<std::uint32_t>(strides.size()),
                          starts.typed_data(),
                          {}};
    std::copy(strides.begin(), strides.end(), arrays.strides);
    const std::vector<Request> list = requests.at(batch.address);
    if (tables->size_bytes() < size_of_keyed_tables(list.size(), batch.arrays))
      return invalid("the program was made by another version");
    on_cuda->fill(list.data(), list.size(), arrays, tables->untyped_data(), device, stream);
    return ffi::Error::Success();
  });
}

XLA_FFI_DEFINE_HANDLER(handler, draw,
                       ffi::Ffi::Bind()
                           .Ctx<ffi::PlatformStream<void*>>()
                           .Ctx<ffi::DeviceOrdinal>()
                           .Arg<Words>()
                           .Arg<Starts>()
                           .Ret<ffi::AnyBuffer>()
                           .Ret<ffi::AnyBuffer>()
                           .Attr<Packed>("requests")
                           .Attr<Packed>("strides"),
                       {ffi::Traits::kCmdBufferCompatible});

template <class Buffer>
auto read(const Buffer& buffer, int device, void* stream) {
  std::vector<std::remove_pointer_t<decltype(buffer.typed_data())>> values(buffer.element_count());
  if (!values.empty()) on_cuda->read(values.data(), buffer.untyped_data(), buffer.size_bytes(), device, stream);
  return values;
}

// Waits for the keys, since Python makes requests of them.
ffi::Error draw_by_python(void* stream, std::int32_t device, Words words, Starts starts, Result drawn,
                          std::string_view drawing) {
  return without_exceptions([&] {
    const Batch batch(words, drawn);
    if (!batch.has_keys()) return invalid("a key has 2 or 4 words");
    if (batch.is_empty()) return ffi::Error::Success();
    const auto keys = read(words, device, stream);
    const auto first = read(starts, device, stream);
    const CudaStream queue = {device, stream};
    return ask_python(drawing, keys.data(), first.data(), first.size(), batch, drawn, &queue);
  });
}

XLA_FFI_DEFINE_HANDLER(python_handler, draw_by_python,
                       ffi::Ffi::Bind()
                           .Ctx<ffi::PlatformStream<void*>>()
                           .Ctx<ffi::DeviceOrdinal>()
                           .Arg<Words>()
                           .Arg<Starts>()
                           .Ret<ffi::AnyBuffer>()
                           .Attr<std::string_view>("drawing"));

}  // namespace

XLA_FFI_Handler* handler_on_cuda() { return handler; }

XLA_FFI_Handler* python_handler_on_cuda() { return python_handler; }

void use_cuda(const CudaFunctions* functions) { on_cuda = functions; }

}  // namespace fastinit
