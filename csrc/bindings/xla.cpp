// The module fastinit.native._xla: handlers that XLA calls in compiled programs (https://openxla.org/xla/custom_call).
// They fill by the function of the module _cpu, whose threads and instruction set they therefore share.
#include <pybind11/pybind11.h>
#include <xla/ffi/api/ffi.h>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

#include "bindings/fill_function.h"
#include "request/request.h"
#include "request/validity.h"

namespace py = pybind11;
namespace ffi = xla::ffi;

namespace fastinit {
namespace {

FillFunction* fill_on_cpu = nullptr;

ffi::Error invalid(const std::string& what) {
  return ffi::Error(ffi::ErrorCode::kInvalidArgument, "fastinit: " + what);
}

// The requests of one array of a batch. They come from the program, which may be an old one that was read from a file.
class Requests {
 public:
  Requests(ffi::Span<const std::int64_t> packed, std::uint64_t bytes_of_array)
      : requests_(packed.size() * sizeof(std::int64_t) / sizeof(Request)) {
    const std::size_t size = packed.size() * sizeof(std::int64_t);
    if (size % sizeof(Request) != 0) {
      problem_ = "the program was made by another version";
      return;
    }
    if (size > 0) std::memcpy(requests_.data(), packed.begin(), size);
    for (const Request& r : requests_) {
      Request placed = r;
      placed.address += 1;  // any address that is not 0
      if (!is_valid(placed)) {
        problem_ = "a request of the program is malformed";
      } else if (r.address > bytes_of_array || r.count > (bytes_of_array - r.address) / r.item_size) {
        problem_ = "a request of the program does not fit its result";
      }
    }
  }

  const std::string& problem() const { return problem_; }

  // Appends the requests of an array at `address`. `offset` is the flat index of a part in the whole array.
  void append(std::vector<Request>& list, std::uint64_t address, std::uint64_t seed, std::uint64_t stream,
              std::uint64_t offset) const {
    for (Request r : requests_) {
      r.address += address;
      r.seed = seed;
      r.stream = stream;
      r.offset += offset;
      list.push_back(r);
    }
  }

 private:
  std::vector<Request> requests_;
  std::string problem_;
};

std::uint64_t joined(std::uint32_t high, std::uint32_t low) { return std::uint64_t{high} << 32 | low; }

// words: of each array of the batch 2, its seed, or 4, its seed and its stream, from the most significant word on.
// starts: the index of the part's first element in the whole array, on every axis.
// requests: the requests of the part that starts at index 0. strides: those of the whole array, in elements.
ffi::Error draw(ffi::Buffer<ffi::U32> words, ffi::Buffer<ffi::S32> starts, ffi::Result<ffi::AnyBuffer> drawn,
                ffi::Span<const std::int64_t> requests, ffi::Span<const std::int64_t> strides) {
  const auto of_array = words.dimensions().size() == 0 ? 0 : words.dimensions().back();
  if (of_array != 2 && of_array != 4) return invalid("a key has 2 or 4 words");
  const std::size_t arrays = words.element_count() / static_cast<std::size_t>(of_array);
  if (arrays == 0 || drawn->size_bytes() == 0) return ffi::Error::Success();
  if (starts.element_count() != strides.size()) return invalid("starts and strides differ in length");
  const std::uint64_t bytes = drawn->size_bytes() / arrays;
  const Requests each(requests, bytes);
  if (!each.problem().empty()) return invalid(each.problem());
  std::uint64_t offset = 0;
  for (std::size_t axis = 0; axis < strides.size(); ++axis)
    offset += static_cast<std::uint64_t>(starts.typed_data()[axis]) * static_cast<std::uint64_t>(strides[axis]);
  std::vector<Request> list;
  const auto first = reinterpret_cast<std::uint64_t>(drawn->untyped_data());
  const std::uint32_t* word = words.typed_data();
  for (std::size_t k = 0; k < arrays; ++k, word += of_array)
    each.append(list, first + k * bytes, joined(word[0], word[1]), of_array == 4 ? joined(word[2], word[3]) : 0,
                offset);
  fill_on_cpu(list.data(), list.size(), nullptr, 0);
  return ffi::Error::Success();
}

XLA_FFI_DEFINE_HANDLER(draw_on_cpu, draw,
                       ffi::Ffi::Bind()
                           .Arg<ffi::Buffer<ffi::U32>>()
                           .Arg<ffi::Buffer<ffi::S32>>()
                           .Ret<ffi::AnyBuffer>()
                           .Attr<ffi::Span<const std::int64_t>>("requests")
                           .Attr<ffi::Span<const std::int64_t>>("strides"));

}  // namespace
}  // namespace fastinit

PYBIND11_MODULE(_xla, m, py::mod_gil_not_used()) {
  using namespace fastinit;
  static_assert(sizeof(Request) % sizeof(std::int64_t) == 0, "requests travel as 64-bit integers");
  const py::capsule function = py::module_::import("fastinit.native._cpu").attr("fill_function");
  fill_on_cpu = reinterpret_cast<FillFunction*>(function.get_pointer());
  m.attr("api_version") = py::make_tuple(XLA_FFI_API_MAJOR, XLA_FFI_API_MINOR);
  m.attr("draw_on_cpu") = py::capsule(reinterpret_cast<void*>(draw_on_cpu));
}
