#include <string>
#include <string_view>

#include "bindings/gil.h"
#include "bindings/xla/handlers.h"
#include "cpu/huge_pages.h"

namespace py = pybind11;
namespace ffi = xla::ffi;

namespace fastinit {
namespace {

PyObject* draw_part = nullptr;  // never released, like the types of extension modules

template <class Number>
py::tuple tuple_of(const Number* first, std::size_t count) {
  py::tuple result(count);
  for (std::size_t k = 0; k < count; ++k) result[k] = first[k];
  return result;
}

ffi::Error draw(Words words, Starts starts, Result drawn, std::string_view drawing) {
  return without_exceptions([&] {
    const Batch batch(words, drawn);
    if (!batch.has_keys()) return invalid("a key has 2 or 4 words");
    if (batch.is_empty()) return ffi::Error::Success();
    advise_huge_pages(batch.address, drawn->size_bytes());  // parts that are drawn one by one share some at their ends
    return ask_python(drawing, words.typed_data(), starts.typed_data(), starts.element_count(), batch, drawn, nullptr);
  });
}

XLA_FFI_DEFINE_HANDLER(
    handler, draw, ffi::Ffi::Bind().Arg<Words>().Arg<Starts>().Ret<ffi::AnyBuffer>().Attr<std::string_view>("drawing"));

}  // namespace

XLA_FFI_Handler* python_handler_on_cpu() { return handler; }

void draw_parts_by(const py::function& function) { draw_part = py::object(function).release().ptr(); }

ffi::Error ask_python(std::string_view drawing, const std::uint32_t* words, const std::int32_t* starts,
                      std::size_t axes, const Batch& batch, Result& drawn, const CudaStream* stream) {
  const auto sizes = drawn->dimensions();
  if (sizes.size() < axes) return invalid("starts has more axes than the result");
  const std::int64_t* const extents = sizes.end() - axes;  // those before are the batch's
  return with_the_gil_or_never([&] {
    const py::gil_scoped_acquire held;
    try {
      py::tuple keys(batch.arrays);
      for (std::size_t k = 0; k < batch.arrays; ++k)
        keys[k] = tuple_of(words + k * batch.words_of_array, batch.words_of_array);
      py::object on_gpu = py::none();
      if (stream) on_gpu = py::make_tuple(stream->device, reinterpret_cast<std::uintptr_t>(stream->stream));
      const py::handle function = draw_part;
      function(drawing, keys, tuple_of(starts, axes), tuple_of(extents, axes), batch.address, on_gpu);
    } catch (const py::error_already_set& error) {
      return failed(error.type().attr("__name__").cast<std::string>() + ": " +
                    py::str(error.value()).cast<std::string>());
    }
    return ffi::Error::Success();
  });
}

}  // namespace fastinit
