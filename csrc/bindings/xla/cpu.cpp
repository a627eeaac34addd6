#include "bindings/xla/handlers.h"
#include "cpu/huge_pages.h"

namespace ffi = xla::ffi;

namespace fastinit {
namespace {

FillFunction* fill_on_cpu = nullptr;

std::uint64_t joined(const std::uint32_t* words) { return std::uint64_t{words[0]} << 32 | words[1]; }

// The requests of all arrays of a batch, whose part starts at the flat index `offset` of the whole array.
std::vector<Request> requests_of(const Batch& batch, const Requests& requests, const std::uint32_t* word,
                                 std::uint64_t offset) {
  std::vector<Request> list;
  for (std::size_t k = 0; k < batch.arrays; ++k, word += batch.words_of_array) {
    for (Request r : requests.at(batch.address + k * batch.bytes_of_array)) {
      r.seed = joined(word);
      r.stream = batch.words_of_array == 4 ? joined(word + 2) : 0;
      r.offset += offset;
      list.push_back(r);
    }
  }
  return list;
}

ffi::Error draw(Words words, Starts starts, Result drawn, Packed packed, Packed strides) {
  return without_exceptions([&] {
    const Batch batch(words, drawn);
    const Requests requests(packed, batch.bytes_of_array);
    if (const auto problem = problem_of(batch, requests, starts, strides); !problem.empty()) return invalid(problem);
    if (batch.is_empty()) return ffi::Error::Success();
    std::uint64_t offset = 0;
    for (std::size_t axis = 0; axis < strides.size(); ++axis)
      offset += static_cast<std::uint64_t>(starts.typed_data()[axis]) * static_cast<std::uint64_t>(strides[axis]);
    const std::vector<Request> list = requests_of(batch, requests, words.typed_data(), offset);
    advise_huge_pages(batch.address, drawn->size_bytes());  // the arrays of a batch share some at their ends
    fill_on_cpu(list.data(), list.size(), nullptr, 0);
    return ffi::Error::Success();
  });
}

XLA_FFI_DEFINE_HANDLER(
    handler, draw,
    ffi::Ffi::Bind().Arg<Words>().Arg<Starts>().Ret<ffi::AnyBuffer>().Attr<Packed>("requests").Attr<Packed>("strides"));

}  // namespace

XLA_FFI_Handler* handler_on_cpu(FillFunction* fill) {
  fill_on_cpu = fill;
  return handler;
}

}  // namespace fastinit
